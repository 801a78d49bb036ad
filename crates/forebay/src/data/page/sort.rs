//! The order of a query whose pages are found by key: columns of its answer, the last of which
//! tells every row from the others.

use std::fmt::Write as _;

use crate::error::{Error, Result};
use crate::row::{Column, Rows};
use crate::sql::Dialect;
use crate::value::Value;

/// Columns of an order at most.
const COLUMNS_MAX: usize = 8;

/// How the query is called within the statement of a page.
pub(super) const ALIAS: &str = "forebay";

/// One column of the answer to order by, for [`crate::Query::order`].
///
/// The name is that of the answer, as the database spells it: without quotes in the statement,
/// PostgreSQL spells it in lower case.
///
/// Where NULLs come is the database's habit unless it is said: SQLite puts them before all values,
/// and so behind them in descending order; PostgreSQL the other way round.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "it orders nothing until it is given to a query"]
pub struct Sort {
    pub(super) column: String,
    pub(super) is_descending: bool,
    nulls: Nulls,
    pub(super) is_never_null: bool,
    is_key: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Nulls {
    AsEver,
    First,
    Last,
}

impl Sort {
    fn by(column: impl Into<String>, is_descending: bool) -> Sort {
        Sort {
            column: column.into(),
            is_descending,
            nulls: Nulls::AsEver,
            is_never_null: false,
            is_key: false,
        }
    }

    /// The smallest first.
    pub fn asc(column: impl Into<String>) -> Sort {
        Sort::by(column, false)
    }

    /// The largest first.
    pub fn desc(column: impl Into<String>) -> Sort {
        Sort::by(column, true)
    }

    /// NULLs before all values.
    pub fn nulls_first(mut self) -> Sort {
        self.nulls = Nulls::First;
        self
    }

    /// NULLs behind all values.
    pub fn nulls_last(mut self) -> Sort {
        self.nulls = Nulls::Last;
        self
    }

    /// The column is never NULL in the answer, which makes the statement shorter. Where it is not
    /// true, rows with NULL may be missing from the pages; a page that reads one is an error.
    pub fn not_null(mut self) -> Sort {
        self.is_never_null = true;
        self
    }

    /// No two rows of the answer are alike in the columns up to this one, and it is never NULL: a
    /// primary key, or the last column of one. Every order ends with such a column: rows that
    /// cannot be told from each other would be left out or come twice where a page ends between
    /// them. Two such rows on one page are an error.
    pub fn key(mut self) -> Sort {
        self.is_key = true;
        self.not_null()
    }
}

/// A whole order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Order {
    pub(super) sorts: Vec<Sort>,
}

impl Order {
    pub(crate) fn new(sorts: Vec<Sort>) -> Result<Order> {
        if sorts.is_empty() || sorts.len() > COLUMNS_MAX {
            let text = format!("an order has 1 to {COLUMNS_MAX} columns");
            return Err(Error::usage(text));
        }
        let is_twice = |(at, sort): (usize, &Sort)| {
            sorts[..at].iter().any(|other| other.column.eq_ignore_ascii_case(&sort.column))
        };
        if sorts.iter().enumerate().any(is_twice) {
            return Err(Error::usage("a column stands in the order twice: leave the second out"));
        }
        if !sorts.last().is_some_and(|sort| sort.is_key) {
            return Err(Error::usage(
                "the order does not tell every row from the others, so that rows would be missing \
                 where a page ends: end it with a unique column, such as Sort::asc(\"id\").key()",
            ));
        }
        Ok(Order { sorts })
    }

    /// What a cursor is bound to beside its statement.
    pub(super) fn binding(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for sort in &self.sorts {
            bytes.extend((sort.column.len() as u64).to_le_bytes());
            bytes.extend(sort.column.as_bytes());
            bytes.extend([u8::from(sort.is_descending), sort.nulls as u8]);
        }
        bytes
    }

    /// The values of the order's columns in each row. An error where the answer does not bear out
    /// what was said of them.
    pub(crate) fn keys<'r>(&self, rows: &'r Rows) -> Result<Vec<Vec<&'r Value>>> {
        let at = |sort: &Sort| {
            let columns = rows.columns();
            let exact = columns.iter().position(|column| *column.name == *sort.column);
            let found = exact.or_else(|| {
                let is_named = |it: &Column| it.name.eq_ignore_ascii_case(&sort.column);
                columns.iter().position(is_named)
            });
            found.ok_or_else(|| {
                Error::usage("a column of the order is not in the answer: add it to the SELECT")
            })
        };
        let places: Vec<usize> = self.sorts.iter().map(at).collect::<Result<_>>()?;
        let mut keys: Vec<Vec<&Value>> = Vec::with_capacity(rows.len());
        for row in 0..rows.len() {
            let values = rows.values(row);
            let key: Vec<&Value> = places.iter().map(|place| &values[*place]).collect();
            let is_null =
                |(sort, value): (&Sort, &&Value)| sort.is_never_null && **value == Value::Null;
            if self.sorts.iter().zip(&key).any(is_null) {
                return Err(Error::usage(
                    "a column of the order is NULL in a row, although it was said to be a key or \
                     not_null: rows with NULL would be missing from pages",
                ));
            }
            if keys.last() == Some(&key) {
                return Err(Error::usage(
                    "two rows are alike in all columns of the order, so that one would be missing \
                     where a page ends between them: end the order with a unique column",
                ));
            }
            keys.push(key);
        }
        Ok(keys)
    }

    /// What follows ORDER BY; with `is_backward`, from the last row to the first.
    pub(super) fn text(&self, dialect: Dialect, is_backward: bool) -> String {
        let mut text = String::new();
        for sort in &self.sorts {
            let separator = if text.is_empty() { "" } else { ", " };
            let direction = if sort.is_descending == is_backward { "" } else { " DESC" };
            let _ = write!(text, "{separator}{}{direction}", sort.name());
            // What the database does anyway need not be said; it knows its indexes better then.
            if !sort.is_never_null && sort.nulls_come_first(dialect) != sort.habit(dialect) {
                let is_first = sort.nulls_come_first(dialect) != is_backward;
                text.push_str(if is_first { " NULLS FIRST" } else { " NULLS LAST" });
            }
        }
        text
    }
}

impl Sort {
    /// The column as the statement of a page has it.
    pub(super) fn name(&self) -> String {
        format!("{ALIAS}.\"{}\"", self.column.replace('"', "\"\""))
    }

    /// Whether NULLs come before all values, from the first row to the last.
    pub(super) fn nulls_come_first(&self, dialect: Dialect) -> bool {
        match self.nulls {
            Nulls::AsEver => self.habit(dialect),
            Nulls::First => true,
            Nulls::Last => false,
        }
    }

    /// The same where nothing is said.
    fn habit(&self, dialect: Dialect) -> bool {
        match dialect {
            Dialect::Sqlite => !self.is_descending,
            #[cfg(feature = "postgres")]
            Dialect::Postgres => self.is_descending,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_end_with_a_key() {
        let check = |sorts: Vec<Sort>, expect: &str| {
            let error = Order::new(sorts).unwrap_err();
            assert!(error.is_usage() && error.message().contains(expect), "{error}");
        };
        check(vec![], "1 to 8 columns");
        check((0..9).map(|n| Sort::asc(n.to_string()).key()).collect(), "1 to 8 columns");
        check(vec![Sort::asc("id")], "end it with a unique column");
        check(vec![Sort::asc("id").key(), Sort::asc("a").not_null()], "end it with a unique");
        check(vec![Sort::asc("id"), Sort::desc("ID").key()], "twice");
        Order::new(vec![Sort::asc("a"), Sort::asc("id").key()]).unwrap();
    }

    #[test]
    fn texts() {
        let order = Order::new(vec![
            Sort::asc("a"),
            Sort::desc("b\"c").nulls_last(),
            Sort::desc("d").nulls_first(),
            Sort::asc("id").key(),
        ])
        .unwrap();
        assert_eq!(
            order.text(Dialect::Sqlite, false),
            "forebay.\"a\", forebay.\"b\"\"c\" DESC, forebay.\"d\" DESC NULLS FIRST, \
             forebay.\"id\""
        );
        assert_eq!(
            order.text(Dialect::Sqlite, true),
            "forebay.\"a\" DESC, forebay.\"b\"\"c\", forebay.\"d\" NULLS LAST, forebay.\"id\" DESC"
        );
        #[cfg(feature = "postgres")]
        assert_eq!(
            order.text(Dialect::Postgres, true),
            "forebay.\"a\" DESC, forebay.\"b\"\"c\" NULLS FIRST, forebay.\"d\", \
             forebay.\"id\" DESC"
        );
    }
}
