//! What lies in the cache: an answer, or that answers of this kind are not kept; and the answer as
//! a client gets it.

use axum_core::body::Body;
use bytes::Bytes;
use http::response::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use http_body::Body as HttpBody;
use serde::de::{Deserializer, SeqAccess, Visitor};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};

use super::control::{Control, TARGETED};
use super::judge::Keep;
use super::tag;
use crate::clock::millis;

/// Headers that are about one connection, or are written anew.
const OWN: [HeaderName; 9] = [
    header::CONNECTION,
    header::TRANSFER_ENCODING,
    header::TE,
    header::UPGRADE,
    header::PROXY_AUTHENTICATE,
    HeaderName::from_static("keep-alive"),
    header::CONTENT_LENGTH,
    header::AGE,
    TARGETED,
];

/// Headers of an answer that says that nothing has changed.
const UNCHANGED: [HeaderName; 5] =
    [header::CACHE_CONTROL, header::CONTENT_LOCATION, header::DATE, header::EXPIRES, header::VARY];

/// An entry.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Entry {
    Answer(Answer),
    /// Requests go to the handler, each for itself, until this time of day.
    Past {
        until_ms: u64,
    },
}

/// An answer with its times of day.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Answer {
    status: u16,
    head: Vec<(String, Blob)>,
    body: Blob,
    tag: Blob,
    made_ms: u64,
    fresh_until_ms: u64,
}

/// Bytes that are shared, not copied.
#[derive(Clone, Debug)]
struct Blob(Bytes);

impl Entry {
    pub(super) fn answer(&self) -> Option<&Answer> {
        match self {
            Entry::Answer(answer) => Some(answer),
            Entry::Past { .. } => None,
        }
    }
}

impl Answer {
    pub(super) fn new(head: &Parts, body: Bytes, keep: &Keep, now_ms: u64) -> Answer {
        let mut headers = head.headers.clone();
        // What `Connection` names is about one connection as well.
        let named: Vec<HeaderName> = head
            .headers
            .get_all(header::CONNECTION)
            .iter()
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split(','))
            .filter_map(|name| name.trim().parse().ok())
            .collect();
        for name in OWN.iter().chain(&named) {
            headers.remove(name);
        }
        let own = headers.remove(header::ETAG);
        let tag = own.unwrap_or_else(|| tag::strong(&headers, &body));
        let pairs = headers.iter();
        let head_bytes = pairs.map(|(name, value)| (name.as_str().to_owned(), Blob::of(value)));
        Answer {
            status: head.status.as_u16(),
            head: head_bytes.collect(),
            body: Blob(body),
            tag: Blob::of(&tag),
            made_ms: now_ms.saturating_sub(millis(keep.age)),
            fresh_until_ms: now_ms.saturating_add(millis(keep.fresh)),
        }
    }

    pub(super) fn is_fresh(&self, now_ms: u64) -> bool {
        now_ms < self.fresh_until_ms
    }

    /// Whether it is as young as a request wants it to be.
    pub(super) fn suits(&self, control: &Control, now_ms: u64) -> bool {
        let is_young = control.max_age.is_none_or(|seconds| self.age(now_ms) <= seconds);
        is_young && control.min_fresh.is_none_or(|seconds| self.left(now_ms) >= seconds)
    }

    /// Seconds that it is still fresh.
    pub(super) fn left(&self, now_ms: u64) -> u64 {
        self.fresh_until_ms.saturating_sub(now_ms) / 1_000
    }

    fn age(&self, now_ms: u64) -> u64 {
        now_ms.saturating_sub(self.made_ms) / 1_000
    }

    /// What a client gets who asks with these tags; without a body if it has the answer already.
    pub(super) fn give(&self, tags: &[HeaderValue], is_head: bool, now_ms: u64) -> Response<Body> {
        let tag = self.tag.value();
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK);
        let known = tag.as_ref().filter(|_| status == StatusCode::OK);
        let known = known.and_then(|tag| tag::known(tags, tag));
        let mut response = match (&known, is_head) {
            (None, false) => Response::new(Body::from(self.body.0.clone())),
            _ => Response::new(Body::empty()),
        };
        *response.status_mut() = if known.is_some() { StatusCode::NOT_MODIFIED } else { status };
        let headers = response.headers_mut();
        for (name, value) in &self.head {
            let name = HeaderName::from_bytes(name.as_bytes());
            if let (Ok(name), Some(value)) = (name, value.value())
                && (known.is_none() || UNCHANGED.contains(&name))
            {
                headers.append(name, value);
            }
        }
        if known.is_some() || is_head {
            // That of the answer which is not sent; left out, axum would say 0.
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(self.body.0.len()));
        }
        headers.insert(header::AGE, HeaderValue::from(self.age(now_ms)));
        if let Some(tag) = known.or(tag) {
            headers.insert(header::ETAG, tag);
        }
        response
    }
}

/// Takes the body away from an answer of a handler that the client has already, by the tag that the
/// handler has given it.
pub(super) fn unless_known(response: Response<Body>, tags: &[HeaderValue]) -> Response<Body> {
    if response.status() != StatusCode::OK {
        return response;
    }
    let tag = response.headers().get(header::ETAG);
    let Some(known) = tag.and_then(|tag| tag::known(tags, tag)) else { return response };
    let mut unchanged = Response::new(Body::empty());
    *unchanged.status_mut() = StatusCode::NOT_MODIFIED;
    let headers: &mut HeaderMap = unchanged.headers_mut();
    let kept = |name: &HeaderName| UNCHANGED.contains(name) || *name == header::SET_COOKIE;
    for (name, value) in response.headers().iter().filter(|(name, _)| kept(name)) {
        headers.append(name.clone(), value.clone());
    }
    if let Some(bytes) = HttpBody::size_hint(response.body()).exact() {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes));
    }
    headers.insert(header::ETAG, known);
    unchanged
}

impl Blob {
    fn of(value: &HeaderValue) -> Blob {
        Blob(Bytes::copy_from_slice(value.as_bytes()))
    }

    fn value(&self) -> Option<HeaderValue> {
        HeaderValue::from_maybe_shared(self.0.clone()).ok()
    }
}

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Blob, D::Error> {
        struct Bytewise;
        impl<'de> Visitor<'de> for Bytewise {
            type Value = Vec<u8>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
                Ok(bytes.to_vec())
            }

            fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
                Ok(bytes)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<u8>, A::Error> {
                let mut bytes = Vec::new();
                while let Some(byte) = seq.next_element()? {
                    bytes.push(byte);
                }
                Ok(bytes)
            }
        }
        deserializer.deserialize_byte_buf(Bytewise).map(|bytes| Blob(bytes.into()))
    }
}
