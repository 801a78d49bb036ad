//! Building a cache: every setting, its default and its check in one place.

use std::sync::Arc;
use std::time::Duration;

use super::cache::Cache;
use super::core::Core;
use super::policy::Policy;
use super::space::Space;
use super::words::words;
use crate::cache::Bounds;
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::guard::{Breaker, Bulkhead, Guards, Limiter};

/// The bound on bytes unless the builder says otherwise: 100 MB.
const BYTES_MAX: u64 = 100 << 20;

/// Settings for a [`Cache`]. Those of time hold for entries that do not say otherwise.
#[derive(Clone, Debug)]
#[must_use = "nothing is built until `build` is called"]
pub struct CacheBuilder {
    name: String,
    bytes_max: u64,
    entries_max: Option<u64>,
    policy: Policy,
    guards: Guards,
    clock: Clock,
}

impl CacheBuilder {
    pub(super) fn new(name: String) -> CacheBuilder {
        CacheBuilder {
            name,
            bytes_max: BYTES_MAX,
            entries_max: None,
            policy: Policy::default(),
            guards: Guards::default(),
            clock: Clock::real(),
        }
    }

    words!();

    /// At most so many bytes in memory: keys, values as far as serde tells, tags, and a fixed
    /// overhead. One value may take about a tenth of it at most. Default: 100 MB.
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.bytes_max = bytes;
        self
    }

    /// At most so many entries in memory. Each then counts as at least its share of `max_bytes`, so
    /// that with mixed sizes eviction may begin somewhat before either bound. Default: no bound but
    /// that on bytes.
    pub fn max_entries(mut self, entries: u64) -> Self {
        self.entries_max = Some(entries);
        self
    }

    #[cfg(test)]
    pub(crate) fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Builds the cache.
    ///
    /// # Errors
    ///
    /// [`is_usage`](Error::is_usage) when a setting makes no sense; its text says which.
    pub fn build(self) -> Result<Cache> {
        if self.name.is_empty() {
            return Err(Error::usage("give the cache a name: what it keeps is found under it"));
        }
        if self.bytes_max == 0 || self.entries_max == Some(0) {
            return Err(Error::usage(
                "a cache needs room: max_bytes and max_entries are at least 1",
            ));
        }
        self.policy.check()?;
        let bounds = Bounds { bytes_max: self.bytes_max, entries_max: self.entries_max };
        let core = Arc::new(Core::new(self.name, bounds, self.clock));
        Ok(Cache {
            core,
            space: Arc::new(Space::default()),
            policy: self.policy,
            guards: self.guards,
        })
    }
}
