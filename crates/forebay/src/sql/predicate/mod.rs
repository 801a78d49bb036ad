//! What the answer of a query rests on, as far as its text tells: every occurrence of a base table,
//! each with the comparisons of a column with a constant that may be applied to the table before
//! anything else without changing the answer (rule R of docs/design/consistency.md). Deny by
//! default: what is not understood adds no comparison, and what could hide a table is an error.
//!
//! It does no I/O, compares no values, and does not tell which columns are used.

mod aggregate;
mod agreement;
mod bind;
mod block;
mod build;
mod determined;
mod expression;
mod fact;
mod from;
mod lineage;
mod literal;
mod occurrence;
mod parse;
mod partner;
mod place;
mod scatter;
mod schema;
mod seek;
mod settle;
mod top;

pub(crate) use agreement::{Agreement, Determined, Extent};
pub(crate) use bind::{identifiers, parameters};
pub(crate) use determined::determined;
pub(crate) use lineage::{Lineage, Source, lineage};
pub(crate) use occurrence::{
    Affinity, Bound, Collation, Conjunct, NotUnderstood, Occurrence, Operand, Partner, Test, Top,
    Understood, occurrences,
};
pub(crate) use parse::{Declared, declared};
pub(crate) use scatter::{
    Groups, Inserted, Limited, PartColumn, PlainRows, Single, Taken, Targeted, Written, quoted,
    take_apart, written,
};
pub(crate) use schema::{Relation, Schema, Table, TableColumn};
#[cfg(feature = "postgres")]
pub(crate) use seek::outer_offset;
pub(crate) use seek::{
    Change, Key, Ordered, Sift, Sought, Term, Use, in_trigrams, sought, statements, without_offset,
    word_before_parameter,
};

#[cfg(test)]
mod tests;
