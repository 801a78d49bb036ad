//! From where a request to the admin API comes: from this machine, and not on behalf of a page of
//! another site.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderMap, HeaderName, header};

use super::access::Nearness;
use crate::failure::Failure;
use crate::http::{is_loopback, without_port};

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// What a proxy adds: then the connection says nothing of the client.
const FORWARDING: [HeaderName; 5] = [
    header::FORWARDED,
    header::VIA,
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-forwarded-host"),
    HeaderName::from_static("x-real-ip"),
];

/// Where the request comes from. Of this machine is what comes over its loopback, by a loopback
/// name, so that no web page can reach it through a name of its own, and through no proxy.
pub(super) fn nearness(request: &Request) -> Nearness {
    let headers = request.headers();
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let peer = peer.map(|ConnectInfo(peer)| peer.ip().to_canonical());
    let is_near = peer.as_ref().is_some_and(IpAddr::is_loopback);
    let is_forwarded = FORWARDING.iter().any(|name| headers.contains_key(name));
    match is_near && !is_forwarded && is_for_loopback(request) {
        true => Nearness::ThisMachine,
        false => Nearness::Anywhere,
    }
}

fn is_for_loopback(request: &Request) -> bool {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    let named = request.uri().authority().map(|authority| authority.as_str());
    let all = [host.to_str().ok(), Some(named.unwrap_or("localhost"))];
    all.iter().all(|name| name.is_some_and(|name| is_loopback(without_port(name))))
}

/// Refuses what a browser sends on behalf of a page of another site.
pub(super) fn check_site(headers: &HeaderMap, allowed: &[String]) -> Result<(), Failure> {
    let origin = headers.get(header::ORIGIN).map(|origin| origin.to_str().unwrap_or_default());
    if origin.is_some_and(|origin| allowed.iter().any(|known| known == origin)) {
        return Ok(());
    }
    let site = headers.get(FETCH_SITE).map(|site| site.to_str().unwrap_or_default());
    // `none` is what somebody has typed.
    let is_same_site = site.is_none_or(|site| ["same-origin", "none"].contains(&site));
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let is_same_origin = origin.is_none_or(|origin| {
        let named = origin.strip_prefix("http://").or(origin.strip_prefix("https://"));
        named.is_some_and(|named| !named.is_empty() && named.eq_ignore_ascii_case(host))
    });
    if is_same_site && is_same_origin {
        return Ok(());
    }
    Err(Failure::new(403, "ORIGIN_DENIED", "this is not open to pages of other sites"))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn request(uri: &str, peer: Option<&str>, pairs: &[(&str, &str)]) -> Request {
        let mut request = Request::builder().uri(uri);
        for (name, value) in pairs {
            request = request.header(*name, *value);
        }
        let mut request = request.body(Body::empty()).unwrap();
        if let Some(peer) = peer {
            let peer: SocketAddr = peer.parse().unwrap();
            request.extensions_mut().insert(ConnectInfo(peer));
        }
        request
    }

    #[test]
    fn only_this_machine_is_near() {
        let check = |uri: &str, peer: Option<&str>, pairs: &[(&str, &str)], expect: bool| {
            let found = nearness(&request(uri, peer, pairs)) == Nearness::ThisMachine;
            assert_eq!(found, expect, "{uri} {peer:?} {pairs:?}");
        };
        let here = Some("127.0.0.1:9");
        let local = ("host", "localhost:80");
        check("/", here, &[local], true);
        check("/", Some("[::1]:9"), &[("host", "[::1]:80")], true);
        check("/", Some("[::ffff:127.0.0.1]:9"), &[local], true);
        check("http://127.0.0.1/", here, &[local], true);
        check("/", None, &[local], false);
        check("/", Some("192.0.2.1:9"), &[local], false);
        check("/", here, &[], false);
        check("/", here, &[local, local], false);
        check("/", here, &[("host", "evil.example.com")], false);
        check("http://evil.example.com/", here, &[local], false);
        for name in ["x-forwarded-for", "forwarded", "via", "x-real-ip", "x-forwarded-host"] {
            check("/", here, &[local, (name, "127.0.0.1")], false);
        }
    }

    #[test]
    fn pages_of_other_sites_are_refused() {
        let check = |pairs: &[(&str, &str)], expect: bool| {
            let allowed = ["https://app.example.com".to_owned()];
            let request = request("/", None, &[pairs, &[("host", "a.example.com:80")]].concat());
            assert_eq!(check_site(request.headers(), &allowed).is_ok(), expect, "{pairs:?}");
        };
        check(&[], true);
        check(&[("origin", "http://a.example.com:80")], true);
        check(&[("origin", "https://app.example.com"), ("sec-fetch-site", "cross-site")], true);
        check(&[("sec-fetch-site", "same-origin")], true);
        check(&[("sec-fetch-site", "none")], true);
        check(&[("sec-fetch-site", "cross-site")], false);
        check(&[("sec-fetch-site", "same-site")], false);
        for origin in ["null", "", "http://", "http://evil.example.com", "http://a.example.com"] {
            check(&[("origin", origin)], false);
        }
    }
}
