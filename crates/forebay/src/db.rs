//! The handle an application holds. It composes nothing: it asks the engine.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::sync::Arc;

use crate::control::CacheControl;
use crate::engine::{Engine, transact, transact_again};
use crate::error::Result;
use crate::isolation::TransactionOptions;
use crate::outcome::{Describe, Explanation};
use crate::prepared::Prepared;
use crate::query::{Execute, Query, Target};
use crate::session::{Session, Transaction};
use crate::stats::Stats;

/// A database. A clone is cheap and shares everything.
#[derive(Clone)]
pub struct Db {
    engine: Arc<Engine>,
}

impl Db {
    pub(crate) fn new(engine: Arc<Engine>) -> Db {
        Db { engine }
    }

    /// What it asks, for tests of what is behind it.
    #[cfg(test)]
    pub(crate) fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// A statement that answers rows; reads are served from the cache where that is exact.
    #[inline]
    #[track_caller]
    pub fn query<'a>(&'a self, sql: &'a str) -> Query<'a> {
        Query::new(Target::Shared(&self.engine), sql, Location::caller())
    }

    /// A statement whose rows do not matter. Await it.
    #[track_caller]
    pub fn execute<'a>(&'a self, sql: &'a str) -> Execute<'a> {
        Execute(self.query(sql))
    }

    /// A statement to be run again and again: its text is taken in once. It takes the same way as
    /// [`Db::query`] and [`Db::execute`], with the same answers; what the text means is found out
    /// when it is run, and again after the schema has changed.
    pub fn prepare(&self, sql: &str) -> Prepared {
        Prepared::new(self.engine.clone(), sql)
    }

    /// Runs the statements of a script, separated by `;`, in one transaction, without parameters.
    /// When one fails, none has an effect.
    #[track_caller]
    pub fn execute_batch<'a>(&'a self, sql: &'a str) -> impl Future<Output = Result<()>> + Send {
        let caller = Location::caller();
        async move { self.engine.script(sql, caller).await }
    }

    /// Runs `work` in a transaction that holds the write lock from its beginning: committed when
    /// it returns `Ok`, rolled back when it returns `Err`, panics or is dropped.
    ///
    /// Transactions are queued fairly with other writes. One that lies idle or lasts too long is
    /// rolled back (see the builder's `transaction_idle_timeout` and `transaction_timeout`).
    #[track_caller]
    pub fn transaction<T, F, Fut>(&self, work: F) -> impl Future<Output = Result<T>>
    where
        F: FnOnce(Transaction) -> Fut,
        Fut: Future<Output = Result<T>>,
    {
        let caller = Location::caller();
        async move {
            let handle = |pinned| work(Transaction::new(self.engine.clone(), pinned));
            transact(&self.engine, caller, &TransactionOptions::default(), handle).await
        }
    }

    /// The same under `options`; `work` is called again for each try that they allow, and what it
    /// did before is rolled back then.
    #[track_caller]
    pub fn transaction_with<T, F, Fut>(
        &self,
        options: TransactionOptions,
        mut work: F,
    ) -> impl Future<Output = Result<T>>
    where
        F: FnMut(Transaction) -> Fut,
        Fut: Future<Output = Result<T>>,
    {
        let caller = Location::caller();
        async move {
            let handle = |pinned| work(Transaction::new(self.engine.clone(), pinned));
            transact_again(&self.engine, caller, &options, handle).await
        }
    }

    /// A session: statements in order, with transactions by `BEGIN` and `COMMIT`. It holds a
    /// connection only while a transaction is open or a setting of its own is in force.
    pub fn session(&self) -> Session {
        Session::new(self.engine.clone())
    }

    /// What a statement takes and gives, without running it.
    #[track_caller]
    pub fn describe<'a>(&'a self, sql: &'a str) -> impl Future<Output = Result<Describe>> + Send {
        let call = self.query(sql).into_call();
        async move { self.engine.describe(call).await }
    }

    /// Whether a statement is cached and why, what it reads, and its query plan. Nothing is run.
    #[track_caller]
    pub fn explain<'a>(&'a self, sql: &'a str) -> impl Future<Output = Result<Explanation>> + Send {
        let call = self.query(sql).into_call();
        async move { self.engine.explain(call).await }
    }

    /// The switches of the cache, and the way to empty it.
    pub fn cache(&self) -> CacheControl<'_> {
        CacheControl::new(&self.engine)
    }

    /// Deletes the answers of queries with this tag ([`Query::tag`]), those that are being read
    /// included: what is served after it returns was read after it was called. No I/O; its cost
    /// does not depend on how many there are.
    pub fn delete_by_tag(&self, tag: &str) {
        self.engine.delete_by_tag(tag);
    }

    /// Counters since the database was opened.
    pub fn stats(&self) -> Stats {
        self.engine.stats()
    }

    /// One trivial statement on a reader, past the cache and past the builder's guards.
    #[track_caller]
    pub fn ping(&self) -> impl Future<Output = Result<()>> + Send {
        let query = self.query("SELECT 1").named("ping").no_cache().unguarded();
        async move { query.fetch().await.map(|_| ()) }
    }

    /// Waits for statements in flight, then closes every connection. Later calls fail with
    /// [`crate::Error::is_closed`].
    pub async fn close(&self) {
        self.engine.close().await;
    }
}

impl fmt::Debug for Db {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Db").finish_non_exhaustive()
    }
}
