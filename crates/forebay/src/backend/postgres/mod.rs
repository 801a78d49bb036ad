//! PostgreSQL, over its protocol: opening connections, running statements, stopping them, and the
//! stream of a replication connection. What is cached and when is decided above.

mod analysis;
mod analyst;
mod cancel;
mod cells;
mod config;
mod connection;
mod connector;
mod describe;
mod dialect;
mod fault;
mod flight;
mod follow;
mod frame;
mod garbage;
mod halt;
mod hear;
mod lanes;
mod login;
mod lost;
mod pinned;
mod replication;
mod request;
mod server;
pub(crate) mod setup;
mod shared;
mod socket;
mod sqlstate;
mod startup;
mod statements;
mod stream;
mod study;
mod tag;
mod taking;
mod task;
#[cfg(test)]
mod tests;
mod tls;
mod types;
mod wire;
mod write;

pub(crate) use analysis::{Analysis, is_commit, known, may_change_session};
pub(crate) use analyst::Analyst;
pub(crate) use cells::Cells;
pub(crate) use config::Config;
pub(crate) use connection::Connection;
pub(crate) use connector::Connector;
pub(crate) use dialect::spoken;
pub(crate) use follow::{Fenced, Followed, Keeper, keep};
pub(crate) use lanes::Lanes;
pub(crate) use pinned::pinned;
pub(crate) use request::{Copy, Request, Status};
pub(crate) use study::{Collated, Meaning, Study, Typed};
pub(crate) use types::{copy_field, list_text, type_name};
