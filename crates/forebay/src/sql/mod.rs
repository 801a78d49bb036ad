//! SQL text as text: tokens, fingerprints and what the first word says. It knows no schema and
//! decides nothing about effects; that is asked of the database.

#[cfg(feature = "postgres")]
mod answering;
mod bypass;
#[cfg(feature = "postgres")]
mod command;
mod digest;
mod fingerprint;
mod function;
mod lex;
mod margin;
mod pragma;
mod predicate;
mod statement;
#[cfg(feature = "postgres")]
pub(crate) mod tree;

#[cfg(feature = "postgres")]
pub(crate) use answering::only_answers;
pub(crate) use bypass::Bypass;
#[cfg(feature = "postgres")]
pub(crate) use command::{Command, asks_its_session, is_commit, is_explain, runs_block};
pub(crate) use fingerprint::Fingerprint;
pub(crate) use function::is_immutable;
pub(crate) use lex::Dialect;
pub(crate) use margin::without_margins;
pub(crate) use pragma::{Pragma, classify as classify_pragma, is_allowed_remotely};
pub(crate) use predicate::{
    Affinity, Agreement, Bound, Collation, Conjunct, Declared, Determined, Extent, NotUnderstood,
    Occurrence, Operand, Partner, Relation, Schema, Table, TableColumn, Test, Top, Understood,
    declared, determined, identifiers, occurrences,
};
pub(crate) use statement::{
    begins_with_rows, contains_nul, has_word, is_blank, may_hold_several, may_replace, module_of,
    skip_blank,
};
