//! Injected bugs: each has to be found by the proof, with every seed. How they are put into a copy
//! of the workspace and tried is the same as for SQLite.

#[path = "../../src/mutant/copy.rs"]
mod copy;
#[path = "../../src/mutant/edit.rs"]
mod edit;
mod injected;
mod order;
mod rule;
mod stream;
mod suite;
#[path = "../../src/mutant/trial.rs"]
mod trial;

pub(crate) use suite::try_tests;
pub(crate) use trial::try_all;
