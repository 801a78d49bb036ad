//! What keeps a web page from using a service on its visitor's machine: the `Host` header must
//! name this service (against names that are rebound to a local address), an `Origin` must be
//! one that is allowed, and a body must have a type that no page can send without asking first.

use std::net::IpAddr;

use axum::http::{HeaderMap, Uri, header};

use crate::failure::Failure;
use crate::listen::Entrance;
use crate::options::Options;

/// Headers that a page cannot send to another origin without a preflight, which we refuse.
/// libSQL's client in Rust (and Python's, built on it) sends no content type, but these.
const PREFLIGHTED: [&str; 2] = ["authorization", "x-libsql-client-version"];

/// Who may knock.
pub(crate) struct Gate {
    /// Names beside those of loopback. With none, what is not on loopback takes any name.
    hosts: Vec<String>,
    origins: Vec<String>,
}

impl Gate {
    pub(crate) fn new(options: &Options) -> Gate {
        Gate { hosts: options.allowed_hosts.clone(), origins: options.allow_origins.clone() }
    }

    /// Checks whom the request is addressed to.
    pub(crate) fn check_host(
        &self,
        entrance: Entrance,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Result<(), Failure> {
        let more = &self.hosts;
        if more.is_empty() && entrance == Entrance::Other {
            return Ok(());
        }
        let mut hosts = headers.get_all(header::HOST).iter();
        let host = hosts.next().and_then(|host| host.to_str().ok());
        // A target in absolute form has an authority of its own, and both must be right.
        let named = [host, uri.authority().map(|authority| authority.as_str())];
        let known = |name: &str| is_loopback(name) || more.iter().any(|host| is_same(host, name));
        let all_known = named.iter().flatten().all(|authority| known(without_port(authority)));
        if host.is_some() && hosts.next().is_none() && all_known {
            return Ok(());
        }
        Err(Failure::new(
            403,
            "HOST_DENIED",
            "the Host header does not name this service; to reach it by another name, add that \
             name to the allowed hosts",
        ))
    }

    /// Checks on behalf of which page the request comes: `None` for none, as from any client that
    /// is not a browser.
    pub(crate) fn check_origin<'a>(
        &self,
        headers: &'a HeaderMap,
    ) -> Result<Option<&'a str>, Failure> {
        let Some(origin) = headers.get(header::ORIGIN) else { return Ok(None) };
        let origin = origin.to_str().ok().filter(|o| self.origins.iter().any(|known| known == o));
        origin.map(Some).ok_or_else(|| {
            Failure::new(
                403,
                "ORIGIN_DENIED",
                "requests from web pages are allowed from listed origins only",
            )
        })
    }
}

/// Checks that a web form cannot have sent this body.
pub(crate) fn check_content_type(headers: &HeaderMap) -> Result<(), Failure> {
    let accepted = match headers.get(header::CONTENT_TYPE) {
        Some(value) => value.to_str().is_ok_and(is_json),
        None => PREFLIGHTED.iter().any(|name| headers.contains_key(*name)),
    };
    if accepted {
        return Ok(());
    }
    Err(Failure::new(
        415,
        "CONTENT_TYPE_DENIED",
        "send the body with Content-Type: application/json",
    ))
}

fn is_json(content_type: &str) -> bool {
    let media_type = content_type.split_once(';').map_or(content_type, |(media, _)| media);
    media_type.trim().eq_ignore_ascii_case("application/json")
}

/// `[::1]:80` → `[::1]`, `localhost:80` → `localhost`.
pub(crate) fn without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => authority,
    }
}

fn is_same(a: &str, b: &str) -> bool {
    a.strip_suffix('.').unwrap_or(a).eq_ignore_ascii_case(b.strip_suffix('.').unwrap_or(b))
}

/// Whether a name or an address is that of this machine to itself.
pub(crate) fn is_loopback(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    if let Ok(address) = address.parse::<IpAddr>() {
        return address.is_loopback();
    }
    let suffix = ".localhost";
    name.eq_ignore_ascii_case("localhost")
        || name.len() > suffix.len()
            && name.as_bytes()[name.len() - suffix.len()..].eq_ignore_ascii_case(suffix.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(hosts: &[&str], origins: &[&str]) -> Gate {
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let options = Options {
            allowed_hosts: list(hosts),
            allow_origins: list(origins),
            ..Options::default()
        };
        Gate::new(&options)
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn hosts() {
        let local = (gate(&["db.example.com"], &[]), Entrance::Loopback);
        let check =
            |(gate, entrance): &(Gate, Entrance), uri: &str, hosts: &[&str], expect: bool| {
                let mut headers = HeaderMap::new();
                for host in hosts {
                    headers.append(header::HOST, host.parse().unwrap());
                }
                let result = gate.check_host(*entrance, &uri.parse().unwrap(), &headers);
                assert_eq!(result.is_ok(), expect, "{uri} {hosts:?}");
            };
        for good in [
            "127.0.0.1:8432",
            "127.0.0.1",
            "127.8.8.8:1",
            "[::1]:8432",
            "[::1]",
            "localhost",
            "LOCALHOST:8432",
            "localhost.",
            "app.localhost:80",
            "db.example.com",
            "DB.example.com:8432",
        ] {
            check(&local, "/", &[good], true);
        }
        for bad in [
            "example.com",
            "example.com:8432",
            "10.0.0.1",
            "127.0.0.1.example.com",
            "localhost.example.com",
            "evil-localhost",
            "[::2]:1",
            "xdb.example.com",
            "",
        ] {
            check(&local, "/", &[bad], false);
        }
        check(&local, "/", &[], false);
        check(&local, "/", &["localhost", "localhost"], false);
        check(&local, "http://localhost/", &["localhost"], true);
        check(&local, "http://example.com/", &["localhost"], false);
        check(&(gate(&[], &[]), Entrance::Loopback), "/", &["anything"], false);
        check(&(gate(&[], &[]), Entrance::Other), "/", &["anything"], true);
        check(&(gate(&["db"], &[]), Entrance::Other), "/", &["anything"], false);
        check(&(gate(&["db"], &[]), Entrance::Other), "/", &["db:1"], true);
    }

    #[test]
    fn origins() {
        let gate = gate(&[], &["https://app.example.com"]);
        for (origin, expect) in [
            ("https://app.example.com", true),
            ("http://app.example.com", false),
            ("https://app.example.com:444", false),
            ("https://evil.example.com", false),
            ("null", false),
            ("", false),
        ] {
            let headers = headers(&[("origin", origin)]);
            assert_eq!(gate.check_origin(&headers).is_ok(), expect, "{origin}");
        }
        assert_eq!(gate.check_origin(&HeaderMap::new()).unwrap(), None);
    }

    #[test]
    fn content_types() {
        for (pairs, expect) in [
            (&[("content-type", "application/json")][..], true),
            (&[("content-type", "Application/JSON; charset=utf-8")], true),
            (&[("content-type", "text/plain")], false),
            (&[("content-type", "text/plain"), ("authorization", "Bearer x")], false),
            (&[("content-type", "application/x-www-form-urlencoded")], false),
            (&[("content-type", "multipart/form-data; boundary=application/json")], false),
            (&[("content-type", "text/plain; application/json")], false),
            (&[], false),
            (&[("authorization", "Bearer ")], true),
            (&[("x-libsql-client-version", "libsql-remote-0.9")], true),
        ] {
            assert_eq!(check_content_type(&headers(pairs)).is_ok(), expect, "{pairs:?}");
        }
    }
}
