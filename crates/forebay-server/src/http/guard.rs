//! What every request passes: whom it is addressed to, where it comes from, its token, its place
//! among the requests in work, and the type of its body, in this order, before a byte of the body
//! is read.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use tokio::sync::OwnedSemaphorePermit;

use super::reply::Dialect;
use super::routes::{ADMIN, ROUTES, is_admin, is_live, wants_page};
use super::sending::Sending;
use super::service::Service;
use super::trace::Course;
use super::{auth, origin, reply, site};
use crate::failure::Failure;
use crate::listen::Entrance;

/// Paths that stay open when the service is full, so that it can be seen why.
const UNCOUNTED: [&str; 6] = [
    "/health",
    "/health/live",
    "/health/ready",
    "/metrics",
    "/metrics/performance",
    "/metrics/cache",
];

/// Of these, those that everybody may ask.
const OPEN: [&str; 3] = ["/health", "/health/live", "/health/ready"];

/// What pages of other origins may send beside what any page may: the last two by those that trace
/// their requests.
const NAMES: &str = "authorization, content-type, x-libsql-client-version, traceparent, tracestate";

const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// What is known of a request before it is looked at.
pub(crate) struct Passage {
    /// The route by which it is counted.
    pub(crate) route: &'static str,
    /// Through what it has come.
    pub(crate) entrance: Entrance,
    pub(crate) is_admin: bool,
    /// Whether its answer does not end.
    pub(crate) is_endless: bool,
}

/// Checks a request that the router has matched, passes it on, and counts it.
pub(crate) async fn guard(
    State(service): State<Arc<Service>>,
    request: Request,
    next: Next,
) -> Response {
    let matched = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let route = match matched {
        Some(matched) if is_admin(matched) => ADMIN,
        _ => ROUTES.into_iter().find(|route| Some(*route) == matched).unwrap_or("other"),
    };
    let passage = Passage {
        route,
        // Without an entrance it is taken for the stricter one.
        entrance: request.extensions().get().copied().unwrap_or(Entrance::Loopback),
        is_admin: matched.is_some_and(is_admin),
        is_endless: matched.is_some_and(is_live),
    };
    pass(&service, &passage, request, async |request| next.run(request).await).await
}

/// Checks a request, has it answered by `run`, and counts it.
pub(crate) async fn pass(
    service: &Service,
    passage: &Passage,
    request: Request,
    run: impl AsyncFnOnce(Request) -> Response,
) -> Response {
    let started = Instant::now();
    let dialect = Dialect::of(request.uri().path());
    let course = Course::of(request.method(), passage.route, request.headers());
    let mut response = match admit(service, passage, &request) {
        Ok(Admitted { place, origin }) => {
            let response = match is_preflight(&request) {
                true => preflight(),
                false => course.run(run(request)).await,
            };
            let deadline = Instant::now() + service.options.answer_send_timeout;
            let deadline = (!passage.is_endless).then_some(deadline);
            let course = course.clone();
            let response =
                response.map(|body| Body::new(Sending { body, deadline, place, course }));
            allow(response, origin)
        }
        Err(failure) => reply::failure(&failure, dialect),
    };
    isolate(&mut response);
    let status = response.status();
    if status == StatusCode::PAYLOAD_TOO_LARGE || status == StatusCode::REQUEST_TIMEOUT {
        // The rest of the body is still on its way, and nobody wants to read it.
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    service.tally.add(passage.route, status.as_u16(), started.elapsed());
    course.answered(status.as_u16());
    response
}

struct Admitted {
    place: Option<OwnedSemaphorePermit>,
    origin: Option<HeaderValue>,
}

fn admit(service: &Service, passage: &Passage, request: &Request) -> Result<Admitted, Failure> {
    let (uri, headers) = (request.uri(), request.headers());
    let Passage { entrance, is_admin, .. } = *passage;
    service.gate.check_host(entrance, uri, headers)?;
    let origin = match service.gate.check_origin(headers) {
        // The admin API has a page of its own, and looks by itself where a request is from.
        Err(_) if is_admin && !is_preflight(request) => None,
        checked => checked?.map(HeaderValue::from_str).and_then(Result::ok),
    };
    if origin.is_none() {
        site::check_fetch(request.method(), headers)?;
    }
    if is_preflight(request) {
        // A browser sends it without a token. An origin that is allowed has come this far.
        return match origin {
            Some(_) => Ok(Admitted { place: None, origin }),
            None => Err(Failure::new(403, "ORIGIN_DENIED", "a preflight needs an origin")),
        };
    }
    if is_admin || wants_page(request) {
        // The page holds nothing that is secret. The admin API has tokens of its own, and stays
        // open when the service is full.
        return Ok(Admitted { place: None, origin });
    }
    if UNCOUNTED.contains(&uri.path()) {
        if !OPEN.contains(&uri.path()) {
            auth::check(service.options.token.as_ref(), headers)?;
        }
        return Ok(Admitted { place: None, origin });
    }
    auth::check(service.options.token.as_ref(), headers)?;
    if request.method() == Method::POST {
        origin::check_content_type(headers)?;
    }
    let place = service.requests.clone().try_acquire_owned().map_err(|_| {
        Failure::new(
            503,
            "REQUESTS_EXHAUSTED",
            format!(
                "{} requests are in work, and no more are taken (requests_max); try again later",
                service.options.requests_max
            ),
        )
    })?;
    Ok(Admitted { place: Some(place), origin })
}

fn is_preflight(request: &Request) -> bool {
    request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

fn preflight() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    let methods = HeaderValue::from_static("GET, POST");
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
    let names = HeaderValue::from_static(NAMES);
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, names);
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    response
}

/// No page of another site may show an answer as an image, a script or a frame of its own.
fn isolate(response: &mut Response) {
    let headers = response.headers_mut();
    headers.insert(RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
}

fn allow(mut response: Response, origin: Option<HeaderValue>) -> Response {
    if let Some(origin) = origin {
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.append(header::VARY, HeaderValue::from_static("origin"));
    }
    response
}
