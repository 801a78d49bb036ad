//! The table in which a database keeps which migrations it has had: its SQL, and its rows.

use super::source::Migration;
use super::version::Version;
use crate::engine::Custody;
use crate::error::{Error, Result};
use crate::row::Rows;
use crate::sql::Dialect;
use crate::value::Value;

/// The name of the table.
const TABLE: &str = "forebay_migrations";

const COLUMNS: &str = "version, name, checksum, state, statements, began_at, took_ms";

/// The table as it stands in SQL, wherever names may be looked for by then.
#[derive(Clone, Debug)]
pub(super) struct Table(String);

/// How far a migration has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It runs outside a transaction, and so many of its statements have. Then `Done`.
    Begun(usize),
    /// All of it.
    Done,
}

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) version: Version,
    pub(super) name: String,
    /// Of all of it; of one that has only begun, of the statements that have run.
    pub(super) checksum: String,
    pub(super) state: State,
    /// When it began, by the clock of the database, in UTC.
    pub(super) began_at: String,
    pub(super) took_ms: u64,
}

/// The rows by version; `None` if there is no table.
pub(super) async fn read(custody: &Custody) -> Result<(Table, Option<Vec<Entry>>)> {
    let (table, is_there) = find(custody).await?;
    if !is_there {
        return Ok((table, None));
    }
    let rows = custody.rows(&format!("SELECT {COLUMNS} FROM {}", table.0)).await;
    let rows = rows.map_err(|error| error.prefixed("the history of migrations cannot be read"))?;
    let mut all = (0..rows.len()).map(|row| entry(&rows, row)).collect::<Result<Vec<_>>>()?;
    all.sort_by(|a, b| a.version.cmp(&b.version));
    Ok((table, Some(all)))
}

async fn find(custody: &Custody) -> Result<(Table, bool)> {
    let sql = match custody.dialect() {
        Dialect::Sqlite => {
            "SELECT NULL, 1 FROM main.sqlite_schema
             WHERE type = 'table' AND lower(name) = 'forebay_migrations'"
        }
        #[cfg(feature = "postgres")]
        Dialect::Postgres => {
            "SELECT pg_catalog.quote_ident(coalesce(n.nspname, pg_catalog.current_schema())),
                 (n.oid IS NOT NULL)::int
             FROM (SELECT pg_catalog.to_regclass('forebay_migrations')) AS t (oid)
             LEFT JOIN pg_catalog.pg_class c ON c.oid = t.oid
             LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
        }
    };
    let rows = custody.rows(sql).await?;
    let first = if rows.is_empty() { &[][..] } else { rows.values(0) };
    match (custody.dialect(), first) {
        (Dialect::Sqlite, first) => Ok((Table(format!("main.{TABLE}")), !first.is_empty())),
        #[cfg(feature = "postgres")]
        (Dialect::Postgres, [Value::Text(schema), is_there]) => {
            Ok((Table(format!("{schema}.{TABLE}")), *is_there == Value::Integer(1)))
        }
        #[cfg(feature = "postgres")]
        (Dialect::Postgres, _) => Err(Error::usage(
            "there is no schema to keep the history of migrations in: none of the search_path \
             exists, or this user may use none of them",
        )),
    }
}

fn entry(rows: &Rows, row: usize) -> Result<Entry> {
    let text = |value: &Value| match value {
        Value::Text(text) => Some(text.to_string()),
        _ => None,
    };
    let whole = |value: &Value| match value {
        Value::Integer(n) => u64::try_from(*n).ok(),
        _ => None,
    };
    let read = || {
        let [version, name, checksum, state, statements, began_at, took_ms] = rows.values(row)
        else {
            return None;
        };
        let state = match text(state)?.as_str() {
            "done" => State::Done,
            "begun" => State::Begun(usize::try_from(whole(statements)?).ok()?),
            _ => return None,
        };
        Some(Entry {
            version: Version::parse(&text(version)?)?,
            name: text(name)?,
            checksum: text(checksum)?,
            state,
            began_at: text(began_at)?,
            took_ms: whole(took_ms)?,
        })
    };
    read().ok_or_else(|| {
        Error::usage(format!(
            "a row of {TABLE} is none of Forebay's; if the table is another program's, rename it"
        ))
    })
}

impl Table {
    /// Makes it where it is missing.
    pub(super) fn create(&self) -> String {
        format!(
            "CREATE TABLE IF NOT EXISTS {} (
                 version TEXT NOT NULL PRIMARY KEY,
                 name TEXT NOT NULL,
                 checksum TEXT NOT NULL,
                 state TEXT NOT NULL CHECK (state IN ('begun', 'done')),
                 statements BIGINT NOT NULL,
                 began_at TEXT NOT NULL,
                 took_ms BIGINT NOT NULL)",
            self.0
        )
    }

    /// Notes how far a migration has come. What stands in it is known to have no quotes.
    pub(super) fn note(
        &self,
        dialect: Dialect,
        migration: &Migration,
        state: State,
        took_ms: u64,
    ) -> String {
        let (state, statements, checksum) = match state {
            State::Begun(n) => ("begun", n, migration.checksum_of(n).unwrap_or_default()),
            State::Done => ("done", migration.pieces.len(), migration.checksum()),
        };
        let now = match dialect {
            Dialect::Sqlite => "strftime('%Y-%m-%dT%H:%M:%SZ', 'now')",
            #[cfg(feature = "postgres")]
            Dialect::Postgres => {
                "pg_catalog.to_char(pg_catalog.timezone('UTC', pg_catalog.now()),
                     'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"
            }
        };
        let (table, version, name) = (&self.0, &migration.version, &migration.name);
        format!(
            "INSERT INTO {table} ({COLUMNS})
             VALUES ('{version}', '{name}', '{checksum}', '{state}', {statements}, {now}, {took_ms})
             ON CONFLICT (version) DO UPDATE SET name = excluded.name,
                 checksum = excluded.checksum, state = excluded.state,
                 statements = excluded.statements, took_ms = excluded.took_ms"
        )
    }
}
