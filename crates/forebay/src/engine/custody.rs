//! A connection that one piece of work keeps for as long as it takes: scripts, in transactions of
//! theirs or outside, beside which nothing else runs on it. What the scripts are for is not known
//! here.

use std::ops::Range;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use super::database::Engine;
#[cfg(feature = "postgres")]
use super::link::Link;
use super::origin::Purpose;
use super::pinned::{Patience, Pinned};
use super::read::WRITES;
use super::work::{Begin, Commit, RollBack, Work};
use crate::backend::{Scope, sqlite};
use crate::depend;
use crate::error::{Error, Result};
use crate::guard::{Stop, StopOnDrop};
use crate::isolation::TransactionOptions;
use crate::params::Params;
use crate::pool::HolderLabel;
use crate::row::Rows;
use crate::sql::Dialect;

/// A connection in the hands of one piece of work. Dropped, it is given back clean: what is open is
/// rolled back, and what was set or locked in its session is not any more.
pub(crate) struct Custody {
    engine: Arc<Engine>,
    pinned: Arc<Pinned>,
    caller: &'static Location<'static>,
}

impl Custody {
    /// Takes a connection of those for sessions, past the guards of the application.
    pub(crate) async fn take(
        engine: &Arc<Engine>,
        caller: &'static Location<'static>,
    ) -> Result<Custody> {
        engine.origin.check()?;
        depend::doubt(WRITES);
        engine.check_nested_write()?;
        let holder = HolderLabel { caller, statement: None };
        let connection = engine.origin.acquire(Purpose::Session, holder).await?;
        // Between two statements it has nobody to wait for.
        let patience = Patience { total_max: Duration::MAX, ..engine.patience() };
        let pinned = Pinned::new(connection, patience, engine.closing.clone());
        Ok(Custody { engine: engine.clone(), pinned, caller })
    }

    pub(crate) fn dialect(&self) -> Dialect {
        self.engine.origin.dialect()
    }

    /// Whether a transaction is open.
    pub(crate) fn is_in_transaction(&self) -> bool {
        self.pinned.is_in_transaction()
    }

    /// Begins a transaction that may write.
    pub(crate) async fn begin(&self) -> Result<()> {
        let stop = Stop::at(None);
        let _stop = StopOnDrop(stop.clone());
        self.pinned.run(Begin { options: TransactionOptions::default(), stop }).await
    }

    pub(crate) async fn commit(&self) -> Result<()> {
        let done = self.pinned.run(Commit).await;
        self.has_written();
        done.map(drop)
    }

    pub(crate) async fn roll_back(&self) -> Result<()> {
        self.pinned.run(RollBack).await
    }

    /// Runs these parts of a script one after another, whatever time they take, up to the first
    /// that fails: its place among them, and why.
    pub(crate) async fn run(
        &self,
        script: &Arc<str>,
        parts: Vec<Range<usize>>,
        is_in_transaction: bool,
    ) -> Result<Option<(usize, Error)>> {
        let scope = if is_in_transaction { Scope::Transaction } else { Scope::Session };
        let stop = Stop::at(None);
        let _stop = StopOnDrop(stop.clone());
        let done = self.pinned.run(Parts { script: script.clone(), parts, scope, stop }).await;
        self.has_written();
        done
    }

    /// Runs one script of our own.
    pub(crate) async fn script(&self, script: &str, is_in_transaction: bool) -> Result<()> {
        let script: Arc<str> = script.into();
        let whole = Range { start: 0, end: script.len() };
        match self.run(&script, vec![whole], is_in_transaction).await? {
            Some((_, error)) => Err(error),
            None => Ok(()),
        }
    }

    /// Runs a statement of our own that answers rows, past the cache.
    pub(crate) async fn rows(&self, sql: &str) -> Result<Rows> {
        let mut call = self.engine.call(sql, self.caller).unguarded();
        (call.no_cache, call.params) = (true, Params::default());
        let read = Box::pin(self.engine.run_pinned(&self.pinned, &call, Scope::Session)).await;
        read.map(|read| read.outcome.rows)
    }

    fn has_written(&self) {
        self.engine.wrote();
        self.engine.forget_templates();
    }
}

impl Drop for Custody {
    fn drop(&mut self) {
        self.pinned.release();
    }
}

/// Parts of a script, one after another.
struct Parts {
    script: Arc<str>,
    parts: Vec<Range<usize>>,
    scope: Scope,
    stop: Arc<Stop>,
}

impl Work for Parts {
    type Done = Option<(usize, Error)>;

    fn on_sqlite(self, connection: &mut sqlite::Connection) -> Result<Self::Done> {
        for (place, part) in self.parts.into_iter().enumerate() {
            let part = &self.script[part];
            if let Err(error) = connection.run_script(part, self.stop.clone(), None, self.scope) {
                return Ok(Some((place, error)));
            }
        }
        Ok(None)
    }

    #[cfg(feature = "postgres")]
    async fn on_postgres(self, link: &mut Link) -> Result<Self::Done> {
        link.note_change();
        for (place, part) in self.parts.into_iter().enumerate() {
            let part: Arc<str> = self.script[part].into();
            // In a transaction nothing can be committed before its end, which has a fence of its
            // own around whatever was noted by the first.
            let is_fenced = place == 0 || self.scope != Scope::Transaction;
            let fence = if is_fenced { link.fence_script() } else { None };
            let done = link.connection().run_fenced_script(part, self.stop.deadline(), fence);
            if let Err(error) = done.await {
                return Ok(Some((place, error)));
            }
        }
        Ok(None)
    }
}
