//! Transactions around a caller's closure, and how a nested use of the database is noticed.

use std::future::Future;
use std::panic::Location;
use std::sync::Arc;
use std::time::Instant;

use super::call::Call;
use super::database::Engine;
use super::pinned::{Patience, Pinned};
use super::read::{Read, finish};
use crate::backend::sqlite::{Budget, Connection, Request, Scope};
use crate::backend::{Collect, Effect};
use crate::error::Result;
use crate::guard::{Stop, StopOnDrop};
use crate::pool::HolderLabel;
use crate::sql::Bypass;

tokio::task_local! {
    /// The engines with a transaction open around the current task, innermost first.
    static OPEN: Vec<usize>;
}

fn identity(engine: &Engine) -> usize {
    std::ptr::from_ref(engine).addr()
}

/// Whether the current task is inside a transaction on `engine`.
pub(super) fn is_open_on(engine: &Engine) -> bool {
    OPEN.try_with(|open| open.contains(&identity(engine))).unwrap_or(false)
}

/// Runs `work` in a transaction on the writer: committed when it returns `Ok`, rolled back when
/// it returns `Err`, panics, or is dropped.
pub(crate) async fn transact<T, F>(
    engine: &Arc<Engine>,
    caller: &'static Location<'static>,
    work: impl FnOnce(Arc<Pinned>) -> F,
) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    engine.check_moved()?;
    engine.check_nested_write()?;
    let pinned = engine.begin(caller).await?;
    let _release = Release(pinned.clone());
    let mut open = OPEN.try_with(Clone::clone).unwrap_or_default();
    open.insert(0, identity(engine));
    let done = OPEN.scope(open, work(pinned.clone())).await;
    match done {
        Ok(value) => {
            pinned.run(|connection| connection.commit()).await?;
            engine.templates.clear();
            Ok(value)
        }
        Err(error) => {
            // What the caller wants to know is its own error, not how the rollback went.
            let _ = pinned.run(|connection| connection.roll_back()).await;
            Err(error)
        }
    }
}

/// Ends a transaction, whatever happens around it.
struct Release(Arc<Pinned>);

impl Drop for Release {
    fn drop(&mut self) {
        self.0.release();
    }
}

impl Engine {
    pub(super) fn patience(&self) -> Patience {
        Patience { idle_max: self.transaction_idle_timeout, total_max: self.transaction_timeout }
    }

    async fn begin(&self, caller: &'static Location<'static>) -> Result<Arc<Pinned>> {
        let mut writer = self.writer.acquire(HolderLabel { caller, statement: None }).await?;
        let stop = Stop::at(None);
        let _stop = StopOnDrop(stop.clone());
        let (patience, closing) = (self.patience(), self.closing.clone());
        // Pinned on the worker thread: when the caller is gone by then, it is rolled back.
        super::worker::blocking(move || {
            writer.begin_immediate(stop)?;
            Ok(Pinned::new(writer, patience, closing))
        })
        .await
    }

    /// Runs a statement on a pinned connection.
    pub(crate) async fn run_pinned(
        &self,
        pinned: &Pinned,
        call: &Call<'_>,
        scope: Scope,
    ) -> Result<Read> {
        let record = self.fingerprints.of(call.text.sql);
        if let Some(name) = call.name {
            self.set_name(&record, name);
        }
        let began = Instant::now();
        let deadline = call.deadline(self.statement_timeout).into_iter().chain(pinned.deadline());
        let stop = Stop::at(deadline.min());
        let _stop = StopOnDrop(stop.clone());
        let (sql, params, limits): (Arc<str>, _, _) =
            (call.text.sql.into(), call.params.clone(), call.limits);
        let done = pinned
            .run(move |connection| {
                let request = Request {
                    sql: &sql,
                    params: &params,
                    stop: Some(stop),
                    budget: Budget::Worker,
                    scope,
                    fill: false,
                };
                finish(connection.run(&request, &mut Collect::new(limits))?)
            })
            .await;
        record.origin(began.elapsed());
        match done {
            Ok(answer) => {
                match answer.effect {
                    Effect::Read => record.bypass(Bypass::Transaction),
                    _ => record.write(),
                }
                if matches!(answer.effect, Effect::Schema | Effect::Session) {
                    self.templates.clear();
                }
                Ok(Read::from_origin(answer, None))
            }
            Err(error) => {
                record.error();
                Err(error.with_statement(record.text().clone()))
            }
        }
    }

    /// Runs a script on a pinned connection.
    pub(crate) async fn script_pinned(
        &self,
        pinned: &Pinned,
        sql: &str,
        scope: Scope,
    ) -> Result<()> {
        let stop = Stop::at(pinned.deadline());
        let _stop = StopOnDrop(stop.clone());
        let (script, limit): (Arc<str>, _) = (sql.into(), self.statement_timeout);
        let work =
            move |connection: &mut Connection| connection.run_script(&script, stop, limit, scope);
        let done = pinned.run(work).await;
        self.templates.clear();
        done
    }

    /// Runs a savepoint statement of our own on a pinned connection.
    pub(crate) async fn savepoint(&self, pinned: &Pinned, sql: String) -> Result<()> {
        pinned.run(move |connection| connection.savepoint_statement(&sql)).await
    }
}
