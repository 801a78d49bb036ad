//! The text of a PostgreSQL query or write cut at its clauses, and put together anew: under one
//! more condition, with another limit, as parts of groups and the statement that makes groups of
//! them. It copies expressions as they stand and understands none: that the text is one SELECT over
//! one table, and what its names mean, the server's tree has told before, and what comes out is for
//! the server to judge again. What is cut in doubt is refused, and the reason is for people.

mod cut;
mod group;
#[cfg(test)]
mod tests;
mod text;
mod tokens;
mod write;

pub(crate) use cut::{Clauses, with_table};
pub(crate) use group::Regrouped;
pub(crate) use text::{Binder, Text, part_name};
pub(crate) use tokens::Piece;
pub(crate) use write::{InsertText, TargetText};
