//! The condition that lets through the rows behind a place in an order, or before it, written so
//! that an index on the order's columns bounds what is read.
//!
//! Where all columns go the same way and are never NULL, it compares rows: `(a, id) > (?, ?)`. Else
//! it says column by column what comes behind, after a condition on the first column that holds for
//! all of them: `a <= ? AND (a < ? OR a = ? AND id > ?)`. There is no such condition where NULLs
//! come behind the values of the first column, since no index serves both at once. There the values
//! can be asked for without the NULLs behind them; if they fill a page, it is the whole answer.

use super::sort::{Order, Sort};
use crate::sql::Dialect;
use crate::value::Value;

/// On which side of a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bound {
    After,
    Before,
}

/// How far a condition reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// To the last row.
    Everything,
    /// To the last row in which the first column is not NULL.
    Values,
}

/// Whether the values of the first column lie between the place and NULLs, so that an index serves
/// one of both.
pub(super) fn has_nulls_beyond(
    order: &Order,
    values: &[Value],
    bound: Bound,
    dialect: Dialect,
) -> bool {
    let first = order.sorts.first().zip(values.first());
    first
        .is_some_and(|(sort, value)| *value != Value::Null && sort.has_nulls_behind(bound, dialect))
}

impl Sort {
    /// Whether NULLs come behind all values, going this way.
    fn has_nulls_behind(&self, bound: Bound, dialect: Dialect) -> bool {
        !self.is_never_null && self.nulls_come_first(dialect) == (bound == Bound::Before)
    }
}

/// The condition. `place` gives the text of the parameter for a value, by the value's number; NULLs
/// need none.
pub(super) fn condition(
    order: &Order,
    values: &[Value],
    bound: Bound,
    dialect: Dialect,
    reach: Reach,
    place: impl Fn(usize) -> String,
) -> String {
    let columns: Vec<Column<'_>> = order
        .sorts
        .iter()
        .zip(values)
        .enumerate()
        .map(|(at, (sort, value))| Column {
            sort,
            name: sort.name(),
            place: (*value != Value::Null).then(|| place(at)),
            is_falling: sort.is_descending != (bound == Bound::Before),
            nulls_behind: sort.has_nulls_behind(bound, dialect)
                && (at > 0 || reach == Reach::Everything),
        })
        .collect();
    rows(&columns).unwrap_or_else(|| column_by_column(&columns))
}

/// One column of the order, and where the place is in it, seen from there on.
struct Column<'a> {
    sort: &'a Sort,
    name: String,
    /// `None` where the place is at the NULLs.
    place: Option<String>,
    /// Values become smaller.
    is_falling: bool,
    /// NULLs come behind all values.
    nulls_behind: bool,
}

/// The comparison of rows, where that says the same.
fn rows(columns: &[Column<'_>]) -> Option<String> {
    let first = columns.first()?;
    let is_plain = |it: &Column<'_>| it.sort.is_never_null && it.is_falling == first.is_falling;
    if !columns.iter().all(is_plain) {
        return None;
    }
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    let places: Option<Vec<&str>> = columns.iter().map(|column| column.place.as_deref()).collect();
    let (names, places) = (names.join(", "), places?.join(", "));
    Some(match columns.len() {
        1 => format!("{names} {} {places}", first.beyond()),
        _ => format!("({names}) {} ({places})", first.beyond()),
    })
}

fn column_by_column(columns: &[Column<'_>]) -> String {
    let mut ways = Vec::new();
    let mut alike = Vec::new();
    for column in columns {
        if let Some(behind) = column.behind() {
            let conditions: Vec<&str> =
                alike.iter().map(String::as_str).chain([behind.as_str()]).collect();
            ways.push(format!("({})", conditions.join(" AND ")));
        }
        alike.push(column.same());
    }
    let ways = match ways.is_empty() {
        // Nothing comes behind the NULLs of the last column.
        true => "1 = 0".to_owned(),
        false => ways.join(" OR "),
    };
    match columns.first().and_then(Column::leading) {
        Some(leading) => format!("{leading} AND ({ways})"),
        None => format!("({ways})"),
    }
}

impl Column<'_> {
    fn beyond(&self) -> &'static str {
        if self.is_falling { "<" } else { ">" }
    }

    /// The same value as the place has.
    fn same(&self) -> String {
        match &self.place {
            Some(place) => format!("{} = {place}", self.name),
            None => format!("{} IS NULL", self.name),
        }
    }

    /// What comes behind the place, if anything can.
    fn behind(&self) -> Option<String> {
        let Column { name, .. } = self;
        match (&self.place, self.nulls_behind) {
            (Some(place), false) => Some(format!("{name} {} {place}", self.beyond())),
            (Some(place), true) => {
                Some(format!("({name} {} {place} OR {name} IS NULL)", self.beyond()))
            }
            (None, false) => Some(format!("{name} IS NOT NULL")),
            (None, true) => None,
        }
    }

    /// What holds from the place on, as one condition that an index serves.
    fn leading(&self) -> Option<String> {
        match (&self.place, self.nulls_behind) {
            (Some(place), false) => Some(format!("{} {}= {place}", self.name, self.beyond())),
            (None, true) => Some(format!("{} IS NULL", self.name)),
            (Some(_), true) | (None, false) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions() {
        let check = |sorts: Vec<Sort>, values: &[Value], bound, expect: &str| {
            let order = Order::new(sorts).unwrap();
            let place = |at: usize| format!("?{}", at + 1);
            let dialect = Dialect::Sqlite;
            let found = condition(&order, values, bound, dialect, Reach::Everything, place);
            assert_eq!(found.replace("forebay.", "").replace('"', ""), expect);
        };
        let (one, null) = (Value::from(1), Value::Null);
        let id = || Sort::asc("id").key();
        check(vec![id()], std::slice::from_ref(&one), Bound::After, "id > ?1");
        check(vec![id()], std::slice::from_ref(&one), Bound::Before, "id < ?1");
        let both = [one.clone(), one.clone()];
        check(vec![Sort::asc("a").not_null(), id()], &both, Bound::After, "(a, id) > (?1, ?2)");
        check(
            vec![Sort::desc("a").not_null(), id()],
            &both,
            Bound::After,
            "a <= ?1 AND ((a < ?1) OR (a = ?1 AND id > ?2))",
        );
        check(
            vec![Sort::desc("a").not_null(), id()],
            &both,
            Bound::Before,
            "a >= ?1 AND ((a > ?1) OR (a = ?1 AND id < ?2))",
        );
        // SQLite has NULLs first.
        check(
            vec![Sort::asc("a"), id()],
            &both,
            Bound::After,
            "a >= ?1 AND ((a > ?1) OR (a = ?1 AND id > ?2))",
        );
        check(
            vec![Sort::asc("a"), id()],
            &both,
            Bound::Before,
            "(((a < ?1 OR a IS NULL)) OR (a = ?1 AND id < ?2))",
        );
        let at_null = [null, one];
        let order = Order::new(vec![Sort::desc("a"), id()]).unwrap();
        assert!(has_nulls_beyond(&order, &both, Bound::After, Dialect::Sqlite));
        assert!(!has_nulls_beyond(&order, &both, Bound::Before, Dialect::Sqlite));
        assert!(!has_nulls_beyond(&order, &at_null, Bound::After, Dialect::Sqlite));
        let place = |at: usize| format!("?{}", at + 1);
        let dialect = Dialect::Sqlite;
        assert_eq!(
            condition(&order, &both, Bound::After, dialect, Reach::Values, place),
            "forebay.\"a\" <= ?1 AND ((forebay.\"a\" < ?1) OR (forebay.\"a\" = ?1 AND \
             forebay.\"id\" > ?2))"
        );
        check(
            vec![Sort::asc("a"), id()],
            &at_null,
            Bound::After,
            "((a IS NOT NULL) OR (a IS NULL AND id > ?2))",
        );
        check(
            vec![Sort::asc("a").nulls_last(), id()],
            &at_null,
            Bound::After,
            "a IS NULL AND ((a IS NULL AND id > ?2))",
        );
    }
}
