//! Traces and figures for a collector, by OTLP over HTTP, behind the feature `otel`. What cannot be
//! sent is lost and said once; nothing here makes a request wait.

#[cfg(not(feature = "otel"))]
mod absent;
mod collector;
#[cfg(feature = "otel")]
mod figures;
#[cfg(feature = "otel")]
mod outgoing;
#[cfg(feature = "otel")]
mod post;
#[cfg(feature = "otel")]
mod spans;

#[cfg(not(feature = "otel"))]
pub(crate) use absent::Telemetry;
pub(crate) use collector::Collector;
#[cfg(feature = "otel")]
pub(crate) use outgoing::Telemetry;
