//! Reads: statements at random over what there is, of every shape that SQL gives them.

mod block;
mod condition;
mod nested;
mod page;
mod relation;
mod shape;
mod target;
mod trap;

pub(crate) use condition::condition;
pub(crate) use relation::{Joined, Leaf};
pub(crate) use shape::{Read, read};
