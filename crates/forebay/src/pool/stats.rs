//! How long acquiring took: a fixed histogram that is written without a lock.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Each power of two is cut into eight, so a percentile is exact to 1/16 either way.
const SUB_BITS: u32 = 3;
const SUBS: usize = 1 << SUB_BITS;

/// Times from 2^42 ns (73 minutes) on share the last bucket.
const EXPONENT_MAX: u32 = 42;
const BUCKETS: usize = (EXPONENT_MAX - SUB_BITS + 1) as usize * SUBS + 1;

/// The times of all acquisitions of one pool.
#[derive(Debug)]
pub(super) struct Times {
    /// Acquisitions that found an idle connection at once; they count as no time, so that they
    /// need not be measured.
    immediate: AtomicU64,
    timeouts: AtomicU64,
    sum_ns: AtomicU64,
    buckets: Box<[AtomicU64]>,
}

/// What the histogram says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Summary {
    pub(super) count: u64,
    pub(super) timeouts: u64,
    pub(super) mean: Duration,
    pub(super) p99: Duration,
}

impl Times {
    pub(super) fn new() -> Times {
        Times {
            immediate: AtomicU64::new(0),
            timeouts: AtomicU64::new(0),
            sum_ns: AtomicU64::new(0),
            buckets: (0..BUCKETS).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    pub(super) fn record_immediate(&self) {
        self.immediate.fetch_add(1, Relaxed);
    }

    pub(super) fn record_timeout(&self) {
        self.timeouts.fetch_add(1, Relaxed);
    }

    pub(super) fn record(&self, time: Duration) {
        let ns = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.sum_ns.fetch_add(ns, Relaxed);
        self.buckets[bucket(ns)].fetch_add(1, Relaxed);
    }

    pub(super) fn summary(&self) -> Summary {
        let immediate = self.immediate.load(Relaxed);
        let buckets: Vec<u64> = self.buckets.iter().map(|bucket| bucket.load(Relaxed)).collect();
        let count = immediate + buckets.iter().sum::<u64>();
        Summary {
            count,
            timeouts: self.timeouts.load(Relaxed),
            mean: Duration::from_nanos(self.sum_ns.load(Relaxed).checked_div(count).unwrap_or(0)),
            p99: Duration::from_nanos(percentile_99(immediate, count, &buckets)),
        }
    }
}

/// The smallest time that at least 99 of 100 acquisitions did not exceed.
fn percentile_99(immediate: u64, count: u64, buckets: &[u64]) -> u64 {
    let rank = count - count / 100;
    let mut seen = immediate;
    if rank <= seen {
        return 0;
    }
    for (index, times) in buckets.iter().enumerate() {
        seen += times;
        if rank <= seen {
            return middle(index);
        }
    }
    0
}

fn bucket(ns: u64) -> usize {
    if ns < SUBS as u64 {
        return ns as usize;
    }
    let exponent = ns.ilog2();
    if exponent >= EXPONENT_MAX {
        return BUCKETS - 1;
    }
    let sub = (ns >> (exponent - SUB_BITS)) as usize & (SUBS - 1);
    (exponent - SUB_BITS + 1) as usize * SUBS + sub
}

/// The middle of the times that share a bucket.
fn middle(index: usize) -> u64 {
    if index < SUBS {
        return index as u64;
    }
    let shift = index / SUBS - 1;
    let low = ((SUBS + index % SUBS) as u64) << shift;
    low + (1 << shift) / 2
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_middle_of_a_bucket_is_near_every_time_in_it(ns in 0u64..1 << EXPONENT_MAX) {
            let near = middle(bucket(ns));
            prop_assert!(near.abs_diff(ns) <= ns / 16 + 1, "{ns} is told as {near}");
        }

        #[test]
        fn longer_times_lie_in_later_buckets(a in any::<u64>(), b in any::<u64>()) {
            prop_assert_eq!(bucket(a.min(b)) <= bucket(a.max(b)), true);
            prop_assert!(bucket(a) < BUCKETS);
        }

        #[test]
        fn the_summary_is_that_of_the_sorted_times(
            immediate in 0u64..500,
            times in proptest::collection::vec(1u64..10_000_000, 0..300),
        ) {
            let all = Times::new();
            (0..immediate).for_each(|_| all.record_immediate());
            times.iter().for_each(|ns| all.record(Duration::from_nanos(*ns)));
            let mut sorted = vec![0; immediate as usize];
            sorted.extend(&times);
            sorted.sort_unstable();
            let summary = all.summary();
            prop_assert_eq!(summary.count, sorted.len() as u64);
            let Some(last) = sorted.len().checked_sub(1) else { return Ok(()) };
            let expect = sorted[last - sorted.len() / 100];
            let p99 = summary.p99.as_nanos() as u64;
            prop_assert!(p99.abs_diff(expect) <= expect / 16 + 1, "{p99}, not {expect}");
            let mean = times.iter().sum::<u64>() / sorted.len() as u64;
            prop_assert_eq!(summary.mean, Duration::from_nanos(mean));
        }
    }
}
