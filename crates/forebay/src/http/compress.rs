//! Compression of answers, by tower-http: from which length on, of which kinds, and with the entity
//! tags that compressed answers may have. It compresses nothing by itself.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum_core::BoxError;
use axum_core::body::Body;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, header};
use http_body::Body as HttpBody;
use tower_http::CompressionLevel;
use tower_http::compression::{Compression as Compressing, CompressionLayer, Predicate};
use tower_layer::Layer;
use tower_service::Service;

/// Bytes from which on it pays, unless it is said.
const BYTES_MIN: u64 = 1_000;

/// The level, unless it is said.
const LEVEL: u32 = 6;

/// Kinds of content that are compressed already, or that have to arrive bit by bit.
const LEFT: [&str; 9] = [
    "image/",
    "video/",
    "audio/",
    "font/woff",
    "application/zip",
    "application/gzip",
    "application/grpc",
    "application/octet-stream",
    "text/event-stream",
];

/// Compresses answers with gzip where the client takes it: a layer for tower and axum.
///
/// From 1,000 bytes on, at level 6; an answer of unknown length as well, but for events, images and
/// what else is compressed already. A strong `ETag` becomes a weak one, since the bytes are others;
/// [`super::ResponseCache`], which belongs inside of this layer, takes it for the same.
///
/// Do not compress answers that have both a secret and something that a client has sent: their
/// length tells of the secret (BREACH).
#[derive(Clone, Copy, Debug)]
#[must_use = "it is a layer"]
pub struct Compression {
    bytes_min: u64,
    level: u32,
}

/// A service whose answers are compressed; made by [`Compression`].
#[derive(Clone)]
pub struct Compressed<S> {
    inner: Compressing<S, Worth>,
}

/// Which answers are worth it.
#[derive(Clone, Copy, Debug)]
struct Worth {
    bytes_min: u64,
}

impl Compression {
    /// From 1,000 bytes on, at level 6.
    pub fn new() -> Compression {
        Compression { bytes_min: BYTES_MIN, level: LEVEL }
    }

    /// From so many bytes on.
    pub fn bytes_min(mut self, bytes: u64) -> Compression {
        self.bytes_min = bytes;
        self
    }

    /// At this level, from 1 (fast) to 9 (small).
    pub fn level(mut self, level: u32) -> Compression {
        self.level = level.clamp(1, 9);
        self
    }
}

impl Default for Compression {
    fn default() -> Compression {
        Compression::new()
    }
}

impl Predicate for Worth {
    fn should_compress<B: HttpBody>(&self, response: &Response<B>) -> bool {
        let kind = response.headers().get(header::CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        // Text all the same.
        let is_text = kind.starts_with("image/svg+xml");
        let is_left = !is_text && LEFT.iter().any(|left| kind.starts_with(left));
        !is_left && response.body().size_hint().exact().is_none_or(|n| n >= self.bytes_min)
    }
}

impl<S> Layer<S> for Compression {
    type Service = Compressed<S>;

    fn layer(&self, inner: S) -> Compressed<S> {
        let level = i32::try_from(self.level).unwrap_or(i32::MAX);
        let layer = CompressionLayer::new()
            .quality(CompressionLevel::Precise(level))
            .compress_when(Worth { bytes_min: self.bytes_min });
        Compressed { inner: layer.layer(inner) }
    }
}

impl<S, B, R> Service<Request<B>> for Compressed<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Future: Send + 'static,
    R: HttpBody<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError> + Send,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let answering = self.inner.call(request);
        Box::pin(async move {
            let mut response = answering.await?.map(Body::new);
            weaken(response.headers_mut());
            Ok(response)
        })
    }
}

impl<S> std::fmt::Debug for Compressed<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Compressed").finish_non_exhaustive()
    }
}

/// A strong tag stands for the very bytes, which are others now.
fn weaken(headers: &mut HeaderMap) {
    if !headers.contains_key(header::CONTENT_ENCODING) {
        return;
    }
    let tag = headers.get(header::ETAG).and_then(|tag| tag.to_str().ok());
    let weak = tag.filter(|tag| tag.starts_with('"')).map(|tag| format!("W/{tag}"));
    if let Some(weak) = weak.and_then(|weak| HeaderValue::try_from(weak).ok()) {
        headers.insert(header::ETAG, weak);
    }
}
