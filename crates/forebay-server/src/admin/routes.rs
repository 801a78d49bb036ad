//! Which path of the admin API is answered by what, and what every request passes before.

use std::sync::Arc;
use std::time::SystemTime;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::Method;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};

use super::access::Role;
use super::builder::Inner;
use super::{act, advice, apply, gate, live, logging, maintenance, opened, page, read};
use crate::failure::Failure;
use crate::http::{Dialect, failure};

/// Where figures come as they are counted. This answer does not end.
pub(crate) const LIVE: &str = "/live";

/// Where the dashboard is, which holds no figures and so asks for no token.
pub(crate) const DASHBOARD: &str = "/dashboard";

type Route = (&'static str, fn() -> MethodRouter<Arc<Inner>>);

/// Every route. What is asked for with POST changes something.
pub(super) const ROUTES: [Route; 17] = [
    ("/cache/stats", || get(read::cache_stats)),
    ("/cache/clear", || post(act::clear)),
    ("/cache/mode", || get(read::modes).post(act::set_mode)),
    ("/pools", || get(read::pools)),
    ("/fingerprints", || get(read::fingerprints)),
    ("/fingerprints/{id}", || get(opened::fingerprint)),
    ("/slow", || get(read::slow)),
    ("/repeats", || get(read::repeats)),
    ("/advice", || get(advice::advice).post(advice::advise)),
    ("/advice/apply", || post(apply::apply)),
    ("/maintenance", || get(maintenance::maintenance)),
    ("/maintenance/run", || post(maintenance::run)),
    (LIVE, || get(live::live)),
    ("/log", || get(logging::level).post(logging::set_level)),
    ("/health/detailed", || get(read::health)),
    ("/config", || get(read::config)),
    ("/whoami", || get(read::whoami)),
];

pub(super) fn router<S: Clone + Send + Sync + 'static>(inner: Arc<Inner>) -> Router<S> {
    let mut router = Router::new();
    for (path, methods) in ROUTES {
        router = router.route(path, methods());
    }
    router
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(inner.clone(), guard))
        // Behind the layer, so that whoever has no token yet gets to the field for it.
        .route(DASHBOARD, get(page::index))
        .route("/dashboard/{file}", get(page::file))
        .with_state(inner)
}

pub(super) fn detailed<S: Clone + Send + Sync + 'static>(inner: Arc<Inner>) -> Router<S> {
    Router::new()
        .route("/health/detailed", get(read::health))
        .layer(from_fn_with_state(inner.clone(), guard))
        .with_state(inner)
}

/// Lets in who may do this, and tells the handler who it is.
async fn guard(State(admin): State<Arc<Inner>>, mut request: Request, next: Next) -> Response {
    let role = match *request.method() {
        Method::GET | Method::HEAD => Role::Reader,
        _ => Role::Admin,
    };
    let caller = gate::check_site(request.headers(), &admin.allow_origins).and_then(|()| {
        let from = gate::nearness(&request);
        let caller = admin.access.caller(request.headers(), from, SystemTime::now())?;
        caller.check(role, &admin.access).map(|()| caller)
    });
    match caller {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(refusal) => {
            tracing::warn!(
                target: "forebay::admin",
                code = refusal.code,
                method = if role == Role::Reader { "GET" } else { "other" },
                "a request to the admin API is refused"
            );
            failure(&refusal, Dialect::Plain)
        }
    }
}

async fn unknown() -> Response {
    let unknown = Failure::new(404, "ROUTE_UNKNOWN", "nothing is served at this path");
    failure(&unknown, Dialect::Plain)
}

async fn wrong_method() -> Response {
    let wrong = Failure::new(405, "METHOD_WRONG", "this path is not served for this method");
    failure(&wrong, Dialect::Plain)
}
