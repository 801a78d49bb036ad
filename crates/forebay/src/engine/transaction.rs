//! Transactions around a caller's closure, and how a nested use of the database is noticed.

use std::future::Future;
use std::hash::{BuildHasher as _, RandomState};
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use super::call::Call;
use super::database::Engine;
use super::origin::Purpose;
use super::pinned::{Patience, Pinned};
use super::read::{Read, Source, WRITES};
use super::trip::{Brought, Errand, Trip};
use super::work::{Begin, Commit, RollBack, Run, Savepoint, Script};
use crate::backend::{Effect, Scope};
use crate::depend;
use crate::error::Result;
use crate::guard::{Stop, StopOnDrop};
use crate::isolation::TransactionOptions;
use crate::pool::HolderLabel;
use crate::sql::Bypass;

tokio::task_local! {
    /// The engines with a transaction open around the current task, innermost first.
    static OPEN: Vec<usize>;
}

fn identity<T>(of: &T) -> usize {
    std::ptr::from_ref(of).addr()
}

/// Whether the current task is inside a transaction on this engine, or inside a piece of work that
/// has this session.
pub(super) fn is_open_on<T>(of: &T) -> bool {
    OPEN.try_with(|open| open.contains(&identity(of))).unwrap_or(false)
}

/// Does `work` inside a transaction on this engine, or as one that has this session.
pub(super) fn open_on<T, W: Future>(
    of: &T,
    work: W,
) -> impl Future<Output = W::Output> + use<T, W> {
    let mut open = OPEN.try_with(Clone::clone).unwrap_or_default();
    open.insert(0, identity(of));
    OPEN.scope(open, work)
}

/// The longest pause before a transaction is tried again.
const RETRY_PAUSE_MAX: Duration = Duration::from_millis(100);

/// Runs `work` in a transaction on a connection that may write: committed when it returns `Ok`,
/// rolled back when it returns `Err`, panics, or is dropped.
pub(crate) fn transact<T, F>(
    engine: &Arc<Engine>,
    caller: &'static Location<'static>,
    options: &TransactionOptions,
    work: impl FnOnce(Arc<Pinned>) -> F,
) -> impl Future<Output = Result<T>>
where
    F: Future<Output = Result<T>>,
{
    transact_for(engine, caller, options, engine.patience(), work)
}

/// The same for as long as `patience` says.
pub(super) async fn transact_for<T, F>(
    engine: &Arc<Engine>,
    caller: &'static Location<'static>,
    options: &TransactionOptions,
    patience: Patience,
    work: impl FnOnce(Arc<Pinned>) -> F,
) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    engine.origin.check()?;
    engine.check_nested_write()?;
    // Its beginning is the call that is judged; how it goes on is its owner's affair.
    let admitted = engine.admit(None).await?;
    let begun = engine.begin(caller, options, patience).await;
    let _places = admitted.map(|admitted| admitted.ended(&begun));
    let pinned = begun?;
    let _release = Release(pinned.clone());
    let done = open_on::<Engine, _>(engine, work(pinned.clone())).await;
    match done {
        Ok(value) => {
            let done = pinned.run(Commit).await;
            engine.wrote();
            if done? {
                engine.forget_templates();
            }
            Ok(value)
        }
        Err(error) => {
            // What the caller wants to know is its own error, not how the rollback went.
            let _ = pinned.run(RollBack).await;
            Err(error)
        }
    }
}

/// The same, and again from its beginning as often as `options` allow, when the database could not
/// put the transaction in order with others.
pub(crate) async fn transact_again<T, F>(
    engine: &Arc<Engine>,
    caller: &'static Location<'static>,
    options: &TransactionOptions,
    mut work: impl FnMut(Arc<Pinned>) -> F,
) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    let mut tries = 0;
    loop {
        let done = transact(engine, caller, options, &mut work).await;
        match done {
            Err(error) if error.is_serialization_failure() && tries < options.retries => {
                tokio::time::sleep(pause(tries)).await;
                tries += 1;
            }
            done => return done,
        }
    }
}

/// A random time of up to 1 ms, 2 ms, 4 ms and so on, so that those who met do not meet again.
fn pause(tries: u32) -> Duration {
    let longest = Duration::from_millis(1 << tries.min(7)).min(RETRY_PAUSE_MAX);
    let chance = RandomState::default().hash_one(tries) as u32;
    longest.mul_f64(f64::from(chance) / f64::from(u32::MAX))
}

/// Ends a transaction, whatever happens around it.
pub(super) struct Release(pub(super) Arc<Pinned>);

impl Drop for Release {
    fn drop(&mut self) {
        self.0.release();
    }
}

impl Engine {
    pub(super) fn patience(&self) -> Patience {
        Patience { idle_max: self.transaction_idle_timeout, total_max: self.transaction_timeout }
    }

    async fn begin(
        &self,
        caller: &'static Location<'static>,
        options: &TransactionOptions,
        patience: Patience,
    ) -> Result<Arc<Pinned>> {
        let holder = HolderLabel { caller, statement: None };
        let writer = self.origin.acquire(Purpose::Write, holder).await?;
        let stop = Stop::at(None);
        let _stop = StopOnDrop(stop.clone());
        // Pinned first: when the caller is gone by the time it has begun, it is rolled back.
        let pinned = Pinned::new(writer, patience, self.closing.clone());
        pinned.run(Begin { options: options.clone(), stop }).await?;
        Ok(pinned)
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
        let admitted = self.admit_pinned(call).await?;
        let trip = Trip::here(&record, self.dialect());
        let deadline = call.deadline(self.statement_timeout).into_iter().chain(pinned.deadline());
        let stop = Stop::at(deadline.min());
        let _stop = StopOnDrop(stop.clone());
        let run = Run {
            sql: call.text.sql.into(),
            params: call.params.clone(),
            limits: call.limits,
            stop,
            scope,
            #[cfg(feature = "postgres")]
            proven: self.proven_first(call).await,
        };
        let done = pinned.run(run).await;
        if let Some(admitted) = admitted {
            drop(admitted.ended(&done));
        }
        self.note_trip(&trip, &Errand::of(call, &record), &Brought::of(&done));
        match done {
            Ok(answer) => {
                let source = match answer.effect {
                    Effect::Read => {
                        record.bypass(Bypass::Transaction);
                        Source::Unknown(Bypass::Transaction.reason())
                    }
                    _ => {
                        // It may be a COMMIT.
                        self.wrote();
                        record.write();
                        Source::Unknown(WRITES)
                    }
                };
                if matches!(answer.effect, Effect::Schema | Effect::Session) {
                    self.forget_templates();
                }
                Ok(Read::from_origin(answer, source))
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
        depend::doubt(WRITES);
        let stop = Stop::at(pinned.deadline());
        let _stop = StopOnDrop(stop.clone());
        let (sql, limit) = (sql.into(), self.statement_timeout);
        let done = pinned.run(Script { sql, limit, stop, scope }).await;
        self.wrote();
        self.forget_templates();
        done
    }

    /// Runs a savepoint statement of our own on a pinned connection.
    pub(crate) async fn savepoint(&self, pinned: &Pinned, sql: String) -> Result<()> {
        pinned.run(Savepoint(sql)).await
    }
}
