//! The way of one statement: cache, flight, pool, backend, fill. The only module that composes
//! the parts; what stands above it asks the engine, never around it.

mod audit;
mod call;
mod compare;
mod database;
mod difference;
mod entry;
mod explain;
mod flight;
mod pinned;
mod read;
mod report;
mod session;
mod shadow;
mod stream;
mod switch;
mod template;
mod transaction;
mod trust;
mod worker;
mod write;

pub(crate) use call::Call;
pub(crate) use database::{Engine, Settings};
pub(crate) use pinned::Pinned;
pub(crate) use read::Read;
pub(crate) use session::SessionState;
pub(crate) use stream::Chunks;
pub(crate) use transaction::transact;
pub(crate) use trust::TrustSettings;
