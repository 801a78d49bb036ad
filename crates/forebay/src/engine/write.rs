//! Writes: one after another, in the order in which they were asked for, on a worker thread.

use std::panic::Location;
use std::sync::Arc;
use std::time::Instant;

use super::call::Call;
use super::database::Engine;
use super::read::{Read, finish};
use super::template::Template;
use super::transaction;
use super::worker::blocking;
use crate::backend::sqlite::{Budget, Request, Scope};
use crate::backend::{Collect, Effect};
use crate::error::{Error, Result};
use crate::guard::{Stop, StopOnDrop};
use crate::pool::HolderLabel;

impl Engine {
    pub(super) async fn write(&self, call: &Call<'_>, template: &Arc<Template>) -> Result<Read> {
        template.record.write();
        self.check_nested_write()?;
        let holder = call.holder(Some(template.record.text().clone()));
        let mut writer = self.writer.acquire(holder).await?;
        let began = Instant::now();
        let stop = Stop::at(call.deadline(self.statement_timeout));
        let _stop = StopOnDrop(stop.clone());
        let (sql, params, limits) = (template.text.sql.clone(), call.params.clone(), call.limits);
        let done = blocking(move || {
            let request = Request {
                sql: &sql,
                params: &params,
                stop: Some(stop),
                budget: Budget::Worker,
                scope: Scope::Shared,
                fill: false,
            };
            finish(writer.run(&request, &mut Collect::new(limits))?)
        })
        .await;
        template.record.origin(began.elapsed());
        if template.analysis.effect == Effect::Schema {
            self.templates.clear();
        }
        Ok(Read::from_origin(done?, None))
    }

    /// Runs a script in one transaction.
    pub(crate) async fn script(&self, sql: &str, caller: &'static Location<'static>) -> Result<()> {
        self.check_moved()?;
        self.check_nested_write()?;
        let mut writer = self.writer.acquire(HolderLabel { caller, statement: None }).await?;
        let stop = Stop::at(None);
        let _stop = StopOnDrop(stop.clone());
        let (script, limit): (Arc<str>, _) = (sql.into(), self.statement_timeout);
        let done = blocking(move || {
            writer.begin_immediate(stop.clone())?;
            let ran = writer.run_script(&script, stop, limit, Scope::Shared);
            match ran {
                Ok(()) => writer.commit(),
                Err(error) => {
                    writer.roll_back()?;
                    Err(error)
                }
            }
        })
        .await;
        self.templates.clear();
        done
    }

    /// Refuses a use of the database that would wait for the transaction around it.
    pub(super) fn check_nested(&self) -> Result<()> {
        if self.is_single { self.check_nested_write() } else { Ok(()) }
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
