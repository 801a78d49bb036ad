//! Questions to the database, past the cache and past the guards of the application.

use std::panic::Location;
use std::path::PathBuf;
use std::time::Duration;

use super::statistics::path;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::query::{Query, Target};
use crate::row::Rows;
use crate::value::Value;

/// Rows of one answer at most: objects of a schema, one a row.
const ROWS_MAX: usize = 1_000_000;

/// Bytes of one answer at most.
const BYTES_MAX: usize = 1 << 30;

/// The longest that one question may take.
const ANSWER_MAX: Duration = Duration::from_secs(3_600);

/// Whom is asked.
#[derive(Clone, Copy)]
pub(crate) struct Ask<'a> {
    engine: &'a Engine,
    caller: &'static Location<'static>,
}

impl<'a> Ask<'a> {
    pub(crate) fn new(engine: &'a Engine, caller: &'static Location<'static>) -> Ask<'a> {
        Ask { engine, caller }
    }

    pub(super) fn engine(&self) -> &'a Engine {
        self.engine
    }

    /// The file of an SQLite database.
    pub(crate) async fn place(&self) -> Result<PathBuf> {
        if !self.engine.is_sqlite() {
            return Err(Error::usage("advice on a PostgreSQL database is asked for by its URL"));
        }
        path(*self).await?.ok_or_else(|| {
            Error::usage("a database in memory cannot be copied from outside; use a file")
        })
    }

    pub(super) async fn rows(&self, sql: &str) -> Result<Rows> {
        let query = Query::new(Target::Shared(self.engine), sql, self.caller);
        let query = query.named("health").no_cache().unguarded().timeout(ANSWER_MAX);
        Ok(query.max_rows(ROWS_MAX).max_bytes(BYTES_MAX).fetch().await?.rows)
    }

    /// The first value of the answer, if it is a whole number.
    pub(super) async fn number(&self, sql: &str) -> Result<Option<u64>> {
        let rows = self.rows(sql).await?;
        let first = if rows.is_empty() { None } else { rows.values(0).first() };
        Ok(first.and_then(whole))
    }

    /// The first value of the answer, if it is a text.
    pub(super) async fn text(&self, sql: &str) -> Result<Option<String>> {
        let rows = self.rows(sql).await?;
        let first = if rows.is_empty() { None } else { rows.values(0).first() };
        Ok(first.and_then(text))
    }
}

pub(super) fn whole(value: &Value) -> Option<u64> {
    match value {
        Value::Integer(n) => u64::try_from(*n).ok(),
        _ => None,
    }
}

pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(text.to_string()),
        _ => None,
    }
}
