//! The bare database: one connection beside Forebay that answers every read itself.

use std::path::Path;

use anyhow::{Context, Result};
use forebay::{Rows, Value};
use rusqlite::config::DbConfig;
use rusqlite::types::ValueRef;
use rusqlite::{CachedStatement, Connection, StatementStatus};

use super::compare::alike;
use crate::domain::Statement;
use crate::read::Compare;

/// Statements kept prepared: more than there are live reads.
const STATEMENTS: usize = 1_024;

/// Bytes of a page as most databases have them.
pub(crate) const PAGE: u32 = 4_096;

/// The least that SQLite takes: a table of few rows has pages of its own then, beside its root.
pub(crate) const SMALL_PAGE: u32 = 512;

/// The truth.
pub(crate) struct Bare {
    connection: Connection,
}

/// What the bare database says to an answer of Forebay's.
pub(crate) enum Verdict {
    /// The same; it took so many steps of SQLite's virtual machine.
    Same { steps: i32 },
    /// Not the same: this is the truth.
    Other(Vec<Vec<Value>>),
    /// The statement fails.
    Fails(String),
}

impl Bare {
    /// A new database gets pages of so many bytes.
    pub(crate) fn open(path: &Path, page: u32) -> Result<Bare> {
        let connection = Connection::open(path).context("cannot open the bare database")?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        connection.execute_batch(&format!(
            "PRAGMA page_size = {page}; PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; \
             PRAGMA foreign_keys = ON;",
        ))?;
        connection.busy_timeout(std::time::Duration::from_secs(5))?;
        // Else SQLite prepares a statement again for most values that are bound to it.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        Ok(Bare { connection })
    }

    pub(crate) fn run(&self, sql: &str) -> rusqlite::Result<()> {
        self.connection.execute_batch(sql)
    }

    /// Whether the text can be prepared: whether all it names is there.
    pub(crate) fn knows(&self, sql: &str) -> bool {
        self.connection.prepare(sql).is_ok()
    }

    pub(crate) fn count(&self, sql: &str) -> i64 {
        self.connection.query_row(sql, [], |row| row.get(0)).unwrap_or(0)
    }

    /// Pins one state of the database for the questions that follow.
    pub(crate) fn begin(&self) -> Result<()> {
        self.run("BEGIN").context("cannot begin a transaction of the bare database")
    }

    pub(crate) fn end(&self) -> Result<()> {
        self.run("COMMIT").context("cannot end a transaction of the bare database")
    }

    /// The names of the columns of an answer.
    pub(crate) fn names(&self, sql: &str) -> Vec<String> {
        let prepared = self.connection.prepare_cached(sql);
        prepared.map_or_else(
            |_| Vec::new(),
            |statement| statement.column_names().map(str::to_owned).collect(),
        )
    }

    pub(crate) fn rows(&self, statement: &Statement) -> rusqlite::Result<Vec<Vec<Value>>> {
        let mut prepared = self.prepare(statement)?;
        let mut rows = prepared.raw_query();
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push(owned(row)?);
        }
        Ok(found)
    }

    /// Asks the statement and compares as it goes: an equal answer is never copied.
    pub(crate) fn judge(&self, statement: &Statement, compare: Compare, found: &Rows) -> Verdict {
        match self.walk(statement, found) {
            Ok(Some(steps)) => Verdict::Same { steps },
            Ok(None) => match self.rows(statement) {
                Err(error) => Verdict::Fails(error.to_string()),
                Ok(truth) => {
                    let rows = (0..found.len()).map(|row| found.values(row).to_vec()).collect();
                    if alike(compare, rows, truth.clone()) {
                        Verdict::Same { steps: 0 }
                    } else {
                        Verdict::Other(truth)
                    }
                }
            },
            Err(error) => Verdict::Fails(error.to_string()),
        }
    }

    /// The steps it took when the rows are the same in the same order; else nothing.
    fn walk(&self, statement: &Statement, found: &Rows) -> rusqlite::Result<Option<i32>> {
        let mut prepared = self.prepare(statement)?;
        let mut rows = prepared.raw_query();
        let mut index = 0;
        while let Some(row) = rows.next()? {
            if index == found.len() || !same(row, found.values(index))? {
                return Ok(None);
            }
            index += 1;
        }
        drop(rows);
        let steps = prepared.reset_status(StatementStatus::VmStep);
        Ok((index == found.len()).then_some(steps))
    }

    fn prepare(&self, statement: &Statement) -> rusqlite::Result<CachedStatement<'_>> {
        let mut prepared = self.connection.prepare_cached(&statement.sql)?;
        for (index, value) in statement.params.iter().enumerate() {
            let at = index + 1;
            match value {
                Value::Null => prepared.raw_bind_parameter(at, rusqlite::types::Null)?,
                Value::Integer(n) => prepared.raw_bind_parameter(at, n)?,
                Value::Real(x) => prepared.raw_bind_parameter(at, x)?,
                Value::Text(text) => prepared.raw_bind_parameter(at, &**text)?,
                Value::Blob(blob) => prepared.raw_bind_parameter(at, &**blob)?,
            }
        }
        Ok(prepared)
    }
}

fn same(row: &rusqlite::Row<'_>, values: &[Value]) -> rusqlite::Result<bool> {
    if row.as_ref().column_count() != values.len() {
        return Ok(false);
    }
    for (index, value) in values.iter().enumerate() {
        let is_same = match (row.get_ref(index)?, value) {
            (ValueRef::Null, Value::Null) => true,
            (ValueRef::Integer(a), Value::Integer(b)) => a == *b,
            (ValueRef::Real(a), Value::Real(b)) => a.to_bits() == b.to_bits(),
            (ValueRef::Text(a), Value::Text(b)) => a == b.as_bytes(),
            (ValueRef::Blob(a), Value::Blob(b)) => a == &**b,
            _ => false,
        };
        if !is_same {
            return Ok(false);
        }
    }
    Ok(true)
}

fn owned(row: &rusqlite::Row<'_>) -> rusqlite::Result<Vec<Value>> {
    let width = row.as_ref().column_count();
    let value = |index| {
        Ok(match row.get_ref(index)? {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(n) => Value::Integer(n),
            ValueRef::Real(x) => Value::Real(x),
            ValueRef::Text(text) => Value::from(String::from_utf8_lossy(text).into_owned()),
            ValueRef::Blob(blob) => Value::from(blob),
        })
    };
    (0..width).map(value).collect()
}
