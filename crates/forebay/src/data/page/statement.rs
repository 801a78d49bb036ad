//! The statements that give a page and its total, made of the text of a query. Its own text stays
//! as it is: a clause is added at its end, or it becomes a subquery. Where that could change what
//! it means, it is refused.

use super::keyset::{Bound, Reach, condition, has_nulls_beyond};
use super::sort::{ALIAS, Order};
use crate::error::{Error, Result};
use crate::params::Params;
use crate::sql::{Dialect, Outline, Places, outline};
use crate::value::Value;

/// A query that is paged.
pub(crate) struct Pager<'a> {
    sql: &'a str,
    outline: Outline,
    dialect: Dialect,
    order: Option<&'a Order>,
    params: &'a Params,
}

/// Which rows.
pub(crate) enum Span<'a> {
    /// Those from `offset` on.
    Offset(i64),
    /// Those from the first or the last one on.
    End(Bound),
    /// Those on one side of a place, as far as that.
    Beside(Bound, &'a [Value], Reach),
}

impl<'a> Span<'a> {
    /// By key.
    pub(crate) fn of(bound: Bound, key: Option<&'a [Value]>) -> Span<'a> {
        key.map_or(Span::End(bound), |key| Span::Beside(bound, key, Reach::Everything))
    }
}

impl<'a> Pager<'a> {
    pub(crate) fn new(
        sql: &'a str,
        dialect: Dialect,
        order: Option<&'a Order>,
        params: &'a Params,
    ) -> Result<Pager<'a>> {
        let refuse = |why: &str| Err(Error::usage(format!("no page can be made of it: {why}")));
        let outline = match outline(sql, dialect) {
            Ok(outline) => outline,
            Err(why) => return refuse(&format!("the statement {why}")),
        };
        if outline.is_limited || outline.locks {
            return refuse(
                "the statement has a LIMIT, OFFSET, FETCH or FOR of its own; leave it out, since \
                 the page says how many rows it has, or put the statement into parentheses: SELECT \
                 * FROM (..) AS limited ORDER BY ..",
            );
        }
        match (order, outline.order) {
            (Some(_), Some(_)) => refuse(
                "it has an ORDER BY of its own, and an order is given beside it; leave one out",
            ),
            (None, None) => refuse(
                "without an order, its rows come as the database likes, and on each page \
                 differently; end the statement with ORDER BY, or give it an order: .order([..])",
            ),
            _ => Ok(Pager { sql: &sql[..outline.end], outline, dialect, order, params }),
        }
    }

    /// A part of the span that an index serves where it does not serve the whole. If it has as many
    /// rows as are wanted, they are those of the whole span.
    pub(crate) fn nearer<'s>(&self, span: &Span<'s>) -> Option<Span<'s>> {
        match (self.order, span) {
            (Some(order), Span::Beside(bound, key, Reach::Everything))
                if has_nulls_beyond(order, key, *bound, self.dialect) =>
            {
                Some(Span::Beside(*bound, key, Reach::Values))
            }
            _ => None,
        }
    }

    /// The statement that gives `rows` rows of a span, and the values for it.
    pub(crate) fn rows(&self, span: &Span<'_>, rows: i64) -> (String, Params) {
        let mut values = Vec::new();
        let text = match (self.order, span) {
            (Some(order), Span::Offset(_)) => {
                format!("{}\nORDER BY {}", self.subquery(), order.text(self.dialect, false))
            }
            (Some(order), Span::End(bound)) => {
                let is_backward = *bound == Bound::Before;
                format!("{}\nORDER BY {}", self.subquery(), order.text(self.dialect, is_backward))
            }
            (Some(order), Span::Beside(bound, key, reach)) => {
                let is_backward = *bound == Bound::Before;
                let number = |at: usize| key[..at].iter().filter(|it| **it != Value::Null).count();
                let place = |at: usize| self.place(number(at));
                let condition = condition(order, key, *bound, self.dialect, *reach, place);
                values.extend(key.iter().filter(|it| **it != Value::Null).cloned());
                let order = order.text(self.dialect, is_backward);
                format!("{}\nWHERE {condition}\nORDER BY {order}", self.subquery())
            }
            (None, _) => self.sql.to_owned(),
        };
        let mut sql = format!("{text}\nLIMIT {}", self.place(values.len()));
        values.push(Value::Integer(rows));
        if let Span::Offset(offset) = span {
            sql = format!("{sql} OFFSET {}", self.place(values.len()));
            values.push(Value::Integer(*offset));
        }
        (sql, self.with(values))
    }

    /// The statement that counts the rows. Its own order is left out where that changes nothing,
    /// so that nothing is sorted to be counted.
    pub(crate) fn count(&self) -> String {
        let end = self.outline.order.filter(|_| self.outline.has_plain_order);
        let sql = &self.sql[..end.unwrap_or(self.sql.len())];
        format!("SELECT count(*) FROM (\n{sql}\n) AS {ALIAS}")
    }

    /// The statement that asks PostgreSQL how many rows it expects.
    #[cfg(feature = "postgres")]
    pub(crate) fn explain(&self) -> String {
        format!("EXPLAIN {}", self.sql)
    }

    /// The text of the query, without what stands behind it.
    pub(crate) fn sql(&self) -> &str {
        self.sql
    }

    fn subquery(&self) -> String {
        format!("SELECT * FROM (\n{}\n) AS {ALIAS}", self.sql)
    }

    /// The parameter for one of the values that are added, from 0 on.
    fn place(&self, at: usize) -> String {
        match (self.outline.places, self.dialect) {
            (Places::Named, _) => format!(":forebay_{at}"),
            (Places::Numbered(last), Dialect::Sqlite) => format!("?{}", last + 1 + at),
            #[cfg(feature = "postgres")]
            (Places::Numbered(last), Dialect::Postgres) => format!("${}", last + 1 + at),
        }
    }

    /// The query's own values, and these.
    fn with(&self, values: Vec<Value>) -> Params {
        let mut params = self.params.clone();
        // Where one is bound by its name, those without have the first places.
        let has_names = params.named().next().is_some();
        for (at, value) in values.into_iter().enumerate() {
            if has_names || self.outline.places == Places::Named {
                params.push_named(&self.place(at), value);
            } else {
                params.push(value);
            }
        }
        params
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::page::Sort;

    #[test]
    fn statements_that_cannot_be_paged() {
        let check = |sql: &str, sorts: Option<Vec<Sort>>, expect: &str| {
            let order = sorts.map(|sorts| Order::new(sorts).unwrap());
            let params = Params::default();
            let made = Pager::new(sql, Dialect::Sqlite, order.as_ref(), &params);
            let error = made.err().unwrap();
            assert!(error.is_usage() && error.message().contains(expect), "{sql}: {error}");
        };
        let id = || Some(vec![Sort::asc("id").key()]);
        check("SELECT a FROM t ORDER BY a LIMIT 3", None, "LIMIT");
        check("SELECT a FROM t FOR UPDATE", id(), "FOR");
        check("SELECT a FROM t", None, "without an order");
        check("SELECT a FROM t ORDER BY a", id(), "leave one out");
        check("SELECT a FROM t) AS x; SELECT (1", id(), "parentheses");
        check("DELETE FROM t", id(), "does not begin with");
    }

    #[test]
    fn statements_of_pages() {
        let mut params = Params::default();
        params.push(Value::from("x"));
        let sql = "SELECT a, id FROM t WHERE b = ? ORDER BY a, id; -- the end";
        let pager = Pager::new(sql, Dialect::Sqlite, None, &params).unwrap();
        let (text, bound) = pager.rows(&Span::Offset(20), 11);
        assert_eq!(text, "SELECT a, id FROM t WHERE b = ? ORDER BY a, id\nLIMIT ?2 OFFSET ?3");
        let values: Vec<&Value> = bound.positional().collect();
        assert_eq!(values, [&Value::from("x"), &Value::from(11), &Value::from(20)]);
        assert_eq!(
            pager.count(),
            "SELECT count(*) FROM (\nSELECT a, id FROM t WHERE b = ? \n) AS forebay"
        );
        let order = Order::new(vec![Sort::asc("a"), Sort::asc("id").key()]).unwrap();
        let mut params = Params::default();
        params.push_named("x", Value::from("x"));
        let sql = "SELECT a, id FROM t WHERE b = :x";
        let pager = Pager::new(sql, Dialect::Sqlite, Some(&order), &params).unwrap();
        let key = [Value::Null, Value::from(7)];
        let (text, bound) = pager.rows(&Span::of(Bound::After, Some(&key)), 11);
        assert_eq!(
            text,
            "SELECT * FROM (\nSELECT a, id FROM t WHERE b = :x\n) AS forebay\nWHERE \
             ((forebay.\"a\" IS NOT NULL) OR (forebay.\"a\" IS NULL AND forebay.\"id\" > \
             :forebay_0))\nORDER BY forebay.\"a\", forebay.\"id\"\nLIMIT :forebay_1"
        );
        let named: Vec<(&str, &Value)> = bound.named().collect();
        assert_eq!(named[1..], [(":forebay_0", &Value::from(7)), (":forebay_1", &Value::from(11))]);
    }
}
