//! Answers: JSON with the memory it holds, and failures in the words of the door they came to.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, HttpBody};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use serde::Serialize;

use crate::failure::Failure;
use crate::json::Answer;
use crate::memory::Held;

/// How much of an answer is handed to the connection at a time. What it has not taken yet is
/// still counted as held.
const CHUNK_BYTES: usize = 64 << 10;

/// Which clients knock at a path, and so how they expect a failure to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// `{"message", "code"}`
    Hrana,
    /// `{"error": {"code", "message"}}`
    Plain,
}

impl Dialect {
    pub(crate) fn of(path: &str) -> Dialect {
        let hrana = ["/v1/execute", "/v1/batch", "/v2", "/v3"];
        match hrana.iter().any(|prefix| path.starts_with(prefix)) {
            true => Dialect::Hrana,
            false => Dialect::Plain,
        }
    }
}

/// A finished answer.
pub(crate) fn answer(answer: Answer) -> Response {
    let (bytes, held) = answer.finish();
    json(StatusCode::OK, Body::new(Chunks { bytes: bytes.into(), _held: held }))
}

/// A small answer.
pub(crate) fn small(status: StatusCode, value: &impl Serialize) -> Response {
    let mut bytes = Vec::new();
    crate::json::put(&mut bytes, value);
    json(status, bytes.into())
}

/// A line of text for the curious.
pub(crate) fn text(status: StatusCode, text: &'static str) -> Response {
    respond(status, "text/plain; charset=utf-8", text.into())
}

/// A failure.
pub(crate) fn failure(failure: &Failure, dialect: Dialect) -> Response {
    #[derive(Serialize)]
    struct Plain<'a> {
        error: Inner<'a>,
    }
    #[derive(Serialize)]
    struct Inner<'a> {
        code: &'a str,
        message: &'a str,
    }
    let status = StatusCode::from_u16(failure.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = match dialect {
        Dialect::Hrana => small(status, &failure.hrana()),
        Dialect::Plain => {
            let error = Inner { code: failure.code, message: &failure.message };
            small(status, &Plain { error })
        }
    };
    let headers = response.headers_mut();
    if failure.is_temporary() {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// A body of any type.
pub(crate) fn respond(status: StatusCode, content_type: &'static str, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn json(status: StatusCode, body: Body) -> Response {
    respond(status, "application/json", body)
}

/// Bytes, piece by piece.
struct Chunks {
    bytes: Bytes,
    _held: Held,
}

impl HttpBody for Chunks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let bytes = &mut self.get_mut().bytes;
        if bytes.is_empty() {
            return Poll::Ready(None);
        }
        let chunk = bytes.split_to(bytes.len().min(CHUNK_BYTES));
        Poll::Ready(Some(Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.len() as u64)
    }
}
