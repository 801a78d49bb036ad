//! The handle an application holds. It composes nothing: it asks the engine.

use std::future::Future;

use crate::error::Result;
use crate::explain::Explanation;
use crate::query::{Execute, Query};
use crate::session::{Session, Transaction};
use crate::stats::Stats;

/// A database. A clone is cheap and shares everything.
#[derive(Clone)]
pub struct Db {}

/// What a statement takes and gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Describe {
    /// The parameters in order, with their name (`:id`, `?1`) where they have one.
    pub params: Vec<Option<String>>,
    /// The columns of the answer.
    pub columns: Vec<crate::row::Column>,
    /// Whether it is an EXPLAIN.
    pub is_explain: bool,
    /// Whether it writes nothing to the database.
    pub is_readonly: bool,
}

impl Db {
    /// A statement that answers rows; reads are served from the cache where that is exact.
    #[track_caller]
    pub fn query<'a>(&'a self, sql: &'a str) -> Query<'a> {
        let _ = sql;
        todo!()
    }

    /// A statement whose rows do not matter. Await it.
    #[track_caller]
    pub fn execute<'a>(&'a self, sql: &'a str) -> Execute<'a> {
        let _ = sql;
        todo!()
    }

    /// Runs the statements of a script, separated by `;`, in one transaction, without parameters.
    pub async fn execute_batch(&self, sql: &str) -> Result<()> {
        let _ = sql;
        todo!()
    }

    /// Runs `work` in a transaction that holds the write lock from its beginning: committed when
    /// it returns `Ok`, rolled back when it returns `Err`, panics or is dropped.
    pub async fn transaction<T, F, Fut>(&self, work: F) -> Result<T>
    where
        F: FnOnce(Transaction) -> Fut,
        Fut: Future<Output = Result<T>>,
    {
        let _ = work;
        todo!()
    }

    /// A session: statements in order, with transactions by `BEGIN` and `COMMIT`. It holds a
    /// connection only while a transaction is open or a setting of its own is in force.
    pub fn session(&self) -> Session {
        todo!()
    }

    /// What a statement takes and gives, without running it.
    pub async fn describe(&self, sql: &str) -> Result<Describe> {
        let _ = sql;
        todo!()
    }

    /// Whether a statement is cached and why, what it reads, and its query plan.
    pub async fn explain(&self, sql: &str) -> Result<Explanation> {
        let _ = sql;
        todo!()
    }

    /// Counters since the database was opened.
    pub fn stats(&self) -> Stats {
        todo!()
    }

    /// One trivial statement on a reader, past the cache.
    pub async fn ping(&self) -> Result<()> {
        todo!()
    }

    /// Waits for statements in flight, then closes every connection. Later calls fail with
    /// [`crate::Error::is_closed`].
    pub async fn close(&self) {
        todo!()
    }
}
