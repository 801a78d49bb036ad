//! Rules on how long rows are kept, as an application writes them.

use std::fmt;
use std::time::Duration;

use crate::error::{Error, Result};

/// Rows of one transaction unless it is said otherwise, and at most.
const BATCH: u64 = 500;
const BATCH_MAX: u64 = 100_000;

/// How long others may write between two of them.
const PAUSE: Duration = Duration::from_millis(50);

/// The shortest age that a rule may name: a mistake in it deletes what is in use.
const AGE_MIN: Duration = Duration::from_secs(60);

/// What a column has instants in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeUnit {
    /// Seconds since 1970.
    Seconds,
    /// Milliseconds since 1970.
    Millis,
    /// Microseconds since 1970.
    Micros,
    /// Nanoseconds since 1970.
    Nanos,
    /// Texts in UTC as SQLite's `datetime()` gives them: `2026-11-30 12:00:00`, or with a `T`.
    Text,
}

impl fmt::Display for TimeUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            TimeUnit::Seconds => "seconds",
            TimeUnit::Millis => "milliseconds",
            TimeUnit::Micros => "microseconds",
            TimeUnit::Nanos => "nanoseconds",
            TimeUnit::Text => "dates",
        })
    }
}

/// How long the rows of a table are kept: those of which `column` is older than an age are deleted,
/// or moved to an archive.
///
/// It is done in batches, each a transaction of its own, with pauses in which others write. The
/// writes are ordinary ones, so that answers in the cache stay exact. It can be stopped and killed
/// at any time; the batches that were committed stay, and the next run goes on.
///
/// At SQLite the column has numbers since 1970 or texts; which is found out from its newest value,
/// and rows with something else in it are kept. At PostgreSQL it has a timestamp, a date or a
/// number. An index on it keeps each batch from reading the whole table.
#[derive(Clone, Debug)]
#[must_use = "a rule does nothing until its task is run"]
pub struct Retention {
    pub(in crate::maintain) table: String,
    pub(super) column: String,
    pub(super) age: Duration,
    pub(super) unit: Option<TimeUnit>,
    pub(super) condition: Option<String>,
    pub(super) batch: u64,
    pub(super) pause: Duration,
    pub(super) archive: Option<String>,
}

impl Retention {
    /// Rows of `table` of which `column` is more than `age` ago are deleted. At PostgreSQL the
    /// table may have its schema before it.
    pub fn new(table: impl Into<String>, column: impl Into<String>, age: Duration) -> Retention {
        Retention {
            table: table.into(),
            column: column.into(),
            age,
            unit: None,
            condition: None,
            batch: BATCH,
            pause: PAUSE,
            archive: None,
        }
    }

    /// What the column has instants in. If its newest value looks like something else, nothing is
    /// done, and the run fails.
    pub fn unit(mut self, unit: TimeUnit) -> Retention {
        self.unit = Some(unit);
        self
    }

    /// Only rows that meet this condition, in SQL and without parameters, are deleted:
    /// `status = 'done'`. It becomes part of a statement as it is; never make it of what somebody
    /// else has entered.
    pub fn only(mut self, condition: impl Into<String>) -> Retention {
        self.condition = Some(condition.into());
        self
    }

    /// Rows of one transaction, from 1 to 100,000; 500 by default.
    pub fn batch(mut self, rows: u64) -> Retention {
        self.batch = rows;
        self
    }

    /// How long to rest after each of them; 50 ms by default.
    pub fn pause(mut self, pause: Duration) -> Retention {
        self.pause = pause;
        self
    }

    /// The rows are moved to the SQLite database at this URL and not deleted; see
    /// [`crate::Archive`], by which it is done, and [`crate::Routed`], through which they go on to
    /// be read. Only at SQLite.
    pub fn archive(mut self, url: impl Into<String>) -> Retention {
        self.archive = Some(url.into());
        self
    }

    pub(super) fn check(&self, task: &str, is_sqlite: bool) -> Result<()> {
        let wrong = |what: &str| Err(Error::usage(format!("{task}: {what}")));
        if self.table.is_empty() || self.column.is_empty() {
            return wrong("name the table and the column that rows go by");
        }
        if self.age < AGE_MIN {
            return wrong("rows are kept for a minute at least");
        }
        if self.batch == 0 || self.batch > BATCH_MAX {
            return wrong("a batch has 1 to 100,000 rows");
        }
        if self.archive.is_some() && !is_sqlite {
            return wrong("only rows of SQLite databases are moved to an archive on a schedule");
        }
        if self.archive.is_some() && self.condition.is_some() {
            return wrong("rows are moved to an archive by their age alone, without a condition");
        }
        Ok(())
    }
}
