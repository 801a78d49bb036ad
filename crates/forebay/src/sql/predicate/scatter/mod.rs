//! Queries over one table taken apart, so that their parts can be asked of several databases which
//! have rows of that table each, and what they answer put together again. It writes SQL and runs
//! none; which databases there are is not known here. What cannot be taken apart with the same
//! answer is refused, and the reason is for people.

mod cut;
mod group;
mod print;
mod rows;
mod single;
mod write;

pub(crate) use cut::Limited;
pub(crate) use group::{Groups, PartColumn};
pub(super) use print::Printer;
pub(crate) use print::quoted;
pub(crate) use rows::PlainRows;
pub(crate) use single::{Single, Taken, take_apart};
pub(crate) use write::{Inserted, Targeted, Written, written};
