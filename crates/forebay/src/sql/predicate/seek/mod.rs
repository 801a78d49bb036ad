//! What a statement seeks in each table that it reads: the comparisons by which an index could
//! find its rows, the order in which it wants them, and the columns that it needs. It is for advice
//! only, and generous: what is listed may turn out to be of no use, and nothing of an answer may
//! rest on it. It does not tell which index would help.

mod gather;
mod key;
mod listing;
mod rewrite;
mod sought;
mod source;
mod terms;

pub(crate) use listing::statements;
#[cfg(any(feature = "postgres", test))]
pub(crate) use rewrite::outer_offset;
pub(crate) use rewrite::{in_trigrams, without_offset};
pub(crate) use sought::{Change, Key, Ordered, Sift, Sought, Term, Use, sought};
pub(crate) use source::word_before_parameter;

#[cfg(test)]
mod tests;
