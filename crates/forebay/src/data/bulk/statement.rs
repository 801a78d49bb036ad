//! The texts of the statements for single rows. Names are quoted, and values are parameters, in the
//! order of the columns of the rows.

use super::conflict::{Action, Conflict};
use super::table::{Table, quote};
use crate::sql::Dialect;

impl Table {
    /// The parameter with this number, counted from 0.
    pub(super) fn parameter(&self, index: usize) -> String {
        let number = index + 1;
        match self.dialect {
            Dialect::Sqlite => format!("?{number}"),
            #[cfg(feature = "postgres")]
            Dialect::Postgres => format!("${number}"),
        }
    }

    /// Inserts one row.
    pub(super) fn insert(&self, columns: &[Box<str>]) -> String {
        let values: Vec<String> = (0..columns.len()).map(|index| self.parameter(index)).collect();
        let values = values.join(", ");
        format!("INSERT INTO {} ({}) VALUES ({values})", self.quoted, list(columns))
    }

    /// Changes the rows with the key of one.
    pub(super) fn update(&self, columns: &[Box<str>], key: &[usize]) -> String {
        let set = |index: usize| format!("{} = {}", quote(&columns[index]), self.parameter(index));
        let changed: Vec<String> =
            (0..columns.len()).filter(|index| !key.contains(index)).map(set).collect();
        let matched: Vec<String> = key.iter().map(|index| set(*index)).collect();
        format!("UPDATE {} SET {} WHERE {}", self.quoted, changed.join(", "), matched.join(" AND "))
    }
}

/// What an INSERT says about a row that is there.
pub(super) fn on_conflict(conflict: &Conflict, columns: &[Box<str>]) -> String {
    let replaced = |column: &str| format!("{0} = excluded.{0}", quote(column));
    let changes: Vec<String> = match &conflict.action {
        Action::Nothing => Vec::new(),
        Action::ReplaceAll => columns
            .iter()
            .filter(|column| !conflict.key.contains(column))
            .map(|column| replaced(column))
            .collect(),
        Action::Change(changes) => changes
            .iter()
            .map(|change| match &change.to {
                None => replaced(&change.column),
                Some(to) => format!("{} = {to}", quote(&change.column)),
            })
            .collect(),
    };
    let key = list(&conflict.key);
    match changes.is_empty() {
        true => format!(" ON CONFLICT ({key}) DO NOTHING"),
        false => format!(" ON CONFLICT ({key}) DO UPDATE SET {}", changes.join(", ")),
    }
}

/// Names in a row.
pub(super) fn list(names: &[Box<str>]) -> String {
    names.iter().map(|name| quote(name)).collect::<Vec<_>>().join(", ")
}
