//! What the statements of one piece of work come to, counted along its task: how many, how many of
//! them were answered from memory, and the time of the others at the database. It observes only.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

tokio::task_local! {
    static ACCOUNT: Arc<Account>;
}

/// The counts of one piece of work.
#[derive(Debug, Default)]
pub(crate) struct Account {
    statements: AtomicU64,
    hits: AtomicU64,
    nanos: AtomicU64,
}

/// What an account has come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(crate) statements: u64,
    /// Of these, answered from memory.
    pub(crate) hits: u64,
    /// Time of the statements at the database. Of several at once, each counts whole.
    pub(crate) database: Duration,
}

/// Counts on `account` what is asked in `work`, as long as that stays in this task.
pub(crate) fn charge<F: Future>(account: Arc<Account>, work: F) -> impl Future<Output = F::Output> {
    ACCOUNT.scope(account, work)
}

/// The same within a call that is not async.
pub(crate) fn charge_here<R>(account: Arc<Account>, work: impl FnOnce() -> R) -> R {
    ACCOUNT.sync_scope(account, work)
}

/// Carries the account of this task, if it has one, into a task of its own.
pub(crate) fn carry<F: Future>(work: F) -> impl Future<Output = F::Output> {
    let account = ACCOUNT.try_with(Arc::clone).ok();
    async move {
        match account {
            Some(account) => ACCOUNT.scope(account, work).await,
            None => work.await,
        }
    }
}

/// A statement that has to ask the database.
pub(super) fn statement() {
    // Without an account nobody counts.
    let _ = ACCOUNT.try_with(|account| account.statements.fetch_add(1, Ordering::Relaxed));
}

/// A statement that was answered from memory.
#[inline]
pub(super) fn hit() {
    let _ = ACCOUNT.try_with(|account| {
        account.statements.fetch_add(1, Ordering::Relaxed);
        account.hits.fetch_add(1, Ordering::Relaxed);
    });
}

/// Time that a statement took at the database.
pub(super) fn spent(time: Duration) {
    let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    let _ = ACCOUNT.try_with(|account| account.nanos.fetch_add(nanos, Ordering::Relaxed));
}

impl Account {
    pub(crate) fn sum(&self) -> Sum {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Sum {
            statements: read(&self.statements),
            hits: read(&self.hits),
            database: Duration::from_nanos(read(&self.nanos)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_account_follows_the_task_and_whoever_it_is_carried_to() {
        let account = Arc::new(Account::default());
        hit();
        let work = async {
            hit();
            statement();
            spent(Duration::from_millis(3));
            tokio::spawn(async { hit() }).await.unwrap();
            tokio::spawn(carry(async { statement() })).await.unwrap();
        };
        charge(account.clone(), work).await;
        charge_here(account.clone(), hit);
        statement();
        let expect = Sum { statements: 4, hits: 2, database: Duration::from_millis(3) };
        assert_eq!(account.sum(), expect);
    }
}
