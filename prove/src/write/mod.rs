//! Random writes: statements, the transactions they stand in, and who carries these out.

mod aimed;
mod statement;
mod turn;

pub(crate) use statement::{prune, refill};
pub(crate) use turn::{By, Kill, Op, Turn, turn};
