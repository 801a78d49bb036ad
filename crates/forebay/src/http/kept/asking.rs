//! Whether a request may be answered from what is kept, and under which key that lies. It looks at
//! the request alone.

use http::{HeaderMap, Method, Request, header};
use http_body::Body as HttpBody;

use super::control::Control;
use super::why::Why;
use crate::http::Asked;

/// A function of the application that says whose answers these are.
pub(super) type By = dyn Fn(&Asked<'_>) -> Option<String> + Send + Sync;

/// A request that may be answered from what is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Looking {
    /// What is asked for, by whom: to be completed by what the answers differ in.
    pub(super) base: Vec<u8>,
    /// The tag of all answers of this address.
    pub(super) tag: String,
    pub(super) whose: Whose,
    pub(super) is_head: bool,
    pub(super) control: Control,
}

/// For whom an answer would be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// For everybody.
    Anyone,
    /// For somebody with a token or a cookie, and the application does not say who it is.
    Unknown,
    /// For a user, who is part of the key.
    User,
}

/// What is to be done with a request.
pub(super) fn look<B: HttpBody>(request: &Request<B>, by: Option<&By>) -> Result<Looking, Why> {
    let headers = request.headers();
    let is_head = match *request.method() {
        Method::GET => false,
        Method::HEAD => true,
        _ => return Err(Why::Method),
    };
    if !request.body().is_end_stream() {
        return Err(Why::Body);
    }
    if [header::RANGE, header::UPGRADE].iter().any(|name| headers.contains_key(name)) {
        return Err(Why::Range);
    }
    let conditions = [header::IF_MATCH, header::IF_UNMODIFIED_SINCE, header::IF_RANGE];
    if conditions.iter().any(|name| headers.contains_key(name)) {
        return Err(Why::Condition);
    }
    let control = Control::of_request(headers);
    if control.no_store || control.no_cache || control.max_age == Some(0) {
        return Err(Why::AskedAnew);
    }
    let user = by.and_then(|by| by(&Asked::of(request)));
    let has_credentials =
        headers.contains_key(header::AUTHORIZATION) || headers.contains_key(header::COOKIE);
    let whose = match (&user, has_credentials) {
        (Some(_), _) => Whose::User,
        (None, true) => Whose::Unknown,
        (None, false) => Whose::Anyone,
    };
    let base = base(request, whose, user.as_deref().unwrap_or_default());
    Ok(Looking { base, tag: tag(request), whose, is_head, control })
}

/// A name for all answers of an address, whoever they are for.
pub(super) fn tag<B>(request: &Request<B>) -> String {
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    format!("uri {} {target}", authority(request))
}

/// Each part with its length before it, so that no two requests have one key.
fn base<B>(request: &Request<B>, whose: Whose, user: &str) -> Vec<u8> {
    let uri = request.uri();
    let parts = [
        uri.scheme_str().unwrap_or_default(),
        authority(request),
        uri.path(),
        uri.query().unwrap_or_default(),
        if uri.query().is_some() { "?" } else { "" },
        user,
    ];
    let mut base = vec![whose as u8];
    for part in parts {
        put(&mut base, part.as_bytes());
    }
    base
}

pub(super) fn put(key: &mut Vec<u8>, part: &[u8]) {
    key.extend_from_slice(&(part.len() as u64).to_le_bytes());
    key.extend_from_slice(part);
}

/// To whom the request is addressed. What is no text is answered by the handler, as one key.
fn authority<B>(request: &Request<B>) -> &str {
    let named = request.uri().authority().map(|authority| authority.as_str());
    named.or_else(|| host(request.headers())).unwrap_or_default()
}

fn host(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::HOST)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use axum_core::body::Body;

    use super::*;

    fn check(method: &str, pairs: &[(&str, &str)], body: &'static str, expect: Option<Why>) {
        let mut request = Request::builder().method(method).uri("/a?b");
        for (name, value) in pairs {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body)).unwrap();
        assert_eq!(look(&request, None).err(), expect, "{method} {pairs:?}");
    }

    #[test]
    fn requests_in_doubt_go_to_the_handler() {
        for method in ["GET", "HEAD"] {
            check(method, &[], "", None);
            check(method, &[("if-none-match", "\"x\""), ("cookie", "a=b")], "", None);
            check(method, &[("cache-control", "max-age=5")], "", None);
            check(method, &[("cache-control", "no-cache")], "", Some(Why::AskedAnew));
            check(method, &[("cache-control", "no-store")], "", Some(Why::AskedAnew));
            check(method, &[("cache-control", "max-age=0")], "", Some(Why::AskedAnew));
            check(method, &[("pragma", "no-cache")], "", Some(Why::AskedAnew));
            check(method, &[("range", "bytes=0-1")], "", Some(Why::Range));
            check(method, &[("upgrade", "websocket")], "", Some(Why::Range));
            check(method, &[("if-match", "\"x\"")], "", Some(Why::Condition));
            check(method, &[], "x", Some(Why::Body));
        }
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "BREW"] {
            check(method, &[], "", Some(Why::Method));
        }
    }

    #[test]
    fn requests_for_other_things_have_other_keys() {
        let key = |uri: &str, pairs: &[(&str, &str)]| {
            let mut request = Request::builder().uri(uri);
            for (name, value) in pairs {
                request = request.header(*name, *value);
            }
            let by: &By = &|asked| asked.header("x-user").map(str::to_owned);
            look(&request.body(Body::empty()).unwrap(), Some(by)).unwrap().base
        };
        let all = [
            key("/a", &[]),
            key("/a?", &[]),
            key("/a?b", &[]),
            key("/a/b", &[]),
            key("/a", &[("host", "x")]),
            key("/a", &[("host", "y")]),
            key("http://z/a", &[("host", "x")]),
            key("https://z/a", &[("host", "x")]),
            key("/a", &[("cookie", "x=1")]),
            key("/a", &[("x-user", "1")]),
            key("/a", &[("x-user", "2"), ("cookie", "x=1")]),
        ];
        let different: std::collections::HashSet<_> = all.iter().collect();
        assert_eq!(different.len(), all.len());
        assert_eq!(key("/a", &[("cookie", "x=1")]), key("/a", &[("authorization", "y")]));
    }
}
