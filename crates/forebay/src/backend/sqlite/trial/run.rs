//! Running a statement on the copy to see what it costs. What writes is rolled back.

use std::hash::{Hash as _, Hasher as _};
use std::time::Duration;

use rusqlite::types::ValueRef;
use rusqlite::{ErrorCode, Statement, StatementStatus};

use super::copy::{Trial, fail};
use super::watchdog::within;
use crate::error::{Error, Result};
use crate::value::Value;

/// What one run of a statement cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ran {
    /// Instructions of SQLite's virtual machine.
    pub(crate) steps: u64,
    /// Of the processor, where the system tells, so that others who run do not matter.
    pub(crate) time: Duration,
    /// Rows that it gave, or changed.
    pub(crate) rows: u64,
    /// Of all rows, whatever their order.
    pub(crate) digest: u64,
    /// It was ended after the longest that a statement may run.
    pub(crate) is_cut: bool,
}

/// The time that this thread has taken.
#[cfg(unix)]
struct Spent(Duration);

#[cfg(unix)]
impl Spent {
    fn now() -> Spent {
        let spent = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        Spent(Duration::try_from(spent).unwrap_or_default())
    }

    fn elapsed(&self) -> Duration {
        Spent::now().0.saturating_sub(self.0)
    }
}

#[cfg(not(unix))]
use std::time::Instant as Spent;

impl Trial {
    /// Runs a statement once. `params` are the values of its parameters by number.
    pub(crate) fn run(&self, sql: &str, params: &[Value]) -> Result<Ran> {
        let mut statement = self.prepare(sql, params)?;
        if statement.readonly() {
            return self.step(&mut statement);
        }
        self.connection.execute_batch("BEGIN IMMEDIATE").map_err(fail)?;
        let before = self.connection.total_changes();
        let ran = self.step(&mut statement);
        let changed = self.connection.total_changes().saturating_sub(before);
        drop(statement);
        // A failure may have ended the transaction by itself.
        if !self.connection.is_autocommit() {
            self.connection.execute_batch("ROLLBACK").map_err(fail)?;
        }
        Ok(Ran { rows: changed, ..ran? })
    }

    /// Does something while foreign keys are not looked after; then they are as before.
    pub(crate) fn without_references<T>(&self, work: impl FnOnce(&Trial) -> T) -> Result<T> {
        let key = "foreign_keys";
        let before: bool =
            self.connection.pragma_query_value(None, key, |row| row.get(0)).map_err(fail)?;
        self.connection.pragma_update(None, key, false).map_err(fail)?;
        let done = work(self);
        self.connection.pragma_update(None, key, before).map_err(fail)?;
        Ok(done)
    }

    /// The lines of the plan by which a statement would be run with these values.
    pub(crate) fn plan(&self, sql: &str, params: &[Value]) -> Result<Vec<String>> {
        let mut statement = self.prepare(&format!("EXPLAIN QUERY PLAN {sql}"), params)?;
        let mut rows = statement.raw_query();
        let mut lines = Vec::new();
        while let Some(row) = rows.next().map_err(fail)? {
            lines.push(row.get::<_, String>(3).map_err(fail)?);
        }
        Ok(lines)
    }

    /// How many parameters a statement has, and whether it only reads. An error if it is not one
    /// that reads or writes rows, or cannot be prepared here.
    pub(crate) fn look_at(&self, sql: &str) -> Result<(usize, bool)> {
        let statement = self.connection.prepare(sql).map_err(fail)?;
        if statement.is_explain() != 0 {
            return Err(Error::usage("it is an EXPLAIN"));
        }
        Ok((statement.parameter_count(), statement.readonly()))
    }

    fn prepare(&self, sql: &str, params: &[Value]) -> Result<Statement<'_>> {
        let mut statement = self.connection.prepare(sql).map_err(fail)?;
        let wanted = statement.parameter_count();
        if wanted != params.len() {
            let given = params.len();
            return Err(Error::usage(format!(
                "it has {wanted} parameters, and {given} values were given"
            )));
        }
        for (place, value) in params.iter().enumerate() {
            statement.raw_bind_parameter(place + 1, value).map_err(fail)?;
        }
        Ok(statement)
    }

    fn step(&self, statement: &mut Statement<'_>) -> Result<Ran> {
        let width = statement.column_count();
        let (mut count, mut digest, mut time) = (0, 0u64, Duration::ZERO);
        let stepped = self.within(|| {
            let began = Spent::now();
            let mut rows = statement.raw_query();
            let ended = loop {
                match rows.next() {
                    Ok(Some(row)) => {
                        count += 1;
                        digest = digest.wrapping_add(digested(row, width));
                    }
                    Ok(None) => break Ok(()),
                    Err(error) => break Err(error),
                }
            };
            time = began.elapsed();
            ended
        });
        let is_cut = match stepped {
            Ok(()) => false,
            Err(rusqlite::Error::SqliteFailure(failure, _))
                if failure.code == ErrorCode::OperationInterrupted =>
            {
                true
            }
            Err(error) => return Err(fail(error)),
        };
        let steps = statement.get_status(StatementStatus::VmStep);
        let steps = u64::try_from(steps).unwrap_or(0);
        Ok(Ran { steps, time, rows: count, digest, is_cut })
    }

    /// Runs `work`, which builds something, and ends it if that takes far too long.
    pub(super) fn within_long<T>(
        &self,
        work: impl FnOnce() -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let limit = self.run_max.saturating_mul(BUILDING);
        within(&self.connection.get_interrupt_handle(), limit, work)
    }

    /// Runs `work`, and ends what it runs after the longest that a statement may run.
    pub(super) fn within<T>(
        &self,
        work: impl FnOnce() -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        within(&self.connection.get_interrupt_handle(), self.run_max, work)
    }
}

/// Building may take so many times as long as running a statement.
const BUILDING: u32 = 12;

fn digested(row: &rusqlite::Row<'_>, width: usize) -> u64 {
    let mut hasher = std::hash::DefaultHasher::new();
    for place in 0..width {
        match row.get_ref(place) {
            Ok(ValueRef::Null) | Err(_) => 0u8.hash(&mut hasher),
            Ok(ValueRef::Integer(n)) => (1u8, n).hash(&mut hasher),
            Ok(ValueRef::Real(x)) => (2u8, x.to_bits()).hash(&mut hasher),
            Ok(ValueRef::Text(bytes)) => (3u8, bytes).hash(&mut hasher),
            Ok(ValueRef::Blob(bytes)) => (4u8, bytes).hash(&mut hasher),
        }
    }
    hasher.finish()
}
