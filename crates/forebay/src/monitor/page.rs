//! Metrics being collected: what several parts have of one metric comes together under its name.

use std::collections::HashMap;
use std::time::Duration;

use super::metric::{Metric, MetricHistogram, MetricKind, MetricSeries, MetricValue};

/// The metrics collected so far.
#[derive(Debug, Default)]
pub(super) struct Page {
    metrics: Vec<Metric>,
    places: HashMap<&'static str, usize>,
}

/// What one part writes on the page: each series carries its label.
pub(super) struct Sheet<'a> {
    page: &'a mut Page,
    label: &'static str,
    name: &'a str,
}

/// A counter with its name and help.
pub(super) type Count = (&'static str, &'static str, u64);
/// A gauge with its name and help.
pub(super) type Gauge = (&'static str, &'static str, f64);

impl Page {
    /// For a part that is told apart by this label; by none if its name is empty.
    pub(super) fn sheet<'a>(&'a mut self, label: &'static str, name: &'a str) -> Sheet<'a> {
        Sheet { page: self, label, name }
    }

    pub(super) fn into_metrics(self) -> Vec<Metric> {
        self.metrics
    }

    fn add(
        &mut self,
        (name, help): (&'static str, &'static str),
        kind: MetricKind,
        series: MetricSeries,
    ) {
        let place = *self.places.entry(name).or_insert_with(|| {
            self.metrics.push(Metric { name, help, kind, series: Vec::new() });
            self.metrics.len() - 1
        });
        debug_assert_eq!(self.metrics[place].kind, kind, "{name} is of two kinds");
        self.metrics[place].series.push(series);
    }
}

impl Sheet<'_> {
    pub(super) fn count(&mut self, (name, help, value): Count) {
        self.add((name, help), MetricKind::Counter, &[], MetricValue::Count(value));
    }

    pub(super) fn counts(&mut self, all: &[Count]) {
        all.iter().for_each(|count| self.count(*count));
    }

    pub(super) fn gauge(&mut self, (name, help, value): Gauge) {
        self.add((name, help), MetricKind::Gauge, &[], MetricValue::Number(value));
    }

    pub(super) fn gauges(&mut self, all: &[Gauge]) {
        all.iter().for_each(|gauge| self.gauge(*gauge));
    }

    /// A counter that is a sum of seconds.
    pub(super) fn seconds(&mut self, name: &'static str, help: &'static str, time: Duration) {
        let value = MetricValue::Number(time.as_secs_f64());
        self.add((name, help), MetricKind::Counter, &[], value);
    }

    /// A counter for each value of a label.
    pub(super) fn counts_by<'b>(
        &mut self,
        (name, help): (&'static str, &'static str),
        label: &'static str,
        values: impl IntoIterator<Item = (&'b str, u64)>,
    ) {
        for (word, count) in values {
            let value = MetricValue::Count(count);
            self.add((name, help), MetricKind::Counter, &[(label, word)], value);
        }
    }

    /// One of several words that holds now: 1 for it, and 0 for the others.
    pub(super) fn state<const N: usize>(
        &mut self,
        (name, help): (&'static str, &'static str),
        label: &'static str,
        words: [&str; N],
        now: &str,
    ) {
        for word in words {
            let value = MetricValue::Number(f64::from(word == now));
            self.add((name, help), MetricKind::Gauge, &[(label, word)], value);
        }
    }

    pub(super) fn histogram(
        &mut self,
        name: &'static str,
        help: &'static str,
        value: MetricHistogram,
    ) {
        self.add((name, help), MetricKind::Histogram, &[], MetricValue::Histogram(value));
    }

    /// One series with labels beside that of the part.
    pub(super) fn add(
        &mut self,
        described: (&'static str, &'static str),
        kind: MetricKind,
        labels: &[(&'static str, &str)],
        value: MetricValue,
    ) {
        let own = (!self.name.is_empty()).then_some((self.label, self.name));
        let labels = own.iter().chain(labels).map(|(label, word)| (*label, (*word).to_owned()));
        let series = MetricSeries { labels: labels.collect(), value };
        self.page.add(described, kind, series);
    }
}

#[allow(clippy::cast_precision_loss, reason = "gauges are floats; 2^53 is out of reach")]
pub(super) fn float(n: u64) -> f64 {
    n as f64
}
