//! All numbers as the text that Prometheus reads. It is written anew each time; nothing is kept.

use std::fmt::{self, Write};

use super::handle::Monitor;
use super::metric::{Metric, MetricHistogram, MetricKind, MetricSeries, MetricValue};

impl Monitor {
    /// All metrics now, in the text format of Prometheus (0.0.4), whose content type is
    /// `text/plain`: what a handler that returns a `String` answers is enough for a scraper.
    ///
    /// ```
    /// # fn main() -> forebay::Result<()> {
    /// let cache = forebay::Cache::builder("app").build()?;
    /// let monitor = forebay::Monitor::new().cache("app", &cache);
    /// assert!(monitor.prometheus_text().contains("forebay_keyed_hits_total{cache=\"app\"} 0\n"));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn prometheus_text(&self) -> String {
        let mut out = String::new();
        for metric in &self.metrics() {
            // Writing to a text does not fail.
            let _ = write(&mut out, metric);
        }
        out
    }
}

fn write(out: &mut String, metric: &Metric) -> fmt::Result {
    let Metric { name, help, kind, series } = metric;
    let kind = match kind {
        MetricKind::Counter => "counter",
        MetricKind::Gauge => "gauge",
        MetricKind::Histogram => "histogram",
    };
    writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}")?;
    for one in series {
        match &one.value {
            MetricValue::Count(count) => writeln!(out, "{name}{} {count}", labels(one, None))?,
            MetricValue::Number(number) => writeln!(out, "{name}{} {number}", labels(one, None))?,
            MetricValue::Histogram(histogram) => buckets(out, name, one, histogram)?,
        }
    }
    Ok(())
}

/// Each bucket counts what is in those before it as well.
fn buckets(
    out: &mut String,
    name: &str,
    series: &MetricSeries,
    histogram: &MetricHistogram,
) -> fmt::Result {
    let mut below = 0;
    for (bound, count) in &histogram.buckets {
        below += count;
        let bound = if bound.is_finite() { bound.to_string() } else { "+Inf".to_owned() };
        writeln!(out, "{name}_bucket{} {below}", labels(series, Some(&bound)))?;
    }
    let labels = labels(series, None);
    writeln!(out, "{name}_sum{labels} {}", histogram.sum)?;
    writeln!(out, "{name}_count{labels} {}", histogram.count)
}

/// The labels in braces, with the bound of a bucket behind them; empty if there are none.
fn labels(series: &MetricSeries, bound: Option<&str>) -> String {
    let own = series.labels.iter().map(|(label, word)| (*label, word.as_str()));
    let all: Vec<String> = own
        .chain(bound.map(|bound| ("le", bound)))
        .map(|(label, word)| format!("{label}=\"{}\"", escaped(word)))
        .collect();
    if all.is_empty() { String::new() } else { format!("{{{}}}", all.join(",")) }
}

fn escaped(word: &str) -> String {
    word.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: MetricKind, labels: &[(&'static str, &str)], value: MetricValue, expect: &str) {
        let labels = labels.iter().map(|(label, word)| (*label, (*word).to_owned())).collect();
        let series = vec![MetricSeries { labels, value }];
        let mut out = String::new();
        write(&mut out, &Metric { name: "m", help: "It is.", kind, series }).unwrap();
        let start = "# HELP m It is.\n# TYPE m ";
        assert_eq!(out.strip_prefix(start), Some(expect));
    }

    #[test]
    fn the_text_is_that_of_prometheus() {
        use MetricKind::{Counter, Gauge, Histogram};
        check(Counter, &[], MetricValue::Count(3), "counter\nm 3\n");
        check(
            Gauge,
            &[("a", "x"), ("b", "")],
            MetricValue::Number(0.5),
            "gauge\nm{a=\"x\",b=\"\"} 0.5\n",
        );
        check(
            Gauge,
            &[("a", "\"\\\n")],
            MetricValue::Number(2.0),
            "gauge\nm{a=\"\\\"\\\\\\n\"} 2\n",
        );
        let buckets = vec![(0.1, 2), (1.0, 0), (f64::INFINITY, 1)];
        check(
            Histogram,
            &[("a", "x")],
            MetricValue::Histogram(MetricHistogram { sum: 7.25, count: 3, buckets }),
            "histogram\nm_bucket{a=\"x\",le=\"0.1\"} 2\nm_bucket{a=\"x\",le=\"1\"} 2\n\
             m_bucket{a=\"x\",le=\"+Inf\"} 3\nm_sum{a=\"x\"} 7.25\nm_count{a=\"x\"} 3\n",
        );
    }

    #[tokio::test]
    async fn every_metric_of_an_application_is_there_in_lines_that_can_be_read() {
        let db = crate::open("sqlite::memory:").await.unwrap();
        db.query("SELECT 1").fetch().await.unwrap();
        let monitor = Monitor::new().db("main", &db);
        let text = monitor.prometheus_text();
        for metric in monitor.metrics() {
            assert!(text.contains(&format!("\n# TYPE {} ", metric.name)), "{}", metric.name);
        }
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (series, value) = line.rsplit_once(' ').unwrap();
            assert!(series.starts_with("forebay_") && value.parse::<f64>().is_ok(), "{line}");
        }
    }
}
