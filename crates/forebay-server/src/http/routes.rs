//! Which path is answered by what.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{Method, StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Extension, Router};
use hyper::body::Incoming;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use tower_layer::Layer as _;

use super::guard::Passage;
use super::reply::Dialect;
use super::service::Service;
use super::{body, guard, health, metrics, query, reply};
use crate::admin::{Admin, DASHBOARD, LIVE};
use crate::failure::Failure;
use crate::hrana::{CursorRequest, PipelineRequest, SingleBatch, SingleExecute};
use crate::json::Answer;
use crate::listen::Entrance;
use crate::request::Request as Decoded;

/// Every route; the guard counts by these names and no others.
pub(crate) const ROUTES: [&str; 17] = [
    "/",
    "/health",
    "/health/live",
    "/health/ready",
    "/health/detailed",
    "/metrics",
    "/metrics/performance",
    "/metrics/cache",
    "/openapi.json",
    "/v1/query",
    "/v1/execute",
    "/v1/batch",
    "/v2",
    "/v2/pipeline",
    "/v3",
    "/v3/pipeline",
    "/v3/cursor",
];

/// Where the admin API is.
pub(crate) const ADMIN: &str = "/api/v1/admin";

/// What is served here, in the words of OpenAPI.
const OPENAPI: &str = include_str!("openapi.json");

/// Whether a route is one of the admin API, which lets in by itself.
pub(crate) fn is_admin(route: &str) -> bool {
    route == "/health/detailed"
        || route.strip_prefix(ADMIN).is_some_and(|rest| rest.starts_with('/'))
}

/// Whether a route's answer does not end.
pub(crate) fn is_live(route: &str) -> bool {
    route.strip_prefix(ADMIN) == Some(LIVE)
}

/// Whether a browser asks for the dashboard.
pub(crate) fn wants_page(request: &Request) -> bool {
    let headers = request.headers();
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    request.uri().path() == "/"
        && !headers.contains_key(header::UPGRADE)
        && accept.is_some_and(|accept| accept.contains("text/html"))
}

/// All doors of the service, as one connection finds them.
pub(crate) struct Doors {
    service: Arc<Service>,
    entrance: Entrance,
    routed: Routed,
}

type Routed = TowerToHyperService<WithEntrance>;
type WithEntrance = axum::middleware::AddExtension<WithPeer, Entrance>;
type WithPeer = axum::middleware::AddExtension<Router, ConnectInfo<SocketAddr>>;

/// A door through which many small statements come, one a request. To find it by the router, in
/// boxes within boxes, would take as long as to answer from memory.
#[derive(Clone, Copy)]
enum Hot {
    Query,
    Pipeline,
}

impl Doors {
    /// For a connection of `peer`, which has come through `entrance`. The router is that of
    /// [`router`].
    pub(crate) fn new(
        service: &Arc<Service>,
        router: &Router,
        peer: SocketAddr,
        entrance: Entrance,
    ) -> Doors {
        let routed = Extension(ConnectInfo(peer)).layer(router.clone());
        let routed = TowerToHyperService::new(Extension(entrance).layer(routed));
        Doors { service: service.clone(), entrance, routed }
    }

    /// Answers a request. What is checked before is the same for all.
    pub(crate) async fn answer(&self, request: axum::http::Request<Incoming>) -> Response {
        let Some((hot, route)) = Hot::of(request.method(), request.uri().path()) else {
            return match self.routed.call(request).await {
                Ok(response) => response,
                Err(never) => match never {},
            };
        };
        let (service, entrance) = (&self.service, self.entrance);
        let passage = Passage { route, entrance, is_admin: false, is_endless: false };
        let run = async |request| match hot {
            Hot::Query => query::query(service, request).await,
            Hot::Pipeline => pipeline(service, request).await,
        };
        guard::pass(service, &passage, request.map(Body::new), run).await
    }
}

impl Hot {
    fn of(method: &Method, path: &str) -> Option<(Hot, &'static str)> {
        if *method != Method::POST {
            return None;
        }
        Some(match path {
            "/v1/query" => (Hot::Query, "/v1/query"),
            "/v2/pipeline" => (Hot::Pipeline, "/v2/pipeline"),
            "/v3/pipeline" => (Hot::Pipeline, "/v3/pipeline"),
            _ => return None,
        })
    }
}

/// The routes over `service`, with everything that is checked before them. Those of [`Hot`] are
/// here for the sake of other methods than theirs.
pub(crate) fn router(service: Arc<Service>) -> Router {
    Router::new()
        .route("/", get(index))
        .route("/health", get(health::health))
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .route("/metrics", get(metrics::metrics))
        .route("/metrics/performance", get(metrics::performance))
        .route("/metrics/cache", get(metrics::cache))
        .route("/openapi.json", get(openapi))
        .route("/v1/query", post(routed_query))
        .route("/v1/execute", post(execute))
        .route("/v1/batch", post(batch))
        .route("/v2", get(hrana))
        .route("/v2/pipeline", post(routed_pipeline))
        .route("/v3", get(hrana))
        .route("/v3/pipeline", post(routed_pipeline))
        .route("/v3/cursor", post(cursor))
        .merge(service.admin.detailed())
        .nest(ADMIN, service.admin.router())
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(service.clone(), guard::guard))
        .with_state(service)
}

async fn index(request: Request) -> Response {
    // A client with a ws:// address comes here.
    if request.headers().contains_key(header::UPGRADE) {
        let failure = Failure::new(
            501,
            "WEBSOCKET_UNSUPPORTED",
            "WebSockets are not served; use the same address with http: instead of ws:",
        );
        return reply::failure(&failure, Dialect::Plain);
    }
    if wants_page(&request) {
        return Admin::page(&format!("{}{DASHBOARD}", &ADMIN[1..]));
    }
    reply::text(StatusCode::OK, "Forebay: POST /v1/query, GET /health, GET /metrics, Hrana 2, 3\n")
}

async fn openapi() -> Response {
    reply::respond(StatusCode::OK, "application/json", OPENAPI.into())
}

async fn hrana() -> Response {
    reply::text(StatusCode::OK, "Forebay: Hrana over HTTP, JSON\n")
}

async fn execute(State(service): State<Arc<Service>>, request: Request) -> Response {
    answer(&service, request, async |request: SingleExecute| request.run(&service.door).await).await
}

async fn batch(State(service): State<Arc<Service>>, request: Request) -> Response {
    answer(&service, request, async |request: SingleBatch| request.run(&service.door).await).await
}

async fn routed_query(State(service): State<Arc<Service>>, request: Request) -> Response {
    query::query(&service, request).await
}

async fn routed_pipeline(State(service): State<Arc<Service>>, request: Request) -> Response {
    pipeline(&service, request).await
}

async fn pipeline(service: &Service, request: Request) -> Response {
    answer(service, request, async |request: PipelineRequest| request.run(&service.door).await)
        .await
}

async fn answer<T: Decoded>(
    service: &Service,
    request: Request,
    run: impl AsyncFnOnce(T) -> Result<Answer, Failure>,
) -> Response {
    let result = match body::read::<T>(service, request).await {
        Ok((request, _held)) => run(request).await,
        Err(failure) => Err(failure),
    };
    match result {
        Ok(answer) => reply::answer(answer),
        Err(failure) => reply::failure(&failure, Dialect::Hrana),
    }
}

async fn cursor(State(service): State<Arc<Service>>, request: Request) -> Response {
    let result = match body::read::<CursorRequest>(&service, request).await {
        Ok((request, held)) => request.open(&service.door, held).await,
        Err(failure) => Err(failure),
    };
    match result {
        Ok(body) => reply::respond(StatusCode::OK, "application/x-ndjson", Body::from_stream(body)),
        Err(failure) => reply::failure(&failure, Dialect::Hrana),
    }
}

async fn unknown(request: Request) -> Response {
    let path = request.uri().path();
    let failure = Failure::new(404, "ROUTE_UNKNOWN", "nothing is served at this path");
    reply::failure(&failure, Dialect::of(path))
}

async fn wrong_method(request: Request) -> Response {
    let path = request.uri().path();
    let failure = Failure::new(405, "METHOD_WRONG", "this path is not served for this method");
    reply::failure(&failure, Dialect::of(path))
}
