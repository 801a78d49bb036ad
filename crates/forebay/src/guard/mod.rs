//! Guards around what may be slow, fail or be asked too much: how often, how many at once, for how
//! long, and whether at all. They know no cache and no database. What they decide is decided by
//! parts that are given the time and wait for nothing; around these, callers wait in turn.

mod ledger;
mod limiter;
mod quota;
mod stop;

pub use limiter::{Limiter, LimiterBuilder, LimiterStats};
pub use quota::Quota;
pub(crate) use stop::{Stop, StopOnDrop};
