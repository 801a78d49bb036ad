//! The way of one statement: cache, flight, pool, backend, fill. The only module that composes
//! the parts; what stands above it asks the engine, never around it.

mod admission;
mod audit;
mod batch;
mod call;
#[cfg(feature = "postgres")]
mod coalesce;
mod compare;
mod connection;
mod course;
mod custody;
mod database;
mod difference;
mod entry;
mod explain;
mod flight;
mod inline;
mod keep;
#[cfg(feature = "postgres")]
mod link;
mod origin;
mod pinned;
mod policy;
#[cfg(feature = "postgres")]
mod postgres;
mod purge;
mod read;
mod relate;
mod repeat;
mod report;
mod rule;
mod scribe;
mod session;
mod shadow;
mod sqlite;
mod stream;
#[cfg(feature = "postgres")]
mod study;
mod switch;
mod template;
mod tour;
mod transaction;
mod trip;
mod trust;
mod unit;
mod witness;
mod work;
mod worker;
mod write;

pub(crate) use admission::CallGuards;
pub(crate) use call::Call;
pub(crate) use custody::Custody;
pub(crate) use database::{Engine, Place, Settings};
pub(crate) use pinned::Pinned;
pub(crate) use policy::Policy;
#[cfg(feature = "postgres")]
pub(crate) use postgres::PostgresSettings;
pub(crate) use read::{Read, Source};
pub(crate) use relate::{Merge, merge};
pub(crate) use repeat::Telling;
pub(crate) use rule::{Asking, check_rules};
pub(crate) use scribe::WatchSettings;
pub(crate) use session::SessionState;
pub(crate) use sqlite::SqliteSettings;
pub(crate) use stream::Chunks;
pub(crate) use template::Template;
pub(crate) use transaction::{transact, transact_again};
pub(crate) use trust::TrustSettings;
pub(crate) use unit::{Hands, Seat};
