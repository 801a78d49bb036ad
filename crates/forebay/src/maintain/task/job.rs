//! One run of a task as the task sees it: whom it may ask, until when, and what it says.

use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::db::Db;
use crate::error::Result;
use crate::health::HealthCheck;
use crate::maintain::report::MaintenanceOutcome;
use crate::query::Query;
use crate::row::Rows;
use crate::sql::Dialect;
use crate::value::Value;

/// Lines that a run says at most; what is beyond is counted.
const SAID_MAX: usize = 100;

/// The shortest time that a statement is given; what would begin later does not begin.
const STATEMENT_MIN: Duration = Duration::from_millis(100);

/// A run.
pub(in crate::maintain) struct Job<'a> {
    pub(in crate::maintain) db: &'a Db,
    pub(in crate::maintain) is_dry_run: bool,
    /// When it has to have ended.
    pub(in crate::maintain) until: Instant,
    /// Whether all of it is to end.
    pub(in crate::maintain) stop: watch::Receiver<bool>,
}

/// What came of it.
#[derive(Debug)]
pub(in crate::maintain) struct Done {
    pub(in crate::maintain) outcome: MaintenanceOutcome,
    pub(in crate::maintain) said: Vec<String>,
    pub(in crate::maintain) checks: Vec<HealthCheck>,
    left_out: usize,
}

impl Done {
    pub(in crate::maintain) fn new() -> Done {
        Done {
            outcome: MaintenanceOutcome::Done,
            said: Vec::new(),
            checks: Vec::new(),
            left_out: 0,
        }
    }

    pub(in crate::maintain) fn with(outcome: MaintenanceOutcome, why: impl Into<String>) -> Done {
        let mut done = Done::new();
        done.outcome = outcome;
        done.say(why);
        done
    }

    pub(super) fn skipped(why: impl Into<String>) -> Done {
        Done::with(MaintenanceOutcome::Skipped, why)
    }

    pub(in crate::maintain) fn say(&mut self, line: impl Into<String>) {
        if self.said.len() < SAID_MAX {
            self.said.push(line.into());
        } else {
            self.left_out += 1;
        }
    }

    /// Its lines, with how many there were beyond the bound.
    pub(in crate::maintain) fn into_said(mut self) -> Vec<String> {
        if self.left_out > 0 {
            self.said.push(format!("and {} lines more", self.left_out));
        }
        self.said
    }

    /// Notes that it has to end before its end, for this reason.
    pub(super) fn cut_short(&mut self, why: Over) {
        let (outcome, line) = match why {
            Over::Late => {
                (MaintenanceOutcome::Unfinished, "its time was over; it goes on next time")
            }
            Over::Stopped => (MaintenanceOutcome::Stopped, "it was stopped; it goes on next time"),
        };
        self.outcome = outcome;
        self.say(line);
    }
}

/// Why a run has to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Over {
    Late,
    Stopped,
}

impl<'a> Job<'a> {
    pub(super) fn dialect(&self) -> Dialect {
        self.db.engine().dialect()
    }

    pub(super) fn is_sqlite(&self) -> bool {
        self.dialect() == Dialect::Sqlite
    }

    /// The time that is left.
    pub(super) fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }

    /// Whether it has to end now.
    pub(super) fn over(&self) -> Option<Over> {
        if *self.stop.borrow() {
            return Some(Over::Stopped);
        }
        (self.left() < STATEMENT_MIN).then_some(Over::Late)
    }

    /// A statement, past the guards of the application, which has the time that is left.
    pub(super) fn query(&self, sql: &'a str) -> Query<'a> {
        self.within(sql, Duration::MAX)
    }

    /// The same within a time of its own.
    pub(super) fn within<'q>(&self, sql: &'q str, limit: Duration) -> Query<'q>
    where
        'a: 'q,
    {
        let query = self.db.query(sql).named("maintenance").no_cache().unguarded();
        query.timeout(self.left().min(limit).max(STATEMENT_MIN))
    }

    pub(super) async fn rows(&self, sql: &str) -> Result<Rows> {
        Ok(self.within(sql, Duration::MAX).fetch().await?.rows)
    }

    /// The first value of the answer as a whole number; 0 if it is none.
    pub(super) async fn number(&self, sql: &str) -> Result<u64> {
        let rows = self.rows(sql).await?;
        let first = if rows.is_empty() { None } else { rows.values(0).first() };
        Ok(first.and_then(whole).unwrap_or(0))
    }

    /// The texts in the first column of the answer.
    pub(super) async fn texts(&self, sql: &str) -> Result<Vec<String>> {
        let rows = self.rows(sql).await?;
        Ok((0..rows.len()).filter_map(|row| text(rows.values(row).first()?)).collect())
    }

    /// Rests for so long, or until it has to stop.
    pub(super) async fn pause(&mut self, pause: Duration) {
        if pause.is_zero() || *self.stop.borrow() {
            return;
        }
        let stopped = self.stop.wait_for(|is_stopped| *is_stopped);
        // Nobody who could stop it any more means to stop, which the next look finds out.
        let _ = tokio::time::timeout(pause.min(self.until - Instant::now()), stopped).await;
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
