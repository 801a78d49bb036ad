//! Guards around what may be slow, fail or be asked too much: how often, how many at once, for how
//! long, and whether at all. They know no cache and no database. What they decide is decided by
//! parts that are given the time and wait for nothing; around these, callers wait in turn.

mod admission;
mod backoff;
mod breaker;
mod bulkhead;
mod circuit;
mod guide;
mod ledger;
mod limiter;
mod name;
mod quota;
mod retry;
mod stop;
mod tally;
#[cfg(test)]
mod tests;
mod time_limit;

pub(crate) use admission::{Admitted, Asked, GuardRefs, Guards, Places};
pub use breaker::{Breaker, BreakerBuilder, BreakerState, BreakerStats, Permit};
pub use bulkhead::{Bulkhead, BulkheadBuilder, BulkheadStats, Place};
#[cfg(feature = "http")]
pub(crate) use limiter::{Attempt, KEY_BYTES_MAX};
pub use limiter::{Limiter, LimiterBuilder, LimiterStats};
#[cfg(feature = "http")]
pub(crate) use quota::Left;
pub use quota::Quota;
pub use retry::{Again, Retry, RetryStats};
pub(crate) use stop::{Stop, StopOnDrop};
pub use tally::BreakerWindow;
pub use time_limit::{TimeLimit, TimeLimitStats};
