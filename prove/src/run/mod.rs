//! Running random turns on one database and comparing every answer through Forebay with the bare
//! database's.

mod bare;
mod carry;
mod case;
mod compare;
mod create;
mod place;
mod race;
mod second;
mod seed;
mod shrink;
mod tally;
mod world;

pub(crate) use bare::{Bare, PAGE, Verdict};
pub(crate) use case::{Manner, open};
pub(crate) use place::{Place, remove_abandoned};
pub(crate) use race::{RACER, race_writer};
pub(crate) use second::{SECOND, second_process};
pub(crate) use seed::{Plan, one_seed};
pub(crate) use tally::add;
#[cfg(test)]
pub(crate) use {compare::alike, world::World};
