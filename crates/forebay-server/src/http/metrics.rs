//! `GET /metrics` for Prometheus, rendered from the library's own counters when it is asked for.
//! There is no recorder of its own, so that counting costs no more than it does anyway.

use std::fmt;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use forebay::{Metric, MetricHistogram, MetricKind, MetricSeries, MetricValue};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeLabelSet, EncodeMetric, LabelSetEncoder, MetricEncoder, NoLabelSet,
    text,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use super::reply;
use super::service::Service;

const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Answers all metrics.
pub(crate) async fn metrics(State(service): State<Arc<Service>>) -> Response {
    let snapshot = Snapshot(service.figures());
    let mut registry = Registry::default();
    registry.register_collector(Box::new(snapshot));
    let mut out = String::new();
    match text::encode(&mut out, &registry) {
        Ok(()) => reply::respond(StatusCode::OK, CONTENT_TYPE, Body::from(out)),
        Err(fmt::Error) => reply::text(StatusCode::INTERNAL_SERVER_ERROR, "encoding failed\n"),
    }
}

/// Answers how the database performs, as JSON.
pub(crate) async fn performance(State(service): State<Arc<Service>>) -> Response {
    let (mut requests, mut time) = (0, std::time::Duration::ZERO);
    for (_, _, count) in service.tally.counts() {
        requests += count.requests;
        time += count.time;
    }
    let mut shown = crate::admin::performance(&service.db.stats());
    shown["http"] = serde_json::json!({
        "requests": requests,
        "in_work": service.requests_in_work(),
        "mean_ms": (requests > 0).then(|| time.as_secs_f64() * 1e3 / requests as f64),
    });
    reply::small(StatusCode::OK, &shown)
}

/// Answers what the cache of the database does, as JSON.
pub(crate) async fn cache(State(service): State<Arc<Service>>) -> Response {
    reply::small(StatusCode::OK, &crate::admin::cache_numbers(&service.db.stats()))
}

/// Everything that is counted, at one moment.
#[derive(Debug)]
struct Snapshot(Vec<Metric>);

impl Collector for Snapshot {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|metric| part(&mut encoder, metric))
    }
}

/// Writes a metric.
fn part(encoder: &mut DescriptorEncoder<'_>, metric: &Metric) -> fmt::Result {
    // The format adds the ending of counters by itself.
    let (name, kind) = match metric.kind {
        MetricKind::Counter => {
            (metric.name.strip_suffix("_total").unwrap_or(metric.name), MetricType::Counter)
        }
        MetricKind::Histogram => (metric.name, MetricType::Histogram),
        _ => (metric.name, MetricType::Gauge),
    };
    let mut encoder = encoder.encode_descriptor(name, metric.help, None, kind)?;
    for series in metric.series.iter().filter(|series| !series.labels.is_empty()) {
        write(encoder.encode_family(&Labels(series))?, metric.kind, &series.value)?;
    }
    // Parts of a kind differ in their names, so that one at most has none.
    match metric.series.iter().find(|series| series.labels.is_empty()) {
        Some(series) => write(encoder, metric.kind, &series.value),
        None => Ok(()),
    }
}

fn write(encoder: MetricEncoder<'_>, kind: MetricKind, value: &MetricValue) -> fmt::Result {
    match value {
        MetricValue::Count(count) => ConstCounter::new(*count).encode(encoder),
        MetricValue::Number(number) if kind == MetricKind::Counter => {
            ConstCounter::new(*number).encode(encoder)
        }
        MetricValue::Number(number) => ConstGauge::new(*number).encode(encoder),
        MetricValue::Histogram(histogram) => buckets(encoder, histogram),
        _ => Ok(()),
    }
}

fn buckets(mut encoder: MetricEncoder<'_>, histogram: &MetricHistogram) -> fmt::Result {
    let MetricHistogram { sum, count, buckets, .. } = histogram;
    encoder.encode_histogram::<NoLabelSet>(*sum, *count, buckets, None)
}

/// The labels of a series.
#[derive(Debug)]
struct Labels<'a>(&'a MetricSeries);

impl EncodeLabelSet for Labels<'_> {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> fmt::Result {
        let labels = self.0.labels.iter().map(|(label, word)| (*label, word.as_str()));
        labels.collect::<Vec<_>>().as_slice().encode(encoder)
    }
}
