//! What there is in a database: made once, read again from the catalogue after every change of it,
//! and changed in the middle.

mod alter;
mod catalogue;
mod create;
mod partition;

pub(crate) use alter::alter;
pub(crate) use catalogue::{Column, Kind, Relation, Schema};
pub(crate) use create::{create, fill};
