//! The figures of `GET /metrics` for a collector: the same names and labels, as OTLP has them. They
//! are sums since the start, so that one that is lost does no harm.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use forebay::{Metric, MetricHistogram, MetricKind, MetricValue};
use forebay_server::Outlet;
use hyper::Uri;
use hyper::body::Bytes;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1 as otlp;
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message as _;

use super::collector::Collector;
use super::post::Post;
use crate::config::Config;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Who sends figures.
pub(super) struct Figures {
    post: Post,
    to: Uri,
    every: std::time::Duration,
    who: Arc<Resource>,
    began: u64,
}

impl Figures {
    pub(super) fn new(config: &Config, collector: &Collector, post: Post) -> Result<Figures> {
        let to = collector.path("metrics").parse().context("telemetry.endpoint is no URL")?;
        let attributes = attributes(config).into_iter().map(|(key, value)| pair(key, value));
        let who = Resource { attributes: attributes.collect(), ..Resource::default() };
        let every = config.telemetry.metrics_every.0;
        Ok(Figures { post, to, every, who: Arc::new(who), began: now() })
    }

    /// What takes them from the service.
    pub(super) fn outlet(&self) -> Outlet {
        let (post, to, who, began) =
            (self.post.clone(), self.to.clone(), self.who.clone(), self.began);
        Outlet::new(self.every, move |metrics| {
            let (post, to, who) = (post.clone(), to.clone(), who.clone());
            async move {
                let body = Bytes::from(request(&who, began, now(), metrics).encode_to_vec());
                // What went wrong was told.
                let _ = post.send(&to, body).await;
            }
        })
    }
}

/// Who it is that sends, in the words of the conventions.
pub(super) fn attributes(config: &Config) -> [(&'static str, String); 3] {
    [
        ("service.name", config.telemetry.service_name.clone()),
        ("service.version", VERSION.to_owned()),
        ("deployment.environment.name", config.general.environment.clone()),
    ]
}

fn request(
    who: &Resource,
    began: u64,
    at: u64,
    metrics: Vec<Metric>,
) -> ExportMetricsServiceRequest {
    let scope = InstrumentationScope {
        name: "forebay".to_owned(),
        version: VERSION.to_owned(),
        ..InstrumentationScope::default()
    };
    let metrics = metrics.into_iter().map(|metric| told(metric, began, at)).collect();
    let scope_metrics =
        vec![otlp::ScopeMetrics { scope: Some(scope), metrics, schema_url: String::new() }];
    ExportMetricsServiceRequest {
        resource_metrics: vec![otlp::ResourceMetrics {
            resource: Some(who.clone()),
            scope_metrics,
            schema_url: String::new(),
        }],
    }
}

fn told(metric: Metric, began: u64, at: u64) -> otlp::Metric {
    let kind = metric.kind;
    let unit = if metric.name.contains("_seconds") { "s" } else { "1" };
    let mut numbers = Vec::new();
    let mut spreads = Vec::new();
    for series in metric.series {
        let labels = series.labels.into_iter().map(|(key, value)| pair(key, value)).collect();
        match series.value {
            MetricValue::Count(count) => {
                let value = i64::try_from(count).unwrap_or(i64::MAX);
                let value = otlp::number_data_point::Value::AsInt(value);
                numbers.push(number(labels, value, began, at));
            }
            MetricValue::Number(value) => {
                let value = otlp::number_data_point::Value::AsDouble(value);
                numbers.push(number(labels, value, began, at));
            }
            MetricValue::Histogram(histogram) => {
                spreads.push(spread(labels, &histogram, began, at));
            }
            _ => {}
        }
    }
    let cumulative = otlp::AggregationTemporality::Cumulative as i32;
    let data = match kind {
        MetricKind::Counter => otlp::metric::Data::Sum(otlp::Sum {
            data_points: numbers,
            aggregation_temporality: cumulative,
            is_monotonic: true,
        }),
        MetricKind::Histogram => otlp::metric::Data::Histogram(otlp::Histogram {
            data_points: spreads,
            aggregation_temporality: cumulative,
        }),
        _ => otlp::metric::Data::Gauge(otlp::Gauge { data_points: numbers }),
    };
    otlp::Metric {
        name: metric.name.to_owned(),
        description: metric.help.to_owned(),
        unit: unit.to_owned(),
        data: Some(data),
        ..otlp::Metric::default()
    }
}

fn number(
    attributes: Vec<KeyValue>,
    value: otlp::number_data_point::Value,
    began: u64,
    at: u64,
) -> otlp::NumberDataPoint {
    otlp::NumberDataPoint {
        attributes,
        start_time_unix_nano: began,
        time_unix_nano: at,
        value: Some(value),
        ..otlp::NumberDataPoint::default()
    }
}

/// The last bucket, which has no bound, is the one that OTLP does not name.
fn spread(
    attributes: Vec<KeyValue>,
    histogram: &MetricHistogram,
    began: u64,
    at: u64,
) -> otlp::HistogramDataPoint {
    let bounds = histogram.buckets.iter().map(|(bound, _)| *bound);
    otlp::HistogramDataPoint {
        attributes,
        start_time_unix_nano: began,
        time_unix_nano: at,
        count: histogram.count,
        sum: Some(histogram.sum),
        bucket_counts: histogram.buckets.iter().map(|(_, count)| *count).collect(),
        explicit_bounds: bounds.filter(|bound| bound.is_finite()).collect(),
        ..otlp::HistogramDataPoint::default()
    }
}

fn pair(key: &str, value: String) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(any_value::Value::StringValue(value)) }),
        ..KeyValue::default()
    }
}

/// Nanoseconds since 1970.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
