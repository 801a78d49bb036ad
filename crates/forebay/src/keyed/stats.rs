//! A snapshot of what a cache has done, as plain data.

use std::time::Duration;

/// What a [`crate::Cache`] has done since it was built, all its namespaces together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyedStats {
    /// Fresh values given from memory.
    pub hits: u64,
    /// Askings that found nothing fresh in memory; those answered with something stale are among
    /// them.
    pub misses: u64,
    /// Stale values given while they were loaded again (`stale_while_revalidate`).
    pub stale: u64,
    /// Stale values given because their load had failed (`stale_if_error`).
    pub fallbacks: u64,
    /// Loads begun, those behind hits among them.
    pub loads: u64,
    /// Loads begun behind an answer: refreshes, and stale values loaded again.
    pub refreshes: u64,
    /// Loads that failed, panicked, or were stopped because they took too long.
    pub failures: u64,
    /// Callers who waited for a load that another one had begun.
    pub joined: u64,
    /// Loads that read something of the database which cannot be vouched for, so that what they
    /// gave rests on its ttl alone.
    pub unproven: u64,
    /// Loaded values that were not kept: `cache_if` said no, they were deleted or made untrue while
    /// they were loaded, or they had no ttl and something unproven in them.
    pub refused: u64,
    /// Entries that are there no more, by cause.
    pub drops: EntryDrops,
    /// Entries resident now, stale ones among them.
    pub entries: u64,
    /// Bytes that they take, as far as serde tells.
    pub bytes: u64,
    /// The bound on bytes.
    pub bytes_max: u64,
    /// Loads under way now.
    pub loading: u64,
    /// Entries that are kept warm.
    pub warm: u64,
    /// How many loads took how long, in buckets that double.
    pub load_times: Vec<LoadTime>,
    /// How long all of these took together.
    pub load_time: Duration,
    /// What it has done with the disk tier, if it has one.
    pub disk: Option<CacheTierStats>,
    /// What it has done with the tier in Redis, if it has one.
    pub redis: Option<CacheTierStats>,
}

/// What a cache has done with one of its tiers. What the tier as a whole has done, for whatever
/// uses it, is in statistics of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheTierStats {
    /// Fresh values that were found in it.
    pub hits: u64,
    /// Askings that found nothing fresh in it. All of them had missed memory.
    pub misses: u64,
    /// What was found and is not for this cache: of another version or type, or damaged.
    pub undecodable: u64,
    /// Values that were given to it.
    pub fills: u64,
    /// Values that could not be given to it: too large, with too many tags, or refused by serde.
    pub unfit: u64,
    /// Removals and values that callers have set, of which it has not said that it has them.
    pub unacknowledged: u64,
}

/// Entries that are there no more, by cause.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EntryDrops {
    /// They had to make room.
    pub capacity: u64,
    /// They were larger than what the bound allows for one entry.
    pub too_large: u64,
    /// Their time was over.
    pub expired: u64,
    /// What they rested on had changed.
    pub untrue: u64,
    /// They were deleted by key, by pattern, or with everything.
    pub deleted: u64,
    /// A tag of theirs was deleted.
    pub tag: u64,
    /// Another value took their place.
    pub replaced: u64,
}

/// How many loads fell into one bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoadTime {
    /// They took less than this, and not less than the bucket before; `Duration::MAX` for the last.
    pub below: Duration,
    /// Their number.
    pub loads: u64,
}
