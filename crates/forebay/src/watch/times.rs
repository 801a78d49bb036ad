//! How long calls took: their number, their sum, the longest, and how they are spread.

use std::time::Duration;

use super::histogram::{Bucket, Histogram};
use crate::stats::TimeStats;

/// Times of calls.
#[derive(Clone, Debug, Default)]
pub(crate) struct Times {
    histogram: Histogram,
    count: u64,
    nanos: u64,
    nanos_max: u64,
}

impl Times {
    /// Adds one, and says which bucket it is in.
    #[inline]
    pub(crate) fn record(&mut self, nanos: u64) -> Bucket {
        let bucket = Bucket::of(nanos);
        self.histogram.record(bucket);
        self.count += 1;
        self.nanos = self.nanos.saturating_add(nanos);
        self.nanos_max = self.nanos_max.max(nanos);
        bucket
    }

    /// Adds another's.
    pub(crate) fn add(&mut self, other: &Times) {
        self.histogram.add(&other.histogram);
        self.count += other.count;
        self.nanos = self.nanos.saturating_add(other.nanos);
        self.nanos_max = self.nanos_max.max(other.nanos_max);
    }

    /// Those that were kept as numbers.
    pub(crate) fn kept(buckets: &[(usize, u32)], count: u64, nanos: u64, nanos_max: u64) -> Times {
        let mut histogram = Histogram::default();
        buckets.iter().for_each(|(bucket, count)| histogram.count(Bucket::at(*bucket), *count));
        Times { histogram, count, nanos, nanos_max }
    }

    pub(crate) fn buckets(&self) -> impl Iterator<Item = (usize, u32)> {
        self.histogram.buckets()
    }

    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    pub(crate) fn nanos(&self) -> u64 {
        self.nanos
    }

    pub(crate) fn nanos_max(&self) -> u64 {
        self.nanos_max
    }

    /// The time in nanoseconds that the share `q` of all does not exceed, within 2 %.
    pub(crate) fn quantile(&self, q: f64) -> u64 {
        self.histogram.quantile(q).min(self.nanos_max)
    }

    pub(crate) fn stats(&self) -> TimeStats {
        let at = |q| Duration::from_nanos(self.quantile(q));
        TimeStats {
            count: self.count,
            total: Duration::from_nanos(self.nanos),
            p50: at(0.5),
            p95: at(0.95),
            p99: at(0.99),
            max: Duration::from_nanos(self.nanos_max),
            buckets: self.histogram.within(&TimeStats::BOUNDS),
        }
    }
}
