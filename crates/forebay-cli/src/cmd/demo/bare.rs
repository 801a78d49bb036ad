//! The way without Forebay: a connection of its own for each client, prepared statements, and
//! the settings that Forebay uses by default, so that the comparison is fair.

use std::path::Path;

use anyhow::Result;
use forebay::Value;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Params, TransactionBehavior};

use super::answer::Answer;
use super::client::{Client, Receipt, sql};
use super::mix::{Read, Write};

/// Page cache of all connections together in KiB: the default of Forebay, 64 MB.
const PAGE_CACHE_KIB: usize = 64_000_000 / 1024;

/// A connection to SQLite.
pub(super) struct Bare {
    connection: Connection,
}

impl Bare {
    /// Opens one of `connections` connections to the file.
    pub(super) fn open(path: &Path, connections: usize) -> Result<Bare> {
        let connection = Connection::open(path)?;
        connection.execute_batch(&format!(
            "PRAGMA busy_timeout = 5000; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON; \
             PRAGMA temp_store = MEMORY; PRAGMA cache_size = -{};",
            (PAGE_CACHE_KIB / connections).max(100)
        ))?;
        connection.set_prepared_statement_cache_capacity(128);
        Ok(Bare { connection })
    }

    /// A number that changes whenever another connection, of any process, commits.
    pub(super) fn data_version(&self) -> Result<i64> {
        let mut statement = self.connection.prepare_cached("PRAGMA data_version")?;
        Ok(statement.query_row([], |row| row.get(0))?)
    }

    /// The answer of the database itself.
    pub(super) fn answer(&self, read: Read) -> Result<Answer> {
        let mut statement = self.connection.prepare_cached(read.shape().sql)?;
        let width = statement.column_count();
        let mut rows = match read.param() {
            Some(key) => statement.query([key])?,
            None => statement.query([])?,
        };
        let mut values = Vec::new();
        while let Some(row) = rows.next()? {
            for column in 0..width {
                values.push(own(row.get_ref(column)?)?);
            }
        }
        Ok(Answer::Own { width, values })
    }

    fn change(&mut self, write: &Write) -> Result<Receipt> {
        if let Write::Profile { user, about } = write {
            let version = first(&self.connection, sql::PROFILE, (about, user))?;
            return Ok(Receipt::profile(*user, version));
        }
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let receipt = change_in(&transaction, write)?;
        transaction.commit()?;
        Ok(receipt)
    }
}

impl Client for Bare {
    async fn read(&mut self, read: Read) -> Result<Answer> {
        self.answer(read)
    }

    async fn write(&mut self, write: Write) -> Result<Receipt> {
        self.change(&write)
    }

    /// Threads need no pause: the system takes turns among them.
    async fn pause(&mut self) {}
}

fn change_in(transaction: &Connection, write: &Write) -> Result<Receipt> {
    match write {
        Write::Vote { story, user } => {
            transaction.prepare_cached(sql::VOTE)?.execute((story, user))?;
            let mut update = transaction.prepare_cached(sql::COUNT_VOTE)?;
            let (version, votes) = update.query_one([story], |r| Ok((r.get(0)?, r.get(1)?)))?;
            Ok(Receipt::vote(*story, version, votes))
        }
        Write::Comment { story, user, body } => {
            let comment = first(transaction, sql::COMMENT, (story, user, body))?;
            let version = first(transaction, sql::COUNT_COMMENT, [story])?;
            Ok(Receipt::comment(*story, version, comment))
        }
        Write::Post { user, title, body, tags } => {
            let story = first(transaction, sql::POST, (user, title, body))?;
            for tag in tags {
                transaction.prepare_cached(sql::TAG)?.execute((story, tag))?;
            }
            Ok(Receipt::post(story, tags.len() as u64))
        }
        Write::Profile { user, about } => {
            Ok(Receipt::profile(*user, first(transaction, sql::PROFILE, (about, user))?))
        }
    }
}

/// The integer that a statement answers; it is run to its end, so that it is complete.
fn first(connection: &Connection, sql: &str, params: impl Params) -> Result<i64> {
    Ok(connection.prepare_cached(sql)?.query_one(params, |row| row.get(0))?)
}

fn own(value: ValueRef<'_>) -> Result<Value> {
    Ok(match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(n) => Value::Integer(n),
        ValueRef::Real(x) => Value::Real(x),
        ValueRef::Text(text) => Value::from(std::str::from_utf8(text)?),
        ValueRef::Blob(blob) => Value::from(blob),
    })
}
