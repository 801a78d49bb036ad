//! A request as who traces sees it: the trace that it says it belongs to, and a span of `tracing`
//! around what is done for it, under the names that OpenTelemetry has for HTTP. No path, query,
//! body or other header is in it.

use axum::http::{HeaderMap, HeaderName, Method};
use forebay::TraceParent;
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Where what is done for a request belongs.
#[derive(Clone, Debug)]
pub(crate) struct Course {
    span: Span,
    trace: Option<TraceParent>,
}

impl Course {
    /// That of a request, by its head.
    pub(crate) fn of(method: &Method, route: &'static str, headers: &HeaderMap) -> Course {
        let parent = parent(headers);
        let span = span(method, route);
        Course { trace: joined(&span, parent), span }
    }

    /// Waits for what is done for it. Whatever is asked of the database meanwhile is of its trace.
    pub(crate) async fn run<F: Future>(&self, work: F) -> F::Output {
        let work = work.instrument(self.span.clone());
        match self.trace {
            Some(trace) => trace.run(work).await,
            None => work.await,
        }
    }

    /// The same for what does not wait.
    pub(crate) fn run_here<R>(&self, work: impl FnOnce() -> R) -> R {
        let work = || self.span.in_scope(work);
        match self.trace {
            Some(trace) => trace.run_here(work),
            None => work(),
        }
    }

    /// It is answered.
    pub(crate) fn answered(&self, status: u16) {
        self.span.record("http.response.status_code", status);
        if status >= 500 {
            self.span.record("otel.status_code", "ERROR");
        }
    }
}

/// The trace that a request says it belongs to. What is malformed, or there twice, is none: nobody
/// is refused for it.
fn parent(headers: &HeaderMap) -> Option<TraceParent> {
    let mut values = headers.get_all(TRACEPARENT).iter();
    let value = values.next().filter(|_| values.next().is_none())?;
    value.to_str().ok().and_then(TraceParent::parse)
}

fn span(method: &Method, route: &'static str) -> Span {
    if !tracing::enabled!(target: "forebay::http", tracing::Level::DEBUG) {
        return Span::none();
    }
    let method = shown(method);
    tracing::debug_span!(
        target: "forebay::http",
        "forebay.request",
        otel.name = format!("{method} {route}"),
        otel.kind = "server",
        otel.status_code = Empty,
        http.request.method = method,
        http.route = route,
        http.response.status_code = Empty,
    )
}

/// A method, if it is one that everybody knows: clients may send any word.
fn shown(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::OPTIONS => "OPTIONS",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::PATCH => "PATCH",
        _ => "_OTHER",
    }
}

/// The place of the work in the trace: the span itself, if somebody exports it.
#[cfg(feature = "otel")]
fn joined(span: &Span, parent: Option<TraceParent>) -> Option<TraceParent> {
    use opentelemetry::trace::{
        SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState,
    };
    use tracing_opentelemetry::OpenTelemetrySpanExt as _;

    if span.is_disabled() {
        return parent;
    }
    if let Some(parent) = parent {
        let flags = TraceFlags::default().with_sampled(parent.is_sampled());
        let (trace, asker) = (TraceId::from(parent.trace_id()), SpanId::from(parent.span_id()));
        let context = SpanContext::new(trace, asker, flags, true, TraceState::default());
        // Nobody exports it: then it has no parent either.
        let _ = span.set_parent(opentelemetry::Context::new().with_remote_span_context(context));
    }
    let context = span.context();
    let own = context.span().span_context().clone();
    let (trace, id) = (own.trace_id(), own.span_id());
    let own = TraceParent::new(
        u128::from_be_bytes(trace.to_bytes()),
        u64::from_be_bytes(id.to_bytes()),
        own.is_sampled(),
    );
    own.or(parent)
}

#[cfg(not(feature = "otel"))]
fn joined(_: &Span, parent: Option<TraceParent>) -> Option<TraceParent> {
    parent
}
