//! What is known of the requests of an application, by route. The layer that measures them is in
//! `timing`; this only counts.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use foldhash::fast::RandomState;

use super::route::OTHER;
use super::tally::Tally;
use crate::clock::Clock;

/// From so long on a request is logged as slow, unless the builder says otherwise.
const SLOW: Duration = Duration::from_millis(500);

/// Routes that are counted by themselves, unless the builder says otherwise.
const ROUTES_MAX: usize = 500;

/// Measures requests: a layer for tower and axum, and what it has counted. A clone is cheap and is
/// the same one.
///
/// Each answer gets `Server-Timing` and `X-Response-Time`. A request that takes 500 ms or longer is
/// logged: a warning of `tracing` with the target `forebay::request` and the fields `route`,
/// `method`, `status`, `took_ms`, `statements`, `hits`, `database_ms` and `trace`, the trace id of
/// the request's `traceparent`. No path, query, other header or parameter is in it. What it asks of
/// a database is of the same trace ([`crate::TraceParent`]). [`crate::Monitor::requests`] shows the
/// counters.
///
/// Time is counted to the head of the answer. What a body reads while it is sent belongs to no
/// request, nor do statements in tasks that a handler spawns; those of a load of a
/// [`crate::Cache`] count for the request that has begun it. Cost: about a microsecond.
///
/// ```
/// use axum::{Router, routing::get};
/// use forebay::Monitor;
/// use forebay::http::Requests;
///
/// let requests = Requests::new();
/// let app: Router = Router::new().route("/", get(|| async { "hi" })).layer(requests.clone());
/// let monitor = Monitor::new().requests("", &requests);
/// # let _ = (app, monitor);
/// ```
#[derive(Clone)]
pub struct Requests {
    inner: Arc<Inner>,
}

struct Inner {
    slow: Duration,
    shows_timing: bool,
    routes_max: usize,
    clock: Clock,
    routes: RwLock<HashMap<Box<str>, Arc<Tally>, RandomState>>,
    other: Arc<Tally>,
    in_work: AtomicUsize,
}

/// Settings of [`Requests`].
#[derive(Clone, Debug)]
#[must_use = "nothing is built until `build` is called"]
pub struct RequestsBuilder {
    slow: Duration,
    shows_timing: bool,
    routes_max: usize,
    clock: Clock,
}

/// What was counted of requests since the layer was built.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestStats {
    /// By route, in the order of their names; last, under `other`, those without a route.
    pub routes: Vec<RouteStats>,
    /// Requests in work now.
    pub in_work: usize,
}

/// What was counted of the requests of one route.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RouteStats {
    /// The pattern of the route, such as `/posts/{id}`.
    pub route: String,
    /// Requests that have ended, in whatever way.
    pub requests: u64,
    /// Of these, answered with a status of 1xx, 2xx, 3xx, 4xx, 5xx.
    pub classes: [u64; 5],
    /// Answered with 429.
    pub limited: u64,
    /// Not answered, because the service behind has failed.
    pub failed: u64,
    /// Not answered, because the client has gone or the handler panicked.
    pub given_up: u64,
    /// Slow ones.
    pub slow: u64,
    /// Statements that they have asked.
    pub statements: u64,
    /// Of the statements, those answered from memory.
    pub hits: u64,
    /// Time of the others at the database.
    pub database_time: Duration,
    /// Time of the requests, all together.
    pub time: Duration,
    /// How many took how long: upper bounds, the last of which is `Duration::MAX`, and how many
    /// took longer than the bound before and not longer than this one.
    pub times: Vec<(Duration, u64)>,
}

impl RequestsBuilder {
    /// From so long on a request is slow. Default: 500 ms.
    pub fn slow(mut self, time: Duration) -> Self {
        self.slow = time;
        self
    }

    /// Whether answers say how long they took, in `Server-Timing` and `X-Response-Time`: the whole,
    /// the time at the database and the number of statements. Whoever may not know how large a
    /// table is can learn something of it. Default: they do.
    pub fn server_timing(mut self, shows: bool) -> Self {
        self.shows_timing = shows;
        self
    }

    /// Routes that are counted by themselves; the requests of others are counted as `other`.
    /// Default: 500. Each takes about 300 bytes, and 13 series of metrics.
    pub fn routes_max(mut self, routes: usize) -> Self {
        self.routes_max = routes;
        self
    }

    #[cfg(test)]
    pub(super) fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// The layer.
    pub fn build(self) -> Requests {
        Requests {
            inner: Arc::new(Inner {
                slow: self.slow,
                shows_timing: self.shows_timing,
                routes_max: self.routes_max,
                clock: self.clock,
                routes: RwLock::default(),
                other: Arc::default(),
                in_work: AtomicUsize::new(0),
            }),
        }
    }
}

impl Requests {
    /// With the defaults of [`RequestsBuilder`].
    pub fn new() -> Requests {
        Requests::builder().build()
    }

    /// Settings.
    pub fn builder() -> RequestsBuilder {
        RequestsBuilder {
            slow: SLOW,
            shows_timing: true,
            routes_max: ROUTES_MAX,
            clock: Clock::real(),
        }
    }

    /// What was counted so far.
    pub fn stats(&self) -> RequestStats {
        let routes = self.inner.routes.read().unwrap_or_else(PoisonError::into_inner);
        let mut stats: Vec<RouteStats> =
            routes.iter().map(|(route, tally)| tally.snapshot(route)).collect();
        drop(routes);
        stats.sort_by(|a, b| a.route.cmp(&b.route));
        let other = self.inner.other.snapshot(OTHER);
        stats.extend((other.requests > 0).then_some(other));
        RequestStats { routes: stats, in_work: self.inner.in_work.load(Ordering::Relaxed) }
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    pub(super) fn is_slow(&self, took: Duration) -> bool {
        took >= self.inner.slow
    }

    pub(super) fn shows_timing(&self) -> bool {
        self.inner.shows_timing
    }

    /// A request begins.
    pub(super) fn enter(&self) {
        self.inner.in_work.fetch_add(1, Ordering::Relaxed);
    }

    /// It has ended.
    pub(super) fn leave(&self) {
        self.inner.in_work.fetch_sub(1, Ordering::Relaxed);
    }

    /// Where the requests of a route are counted, and what the route is called there.
    pub(super) fn tally<'a>(&self, route: Option<&'a str>) -> (&'a str, Arc<Tally>) {
        let Some(route) = route else { return (OTHER, self.inner.other.clone()) };
        let routes = &self.inner.routes;
        let known = routes.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(tally) = known.get(route) {
            return (route, tally.clone());
        }
        drop(known);
        let mut known = routes.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= self.inner.routes_max && !known.contains_key(route) {
            return (OTHER, self.inner.other.clone());
        }
        (route, known.entry(route.into()).or_default().clone())
    }
}

impl Default for Requests {
    fn default() -> Requests {
        Requests::new()
    }
}

impl fmt::Debug for Requests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Requests").field("slow", &self.inner.slow).finish_non_exhaustive()
    }
}
