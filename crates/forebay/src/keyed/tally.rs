//! What a cache has done, in numbers. Hits are counted per thread, so that counting takes no locked
//! instruction; everything else happens seldom enough for plain atomics.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::stats::{EntryDrops, LoadTime};
use crate::watch::Counter;

/// Load times are counted in buckets that double, from a microsecond on; the last takes the rest.
const BUCKETS: usize = 28;

/// Why an entry is there no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// It had to make room.
    Capacity,
    /// It is larger than what the bound allows for one entry.
    TooLarge,
    Expired,
    /// What it rests on has changed.
    Untrue,
    /// By its key, a pattern, or with everything.
    Deleted,
    Tag,
    /// Another value took its place.
    Replaced,
}

const CAUSES: usize = 7;

/// The counters of a cache.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) hits: Counter,
    pub(crate) misses: Number,
    pub(crate) stale: Number,
    pub(crate) fallbacks: Number,
    pub(crate) loads: Number,
    pub(crate) refreshes: Number,
    pub(crate) failures: Number,
    pub(crate) joined: Number,
    pub(crate) unproven: Number,
    pub(crate) refused: Number,
    pub(crate) bytes: Number,
    drops: [Number; CAUSES],
    times: [Number; BUCKETS],
    /// Of all loads together, in nanoseconds.
    time: Number,
}

/// A counter that is not raised at every hit.
#[derive(Debug, Default)]
pub(crate) struct Number(AtomicU64);

impl Number {
    pub(crate) fn add(&self, by: u64) {
        self.0.fetch_add(by, Ordering::Relaxed);
    }

    fn take(&self, by: u64) {
        self.0.fetch_sub(by, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Tally {
    /// An entry of so many bytes is kept.
    pub(crate) fn kept(&self, bytes: usize) {
        self.bytes.add(bytes as u64);
    }

    /// An entry of so many bytes is there no more.
    pub(crate) fn dropped(&self, cause: Cause, bytes: usize) {
        self.drops[cause as usize].add(1);
        self.bytes.take(bytes as u64);
    }

    /// A load has ended that took so long.
    pub(crate) fn loaded(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = (u64::BITS - micros.leading_zeros()) as usize;
        self.times[bucket.min(BUCKETS - 1)].add(1);
        self.time.add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
    }

    pub(crate) fn drops(&self) -> EntryDrops {
        let of = |cause: Cause| self.drops[cause as usize].get();
        EntryDrops {
            capacity: of(Cause::Capacity),
            too_large: of(Cause::TooLarge),
            expired: of(Cause::Expired),
            untrue: of(Cause::Untrue),
            deleted: of(Cause::Deleted),
            tag: of(Cause::Tag),
            replaced: of(Cause::Replaced),
        }
    }

    pub(crate) fn load_time(&self) -> Duration {
        Duration::from_nanos(self.time.get())
    }

    pub(crate) fn times(&self) -> Vec<LoadTime> {
        let below = |bucket| match bucket {
            bucket if bucket + 1 == BUCKETS => Duration::MAX,
            bucket => Duration::from_micros(1_u64 << bucket),
        };
        let times = self.times.iter().enumerate();
        times.map(|(bucket, loads)| LoadTime { below: below(bucket), loads: loads.get() }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn load_times_fall_into_buckets_that_double() {
        let check = |took: Duration, below: Duration| {
            let tally = Tally::default();
            tally.loaded(took);
            let times = tally.times();
            let found = times.iter().find(|time| time.loads == 1).unwrap();
            assert_eq!(found.below, below, "{took:?}");
        };
        check(Duration::ZERO, Duration::from_micros(1));
        check(Duration::from_micros(1), Duration::from_micros(2));
        check(Duration::from_micros(3), Duration::from_micros(4));
        check(Duration::from_micros(4), Duration::from_micros(8));
        check(Duration::from_secs(1), Duration::from_micros(1 << 20));
        check(Duration::from_secs(100_000), Duration::MAX);
        check(Duration::MAX, Duration::MAX);
    }
}
