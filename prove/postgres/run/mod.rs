//! Runs: a database with its reads, turn after turn.

mod ask;
mod carry;
mod seed;
mod shrink;
mod stage;
mod tally;
mod world;

pub(crate) use seed::{Plan, one_seed};
pub(crate) use tally::add;
