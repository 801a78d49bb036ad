//! Metrics as plain data, in the terms of Prometheus: families of series, told apart by labels.

/// A metric: its series, which differ in their labels.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Metric {
    /// The name that `docs/guide/metrics.md` documents, such as `forebay_keyed_hits_total`.
    pub name: &'static str,
    /// What it is, in a few words.
    pub help: &'static str,
    /// What its values are.
    pub kind: MetricKind,
    /// Its series, one at least.
    pub series: Vec<MetricSeries>,
}

/// What the values of a metric are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MetricKind {
    /// They begin at 0 with what they count, and grow.
    Counter,
    /// They are what is now.
    Gauge,
    /// They are numbers of events in buckets.
    Histogram,
}

/// One series of a metric.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct MetricSeries {
    /// Labels and their values, in a fixed order.
    pub labels: Vec<(&'static str, String)>,
    /// The value now, since the beginning for what grows.
    pub value: MetricValue,
}

/// The value of a series.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum MetricValue {
    /// Of a counter: events.
    Count(u64),
    /// Of a gauge; of a counter, a sum such as one of seconds.
    Number(f64),
    /// Of a histogram.
    Histogram(MetricHistogram),
}

/// Events in buckets.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct MetricHistogram {
    /// The sum of what was measured.
    pub sum: f64,
    /// How many events there were, in all buckets.
    pub count: u64,
    /// The upper bound of each bucket and how many events are in it and in none before it; the last
    /// bound is infinite.
    pub buckets: Vec<(f64, u64)>,
}

impl Metric {
    /// One of an application's own, without series, to be shown beside those of a
    /// [`crate::Monitor`].
    #[must_use]
    pub fn new(name: &'static str, help: &'static str, kind: MetricKind) -> Metric {
        Metric { name, help, kind, series: Vec::new() }
    }

    /// With one series more.
    #[must_use]
    pub fn with(
        mut self,
        labels: impl IntoIterator<Item = (&'static str, String)>,
        value: MetricValue,
    ) -> Metric {
        self.series.push(MetricSeries { labels: labels.into_iter().collect(), value });
        self
    }
}
