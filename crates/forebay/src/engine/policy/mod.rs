//! Statements whose caller has said how their answers may be kept: `ttl`, `stale_while_revalidate`,
//! tags and the like. Their answers have a place of their own, so that those of others stay what
//! they are promised to be. `docs/design/query-policies.md` says what each word means.

mod asked;
mod label;
mod refresh;
mod serve;
mod shelf;
#[cfg(test)]
mod tests;
mod words;

pub(super) use shelf::Shelf;
pub(crate) use words::{Policy, Sight};
