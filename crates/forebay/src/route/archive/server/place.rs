//! The two PostgreSQL databases of a move, its table, and how far it has come.

use crate::db::Db;
use crate::error::{Error, Result};
use crate::outcome::Outcome;
use crate::params::Params;
use crate::session::Session;
use crate::sql::quoted;
use crate::value::Value;

use super::super::super::server::{BoundaryRow, Column, Look, Scale, Shape};

use super::super::place::{Range, Standing};

/// The databases, opened for a move.
pub(super) struct Place {
    pub(super) live: Db,
    pub(super) archive: Db,
    /// As the live database has it.
    pub(super) shape: Shape,
    pub(super) scale: Scale,
    pub(super) boundary: BoundaryRow,
    /// The table in the archive, as SQL, which may have yet to be made.
    pub(super) archive_sql: String,
    /// Its schema there, as SQL.
    pub(super) archive_schema: Box<str>,
    pub(super) has_table: bool,
    /// The table by which the archive is known, as SQL.
    pub(super) marks: String,
}

impl Place {
    pub(super) fn live_sql(&self) -> &str {
        &self.shape.qualified
    }

    /// The columns that an INSERT takes.
    pub(super) fn own(&self) -> impl Iterator<Item = &Column> {
        self.shape.columns.iter().filter(|column| !column.is_generated)
    }

    /// How far rows have been moved, if ever, by the word of the server.
    pub(super) async fn standing(&self) -> Result<Option<Standing>> {
        self.boundary.read(&self.live, Look::Fresh).await.map(Standing::of)
    }

    /// The same in a transaction, until whose end no other run changes it.
    pub(super) async fn standing_locked(&self, live: &Session) -> Result<Option<Standing>> {
        self.boundary.lock_in(live).await.map(Standing::of)
    }

    /// A condition for the rows of a range, with its parameters from number `next` on.
    pub(super) fn condition(&self, range: &Range, next: usize) -> (String, Params) {
        let (column, kind) = (self.shape.split_sql(), self.shape.split_type());
        let mut terms = vec![format!("{column} IS NOT NULL")];
        let mut params = Params::default();
        let mut number = next;
        for (operator, bound) in [(">=", &range.low), ("<", &range.high)] {
            if let Some(bound) = bound {
                terms.push(format!("{column} {operator} ${number}::{kind}"));
                params.push(bound.clone());
                number += 1;
            }
        }
        (terms.join(" AND "), params)
    }

    /// A bound that somebody has given, in the form in which it is kept.
    pub(super) async fn as_kept(&self, bound: &Value) -> Result<Value> {
        self.scale.compared(bound)?;
        let kind = self.shape.split_type();
        let sql = format!("SELECT {}", self.scale.kept(&format!("$1::{kind}")));
        let mut params = Params::default();
        params.push(bound.clone());
        let asked = self.live.query(&sql).exact().no_cache().with_params(params).fetch().await?;
        match asked.rows.values(0).first() {
            Some(kept) if *kept != Value::Null => Ok(self.scale.held(kept.clone())),
            _ => Err(Error::usage(
                "rows cannot be moved below this value: it is infinite, or its year has not four \
                 digits",
            )),
        }
    }

    /// The only value of an answer; `None` if it has no rows.
    fn kept(&self, asked: &Outcome) -> Result<Option<Value>> {
        if asked.rows.is_empty() {
            return Ok(None);
        }
        match &asked.rows.values(0)[0] {
            Value::Null => Err(Error::usage(format!(
                "a row has a value in {} that cannot be a boundary: it is infinite, or its year \
                 has not four digits; move it by hand",
                quoted(&self.shape.columns[self.shape.split].name)
            ))),
            kept => Ok(Some(self.scale.held(kept.clone()))),
        }
    }

    /// The value at which a step from `standing` on ends, so that about `batch` rows lie before it.
    /// Rows with equal values stay together.
    pub(super) async fn end_of_step(
        &self,
        standing: &Standing,
        before: &Value,
        batch: u64,
    ) -> Result<Value> {
        let range = Range { low: standing.boundary.clone(), high: Some(before.clone()) };
        let (condition, mut params) = self.condition(&range, 2);
        // The first value that is not that of the first row, and that `batch` rows lie before.
        let (column, table) = (self.shape.split_sql(), self.live_sql());
        let rows = format!("FROM {table} WHERE {condition}");
        let sql = format!(
            "SELECT {} FROM (SELECT {column} AS found {rows} \
             AND {column} > (SELECT {column} {rows} ORDER BY {column} LIMIT 1) \
             AND {column} >= (SELECT {column} {rows} ORDER BY {column} OFFSET $1::int8 LIMIT 1) \
             ORDER BY {column} LIMIT 1) AS forebay_found",
            self.scale.kept("found")
        );
        let bounds: Vec<Value> = params.positional().cloned().collect();
        params = Params::default();
        params.push(Value::from(i64::try_from(batch).unwrap_or(i64::MAX)));
        bounds.into_iter().for_each(|bound| params.push(bound));
        let asked = self.live.query(&sql).exact().no_cache().with_params(params).fetch().await?;
        Ok(self.kept(&asked)?.unwrap_or_else(|| before.clone()))
    }

    /// Rows of the live database in a range.
    pub(super) async fn count(&self, range: &Range) -> Result<u64> {
        let (condition, params) = self.condition(range, 1);
        let sql = format!("SELECT pg_catalog.count(*) FROM {} WHERE {condition}", self.live_sql());
        let asked = self.live.query(&sql).exact().no_cache().with_params(params);
        super::super::place::count(&asked.fetch().await?.rows)
    }

    /// Rows of the live database below the boundary.
    pub(super) async fn strays(&self, boundary: Option<Value>) -> Result<u64> {
        match boundary {
            None => Ok(0),
            high => self.count(&Range { low: None, high }).await,
        }
    }

    /// Whether everything below `before` is the archive's.
    pub(super) fn has_reached(&self, standing: &Standing, before: &Value) -> Result<bool> {
        let Some(boundary) = &standing.boundary else { return Ok(false) };
        let of = |value: &Value| self.scale.compared(value);
        Ok(of(boundary)? >= of(before)?)
    }
}
