//! What every request passes: whom it is addressed to, where it comes from, its token, its place
//! among the requests in work, and the type of its body, in this order, before a byte of the body
//! is read.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use tokio::sync::OwnedSemaphorePermit;

use super::reply::Dialect;
use super::routes::ROUTES;
use super::sending::Sending;
use super::service::Service;
use super::{auth, origin, reply};
use crate::failure::Failure;

/// Paths that stay open when the service is full, so that it can be seen why.
const UNCOUNTED: [&str; 2] = ["/health", "/metrics"];

/// Checks a request, passes it on, and counts it.
pub(crate) async fn guard(
    State(service): State<Arc<Service>>,
    request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let matched = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let route = ROUTES.into_iter().find(|route| Some(*route) == matched).unwrap_or("other");
    let dialect = Dialect::of(request.uri().path());
    let mut response = match admit(&service, &request) {
        Ok(Admitted { place, origin }) => {
            let response = match is_preflight(&request) {
                true => preflight(),
                false => next.run(request).await,
            };
            let deadline = Instant::now() + service.options.answer_send_timeout;
            let response = response.map(|body| Body::new(Sending { body, deadline, place }));
            allow(response, origin)
        }
        Err(failure) => reply::failure(&failure, dialect),
    };
    let status = response.status();
    if status == StatusCode::PAYLOAD_TOO_LARGE || status == StatusCode::REQUEST_TIMEOUT {
        // The rest of the body is still on its way, and nobody wants to read it.
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    service.tally.add(route, status.as_u16(), started.elapsed());
    response
}

struct Admitted {
    place: Option<OwnedSemaphorePermit>,
    origin: Option<HeaderValue>,
}

fn admit(service: &Service, request: &Request) -> Result<Admitted, Failure> {
    let (uri, headers) = (request.uri(), request.headers());
    service.gate.check_host(uri, headers)?;
    let origin = service.gate.check_origin(headers)?.map(HeaderValue::from_str);
    let origin = origin.and_then(Result::ok);
    if is_preflight(request) {
        // A browser sends it without a token. An origin that is allowed has come this far.
        return match origin {
            Some(_) => Ok(Admitted { place: None, origin }),
            None => Err(Failure::new(403, "ORIGIN_DENIED", "a preflight needs an origin")),
        };
    }
    if UNCOUNTED.contains(&uri.path()) {
        if uri.path() != "/health" {
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
    let names = HeaderValue::from_static("authorization, content-type, x-libsql-client-version");
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, names);
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    response
}

fn allow(mut response: Response, origin: Option<HeaderValue>) -> Response {
    if let Some(origin) = origin {
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.append(header::VARY, HeaderValue::from_static("origin"));
    }
    response
}
