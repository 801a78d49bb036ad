//! Times in buckets, counted by many threads.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The upper bounds of the buckets in microseconds; one more takes the rest. In such steps a
/// quantile is right to a half or better, and the slow-request limit by default is one of them.
const BOUNDS: [u64; 14] = [
    500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    2_500_000, 5_000_000, 10_000_000,
];

/// How many times fell into each bucket, and their sum.
#[derive(Debug, Default)]
pub(super) struct Histogram {
    buckets: [AtomicU64; BOUNDS.len() + 1],
    nanos: AtomicU64,
}

impl Histogram {
    /// Counts a time; a bound belongs to the bucket below it.
    pub(super) fn add(&self, time: Duration) {
        let micros = time.as_nanos().div_ceil(1_000);
        let bucket = BOUNDS.partition_point(|bound| u128::from(*bound) < micros);
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.nanos.fetch_add(nanos, Ordering::Relaxed);
    }

    /// The sum of all times.
    pub(super) fn sum(&self) -> Duration {
        Duration::from_nanos(self.nanos.load(Ordering::Relaxed))
    }

    /// Upper bounds, `Duration::MAX` for the last, and how many are in each bucket alone.
    pub(super) fn buckets(&self) -> Vec<(Duration, u64)> {
        let bounds = BOUNDS.iter().map(|bound| Duration::from_micros(*bound));
        let counts = self.buckets.iter().map(|count| count.load(Ordering::Relaxed));
        bounds.chain([Duration::MAX]).zip(counts).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_fall_into_the_bucket_below_their_bound() {
        let check = |time: Duration, expect: Duration| {
            let histogram = Histogram::default();
            histogram.add(time);
            let found = histogram.buckets().into_iter().find(|(_, count)| *count == 1);
            assert_eq!(found.map(|(bound, _)| bound), Some(expect), "{time:?}");
        };
        let micros = Duration::from_micros;
        check(Duration::ZERO, micros(500));
        check(micros(500), micros(500));
        check(Duration::from_nanos(500_001), micros(1_000));
        check(Duration::from_millis(500), Duration::from_millis(500));
        check(Duration::from_secs(10), Duration::from_secs(10));
        check(Duration::from_secs(11), Duration::MAX);
        check(Duration::MAX, Duration::MAX);
    }
}
