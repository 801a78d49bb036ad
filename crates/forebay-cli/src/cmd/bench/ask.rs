//! What is asked: one request for each URL, made once and sent many times.

use std::io::Read;

use anyhow::{Context, Result};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{
    AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue,
};
use hyper::{Method, Request, Uri};

use crate::args::BenchArgs;
use crate::exit::Usage;

/// What is read of a token file.
const TOKEN_BYTES_MAX: u64 = 64 * 1024;

/// A request, and where it goes to.
pub(super) struct Ask {
    /// As it was typed.
    pub(super) url: String,
    pub(super) place: Place,
    method: Method,
    /// The path with the query.
    target: Uri,
    headers: HeaderMap,
    body: Bytes,
}

/// Where a connection goes to.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Place {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) is_tls: bool,
}

impl Ask {
    /// One for each URL.
    pub(super) fn all(args: &BenchArgs) -> Result<Vec<Ask>> {
        let method = Method::from_bytes(args.method.as_bytes())
            .map_err(|_| Usage(format!("{:?} is no method of HTTP", args.method)))?;
        let body = match &args.body_file {
            Some(path) => std::fs::read(path)
                .with_context(|| format!("cannot read the body in {}", path.display()))?
                .into(),
            None => Bytes::new(),
        };
        let headers = headers(args)?;
        args.urls.iter().map(|url| Ask::of(url, &method, &headers, &body)).collect()
    }

    /// A query in JSON.
    pub(super) fn json(url: &str, body: &'static str) -> Result<Ask> {
        let json = HeaderValue::from_static("application/json");
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, json)]);
        Ask::of(url, &Method::POST, &headers, &Bytes::from_static(body.as_bytes()))
    }

    fn of(url: &str, method: &Method, headers: &HeaderMap, body: &Bytes) -> Result<Ask> {
        let (place, authority, target) = parts(url)?;
        let mut headers = headers.clone();
        headers.entry(HOST).or_insert(authority);
        Ok(Ask {
            url: url.to_owned(),
            place,
            method: method.clone(),
            target,
            headers,
            body: body.clone(),
        })
    }

    pub(super) fn request(&self) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(self.body.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.target.clone();
        *request.headers_mut() = self.headers.clone();
        request
    }
}

/// Where a URL goes to, the header that says so, and what is asked there.
fn parts(url: &str) -> Result<(Place, HeaderValue, Uri), Usage> {
    let refuse = |why: &str| Usage(format!("{url:?}: {why}"));
    let no_url = "not a URL: expected http:// or https://, a host, and a path";
    let uri: Uri = url.parse().map_err(|_| refuse(no_url))?;
    let is_tls = match uri.scheme_str() {
        Some("http") => false,
        Some("https") => true,
        _ => return Err(refuse(no_url)),
    };
    let authority = uri.authority().ok_or_else(|| refuse("no host"))?;
    if authority.as_str().contains('@') {
        return Err(refuse("a name or password is not sent: give it as --header"));
    }
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    if host.is_empty() {
        return Err(refuse("no host"));
    }
    let port = match authority.port() {
        Some(port) => port.as_u16(),
        None if authority.as_str().ends_with(':') || authority.as_str() != authority.host() => {
            return Err(refuse("the port is not a number from 1 to 65535"));
        }
        None if is_tls => 443,
        None => 80,
    };
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    let target = target.parse().map_err(|_| refuse(no_url))?;
    let named = HeaderValue::from_str(authority.as_str()).map_err(|_| refuse(no_url))?;
    Ok((Place { host: host.to_owned(), port, is_tls }, named, target))
}

fn headers(args: &BenchArgs) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    for header in &args.headers {
        let (name, value) = header_of(header)?;
        headers.append(name, value);
    }
    if let Some(path) = &args.token_file {
        let mut token = String::new();
        std::fs::File::open(path)
            .and_then(|file| file.take(TOKEN_BYTES_MAX).read_to_string(&mut token))
            .with_context(|| format!("cannot read the token in {}", path.display()))?;
        let value = HeaderValue::from_str(&format!("Bearer {}", token.trim()));
        let mut value = value.map_err(|_| {
            Usage(format!("the token in {} is not one line of ASCII", path.display()))
        })?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    Ok(headers)
}

fn header_of(text: &str) -> Result<(HeaderName, HeaderValue), Usage> {
    let refuse = |why: &str| Usage(format!("a header {why}: expected NAME: VALUE"));
    let (name, value) = text.split_once(':').ok_or_else(|| refuse("has no colon"))?;
    let name = name.trim().parse().map_err(|_| refuse("has a name that HTTP does not allow"))?;
    if name == CONTENT_LENGTH || name == hyper::header::TRANSFER_ENCODING {
        return Err(Usage(format!("{name} follows from the body")));
    }
    let value = value.trim().parse();
    Ok((name, value.map_err(|_| refuse("has a value that HTTP does not allow"))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        let check = |url: &str, expect: Result<(&str, u16, bool, &str, &str), &str>| match (
            parts(url),
            expect,
        ) {
            (Ok((place, named, target)), Ok((host, port, is_tls, header, path))) => {
                assert_eq!(place, Place { host: host.to_owned(), port, is_tls }, "{url}");
                assert_eq!(named, header, "{url}");
                assert_eq!(target, path, "{url}");
            }
            (Err(error), Err(part)) => {
                assert!(error.to_string().contains(part), "{url}: {error}");
            }
            (read, _) => panic!("{url}: {read:?}"),
        };
        check("http://localhost", Ok(("localhost", 80, false, "localhost", "/")));
        check("https://a.example/x?y=1", Ok(("a.example", 443, true, "a.example", "/x?y=1")));
        check("http://[::1]:8080/", Ok(("::1", 8080, false, "[::1]:8080", "/")));
        check("http://127.0.0.1:9/a%20b", Ok(("127.0.0.1", 9, false, "127.0.0.1:9", "/a%20b")));
        check("localhost:80/x", Err("http://"));
        check("ftp://localhost/", Err("http://"));
        check("http://", Err("not a URL"));
        check("http://user:pw@localhost/", Err("--header"));
        check("http://localhost:99999/", Err("65535"));
        check("http://local host/", Err("not a URL"));
        check("", Err("not a URL"));
    }

    #[test]
    fn headers_are_read() {
        let check = |text: &str, expect: Result<(&str, &str), &str>| match (header_of(text), expect)
        {
            (Ok((name, value)), Ok(expect)) => {
                assert_eq!((name.as_str(), value.to_str().unwrap()), expect);
            }
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{text}: {error}"),
            (read, _) => panic!("{text}: {read:?}"),
        };
        check("Accept: text/html", Ok(("accept", "text/html")));
        check("x-empty:", Ok(("x-empty", "")));
        check("nothing", Err("no colon"));
        check("a b: c", Err("name"));
        check("a: b\r\nc: d", Err("value"));
        check("Content-Length: 5", Err("follows from the body"));
    }
}
