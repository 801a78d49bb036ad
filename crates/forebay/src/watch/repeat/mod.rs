//! Statements that are run once for each of many keys, where one would do: found by where their
//! parameters come from. What runs in a scope leaves a trail of digests, no values; what repeats
//! is a case in the ledger of its database. It asks no schema and logs nothing.

mod case;
mod column;
mod cure;
mod digest;
mod finding;
mod guide;
mod held;
mod ledger;
mod scope;
mod suspicion;
mod tally;
#[cfg(test)]
mod tests;
mod told;
mod trail;

pub(crate) use case::{Case, Ends, Link, Origin};
pub(crate) use digest::Digest;
pub use finding::{RepeatFinding, RepeatKind, RepeatSource, RepeatWatch};
pub(crate) use ledger::{RepeatLedger, RepeatSettings};
pub use scope::{RepeatedStatement, Scope, ScopeReport, scope};
pub(crate) use suspicion::Candidate;
pub(crate) use told::{Sample, Told};
