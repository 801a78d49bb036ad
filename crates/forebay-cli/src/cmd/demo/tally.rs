//! What was measured: latencies, hits, stale answers and failures. Tallies of several clients
//! add up to one.

use std::time::Duration;

use hdrhistogram::Histogram;

use super::mix::{Read, SHAPES};

/// Latencies in nanoseconds are kept to this many digits, up to this many nanoseconds.
const DIGITS: u8 = 2;
const LATENCY_MAX_NS: u64 = 120_000_000_000;

/// What one or several clients measured.
pub(super) struct Tally {
    /// Of each read statement, in the order of [`SHAPES`].
    pub(super) shapes: Vec<ShapeTally>,
    pub(super) writes: Latency,
    pub(super) failures: u64,
    /// The first failure and the first stale answer, in words.
    pub(super) first_failure: Option<String>,
    pub(super) first_stale: Option<String>,
}

/// What was measured of one read statement.
pub(super) struct ShapeTally {
    pub(super) latency: Latency,
    pub(super) hits: u64,
    pub(super) stale: u64,
}

/// Latencies, as a histogram.
pub(super) struct Latency(Histogram<u32>);

impl Tally {
    pub(super) fn new() -> Tally {
        let shape = |_| ShapeTally { latency: Latency::new(), hits: 0, stale: 0 };
        Tally {
            shapes: SHAPES.iter().map(shape).collect(),
            writes: Latency::new(),
            failures: 0,
            first_failure: None,
            first_stale: None,
        }
    }

    pub(super) fn read(&mut self, read: Read, took: Duration, cached: bool, stale: bool) {
        let shape = &mut self.shapes[read.shape];
        shape.latency.record(took);
        shape.hits += u64::from(cached);
        if stale {
            shape.stale += 1;
            self.first_stale.get_or_insert_with(|| read.to_string());
        }
    }

    pub(super) fn write(&mut self, took: Duration) {
        self.writes.record(took);
    }

    pub(super) fn failure(&mut self, error: &anyhow::Error) {
        self.failures += 1;
        self.first_failure.get_or_insert_with(|| format!("{error:#}"));
    }

    pub(super) fn add(&mut self, other: Tally) {
        for (own, others) in self.shapes.iter_mut().zip(&other.shapes) {
            own.latency.add(&others.latency);
            own.hits += others.hits;
            own.stale += others.stale;
        }
        self.writes.add(&other.writes);
        self.failures += other.failures;
        self.first_failure = self.first_failure.take().or(other.first_failure);
        self.first_stale = self.first_stale.take().or(other.first_stale);
    }

    /// Latencies of all reads together.
    pub(super) fn reads(&self) -> Latency {
        let mut all = Latency::new();
        for shape in &self.shapes {
            all.add(&shape.latency);
        }
        all
    }

    pub(super) fn hits(&self) -> u64 {
        self.shapes.iter().map(|shape| shape.hits).sum()
    }

    pub(super) fn stale(&self) -> u64 {
        self.shapes.iter().map(|shape| shape.stale).sum()
    }
}

impl Latency {
    fn new() -> Latency {
        let histogram = Histogram::new_with_bounds(1, LATENCY_MAX_NS, DIGITS);
        Latency(histogram.expect("the bounds are constants in range"))
    }

    fn record(&mut self, took: Duration) {
        self.0.saturating_record(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
    }

    fn add(&mut self, other: &Latency) {
        self.0.add(&other.0).expect("both histograms have the same bounds");
    }

    pub(super) fn count(&self) -> u64 {
        self.0.len()
    }

    /// The latency that a share `quantile` of all statements did not exceed.
    pub(super) fn quantile(&self, quantile: f64) -> Option<Duration> {
        let value = || Duration::from_nanos(self.0.value_at_quantile(quantile));
        (!self.0.is_empty()).then(value)
    }
}
