//! The stream without a server: messages made here, in and out of order, cut off and made up.
//! With one, if there is one: what PostgreSQL itself writes, replayed beside its tables.

mod build;
mod catalogue;
mod ddl;
mod follower;
mod hostile;
mod live;
mod memory;
mod model;
mod noted;
mod rows;
pub(crate) mod server;
mod walsender;
mod world;
