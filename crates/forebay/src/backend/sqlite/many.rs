//! Running one statement again and again with other parameters, within a transaction that is open:
//! it is prepared, judged and watched once.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

use rusqlite::Statement;

use super::analysis::Analysis;
use super::bind::{bind_row, row_places};
use super::catalogue;
use super::connection::{Connection, Work};
use super::fault;
use super::hooks::Hooked;
use super::run::owned;
use super::statements::Statements;
use crate::backend::{Batch, Batched, Effect, Limits, Scope};
use crate::error::{Error, Kind, Result};
use crate::guard::Stop;
use crate::invalidate::WriteSet;
use crate::row::Rows;
use crate::value::Value;

impl Connection {
    /// Runs `sql` once for each row of `batch`, up to the first that fails, which is told in what
    /// comes back. The open transaction keeps what ran before it; whoever began it decides.
    pub(crate) fn run_many(
        &mut self,
        sql: &str,
        batch: &Batch,
        limits: Limits,
        stop: &Arc<Stop>,
    ) -> Result<Batched> {
        self.end_snapshot();
        self.forget_pages();
        self.hooked.control().arm(Some(stop.clone()), None, self.busy_timeout);
        if stop.is_cancelled() {
            return Err(Error::new(Kind::Cancelled, "the operation was given up by its caller"));
        }
        self.check_open()?;
        self.refresh();
        let Connection { hooked, statements, work, .. } = self;
        let ran = catch_unwind(AssertUnwindSafe(|| {
            Many { hooked, statements, work, sql, batch, limits }.run()
        }));
        self.settle();
        let ran = ran.unwrap_or_else(|panic| resume_unwind(panic));
        self.statements.release(&self.hooked, sql);
        ran
    }
}

/// One run, with the parts of its connection.
struct Many<'c> {
    hooked: &'c Hooked,
    statements: &'c mut Statements,
    work: &'c mut Work,
    sql: &'c str,
    batch: &'c Batch,
    limits: Limits,
}

impl Many<'_> {
    fn run(&mut self) -> Result<Batched> {
        let (hooked, control) = (self.hooked, self.hooked.control());
        let (mut statement, analysis) = self.statements.prepare(hooked, self.sql)?;
        self.work.admit(hooked, Scope::Transaction, &analysis)?;
        if analysis.effect != Effect::Write {
            return Err(Error::usage(
                "a statement that is run for many rows must be an INSERT, UPDATE, DELETE or \
                 REPLACE; use `query` for reads, and `execute` for anything else",
            ));
        }
        let places = row_places(&mut statement, self.batch)?;
        if self.batch.counts_beside() {
            control.capture().count_beside();
        }
        let watch = analysis.watch(hooked);
        // What is observed from here on comes of SQLite preparing the statement again.
        control.take_observed();
        let mut batched = Batched::new(analysis.columns.clone());
        let mut values = Vec::new();
        for (index, row) in self.batch.rows().enumerate() {
            let stepped = self.step(&mut statement, &analysis, row, &places, &mut values);
            match stepped {
                Ok(affected) => batched.affected += affected,
                Err(error) => {
                    batched.fault = Some((index, error));
                    break;
                }
            }
        }
        self.work.note_write(true);
        drop(watch);
        batched.beside = control.capture().take_beside();
        let mut observed = control.take_observed();
        if let (Some(why), Some(fault)) = (observed.refused.take(), &mut batched.fault) {
            fault.1 = Error::new(Kind::Denied, why).with_code("SQLITE_AUTH");
        }
        if observed.any {
            // The schema may be another one than the one it was judged by.
            let connection = hooked.connection();
            let is_changed = catalogue::cookie(connection).ok() != Some(analysis.schema);
            if is_changed {
                statement.discard();
                self.statements.forget(self.sql);
            }
            if observed.may_write() && is_changed {
                self.work.writes = WriteSet::Everything;
            }
            let written = observed.writes.iter().map(|table| &**table);
            self.work.writes.merge(&WriteSet::tables(written));
        }
        batched.rows = Rows::new(analysis.columns.clone(), values);
        Ok(batched)
    }

    /// Runs it for one row: the rows that it has changed. What it answers is appended to `values`.
    fn step(
        &self,
        statement: &mut Statement<'_>,
        analysis: &Analysis,
        row: &[Value],
        places: &[usize],
        values: &mut Vec<Value>,
    ) -> Result<u64> {
        bind_row(statement, row, places)?;
        let control = self.hooked.control();
        let mut rows = statement.raw_query();
        let failed = |error| fault::from_driver(error, None, control.halt());
        while let Some(row) = rows.next().map_err(failed)? {
            for (index, column) in analysis.columns.iter().enumerate() {
                let value = row.get_ref(index).map_err(failed)?;
                values.push(owned(value, column)?);
            }
            let rows_max = self.limits.rows_max.saturating_mul(analysis.columns.len());
            if values.len() > rows_max {
                return Err(Error::new(
                    Kind::TooLarge,
                    "the statement answers more rows than its limit; use smaller chunks",
                ));
            }
        }
        drop(rows);
        Ok(self.hooked.connection().changes())
    }
}
