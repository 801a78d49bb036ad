//! Counting what statements do. It observes only: nothing here changes what a statement answers.

#[cfg(feature = "http")]
mod account;
mod counter;
mod drops;
mod epoch;
mod fingerprints;
mod guide;
mod histogram;
mod ledger;
mod measures;
mod projection;
mod pulse;
mod recent;
mod record;
mod repeat;
mod slow;
mod times;
mod weigh;
mod window;
mod worth;

#[cfg(feature = "http")]
pub(crate) use account::{Account, carry, charge, charge_here};
pub(crate) use counter::Counter;
pub(crate) use drops::{Drops, Pair};
pub(crate) use fingerprints::Fingerprints;
pub(crate) use ledger::{Kept, Ledger, Unreadable};
pub(crate) use measures::Visit;
pub(crate) use projection::Compared;
pub use pulse::Pulse;
pub(crate) use record::{Record, Switch};
pub(crate) use repeat::{
    Candidate, Case, Digest, Ends, Link, Origin, RepeatLedger, RepeatSettings, Sample, Told,
};
pub use repeat::{
    RepeatFinding, RepeatKind, RepeatSource, RepeatWatch, RepeatedStatement, Scope, ScopeReport,
    scope,
};
pub(crate) use slow::{Slow, SlowLimits, Why};
pub(crate) use worth::Cost;
