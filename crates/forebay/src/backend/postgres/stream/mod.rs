//! The stream of committed changes of a server, from the bytes of its replication protocol to
//! what the index is told. Bytes, events and times in, values and actions out: it has no
//! connection, and it decides nothing about answers.

mod catalogue;
mod cursor;
mod ended;
mod follow;
mod frame;
mod kind;
mod message;
mod relation;
mod row;
mod slot;
#[cfg(test)]
pub(crate) mod tests;
mod transaction;
mod tuple;

pub(crate) use catalogue::{COLUMNS, Catalogue, POSITION, Reading, SNAPSHOT};
pub(crate) use ended::Ended;
pub(crate) use follow::{Action, Actions, Event, Follower, Now, Options};
pub(crate) use kind::SESSION;
pub(crate) use slot::{create, start};
pub(crate) use transaction::{Committed, DDL, Extent, REFRESH};
