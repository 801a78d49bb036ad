//! Several statements that take effect together or not at all, wherever their caller is: in a
//! transaction of their own, or in a savepoint of the one that is open. What the statements are is
//! not known here.

use std::future::Future;
use std::panic::Location;
use std::sync::Arc;
use std::time::{Duration, Instant};

#[cfg(feature = "postgres")]
use super::batch::CopyIn;
use super::batch::{Look, Many};
use super::call::Call;
use super::database::Engine;
use super::pinned::{Patience, Pinned};
use super::read::WRITES;
use super::session::SessionState;
use super::transaction::{open_on, transact_for};
use super::trip::{Brought, Errand, Trip};
use super::work::{Begin, Commit, RollBack};
#[cfg(feature = "postgres")]
use crate::backend::postgres;
use crate::backend::{Batch, Batched, Limits, Scope};
use crate::depend;
use crate::error::Result;
use crate::guard::{Stop, StopOnDrop};
use crate::isolation::TransactionOptions;
#[cfg(feature = "postgres")]
use crate::outcome::Outcome;
use crate::params::Params;
use crate::row::Rows;
use crate::value::Value;

/// The savepoint around a unit within a transaction.
const SAVEPOINT: &str = "forebay_unit";

/// Where a unit is asked for.
#[derive(Clone, Copy)]
pub(crate) enum Seat<'a> {
    Shared(&'a Arc<Engine>),
    Session(&'a Arc<Engine>, &'a SessionState),
    Transaction(&'a Arc<Engine>, &'a Arc<Pinned>),
}

/// A connection on which the statements of a unit run, one after another.
pub(crate) struct Hands {
    engine: Arc<Engine>,
    pinned: Arc<Pinned>,
    #[cfg_attr(not(feature = "postgres"), expect(dead_code))]
    caller: &'static Location<'static>,
}

impl<'a> Seat<'a> {
    pub(crate) fn engine(self) -> &'a Arc<Engine> {
        match self {
            Seat::Shared(engine) | Seat::Session(engine, _) | Seat::Transaction(engine, _) => {
                engine
            }
        }
    }

    /// Whether a transaction is open that began before the unit and goes on after it.
    pub(crate) fn is_within(self) -> bool {
        match self {
            Seat::Shared(_) => false,
            Seat::Session(_, session) => {
                session.pinned().is_some_and(|pinned| pinned.is_in_transaction())
            }
            Seat::Transaction(..) => true,
        }
    }

    /// Runs a read of our own that no cache is to know of, such as one of the catalogue, on the
    /// connection that the caller has, if it has one.
    pub(crate) async fn look(
        self,
        sql: &str,
        params: Params,
        caller: &'static Location<'static>,
    ) -> Result<Rows> {
        let engine = self.engine();
        match self {
            Seat::Transaction(_, pinned) => return engine.look(pinned, sql, params).await,
            Seat::Session(_, session) => {
                session.check_nested()?;
                let _turn = session.turn().await;
                if let Some(pinned) = session.pinned() {
                    return engine.look(&pinned, sql, params).await;
                }
            }
            Seat::Shared(_) => {}
        }
        let call = Call { params, no_cache: true, ..engine.call(sql, caller) }.unguarded();
        Box::pin(engine.run(&call)).await.map(|read| read.outcome.rows)
    }

    /// Runs a read with these parameters on the way of the caller's other statements.
    pub(crate) async fn read(
        self,
        sql: &str,
        params: Vec<Value>,
        caller: &'static Location<'static>,
    ) -> Result<Rows> {
        let engine = self.engine();
        let mut call = engine.call(sql, caller);
        params.into_iter().for_each(|value| call.params.push(value));
        let read = async {
            match self {
                Seat::Shared(_) => Box::pin(engine.run(&call)).await,
                Seat::Session(_, session) => Box::pin(engine.run_in_session(session, &call)).await,
                Seat::Transaction(_, pinned) => {
                    Box::pin(engine.run_pinned(pinned, &call, Scope::Transaction)).await
                }
            }
        };
        let pinned = match self {
            Seat::Shared(_) => None,
            Seat::Session(_, session) => session.transaction(),
            Seat::Transaction(_, pinned) => Some(pinned.clone()),
        };
        if let Some(scope) = engine.scope_of(&call, pinned.as_deref()) {
            let read = engine.observe(engine.noted(scope, &call, read));
            return Box::pin(read).await.map(|read| read.outcome.rows);
        }
        if depend::is_collecting() {
            return engine.observe(read).await.map(|read| read.outcome.rows);
        }
        read.await.map(|read| read.outcome.rows)
    }

    /// Does `work`, and keeps what it wrote if it returns `Ok`. Otherwise, and when the future is
    /// dropped, nothing of it stays; dropped within a transaction, that is over.
    ///
    /// A transaction of its own may lie idle as long as others may, and last for `total_max`.
    pub(crate) async fn unit<T, F>(
        self,
        caller: &'static Location<'static>,
        total_max: Option<Duration>,
        work: impl FnOnce(Hands) -> F,
    ) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        depend::doubt(WRITES);
        let engine = self.engine();
        let hands = |pinned| Hands { engine: engine.clone(), pinned, caller };
        let total_max = total_max.unwrap_or(Duration::MAX);
        let patience = Patience { total_max, ..engine.patience() };
        let options = TransactionOptions::default();
        let own = |pinned| work(hands(pinned));
        match self {
            Seat::Shared(_) => {
                Box::pin(transact_for(engine, caller, &options, patience, own)).await
            }
            Seat::Transaction(_, pinned) => {
                Box::pin(engine.within(pinned.clone(), own(pinned.clone()))).await
            }
            Seat::Session(_, session) => {
                session.check_nested()?;
                let _turn = session.turn().await;
                let done = match session.pinned() {
                    None => {
                        let own = |pinned| open_on(session, own(pinned));
                        Box::pin(transact_for(engine, caller, &options, patience, own)).await
                    }
                    Some(pinned) => {
                        let work = open_on(session, own(pinned.clone()));
                        if pinned.is_in_transaction() {
                            Box::pin(engine.within(pinned, work)).await
                        } else {
                            Box::pin(engine.around(pinned, work)).await
                        }
                    }
                };
                session.unpin_if_free();
                done
            }
        }
    }
}

impl Engine {
    /// Does `work` in a savepoint of the transaction that is open.
    async fn within<T>(
        &self,
        pinned: Arc<Pinned>,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let unfinished = Unfinished(Some(pinned.clone()));
        let began = Box::pin(self.savepoint(&pinned, format!("SAVEPOINT {SAVEPOINT}"))).await;
        let done = match began {
            Ok(()) => work.await,
            Err(error) => Err(error),
        };
        let ended = match &done {
            Ok(_) => self.savepoint(&pinned, format!("RELEASE {SAVEPOINT}")).await,
            Err(_) => {
                let undo = format!("ROLLBACK TO {SAVEPOINT}; RELEASE {SAVEPOINT}");
                self.savepoint(&pinned, undo).await
            }
        };
        if ended.is_ok() {
            unfinished.finish();
        }
        done.and_then(|value| ended.map(|()| value))
    }

    /// Does `work` in a transaction on a connection that a session has.
    async fn around<T>(
        &self,
        pinned: Arc<Pinned>,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let unfinished = Unfinished(Some(pinned.clone()));
        let stop = Stop::at(None);
        let _stop = StopOnDrop(stop.clone());
        let options = TransactionOptions::default();
        let began = pinned.run(Begin { options, stop }).await;
        let done = match began {
            Ok(()) => work.await,
            Err(error) => Err(error),
        };
        let done = match done {
            Ok(value) => {
                let done = pinned.run(Commit).await;
                self.wrote();
                if matches!(done, Ok(true)) {
                    self.forget_templates();
                }
                done.map(|_| value)
            }
            Err(error) => {
                // What the caller wants to know is its own error, not how the rollback went.
                let _ = pinned.run(RollBack).await;
                Err(error)
            }
        };
        unfinished.finish();
        done
    }

    /// Runs a read of our own that no cache is to know of, such as one of the catalogue.
    async fn look(&self, pinned: &Pinned, sql: &str, params: Params) -> Result<Rows> {
        let stop = Stop::at(self.limit_of_now());
        let _stop = StopOnDrop(stop.clone());
        let look = Look { sql: sql.into(), params, limits: self.limits(), stop };
        Box::pin(pinned.run(look)).await
    }

    /// When a statement that begins now has to end.
    fn limit_of_now(&self) -> Option<Instant> {
        self.statement_timeout.and_then(|limit| Instant::now().checked_add(limit))
    }
}

/// A unit at work on a connection that goes on after it. Dropped before its end, it takes the
/// transaction with it: what the unit has written so far must not be committed.
struct Unfinished(Option<Arc<Pinned>>);

impl Unfinished {
    fn finish(mut self) {
        self.0 = None;
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(pinned) = &self.0 {
            pinned.release();
        }
    }
}

impl Hands {
    /// Runs one statement that takes many rows as its parameters.
    #[cfg(feature = "postgres")]
    pub(crate) async fn run_whole(&self, sql: &str, params: Vec<Value>) -> Result<Batched> {
        let engine = &self.engine;
        let mut call = engine.call(sql, self.caller).unguarded();
        // What is not known of it would be fenced off as if it changed everything.
        drop(Box::pin(engine.template(&call)).await?);
        params.into_iter().for_each(|value| call.params.push(value));
        let run = engine.run_pinned(&self.pinned, &call, Scope::Transaction);
        let read = Box::pin(run).await?;
        let Outcome { rows, rows_affected: affected, .. } = read.outcome;
        Ok(Batched { affected, rows, fault: None, beside: None })
    }

    /// Copies rows into a table. `like` is an INSERT into the same columns: by it is known what may
    /// change.
    #[cfg(feature = "postgres")]
    pub(crate) async fn copy(&self, copy: postgres::Copy, like: &str) -> Result<Batched> {
        let (engine, sql) = (&self.engine, copy.sql.clone());
        let record = engine.fingerprints.of(&sql);
        let proven = engine.proven_of_any(like, self.caller).await?;
        let trip = Trip::here(&record, engine.dialect());
        let stop = Stop::at(engine.limit_of_now());
        let _stop = StopOnDrop(stop.clone());
        let done = Box::pin(self.pinned.run(CopyIn { copy, stop, proven })).await;
        record.write();
        let brought = Brought { rows: *done.as_ref().unwrap_or(&0), ..Brought::of_any(&done) };
        engine.note_trip(&trip, &Errand::bare(&record, &sql), &brought);
        match done {
            Ok(affected) => {
                let rows = Rows::new([].into(), Vec::new());
                Ok(Batched { affected, rows, fault: None, beside: None })
            }
            Err(error) => {
                record.error();
                Err(error.with_statement(record.text().clone()))
            }
        }
    }

    /// Runs a read of our own on the connection of the unit.
    #[cfg(feature = "postgres")]
    pub(crate) async fn look(&self, sql: &str, params: Params) -> Result<Rows> {
        self.engine.look(&self.pinned, sql, params).await
    }

    /// Runs a statement once for each row, up to the first that fails.
    pub(crate) async fn run_many(&self, sql: &Arc<str>, batch: Batch) -> Result<Batched> {
        let engine = &self.engine;
        let record = engine.fingerprints.of(sql);
        let trip = Trip::here(&record, engine.dialect());
        let stop = Stop::at(engine.limit_of_now());
        let _stop = StopOnDrop(stop.clone());
        let limits = Limits { rows_max: usize::MAX, bytes_max: usize::MAX };
        let many = Many {
            sql: sql.clone(),
            batch,
            limits,
            stop,
            #[cfg(feature = "postgres")]
            proven: engine.proven_of_any(sql, self.caller).await?,
        };
        // Boxed here and below: what waits for it keeps it within itself.
        let done = Box::pin(self.pinned.run(many)).await;
        record.write();
        let rows = done.as_ref().map_or(0, |batched| batched.affected);
        let failed = done.as_ref().map_or(true, |batched| batched.fault.is_some());
        let brought = Brought { rows, failed, ..Brought::of_any(&done) };
        engine.note_trip(&trip, &Errand::bare(&record, sql), &brought);
        match done {
            Ok(batched) if batched.fault.is_none() => Ok(batched),
            done => {
                record.error();
                done.map_err(|error| error.with_statement(record.text().clone()))
            }
        }
    }
}
