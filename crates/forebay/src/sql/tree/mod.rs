//! What the answer of a PostgreSQL statement rests on, by the server's own analysis of it: the
//! tree of nodes that it keeps for the body of a function. From there to every occurrence of a
//! table, each with the comparisons of a column with a constant that may be applied to the table
//! before anything else without changing the answer (rule R of docs/design/consistency.md), or to
//! the reasons why the statement is not cacheable. Deny by default: what is not understood adds
//! no comparison, or refuses the statement.
//!
//! It asks no server: what is missing in the catalogue it names, and the caller fetches it.

mod aim;
mod analysis;
mod binding;
mod block;
mod body;
mod build;
mod catalogue;
mod clock;
mod composition;
mod consequence;
mod datum;
mod determined;
mod effect;
mod fact;
mod function;
mod harmless;
mod kind;
mod mention;
mod moment;
mod node;
mod operator;
mod partner;
mod question;
mod reason;
mod routing;
mod settle;
mod stamp;
mod survey;
mod target;
mod top;
mod trigger;
mod typing;
mod used;
mod words;

pub(crate) use aim::{Aim, Aiming, Spread};
pub(crate) use analysis::{Analysis, Outcome, Statement};
pub(crate) use binding::{Parameters, point};
pub(crate) use catalogue::{Catalogue, Needs};
pub(crate) use datum::ByteOrder;
pub(crate) use effect::Writes;
pub(crate) use kind::Kind;
pub(crate) use question::Row;
pub(crate) use reason::Reason;
pub(crate) use routing::{Only, Queried, Routing};
pub(crate) use settle::Reading;
pub(crate) use used::Used;

#[cfg(test)]
mod tests;
