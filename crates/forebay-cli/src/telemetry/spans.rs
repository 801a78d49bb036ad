//! Spans for a collector: a layer of `tracing` that takes those of requests, statements and loads,
//! and a thread that sends them. It chooses which traces are recorded, and changes none.

use std::time::Duration;

use anyhow::{Context, Result};
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{
    Protocol, RetryPolicy, SpanExporter, WithExportConfig as _, WithHttpConfig as _,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider, SpanLimits,
};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::{Layer, Registry};

use super::collector::Collector;
use super::figures;
use super::post::Post;
use crate::config::Config;

/// What is exported: spans of ours, whatever the log shows.
const TARGETS: [&str; 3] = ["forebay::http", "forebay::statement", "forebay::keyed"];

/// Spans of one request to the collector.
const BATCH_MAX: usize = 512;

/// How long spans wait for others.
const DELAY: Duration = Duration::from_secs(1);

/// The longest that the last spans are waited for.
const LAST_MAX: Duration = Duration::from_secs(3);

/// Who sends spans.
pub(super) struct Spans(SdkTracerProvider);

impl Spans {
    pub(super) fn begin(config: &Config, collector: &Collector, post: Post) -> Result<Spans> {
        let settings = &config.telemetry;
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(post)
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(collector.path("traces"))
            .with_retry_policy(RetryPolicy::disabled())
            .build()
            .context("telemetry: spans cannot be sent")?;
        let batches = BatchConfigBuilder::default()
            .with_max_queue_size(settings.queue)
            .with_max_export_batch_size(BATCH_MAX.min(settings.queue))
            .with_scheduled_delay(DELAY)
            .build();
        let processor = BatchSpanProcessor::builder(exporter).with_batch_config(batches).build();
        let share = 1.0 / f64::from(settings.traces_one_in);
        let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(share)));
        let who = figures::attributes(config).map(|(key, value)| KeyValue::new(key, value));
        let provider = SdkTracerProvider::builder()
            .with_span_processor(processor)
            .with_sampler(sampler)
            .with_span_limits(SpanLimits::default())
            .with_resource(Resource::builder_empty().with_attributes(who).build());
        Ok(Spans(provider.build()))
    }

    /// What takes spans from `tracing`.
    pub(super) fn layer(&self) -> Box<dyn Layer<Registry> + Send + Sync> {
        let layer = tracing_opentelemetry::layer()
            .with_tracer(self.0.tracer("forebay"))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false);
        let targets = TARGETS.map(|target| (target, LevelFilter::DEBUG));
        layer.with_filter(Targets::new().with_targets(targets)).boxed()
    }

    /// Sends what is left, but not for long.
    pub(super) async fn end(self) {
        let ended = move || self.0.shutdown_with_timeout(LAST_MAX);
        // What was lost was told.
        let _ = tokio::task::spawn_blocking(ended).await;
    }
}
