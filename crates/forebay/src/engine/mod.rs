//! The way of one statement: cache, flight, pool, backend, fill. The only module that composes
//! the parts; what stands above it asks the engine, never around it.

mod call;
mod database;
mod entry;
mod explain;
mod flight;
mod pinned;
mod read;
mod report;
mod session;
mod stream;
mod template;
mod transaction;
mod worker;
mod write;

pub(crate) use call::Call;
pub(crate) use database::{Engine, Settings};
pub(crate) use pinned::Pinned;
pub(crate) use read::Read;
pub(crate) use session::SessionState;
pub(crate) use stream::Chunks;
pub(crate) use transaction::transact;
