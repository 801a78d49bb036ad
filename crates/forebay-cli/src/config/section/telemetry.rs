//! Where traces and figures are sent, in the words of OpenTelemetry.

use std::path::PathBuf;
use std::time::Duration;

use crate::config::setting::section;
use crate::quantity::Time;

section! {
    /// Traces and figures, sent to a collector by OTLP over HTTP.
    struct Telemetry {
        /// The address of the collector, `http://127.0.0.1:4318` for example; `/v1/traces` and
        /// `/v1/metrics` stand behind it. Without it nothing is sent.
        endpoint: Option<String> = None, env "OTEL_EXPORTER_OTLP_ENDPOINT";
        /// What the service is called there.
        service_name: String = "forebay".to_owned(), env "OTEL_SERVICE_NAME";
        /// Headers that go with everything that is sent, as in `api-key=...,tenant=a`; a value may
        /// have the escapes of URLs.
        headers: Option<String> = None, env "OTEL_EXPORTER_OTLP_HEADERS", is [secret];
        /// Believe the certificates in this PEM file and no others.
        root_certificates: Option<PathBuf> = None, env "OTEL_EXPORTER_OTLP_CERTIFICATE";
        /// Whether requests and their statements are sent as spans.
        traces: bool = true;
        /// Of the requests that belong to no trace yet, one in so many begins one. What belongs to
        /// one is recorded if whoever has begun that says so.
        traces_one_in: u32 = 1, in 1..=1_000_000;
        /// Spans that wait to be sent; what is beyond is left out.
        queue: usize = 2_048, in 64..=100_000;
        /// Whether the figures of GET /metrics are sent, too.
        metrics: bool = true;
        /// How often.
        metrics_every: Time = Time(Duration::from_secs(60)),
            in Duration::from_secs(1)..=Duration::from_secs(3_600);
    }
}
