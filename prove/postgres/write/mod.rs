//! Writes: statements, and turns made of them.

mod statement;
mod turn;

pub(crate) use statement::{filling, pruning};
pub(crate) use turn::{Fault, Op, SHADOWING, Turn, Way, turn};
