//! A fair, bounded pool of connections. It knows no SQL and no database: what a connection is,
//! how it is opened and how it is checked comes with the trait [`Connect`].
//!
//! `slot` and `shelf` hold the state and decide, single-threaded and given the time; `acquire`,
//! `checkout`, `visit` and `sweep` put a lock, a fair semaphore and two background tasks around it.

mod acquire;
mod checkout;
mod connect;
mod options;
mod report;
mod shelf;
mod slot;
mod spare;
mod stats;
mod sweep;
mod visit;

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;

pub(crate) use acquire::Pool;
pub(crate) use checkout::Checkout;
pub(crate) use connect::{Connect, HolderLabel};
pub(crate) use options::Options;
pub(crate) use visit::Visitor;
