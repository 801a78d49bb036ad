//! Building a cache: every setting, its default and its check in one place.

use std::sync::Arc;
use std::time::Duration;

use super::cache::Cache;
use super::core::Core;
use super::policy::Policy;
use super::space::Space;
use super::tiers::{Below, Claim, Disk, Redis};
use super::words::words;
use crate::cache::Bounds;
use crate::clock::{Calendar, Clock};
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
    disk: Option<Disk>,
    redis: Option<Redis>,
    version: u32,
    clock: Clock,
    #[cfg(test)]
    calendar: Option<Calendar>,
    /// Whether others may use its name on the disk.
    #[cfg(test)]
    is_unclaimed: bool,
}

impl CacheBuilder {
    pub(super) fn new(name: String) -> CacheBuilder {
        CacheBuilder {
            name,
            bytes_max: BYTES_MAX,
            entries_max: None,
            policy: Policy::default(),
            guards: Guards::default(),
            disk: None,
            redis: None,
            version: 0,
            clock: Clock::real(),
            #[cfg(test)]
            calendar: None,
            #[cfg(test)]
            is_unclaimed: false,
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

    /// Keeps values on disk as well, so that they outlive the process and memory's bound. It is
    /// asked when memory has nothing.
    ///
    /// One cache of a name on one disk: build it once, and clone it; a second one is refused as
    /// long as the first is there. Caches of other names on the same disk do not meet.
    #[cfg(feature = "disk")]
    pub fn disk(mut self, disk: Disk) -> Self {
        self.disk = Some(disk);
        self
    }

    /// Keeps values in Redis as well, which all processes share that have caches of this name in
    /// its namespace. Asked when memory and the disk have nothing.
    ///
    /// A deletion is then acknowledged by all processes. While Redis is not heard, memory and disk
    /// do not answer, since others may have deleted what they have: everything is loaded, by one
    /// for all who ask in this process.
    #[cfg(feature = "redis")]
    pub fn redis(mut self, redis: Redis) -> Self {
        self.redis = Some(redis);
        self
    }

    /// The version of the values' structure. What another version has kept in a tier is not
    /// decoded: raise it whenever a type is changed in a way that serde would not notice, or would
    /// misread. Default: 0.
    pub fn version(mut self, version: u32) -> Self {
        self.version = version;
        self
    }

    #[cfg(all(test, feature = "disk"))]
    pub(crate) fn calendar(mut self, calendar: Calendar) -> Self {
        self.calendar = Some(calendar);
        self
    }

    /// One that looks at what another one has on disk.
    #[cfg(all(test, feature = "disk"))]
    pub(crate) fn unclaimed(mut self) -> Self {
        self.is_unclaimed = true;
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
    /// [`is_usage`](Error::is_usage) when a setting makes no sense, and when a cache of this name
    /// uses the disk already; its text says which.
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
        let claim = self.claim()?;
        let bounds = Bounds { bytes_max: self.bytes_max, entries_max: self.entries_max };
        let calendar = Calendar::new(self.clock.clone());
        #[cfg(test)]
        let calendar = self.calendar.unwrap_or(calendar);
        let below = Below::new(&self.name, self.version, self.disk, self.redis, calendar, claim);
        let core = Arc::new(Core::new(self.name, bounds, self.clock, below));
        Ok(Cache {
            core,
            space: Arc::new(Space::default()),
            policy: self.policy,
            guards: self.guards,
        })
    }

    /// The name on the disk, if there is one.
    fn claim(&self) -> Result<Option<Claim>> {
        let Some(disk) = &self.disk else { return Ok(None) };
        #[cfg(test)]
        if self.is_unclaimed {
            return Ok(None);
        }
        let claim = disk.claim(&self.name).ok_or_else(|| {
            let name = &self.name;
            Error::usage(format!(
                "a cache called {name:?} uses this disk already, and neither would hear of what \
                 the other deletes: clone it instead of building it again, or give this one a \
                 name of its own; if it was dropped, loads of it are still under way"
            ))
        })?;
        Ok(Some(claim))
    }
}
