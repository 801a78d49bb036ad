//! The boundary between a live PostgreSQL database and the archive that rows are moved into: where
//! it is kept, and how it is read. What makes it move is in `route/archive`.

use super::super::boundary::Boundary;
use super::table::{Scale, Shape};
use crate::db::Db;
use crate::error::{Error, Kind as Fault, Result};
use crate::mode::Freshness;
use crate::outcome::Outcome;
use crate::query::Query;
use crate::session::{Session, Transaction};
use crate::sql::quoted;
use crate::sql::tree::Kind;
use crate::value::Value;

/// The advisory lock of whoever makes the tables of a move.
pub(in crate::route) const PREPARING: i64 = 0x666f_7265_6261_7279;

/// The row of one table.
#[derive(Clone, Debug)]
pub(in crate::route) struct BoundaryRow {
    /// The table of all boundaries, as SQL.
    pub(in crate::route) place: String,
    ask: String,
    /// The table that is split, as the catalogue has it.
    pub(in crate::route) table: String,
    column: String,
    scale: Scale,
}

/// How certain it has to be that it is the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::route) enum Look {
    /// As the cache of the live database has it.
    Cached,
    /// The same, once the cache has caught up with what was committed before.
    Strict,
    /// As the server has it.
    Fresh,
}

impl BoundaryRow {
    pub(in crate::route) fn of(shape: &Shape, scale: &Scale) -> BoundaryRow {
        let place = shape.beside("forebay_archive");
        BoundaryRow {
            ask: format!(
                "SELECT generation, boundary, archive, split_column FROM {place} \
                 WHERE split_table = $1"
            ),
            place,
            table: shape.name.to_string(),
            column: shape.columns[shape.split].name.to_string(),
            scale: scale.clone(),
        }
    }

    /// Makes the table of boundaries if there is none, and has the stream tell its changes where
    /// there is one; without the right to that, each read of it asks the server.
    pub(in crate::route) async fn prepare(&self, live: &Db) -> Result<()> {
        live.execute_batch(&self.script()).await.map_err(|error| {
            error.prefixed(&format!(
                "the table {}, where it stands how far rows were moved, cannot be made: run \
                 `forebay archive` once first as a role that may make it, and give others the \
                 right to read it",
                self.place
            ))
        })
    }

    /// Whether anything was ever moved from this database.
    pub(in crate::route) async fn is_there(&self, live: &Db) -> Result<bool> {
        let there = live.query("SELECT pg_catalog.to_regclass($1::text) IS NOT NULL");
        there.bind(&*self.place).exact().no_cache().scalar().await
    }

    /// One statement, and so one transaction: several who come at once do it one after another.
    fn script(&self) -> String {
        let place = &self.place;
        let literal = place.replace('\'', "''");
        format!(
            "DO $forebay$ BEGIN
  PERFORM pg_catalog.pg_advisory_xact_lock({PREPARING});
  IF pg_catalog.to_regclass('{literal}') IS NULL THEN
    CREATE TABLE {place} (split_table text COLLATE \"C\" PRIMARY KEY, split_column text NOT NULL,
      archive text NOT NULL, generation bigint NOT NULL, boundary text);
  END IF;
  IF EXISTS (SELECT FROM pg_catalog.pg_publication WHERE pubname = 'forebay') AND NOT EXISTS (
      SELECT FROM pg_catalog.pg_publication_rel AS r
      JOIN pg_catalog.pg_publication AS p ON p.oid = r.prpubid
      WHERE p.pubname = 'forebay' AND r.prrelid = pg_catalog.to_regclass('{literal}')) THEN
    BEGIN
      ALTER PUBLICATION forebay ADD TABLE ONLY {place};
    EXCEPTION WHEN insufficient_privilege THEN NULL;
    END;
  END IF;
END $forebay$"
        )
    }

    /// Where it is; `None` as long as no run has begun.
    pub(in crate::route) async fn read(&self, live: &Db, look: Look) -> Result<Option<Boundary>> {
        let query = live.query(&self.ask);
        let query = match look {
            Look::Cached => query,
            Look::Strict => query.freshness(Freshness::Strict),
            Look::Fresh => query.no_cache(),
        };
        self.answered(query).await
    }

    /// The same in what a session sees.
    pub(in crate::route) async fn read_in(&self, session: &Session) -> Result<Option<Boundary>> {
        self.answered(session.query(&self.ask)).await
    }

    /// The same in a transaction.
    pub(super) async fn read_in_transaction(&self, tx: &Transaction) -> Result<Option<Boundary>> {
        self.answered(tx.query(&self.ask)).await
    }

    /// The same in a session, and no other run can move it before that has ended its transaction.
    pub(in crate::route) async fn lock_in(&self, session: &Session) -> Result<Option<Boundary>> {
        let sql = format!("{} FOR UPDATE", self.ask);
        self.answered(session.query(&sql)).await
    }

    async fn answered(&self, query: Query<'_>) -> Result<Option<Boundary>> {
        let asked = query.exact().bind(&*self.table).fetch().await?;
        self.of_answer(&asked)
    }

    /// What an answer says, with the value as the column has it.
    fn of_answer(&self, answer: &Outcome) -> Result<Option<Boundary>> {
        let Some(mut boundary) = Boundary::of(&answer.rows, &self.column)? else {
            return Ok(None);
        };
        boundary.value = boundary.value.map(|kept| self.scale.held(kept));
        if let Some(value) = &boundary.value
            && self.scale.compared(value).is_err()
        {
            return Err(Error::new(
                Fault::Database,
                "the boundary in forebay_archive is not of the column's type; it was changed by \
                 somebody else, or the type was",
            ));
        }
        Ok(Some(boundary))
    }

    /// By what the archive in `archive` is known, if rows were ever moved there.
    pub(in crate::route) async fn mark(archive: &Db, shape: &Shape) -> Result<Option<String>> {
        let place = shape.beside(MARKS);
        let there = archive.query("SELECT pg_catalog.to_regclass($1::text) IS NOT NULL");
        if !there.bind(&*place).exact().no_cache().scalar::<bool>().await? {
            return Ok(None);
        }
        let ask = format!("SELECT archive FROM {place} WHERE split_table = $1");
        archive.query(&ask).exact().no_cache().bind(&*shape.name).optional().await
    }
}

/// The table in an archive that says by what it is known.
pub(in crate::route) const MARKS: &str = "forebay_archive_of";

impl Shape {
    /// Another table in the same schema, as SQL.
    pub(in crate::route) fn beside(&self, table: &str) -> String {
        format!("{}.{}", self.schema, quoted(table))
    }
}

impl Scale {
    /// A bound in the form in which a boundary is kept; it is NULL for what has no such form, such
    /// as years before the first.
    pub(in crate::route) fn kept(&self, sql: &str) -> String {
        match self.kind() {
            Kind::Date => format!(
                "CASE WHEN {sql} >= '0001-01-01' AND {sql} < '10000-01-01' THEN \
                 pg_catalog.to_char({sql}::pg_catalog.timestamp, 'YYYY-MM-DD') END"
            ),
            Kind::Timestamp => format!(
                "CASE WHEN {sql} >= '0001-01-01' AND {sql} < '10000-01-01' THEN \
                 pg_catalog.to_char({sql}, 'YYYY-MM-DD\"T\"HH24:MI:SS.US') END"
            ),
            Kind::Timestamptz => format!(
                "CASE WHEN {sql} >= '0001-01-01 00:00:00+00' AND {sql} < '10000-01-01 \
                     00:00:00+00' THEN pg_catalog.to_char({sql} AT TIME ZONE 'UTC', \
                     'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') END"
            ),
            _ => format!("{sql}::pg_catalog.text"),
        }
    }

    /// The same, read: whole numbers as such.
    pub(in crate::route) fn held(&self, kept: Value) -> Value {
        match (self.kind(), &kept) {
            (Kind::Integer, Value::Text(text)) => text.parse::<i64>().map_or(kept, Value::Integer),
            _ => kept,
        }
    }
}
