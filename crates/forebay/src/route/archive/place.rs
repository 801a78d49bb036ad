//! The two databases of a move, its table, and how far it has come.

use crate::db::Db;
use crate::error::{Error, Kind, Result};
use crate::params::Params;
use crate::row::Rows;
use crate::session::Transaction;
use crate::sql::quoted;
use crate::value::Value;

use super::super::boundary::Boundary;

/// The databases, opened for a move.
pub(super) struct Place {
    pub(super) live: Db,
    pub(super) archive: Db,
    /// As in the catalogue of the live database.
    pub(super) table: String,
    pub(super) column: String,
    /// The columns that hold values of their own, as SQL.
    pub(super) columns: Vec<String>,
}

/// What a step begins with.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Standing {
    pub(super) generation: i64,
    /// Rows below it are the archive's.
    pub(super) boundary: Option<Value>,
    /// By what the archive is known.
    pub(super) name: String,
}

impl Standing {
    pub(super) fn of(boundary: Option<Boundary>) -> Option<Standing> {
        boundary.map(|it| Standing {
            generation: it.generation,
            boundary: it.value,
            name: it.archive,
        })
    }
}

/// Values from one on, up to another without it.
#[derive(Clone, Debug)]
pub(super) struct Range {
    pub(super) low: Option<Value>,
    pub(super) high: Option<Value>,
}

impl Place {
    pub(super) fn table_sql(&self) -> String {
        quoted(&self.table)
    }

    pub(super) fn column_sql(&self) -> String {
        quoted(&self.column)
    }

    /// How far rows have been moved, if ever.
    pub(super) async fn standing(&self) -> Result<Option<Standing>> {
        Boundary::read(&self.live, &self.table, &self.column).await.map(Standing::of)
    }

    /// The same inside a transaction of the live database.
    pub(super) async fn standing_in(&self, tx: &Transaction) -> Result<Option<Standing>> {
        let asked = tx.query(Boundary::ASK).bind(&self.table).fetch().await?;
        Boundary::of(&asked.rows, &self.column).map(Standing::of)
    }

    /// A condition for the rows of a range, and its parameters.
    pub(super) fn condition(&self, range: &Range) -> (String, Params) {
        let column = self.column_sql();
        let mut terms = vec![format!("{column} IS NOT NULL")];
        let mut params = Params::default();
        for (operator, bound) in [(">=", &range.low), ("<", &range.high)] {
            if let Some(bound) = bound {
                terms.push(format!("{column} {operator} ?"));
                params.push(bound.clone());
            }
        }
        (terms.join(" AND "), params)
    }

    /// A query for the rows of a range: those columns that an INSERT takes, or every one.
    pub(super) fn select(&self, range: &Range, all: bool) -> (String, Params) {
        let (condition, params) = self.condition(range);
        let list = if all { "*".to_owned() } else { self.columns.join(", ") };
        (format!("SELECT {list} FROM {} WHERE {condition}", self.table_sql()), params)
    }
}

/// The first value of an answer.
pub(super) fn first(rows: &Rows) -> Option<Value> {
    (!rows.is_empty()).then(|| rows.values(0)[0].clone())
}

/// The first value of an answer, which is a number of rows.
pub(super) fn count(rows: &Rows) -> Result<u64> {
    match first(rows) {
        Some(Value::Integer(n)) => Ok(n.unsigned_abs()),
        _ => Err(Error::new(Kind::Database, "a number of rows is none")),
    }
}
