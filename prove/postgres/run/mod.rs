//! Runs: a database with its reads, turn after turn, and what many threads do at the end.

mod ask;
mod carry;
mod place;
mod race;
mod seed;
mod shrink;
mod stage;
mod tally;
mod world;

pub(crate) use seed::{Plan, one_seed};
pub(crate) use tally::add;
