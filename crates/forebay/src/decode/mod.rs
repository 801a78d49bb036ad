//! Rows into the types of the caller, through serde: structs and maps by the names of columns,
//! tuples and sequences by position, and scalars; texts that are JSON into what they hold, where
//! the column says so. It converts nothing that could lose something, and names the column, the
//! type wanted and the type found when a row does not fit.

mod answer;
mod decimal;
mod document;
mod fault;
mod field;
mod member;
mod owned;
mod record;
mod scalar;
mod serial;

pub(crate) use answer::{all, at, first, scalar, take_all, take_first};

#[cfg(test)]
use answer::row;

#[cfg(test)]
mod tests;
