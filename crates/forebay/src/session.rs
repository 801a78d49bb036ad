//! Statements in order on one connection: sessions and transactions.

use std::future::Future;

use crate::error::Result;
use crate::query::{Execute, Query};

/// Statements in order, as one client sends them. Transactions are begun and ended with SQL.
///
/// Outside a transaction a statement takes the way of [`crate::Db`]: reads may be served from the
/// cache. From `BEGIN` (or `SAVEPOINT`) until the transaction ends, it holds a connection; so it
/// does from the first statement that changes the connection (PRAGMA, ATTACH, TEMP objects) until
/// it is dropped. Statements run one after another, also when called at once.
/// Dropping it rolls back.
pub struct Session {}

impl Session {
    /// A statement that answers rows.
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

    /// Runs the statements of a script, separated by `;`, one after another, without parameters;
    /// it stops at the first that fails. They are not wrapped in a transaction.
    pub async fn execute_batch(&self, sql: &str) -> Result<()> {
        let _ = sql;
        todo!()
    }

    /// Whether no transaction is open. A transaction that ended by its time limit counts as
    /// open until a statement has reported it.
    pub async fn is_autocommit(&self) -> bool {
        todo!()
    }

    /// Rolls back what is open and gives the connection back.
    pub async fn close(self) {
        todo!()
    }
}

/// An open transaction. A clone is the same transaction; after its end every call fails with
/// [`crate::Error::is_closed`].
#[derive(Clone)]
pub struct Transaction {}

impl Transaction {
    /// A statement that answers rows; reads see this transaction's own writes.
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

    /// Runs the statements of a script, separated by `;`, without parameters.
    pub async fn execute_batch(&self, sql: &str) -> Result<()> {
        let _ = sql;
        todo!()
    }

    /// Runs `work` in a savepoint: kept when it returns `Ok`, undone when it returns `Err`.
    pub async fn savepoint<T, F, Fut>(&self, work: F) -> Result<T>
    where
        F: FnOnce(Transaction) -> Fut,
        Fut: Future<Output = Result<T>>,
    {
        let _ = work;
        todo!()
    }
}
