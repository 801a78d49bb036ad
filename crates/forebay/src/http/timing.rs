//! The layer that measures requests. What it finds is kept by `requests`.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, Method, Request, Response};
use tower_layer::Layer;
use tower_service::Service;

use super::requests::Requests;
use super::route;
use super::tally::Ended;
use crate::trace::{self, TraceParent};
use crate::watch::{Account, Scope, charge, charge_here};

const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

const RESPONSE_TIME: HeaderName = HeaderName::from_static("x-response-time");

/// A service whose requests are measured; made by [`Requests`].
#[derive(Clone, Debug)]
pub struct Timed<S> {
    inner: S,
    requests: Requests,
}

impl<S> Layer<S> for Requests {
    type Service = Timed<S>;

    fn layer(&self, inner: S) -> Timed<S> {
        Timed { inner, requests: self.clone() }
    }
}

impl<S, B, R> Service<Request<B>> for Timed<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Future: Send + 'static,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<R>, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let matched = route::matched(request.extensions()).map(str::to_owned);
        let request_method = request.method().clone();
        let mut watched = Watched::begin(&self.requests, matched, request_method);
        watched.trace = parent(request.headers());
        let account = watched.account.clone();
        let answering = charge_here(account.clone(), || self.inner.call(request));
        let answering = watched.scope().run(answering);
        let trace = watched.trace;
        Box::pin(async move {
            let answering = charge(account, answering);
            let mut done = match trace {
                Some(trace) => trace.run(answering).await,
                None => answering.await,
            };
            let ended = match &done {
                Ok(response) => Ended::Answered(response.status().as_u16()),
                Err(_) => Ended::Failed,
            };
            let took = watched.end(ended);
            if let Ok(response) = &mut done
                && watched.requests.shows_timing()
            {
                show(response.headers_mut(), took, &watched.account);
            }
            done
        })
    }
}

/// A request in work. Dropped before its end it has been given up.
struct Watched {
    requests: Requests,
    route: Option<String>,
    method: Method,
    began: Instant,
    account: Arc<Account>,
    trace: Option<TraceParent>,
    has_ended: bool,
}

impl Watched {
    fn begin(requests: &Requests, route: Option<String>, method: Method) -> Watched {
        requests.enter();
        Watched {
            requests: requests.clone(),
            route,
            method,
            began: requests.clock().now(),
            account: Arc::default(),
            trace: None,
            has_ended: false,
        }
    }

    /// What its statements are looked at in for those that one could do.
    fn scope(&self) -> Scope {
        let route = self.route.as_deref().unwrap_or(route::OTHER);
        Scope::enter(format!("{} {route}", shown(&self.method)))
    }

    /// Counts it, and logs it if it was slow. Gives how long it took.
    fn end(&mut self, ended: Ended) -> Duration {
        self.has_ended = true;
        let took = self.requests.clock().now().saturating_duration_since(self.began);
        let is_slow = self.requests.is_slow(took);
        let (route, tally) = self.requests.tally(self.route.as_deref());
        tally.add(ended, took, &self.account, is_slow);
        if is_slow {
            self.log(route, ended, took);
        }
        self.requests.leave();
        took
    }

    #[cold]
    fn log(&self, route: &str, ended: Ended, took: Duration) {
        let sum = self.account.sum();
        let status = match ended {
            Ended::Answered(status) => status,
            Ended::Failed | Ended::GivenUp => 0,
        };
        tracing::warn!(
            target: "forebay::request",
            route,
            method = shown(&self.method),
            status,
            is_given_up = ended == Ended::GivenUp,
            took_ms = millis(took),
            statements = sum.statements,
            hits = sum.hits,
            database_ms = millis(sum.database),
            trace = self.trace.as_ref().map(trace::shown),
            "a request was slow"
        );
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if !self.has_ended {
            self.end(Ended::GivenUp);
        }
    }
}

/// Puts the times into the head of an answer. What a handler says of its own stays.
fn show(headers: &mut HeaderMap, took: Duration, account: &Account) {
    let sum = account.sum();
    let timing = format!(
        "total;dur={:.3}, db;dur={:.3};desc=\"{} statements, {} from memory\"",
        millis(took),
        millis(sum.database),
        sum.statements,
        sum.hits
    );
    let values = [(SERVER_TIMING, timing), (RESPONSE_TIME, format!("{:.3}ms", millis(took)))];
    for (name, value) in values {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.append(name, value);
        }
    }
}

/// The trace that a request belongs to. What is malformed, or there twice, is no trace.
fn parent(headers: &HeaderMap) -> Option<TraceParent> {
    let mut values = headers.get_all(TRACEPARENT).iter();
    let value = values.next().filter(|_| values.next().is_none())?;
    value.to_str().ok().and_then(TraceParent::parse)
}

/// A method, if it is one that everybody knows: clients may send any word.
fn shown(method: &Method) -> &str {
    match *method {
        Method::GET | Method::HEAD | Method::POST | Method::PUT | Method::DELETE => method.as_str(),
        Method::PATCH | Method::OPTIONS | Method::TRACE | Method::CONNECT => method.as_str(),
        _ => "other",
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
