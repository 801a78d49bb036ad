//! A trial: a private copy of a database on which indexes are built, hidden from the planner and
//! shown to it again, and statements are run to see what they cost. The database itself is only
//! read, once, and nothing is left beside it. What is worth building is not decided here.

mod copy;
mod facts;
mod folder;
mod imagine;
mod index;
mod numbers;
mod run;
mod sample;
mod source;
mod watchdog;

pub(crate) use copy::{Bounds, Trial};
pub(crate) use facts::{IndexFacts, KeyFacts, TableFacts};
pub(crate) use imagine::Imagined;

#[cfg(test)]
mod tests;
