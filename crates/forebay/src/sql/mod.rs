//! SQL text as text: tokens, fingerprints and what the first word says. It knows no schema and
//! decides nothing about effects; that is asked of the database.

mod digest;
mod fingerprint;
mod lex;
mod statement;

pub(crate) use fingerprint::Fingerprint;
pub(crate) use statement::{contains_nul, is_blank, leading_keyword};
