//! Where everything is sent, as the configuration has it, checked before anything is opened.

use anyhow::{Result, bail};
use hyper::Uri;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};

use crate::config::Config;
use crate::exit::Usage;

/// A collector that takes OTLP over HTTP.
#[derive(Clone, Debug)]
#[cfg_attr(not(feature = "otel"), expect(dead_code, reason = "it is checked, and refused"))]
pub(crate) struct Collector {
    /// What stands before `/v1/traces`, without a slash at its end.
    pub(super) base: String,
    pub(super) headers: HeaderMap,
}

impl Collector {
    /// The one that is configured; none without an endpoint. An error says what is wrong with it,
    /// or that this program cannot speak to any.
    pub(crate) fn of(config: &Config) -> Result<Option<Collector>> {
        let settings = &config.telemetry;
        let Some(endpoint) = &settings.endpoint else { return Ok(None) };
        if !cfg!(feature = "otel") {
            bail!(Usage(
                "telemetry.endpoint is set, and this program was built without OpenTelemetry: \
                 build it with `--features otel`, or leave the endpoint out"
                    .to_owned()
            ));
        }
        let base = base(endpoint).map_err(|why| Usage(format!("telemetry.endpoint: {why}")))?;
        let headers = headers(settings.headers.as_deref().unwrap_or_default())
            .map_err(|why| Usage(format!("telemetry.headers: {why}")))?;
        Ok(Some(Collector { base, headers }))
    }

    /// Where one kind of signals goes.
    #[cfg(feature = "otel")]
    pub(super) fn path(&self, signals: &str) -> String {
        format!("{}/v1/{signals}", self.base)
    }
}

fn base(endpoint: &str) -> Result<String, String> {
    let uri: Uri = endpoint.parse().map_err(|_| format!("{endpoint:?} is no URL"))?;
    let is_http = matches!(uri.scheme_str(), Some("http" | "https"));
    match uri.authority() {
        Some(authority) if is_http && !authority.as_str().contains('@') => {}
        Some(_) if is_http => return Err("a password is not sent: use telemetry.headers".into()),
        _ => return Err(format!("{endpoint:?} must be as in http://127.0.0.1:4318")),
    }
    if uri.query().is_some() {
        return Err(format!("{endpoint:?} has a query, which has no place before a path"));
    }
    Ok(endpoint.trim_end_matches('/').to_owned())
}

/// Reads `name=value,name=value`.
fn headers(text: &str) -> Result<HeaderMap, String> {
    let mut all = HeaderMap::new();
    for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let wrong = || "must be as in api-key=secret,tenant=a".to_owned();
        let (name, value) = pair.split_once('=').ok_or_else(wrong)?;
        let name: HeaderName = name.trim().parse().map_err(|_| wrong())?;
        let value = unescaped(value.trim()).ok_or_else(wrong)?;
        let mut value = HeaderValue::from_bytes(&value).map_err(|_| wrong())?;
        value.set_sensitive(true);
        all.append(name, value);
    }
    Ok(all)
}

/// Without the escapes of URLs; none if one is cut off.
fn unescaped(value: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        bytes.push(match byte {
            b'%' => (digit(rest.next())? << 4 | digit(rest.next())?) as u8,
            _ => byte,
        });
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_read_or_refused() {
        let check = |text: &str, expect: Result<&str, &str>| match (base(text), expect) {
            (Ok(read), Ok(expect)) => assert_eq!(read, expect, "{text}"),
            (Err(why), Err(part)) => assert!(why.contains(part), "{text}: {why}"),
            (read, _) => panic!("{text}: {read:?}"),
        };
        check("http://127.0.0.1:4318", Ok("http://127.0.0.1:4318"));
        check("https://otel.example/in/", Ok("https://otel.example/in"));
        check("http://[::1]:4318/", Ok("http://[::1]:4318"));
        check("127.0.0.1:4318", Err("http://127.0.0.1:4318"));
        check("grpc://otel.example", Err("http://127.0.0.1:4318"));
        check("http://user:word@otel.example", Err("telemetry.headers"));
        check("http://otel.example/?a=b", Err("query"));
        check("http://", Err("no URL"));
        check("", Err("no URL"));
    }

    #[test]
    fn headers_are_read_or_refused() {
        let check = |text: &str, expect: Option<&[(&str, &str)]>| {
            let read = headers(text).ok();
            let read = read.as_ref().map(|all| {
                let pairs = all.iter().map(|(name, it)| (name.as_str(), it.to_str().unwrap()));
                pairs.collect::<Vec<_>>()
            });
            assert_eq!(read.as_deref(), expect, "{text}");
        };
        check("", Some(&[]));
        check("api-key=a=b", Some(&[("api-key", "a=b")]));
        check(
            "Authorization=Bearer%20x, tenant=a,",
            Some(&[("authorization", "Bearer x"), ("tenant", "a")]),
        );
        check("a", None);
        check("a b=c", None);
        check("a=%2", None);
        check("a=%0a", None);
    }
}
