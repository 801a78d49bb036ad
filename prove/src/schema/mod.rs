//! Random schemas, and what the generators must know of one to write statements about it.

mod alter;
mod change;
mod relation;
mod table;
mod trigger;

pub(crate) use alter::alter;
pub(crate) use change::{Change, Part};
pub(crate) use relation::{Collation, Column, Kind, Relation, Schema};
pub(crate) use table::{index, long_key, row, table, twins};
pub(crate) use trigger::trigger;
