//! How long a call may take. It ends what it waits for by dropping it; what runs elsewhere goes on
//! unless it notices that.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use super::name::Name;
use crate::error::{Error, Kind, Result};

/// Ends calls that take longer than this. A clone is cheap and counts together with it.
///
/// ```
/// use forebay::TimeLimit;
/// use std::time::Duration;
/// # async fn load() -> forebay::Result<u32> { Ok(1) }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> forebay::Result<()> {
/// let limit = TimeLimit::new(Duration::from_secs(2)).named("prices");
/// let loaded = limit.run(load()).await?; // or an error with `is_timeout()`
/// # assert_eq!(loaded, 1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct TimeLimit {
    name: Name,
    limit: Duration,
    counters: Arc<Counters>,
}

/// Counters of a [`TimeLimit`] and its clones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TimeLimitStats {
    /// Calls that ended in time.
    pub ended: u64,
    /// Calls that were ended by it.
    pub expired: u64,
}

#[derive(Default)]
struct Counters {
    ended: AtomicU64,
    expired: AtomicU64,
}

impl TimeLimit {
    /// A limit for each call.
    pub fn new(limit: Duration) -> TimeLimit {
        TimeLimit { name: Name::default(), limit, counters: Arc::default() }
    }

    /// What errors call it; empty by default.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> TimeLimit {
        self.name = Name(name.into());
        self
    }

    /// Does `work`, or drops it when it takes longer than the limit ([`Error::is_timeout`]). It is
    /// noticed when `work` waits: what computes without a pause is not interrupted.
    pub async fn run<T, E: From<Error>>(
        &self,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        match tokio::time::timeout(self.limit, work).await {
            Ok(done) => {
                self.counters.ended.fetch_add(1, Relaxed);
                done
            }
            Err(_) => {
                self.counters.expired.fetch_add(1, Relaxed);
                Err(self.late().into())
            }
        }
    }

    /// Counters since it was made.
    pub fn stats(&self) -> TimeLimitStats {
        TimeLimitStats {
            ended: self.counters.ended.load(Relaxed),
            expired: self.counters.expired.load(Relaxed),
        }
    }

    fn late(&self) -> Error {
        let TimeLimit { name, limit, .. } = self;
        Error::new(
            Kind::Timeout,
            format!(
                "the call took longer than its time limit{name} of {limit:?}; raise the limit, or \
                 find out what takes so long"
            ),
        )
    }
}

impl fmt::Debug for TimeLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TimeLimit { name, limit, .. } = self;
        let mut debug = f.debug_struct("TimeLimit");
        debug.field("name", &name.0).field("limit", limit).finish_non_exhaustive()
    }
}
