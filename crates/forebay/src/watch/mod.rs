//! Counting what statements do. It observes only: nothing here changes what a statement answers.

mod counter;
mod fingerprints;
mod record;

pub(crate) use fingerprints::Fingerprints;
pub(crate) use record::Record;
