//! Writes: one after another, in the order in which they were asked for; on a worker thread, but
//! for short ones at SQLite.

use std::panic::Location;
use std::sync::Arc;
use std::time::Instant;

use super::call::Call;
use super::connection::{Connection, perform};
use super::database::Engine;
use super::origin::Purpose;
use super::read::{Read, Source, WRITES};
use super::template::{INLINE_WRITE_STEPS, Template};
use super::transaction;
use super::trip::{Brought, Errand, Trip};
use super::work::{Run, Script, WholeScript};
use crate::backend::{Answer, Effect, Scope};
use crate::depend;
use crate::error::{Error, Result};
use crate::guard::{Stop, StopOnDrop};
use crate::pool::HolderLabel;

impl Engine {
    pub(super) async fn write(&self, call: &Call<'_>, template: &Arc<Template>) -> Result<Read> {
        template.record.write();
        self.check_nested_write()?;
        let mut trip = Trip::begin(&template.record, self.dialect());
        let holder = call.holder(Some(template.record.text().clone()));
        let mut writer = self.acquire_for(call, Purpose::Write, holder).await?;
        trip.arrive(Instant::now());
        let done = match self.write_inline(&mut writer, call, template) {
            Some(done) => done,
            None => self.write_on_worker(writer, call, template).await,
        };
        self.wrote();
        self.note_trip(&trip, &Errand::of(call, &template.record), &Brought::of(&done));
        if template.analysis.effect == Effect::Schema {
            self.forget_templates();
        }
        Ok(Read::from_origin(done?, Source::Unknown(WRITES)))
    }

    /// Runs a write at SQLite on a worker thread; at PostgreSQL the caller waits for the server.
    async fn write_on_worker(
        &self,
        writer: Connection,
        call: &Call<'_>,
        template: &Template,
    ) -> Result<Answer> {
        let stop = Stop::at(call.deadline(self.statement_timeout));
        let _stop = StopOnDrop(stop.clone());
        let run = Run {
            sql: template.text.sql.clone(),
            params: call.params.clone(),
            limits: call.limits,
            stop,
            scope: Scope::Shared,
            #[cfg(feature = "postgres")]
            proven: template.proven(&call.params),
        };
        let answer = perform(writer, run).await?;
        template.pace.was(answer.steps < INLINE_WRITE_STEPS);
        Ok(answer)
    }

    /// Runs a script in one transaction.
    pub(crate) async fn script(&self, sql: &str, caller: &'static Location<'static>) -> Result<()> {
        self.origin.check()?;
        depend::doubt(WRITES);
        self.check_nested_write()?;
        let run = self.run_script(sql, caller);
        self.guard(None, run).await
    }

    async fn run_script(&self, sql: &str, caller: &'static Location<'static>) -> Result<()> {
        let holder = HolderLabel { caller, statement: None };
        let writer = self.origin.acquire(Purpose::Write, holder).await?;
        let stop = Stop::at(None);
        let _stop = StopOnDrop(stop.clone());
        let (sql, limit) = (sql.into(), self.statement_timeout);
        let script = Script { sql, limit, stop, scope: Scope::Shared };
        let done = perform(writer, WholeScript(script)).await;
        self.wrote();
        self.forget_templates();
        done
    }

    /// Refuses a use of the database that would wait for the transaction around it.
    pub(super) fn check_nested(&self) -> Result<()> {
        if self.origin.is_single() { self.check_nested_write() } else { Ok(()) }
    }

    /// Refuses a write that would wait for the transaction around it.
    pub(super) fn check_nested_write(&self) -> Result<()> {
        if transaction::is_open_on(self) {
            return Err(Error::usage(
                "the database was used inside its own `transaction`, which would wait for itself \
                 forever; use the transaction's handle instead",
            ));
        }
        Ok(())
    }
}
