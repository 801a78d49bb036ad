//! Counting what statements do. It observes only: nothing here changes what a statement answers.

mod counter;
mod drops;
mod fingerprints;
mod projection;
mod record;
mod weigh;
mod worth;

pub(crate) use counter::Counter;
pub(crate) use drops::{Drops, Pair};
pub(crate) use fingerprints::Fingerprints;
pub(crate) use projection::Compared;
pub(crate) use record::{Record, Switch};
pub(crate) use worth::Cost;
