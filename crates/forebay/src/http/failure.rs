//! What a client is told of an error: a status, when to come again, and a problem of RFC 9457. The
//! text of an error is for whoever reads the log: no client sees it.

use std::time::Duration;

use axum_core::response::{IntoResponse, Response};
use http::header::{self, HeaderValue};
use http::{HeaderMap, StatusCode};

use crate::error::Error;

/// The answer of a handler that fails with this error, so that handlers may return
/// [`crate::Result`]. Feature `http`.
///
/// | status | when |
/// |---|---|
/// | 400 | a cursor of a page is not one of ours |
/// | 404 | no row where one was required |
/// | 409 | a row is there already, or another refers to it or should |
/// | 422 | a CHECK or a NOT NULL refuses the row |
/// | 429 | a limiter refuses |
/// | 502 | a load of a [`crate::Cache`] failed with an error of the application's |
/// | 503 | it may work a little later: no room, a circuit is open, the database is away or busy |
/// | 504 | it took longer than its time limit |
/// | 500 | everything else |
///
/// `Retry-After` is set where it is known. The body is a problem of RFC 9457 that has nothing of
/// the statement, the schema or the values. What begins with 5 is logged with its whole text, at
/// the target `forebay::request`: as a warning if it may work a little later, else as an error.
impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let (status, detail) = judge(&self);
        match status {
            StatusCode::SERVICE_UNAVAILABLE => {
                tracing::warn!(target: "forebay::request", error = %self, "a handler refuses");
            }
            _ if status.is_server_error() => {
                tracing::error!(target: "forebay::request", error = %self, "a handler has failed");
            }
            _ => {}
        }
        let title = status.canonical_reason().unwrap_or_default();
        let body = format!(
            "{{\"type\":\"about:blank\",\"title\":\"{title}\",\"status\":{},\
             \"detail\":\"{detail}\"}}",
            status.as_u16()
        );
        let mut headers = HeaderMap::new();
        let json = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, json);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(wait) = self.retry_after() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(whole_seconds(wait)));
        }
        (status, headers, body).into_response()
    }
}

/// The status, and a sentence that needs no escape in JSON.
fn judge(error: &Error) -> (StatusCode, &'static str) {
    let is_about_others = error.is_unique_violation() || error.is_foreign_key_violation();
    let is_closed = error.is_closed() || error.is_open() || error.is_outcome_unknown();
    if error.is_invalid_cursor() {
        (StatusCode::BAD_REQUEST, "The cursor is damaged, or of another list.")
    } else if error.is_not_found() {
        (StatusCode::NOT_FOUND, "There is none.")
    } else if is_about_others {
        (StatusCode::CONFLICT, "It is there already, or what it refers to is not as it should be.")
    } else if error.is_constraint_violation() {
        (StatusCode::UNPROCESSABLE_ENTITY, "A value is missing, or is not allowed.")
    } else if error.is_rate_limited() {
        (StatusCode::TOO_MANY_REQUESTS, "That is more than is allowed.")
    } else if error.is_load_failed() {
        (StatusCode::BAD_GATEWAY, "What stands behind this did not give an answer.")
    } else if error.is_timeout() {
        (StatusCode::GATEWAY_TIMEOUT, "It took too long.")
    } else if error.is_transient() || is_closed {
        (StatusCode::SERVICE_UNAVAILABLE, "It cannot be done now. Try again later.")
    } else {
        (StatusCode::INTERNAL_SERVER_ERROR, "Something is wrong on this side.")
    }
}

/// One at least, and one more for what is left.
fn whole_seconds(wait: Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}
