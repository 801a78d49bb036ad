//! PostgreSQL, over its protocol: opening connections, running statements, stopping them, and the
//! stream of a replication connection. What is cached and when is decided above.

mod analysis;
mod cancel;
mod config;
mod connection;
mod connector;
mod describe;
mod dialect;
mod fault;
mod flight;
mod frame;
mod garbage;
mod halt;
mod hear;
mod login;
mod lost;
#[cfg_attr(not(test), expect(dead_code, reason = "the follower of the stream is to come"))]
mod replication;
mod request;
mod shared;
mod socket;
mod sqlstate;
mod startup;
mod statements;
mod tag;
mod taking;
mod task;
#[cfg(test)]
mod tests;
mod tls;
mod types;
mod wire;
mod write;

pub(crate) use analysis::{is_commit, known, may_change_session};
pub(crate) use config::Config;
pub(crate) use connection::Connection;
pub(crate) use connector::Connector;
pub(crate) use dialect::spoken;
pub(crate) use request::{Request, Status};
