//! The way of one statement: cache, flight, pool, backend, fill. The only module that composes
//! the parts; what stands above it asks the engine, never around it.

mod admission;
mod audit;
mod call;
mod compare;
mod connection;
mod database;
mod difference;
mod entry;
mod explain;
mod flight;
mod inline;
#[cfg(feature = "postgres")]
mod link;
mod origin;
mod pinned;
mod policy;
#[cfg(feature = "postgres")]
mod postgres;
mod read;
mod report;
mod session;
mod shadow;
mod sqlite;
mod stream;
mod switch;
mod template;
mod transaction;
mod trust;
mod witness;
mod work;
mod worker;
mod write;

pub(crate) use admission::CallGuards;
pub(crate) use call::Call;
pub(crate) use database::{Engine, Place, Settings};
pub(crate) use pinned::Pinned;
pub(crate) use policy::Policy;
#[cfg(feature = "postgres")]
pub(crate) use postgres::PostgresSettings;
pub(crate) use read::{Read, Source};
pub(crate) use session::SessionState;
pub(crate) use sqlite::SqliteSettings;
pub(crate) use stream::Chunks;
pub(crate) use transaction::{transact, transact_again};
pub(crate) use trust::TrustSettings;
