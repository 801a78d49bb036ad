//! How a statement runs at SQLite: on the caller's thread within a budget of VM steps, which spares
//! a short one the way to another thread and back, else on a worker thread. A write does so only
//! where it waits for no disk.

use std::sync::Arc;
use std::time::Instant;

use super::call::Call;
use super::connection::Connection;
use super::database::Engine;
use super::flight::{Landing, Working};
use super::read::finish;
use super::sqlite::Sqlite;
use super::template::{INLINE_STEPS, INLINE_WRITE_STEPS, Template};
use super::trip::Trip;
use super::worker::blocking;
use crate::backend::sqlite::{Budget, Connector, Ran, Request};
use crate::backend::{Answer, Collect, Effect, Scope};
use crate::error::Result;
use crate::guard::{Stop, StopOnDrop};
use crate::pool::Checkout;

/// Bytes of the parameters of a write up to which it runs on the caller's thread.
pub(super) const INLINE_BYTES_MAX: usize = 64 << 10;

impl Engine {
    /// Runs a short write. `None` where it has to run on a worker thread: nothing has happened.
    pub(super) fn write_inline(
        &self,
        writer: &mut Connection,
        call: &Call<'_>,
        template: &Template,
    ) -> Option<Result<Answer>> {
        let writer = writer.as_sqlite()?;
        let is_short = template.analysis.effect == Effect::Write
            && template.pace.is_short()
            && call.params.size() <= INLINE_BYTES_MAX;
        if !is_short || !writer.commits_at_once() {
            return None;
        }
        let request = Request {
            sql: call.text.sql,
            params: &call.params,
            stop: call.deadline(self.statement_timeout).map(|deadline| Stop::at(Some(deadline))),
            budget: Budget::Inline(INLINE_WRITE_STEPS),
            scope: Scope::Shared,
            fill: false,
        };
        let began = Instant::now();
        let ran = writer.run(&request, &mut Collect::new(call.limits));
        template.pace.took(began.elapsed());
        match ran {
            Ok(Ran::Done(answer)) => Some(Ok(answer)),
            Ok(Ran::NeedsWorker) => {
                template.pace.was_long();
                None
            }
            Err(error) => Some(Err(error)),
        }
    }

    /// The answer. Of the trip it says when it had a connection.
    pub(super) async fn read_at_sqlite(
        &self,
        sqlite: &Sqlite,
        call: &Call<'_>,
        template: &Arc<Template>,
        (fill, landing): (bool, Option<&Landing<'_>>),
        trip: &mut Trip,
    ) -> Result<Answer> {
        let holder = call.holder(Some(template.record.text().clone()));
        let mut reader = sqlite.readers.acquire(holder).await?;
        trip.arrive(reader.since());
        let deadline = call.deadline(self.statement_timeout);
        if template.pace.is_short() {
            let request = Request {
                sql: call.text.sql,
                params: &call.params,
                // Nobody can give up what runs without a pause.
                stop: deadline.map(|deadline| Stop::at(Some(deadline))),
                budget: Budget::Inline(INLINE_STEPS),
                scope: Scope::Shared,
                fill,
            };
            match reader.run(&request, &mut Collect::new(call.limits))? {
                Ran::Done(answer) => return Ok(answer),
                Ran::NeedsWorker => template.pace.was_long(),
            }
        }
        let working = landing.map(Landing::working);
        let work = self.read_on_worker(reader, call, template, deadline, (fill, working));
        let answer = Box::pin(work).await?;
        template.pace.was(answer.steps < INLINE_STEPS);
        Ok(answer)
    }

    async fn read_on_worker(
        &self,
        mut reader: Checkout<Connector>,
        call: &Call<'_>,
        template: &Template,
        deadline: Option<Instant>,
        (fill, working): (bool, Option<Working>),
    ) -> Result<Answer> {
        let stop = Stop::at(deadline);
        let _stop = StopOnDrop(stop.clone());
        let (sql, params, limits) = (template.text.sql.clone(), call.params.clone(), call.limits);
        blocking(move || {
            let _working = working;
            let request = Request {
                sql: &sql,
                params: &params,
                stop: Some(stop),
                budget: Budget::Worker,
                scope: Scope::Shared,
                fill,
            };
            finish(reader.run(&request, &mut Collect::new(limits))?)
        })
        .await
    }
}
