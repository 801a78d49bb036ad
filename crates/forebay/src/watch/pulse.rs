//! What is counted over all statements, as sums that two moments can be compared by. It is for
//! whoever looks often: unlike the statistics it tells nothing of single statements.

use std::time::{Duration, Instant};

use super::histogram::{BUCKETS, middle};
use super::record::Record;
use crate::stats::{PoolStats, ReplicationStats};

/// Counters of a database as sums, at one moment; from [`crate::Db::pulse`].
///
/// All but the gauges only grow, so that the difference of two is what happened in between.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Pulse {
    /// The moment.
    pub at: Instant,
    /// Executions, answers from memory included.
    pub calls: u64,
    /// Answers from memory.
    pub hits: u64,
    /// Cacheable reads that went to the database.
    pub misses: u64,
    /// Executions that failed.
    pub errors: u64,
    /// Entries dropped because what they rest on changed.
    pub invalidations: u64,
    /// Entries dropped to stay within the byte bound.
    pub evictions: u64,
    /// Entries resident now.
    pub entries: u64,
    /// Bytes of these.
    pub bytes: u64,
    /// The byte bound.
    pub bytes_max: u64,
    /// Connections for reads.
    pub readers: PoolStats,
    /// The one connection for writes.
    pub writer: PoolStats,
    /// Connections for sessions.
    pub sessions: PoolStats,
    /// How a PostgreSQL server is followed; `None` at SQLite.
    pub replication: Option<ReplicationStats>,
    times: Spread,
}

/// How many executions took how long at the database.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Spread(Box<[u64; BUCKETS]>);

impl Pulse {
    /// Without anything counted.
    pub(crate) fn new(at: Instant) -> Pulse {
        Pulse {
            at,
            calls: 0,
            hits: 0,
            misses: 0,
            errors: 0,
            invalidations: 0,
            evictions: 0,
            entries: 0,
            bytes: 0,
            bytes_max: 0,
            readers: PoolStats::default(),
            writer: PoolStats::default(),
            sessions: PoolStats::default(),
            replication: None,
            times: Spread(Box::new([0; BUCKETS])),
        }
    }

    /// Adds what was counted of one fingerprint.
    pub(crate) fn add(&mut self, record: &Record) {
        let hits = record.hits();
        self.calls += hits + record.at_database();
        self.hits += hits;
        self.misses += record.misses();
        self.errors += record.errors();
        self.invalidations += record.invalidations();
        for (bucket, count) in record.measures().times.buckets() {
            self.times.0[bucket] += u64::from(count);
        }
    }

    /// The time at the database that the share `q` (from 0 to 1) of the executions did not exceed
    /// that have ended since `earlier`, within 2 %; `None` without any. Answers from memory are not
    /// among them.
    pub fn quantile_since(&self, earlier: &Pulse, q: f64) -> Option<Duration> {
        // A fingerprint that is folded just now is missing for a moment.
        let new =
            || self.times.0.iter().zip(earlier.times.0.iter()).map(|(a, b)| a.saturating_sub(*b));
        let total: u64 = new().sum();
        let rank = ((total as f64 * q).ceil() as u64).clamp(1, total.max(1));
        let mut seen = 0;
        let bucket = new().position(|count| {
            seen += count;
            seen >= rank
        });
        bucket.map(|bucket| Duration::from_nanos(middle(bucket)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_time_between() {
        let pulse = |times: &[(u64, u64)]| {
            let mut pulse = Pulse::new(Instant::now());
            for (nanos, count) in times {
                let bucket = (0..BUCKETS).rfind(|it| middle(*it) <= *nanos).unwrap();
                pulse.times.0[bucket] += count;
            }
            pulse
        };
        let check = |before: &[(u64, u64)], after: &[(u64, u64)], q: f64, expect: Option<f64>| {
            let found = pulse(after).quantile_since(&pulse(before), q);
            let found = found.map(|it| it.as_nanos() as f64);
            let is_near = found.zip(expect).is_some_and(|(a, b)| (a / b - 1.0).abs() < 0.04);
            assert!(is_near || found.is_none() && expect.is_none(), "{found:?} {expect:?}");
        };
        check(&[], &[], 0.5, None);
        check(&[(1_000, 5)], &[(1_000, 5)], 0.5, None);
        check(&[], &[(1_000, 99), (1_000_000, 1)], 0.5, Some(1_000.0));
        check(&[], &[(1_000, 99), (1_000_000, 1)], 0.99, Some(1_000.0));
        check(&[], &[(1_000, 99), (1_000_000, 1)], 1.0, Some(1_000_000.0));
        check(&[(1_000, 90)], &[(1_000, 95), (1_000_000, 6)], 0.5, Some(1_000_000.0));
        // Counts that have gone down are none.
        check(&[(1_000, 90)], &[(1_000, 5), (2_000, 1)], 0.0, Some(2_000.0));
    }
}
