//! SQL text as text: tokens, fingerprints and what the first word says. It knows no schema and
//! decides nothing about effects; that is asked of the database.

#[cfg(feature = "postgres")]
mod answering;
mod bypass;
#[cfg(feature = "postgres")]
pub(crate) mod clauses;
#[cfg(feature = "postgres")]
mod command;
mod comment;
mod digest;
mod fingerprint;
mod function;
#[cfg(feature = "postgres")]
mod lateral;
mod lex;
mod margin;
mod mask;
mod operand;
mod outline;
mod pragma;
mod predicate;
mod split;
mod spread;
mod statement;
#[cfg(feature = "postgres")]
pub(crate) mod tree;

#[cfg(feature = "postgres")]
pub(crate) use answering::only_answers;
pub(crate) use bypass::Bypass;
#[cfg(feature = "postgres")]
pub(crate) use command::{Command, asks_its_session, is_commit, is_explain, runs_block};
pub(crate) use comment::Comment;
pub(crate) use digest::digest;
pub(crate) use fingerprint::Fingerprint;
pub(crate) use function::is_immutable;
#[cfg(feature = "postgres")]
pub(crate) use lateral::lateral;
pub(crate) use lex::Dialect;
pub(crate) use margin::{is_about_rows, without_margins};
pub(crate) use mask::has_literals;
#[cfg(feature = "postgres")]
pub(crate) use mask::without_literals;
pub(crate) use operand::{Role, operands, plainly};
pub(crate) use outline::{Outline, Places, outline, plain_source};
pub(crate) use pragma::{Pragma, classify as classify_pragma, is_allowed_remotely};
#[cfg(feature = "postgres")]
pub(crate) use predicate::outer_offset;
pub(crate) use predicate::{
    Affinity, Agreement, Bound, Change, Collation, Conjunct, Declared, Determined, Extent, Groups,
    Inserted, Key, Limited, Lineage, NotUnderstood, Occurrence, Operand, Ordered, PartColumn,
    Partner, PlainRows, Relation, Schema, Sift, Single, Sought, Source, Table, TableColumn, Taken,
    Targeted, Term, Test, Top, Understood, Use, Written, declared, determined, identifiers,
    in_trigrams, lineage, occurrences, parameters, quoted, sought, statements, take_apart,
    without_offset, word_before_parameter, written,
};
pub(crate) use split::{Piece, leading_comments, split, tokens_of, words};
pub(crate) use spread::Spread;
pub(crate) use statement::{
    begins_with_rows, contains_nul, has_word, is_blank, may_hold_several, may_replace, module_of,
    skip_blank,
};
