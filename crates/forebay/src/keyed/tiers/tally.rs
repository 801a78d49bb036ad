//! What a cache has done with a tier, in numbers.

use super::super::stats::CacheTierStats;
use super::super::tally::Number;

/// The counters of one tier.
#[derive(Debug, Default)]
pub(crate) struct TierTally {
    pub(crate) hits: Number,
    pub(crate) misses: Number,
    pub(crate) undecodable: Number,
    pub(crate) fills: Number,
    pub(crate) unfit: Number,
    pub(crate) unacknowledged: Number,
}

impl TierTally {
    pub(crate) fn stats(&self) -> CacheTierStats {
        CacheTierStats {
            hits: self.hits.get(),
            misses: self.misses.get(),
            undecodable: self.undecodable.get(),
            fills: self.fills.get(),
            unfit: self.unfit.get(),
            unacknowledged: self.unacknowledged.get(),
        }
    }
}
