//! Statements in order on one connection: sessions and transactions, as their callers hold them.

use std::future::Future;
use std::panic::Location;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::backend::Scope;
use crate::data::Bulk;
use crate::engine::{Engine, Pinned, Seat, SessionState};
use crate::error::{Error, Result};
use crate::outcome::Describe;
use crate::query::{Execute, Query, Target};

/// Statements in order, as one client sends them. Transactions are begun and ended with SQL.
///
/// Outside a transaction a statement takes the way of [`crate::Db`]: reads may be served from the
/// cache. From `BEGIN` (or `SAVEPOINT`) until the transaction ends, it holds a connection; so it
/// does from the first statement that changes the connection (PRAGMA, ATTACH, TEMP objects) until
/// it is dropped. Statements run one after another, also when called at once.
/// Dropping it rolls back.
///
/// A future that is dropped stops its statement. If a transaction has begun or ended with it, which
/// its caller then does not hear of, it is over, and the next statement fails with
/// [`crate::Error::is_closed`].
pub struct Session {
    engine: Arc<Engine>,
    state: SessionState,
}

impl Session {
    pub(crate) fn new(engine: Arc<Engine>) -> Session {
        Session { engine, state: SessionState::default() }
    }

    /// A statement that answers rows.
    #[track_caller]
    pub fn query<'a>(&'a self, sql: &'a str) -> Query<'a> {
        Query::new(Target::Session(&self.engine, &self.state), sql, Location::caller())
    }

    /// A statement whose rows do not matter. Await it.
    #[track_caller]
    pub fn execute<'a>(&'a self, sql: &'a str) -> Execute<'a> {
        Execute(self.query(sql))
    }

    /// Many rows of a table at a time, see [`crate::Db::bulk`]: in a transaction of their own, or
    /// in the one that is open. Rows may not be read from this session meanwhile.
    #[track_caller]
    pub fn bulk(&self, table: &str) -> Bulk<'_> {
        Bulk::new(Seat::Session(&self.engine, &self.state), table, Location::caller())
    }

    /// Runs the statements of a script, separated by `;`, one after another, without parameters;
    /// it stops at the first that fails. They are not wrapped in a transaction.
    #[track_caller]
    pub fn execute_batch<'a>(&'a self, sql: &'a str) -> impl Future<Output = Result<()>> + Send {
        let call = self.query(sql).into_call();
        async move { self.engine.script_in_session(&self.state, call).await }
    }

    /// What a statement takes and gives, without running it. It knows what the open transaction
    /// has created.
    #[track_caller]
    pub fn describe<'a>(&'a self, sql: &'a str) -> impl Future<Output = Result<Describe>> + Send {
        let call = self.query(sql).into_call();
        async move { self.engine.describe_in_session(&self.state, call).await }
    }

    /// Whether no transaction is open. A transaction that was ended by a time limit counts as
    /// open until a statement has reported it.
    pub async fn is_autocommit(&self) -> bool {
        self.state.is_autocommit().await
    }

    /// Rolls back what is open and gives the connection back. The same as dropping it.
    pub async fn close(self) {
        self.state.release();
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.state.release();
    }
}

/// An open transaction. A clone is the same transaction; after its end every call fails with
/// [`crate::Error::is_closed`].
#[derive(Clone)]
pub struct Transaction {
    engine: Arc<Engine>,
    pinned: Arc<Pinned>,
    /// Numbers the savepoints, so that each has a name of its own.
    savepoints: Arc<AtomicU64>,
    /// Those that are open, each within the one before.
    open: Arc<Mutex<Vec<u64>>>,
    /// The savepoint that this handle is for, if it is for one.
    inside: Option<u64>,
}

impl Transaction {
    pub(crate) fn new(engine: Arc<Engine>, pinned: Arc<Pinned>) -> Transaction {
        let (savepoints, open) = (Arc::default(), Arc::default());
        Transaction { engine, pinned, savepoints, open, inside: None }
    }

    /// A statement that answers rows; reads see this transaction's own writes.
    #[track_caller]
    pub fn query<'a>(&'a self, sql: &'a str) -> Query<'a> {
        Query::new(Target::Transaction(&self.engine, &self.pinned), sql, Location::caller())
    }

    /// A statement whose rows do not matter. Await it.
    #[track_caller]
    pub fn execute<'a>(&'a self, sql: &'a str) -> Execute<'a> {
        Execute(self.query(sql))
    }

    /// Many rows of a table at a time, see [`crate::Db::bulk`], as part of this transaction: when
    /// it fails, nothing of it stays, and the transaction goes on.
    #[track_caller]
    pub fn bulk(&self, table: &str) -> Bulk<'_> {
        Bulk::new(Seat::Transaction(&self.engine, &self.pinned), table, Location::caller())
    }

    /// Runs the statements of a script, separated by `;`, without parameters. What ran before
    /// the first that fails stays part of the transaction.
    pub async fn execute_batch(&self, sql: &str) -> Result<()> {
        self.engine.script_pinned(&self.pinned, sql, Scope::Transaction).await
    }

    /// Runs `work` in a savepoint: kept when it returns `Ok`, undone when it returns `Err`. When
    /// the future is dropped or panics half-way, the whole transaction is rolled back.
    ///
    /// Savepoints lie within one another: a second one beside it is an error of usage
    /// ([`crate::Error::is_usage`]) as long as `work` runs. Within, use the handle that it gets.
    /// What is run with another handle meanwhile belongs to the savepoint too.
    pub async fn savepoint<T, F, Fut>(&self, work: F) -> Result<T>
    where
        F: FnOnce(Transaction) -> Fut,
        Fut: Future<Output = Result<T>>,
    {
        let number = self.savepoints.fetch_add(1, Ordering::Relaxed);
        let _open = self.open_savepoint(number)?;
        let inner = Transaction { inside: Some(number), ..self.clone() };
        let name = format!("forebay_{number}");
        let unfinished = Unfinished(Some(&self.pinned));
        let began = self.engine.savepoint(&self.pinned, format!("SAVEPOINT {name}")).await;
        let done = match began {
            Ok(()) => work(inner).await,
            Err(error) => Err(error),
        };
        let done = match done {
            Ok(value) => {
                let kept = self.engine.savepoint(&self.pinned, format!("RELEASE {name}")).await;
                kept.map(|()| value)
            }
            Err(error) => {
                // If this fails the transaction is over, and every later call will say so; what
                // the caller wants to know first is its own error.
                let undo = format!("ROLLBACK TO {name}; RELEASE {name}");
                let _ = self.engine.savepoint(&self.pinned, undo).await;
                Err(error)
            }
        };
        unfinished.finish();
        done
    }

    /// Opens one within that of this handle, if no other lies within that.
    fn open_savepoint(&self, number: u64) -> Result<OpenSavepoint<'_>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.last().copied() != self.inside {
            return Err(Error::usage(
                "another savepoint of this transaction is open, or that of this handle is over: \
                 within a savepoint, use the handle that it gives; beside it, wait for its end",
            ));
        }
        open.push(number);
        Ok(OpenSavepoint { open: &self.open, number })
    }
}

/// That a savepoint is open, until dropped.
struct OpenSavepoint<'a> {
    open: &'a Mutex<Vec<u64>>,
    number: u64,
}

impl Drop for OpenSavepoint<'_> {
    fn drop(&mut self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|number| *number != self.number);
    }
}

/// A savepoint at work. Dropped before its end, it takes the transaction with it: what the
/// savepoint has written so far must not be committed.
struct Unfinished<'a>(Option<&'a Pinned>);

impl Unfinished<'_> {
    fn finish(mut self) {
        self.0 = None;
    }
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if let Some(pinned) = self.0 {
            pinned.release();
        }
    }
}
