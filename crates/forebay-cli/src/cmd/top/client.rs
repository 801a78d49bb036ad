//! Asks a service over HTTP, on one connection that is opened again when it has gone. It speaks no
//! TLS, and understands nothing of the answers.

use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{AUTHORIZATION, HOST, HeaderValue};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

use super::clean::clean;
use crate::exit::Usage;

/// The longest that one answer is waited for, the connection included.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// Bytes of an answer at most.
const BYTES_MAX: usize = 16 << 20;

/// Where a service is.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    host: String,
    port: u16,
    /// What stands before every path, without a slash at its end.
    prefix: String,
}

/// A service that is asked again and again.
pub(super) struct Client {
    place: Place,
    host: HeaderValue,
    token: Option<HeaderValue>,
    connection: Option<SendRequest<Empty<Bytes>>>,
}

impl Client {
    /// Opens nothing yet.
    pub(super) fn new(url: &str, token: Option<&str>) -> Result<Client> {
        let place = Place::parse(url)?;
        let bracketed = match place.host.contains(':') {
            true => format!("[{}]:{}", place.host, place.port),
            false => format!("{}:{}", place.host, place.port),
        };
        let host = HeaderValue::from_str(&bracketed).map_err(|_| wrong_url())?;
        let bearer = |token: &str| {
            let mut value = HeaderValue::from_str(&format!("Bearer {token}"))
                .map_err(|_| Usage("a token is printable ASCII, in one line".to_owned()))?;
            value.set_sensitive(true);
            anyhow::Ok(value)
        };
        let token = token.map(bearer).transpose()?;
        Ok(Client { place, host, token, connection: None })
    }

    /// The JSON at a path.
    pub(super) async fn get(&mut self, path: &str) -> Result<Value> {
        let asked = tokio::time::timeout(ANSWER_MAX, self.ask(path)).await;
        let answered = asked.unwrap_or_else(|_| Err(anyhow!("no answer within {ANSWER_MAX:?}")));
        let (status, body) = match answered {
            Ok(answer) => answer,
            Err(error) => {
                self.connection = None;
                return Err(error);
            }
        };
        let value: Option<Value> = serde_json::from_slice(&body).ok();
        match (status, value) {
            (StatusCode::OK, Some(value)) => Ok(value),
            (StatusCode::OK, None) => bail!("{path} answers no JSON: is it a forebay service?"),
            (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, _) => {
                bail!("the service wants a token: give it with --token-file ({status})")
            }
            (StatusCode::NOT_FOUND, _) => {
                bail!("nothing is served at {path}: is it a forebay service?")
            }
            (status, value) => {
                let value = value.unwrap_or_default();
                let says = value["error"]["message"].as_str().or(value["message"].as_str());
                bail!("{path} answers {status}: {}", clean(says.unwrap_or_default()))
            }
        }
    }

    async fn ask(&mut self, path: &str) -> Result<(StatusCode, Bytes)> {
        if let Some(mut kept) = self.connection.take()
            && kept.ready().await.is_ok()
            && let Ok(answer) = send(&mut kept, self.request(path)?).await
        {
            self.connection = Some(kept);
            return Ok(answer);
        }
        // None yet, or the service has closed it meanwhile.
        let mut fresh = self.connect().await?;
        let answer = send(&mut fresh, self.request(path)?).await?;
        self.connection = Some(fresh);
        Ok(answer)
    }

    async fn connect(&self) -> Result<SendRequest<Empty<Bytes>>> {
        let address = (self.place.host.as_str(), self.place.port);
        let stream = TcpStream::connect(address).await.context("cannot connect")?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        // It ends when the sender is gone, or with the connection.
        tokio::spawn(connection);
        Ok(sender)
    }

    fn request(&self, path: &str) -> Result<Request<Empty<Bytes>>> {
        let mut request = Request::get(format!("{}{path}", self.place.prefix));
        request = request.header(HOST, &self.host);
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, token);
        }
        request.body(Empty::new()).map_err(|_| wrong_url())
    }
}

async fn send(
    connection: &mut SendRequest<Empty<Bytes>>,
    request: Request<Empty<Bytes>>,
) -> Result<(StatusCode, Bytes)> {
    let response = connection.send_request(request).await.context("the connection was lost")?;
    let status = response.status();
    let body = Limited::new(response.into_body(), BYTES_MAX).collect().await;
    let body = body.map_err(|error| anyhow!("the answer was not read: {error}"))?;
    Ok((status, body.to_bytes()))
}

fn wrong_url() -> anyhow::Error {
    anyhow!(Usage("give the service as http://HOST:PORT".to_owned()))
}

impl Place {
    fn parse(url: &str) -> Result<Place> {
        let rest = url.strip_prefix("http://").ok_or_else(wrong_url)?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, prefix) = rest.split_at(end);
        let prefix = prefix.trim_end_matches('/');
        if prefix.contains(['?', '#']) || authority.contains('@') {
            return Err(wrong_url());
        }
        let (host, port) = match authority.strip_prefix('[') {
            Some(six) => {
                let (host, port) = six.split_once(']').ok_or_else(wrong_url)?;
                (host, port.strip_prefix(':'))
            }
            None => match authority.rsplit_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (authority, None),
            },
        };
        let port = port.map_or(Ok(80), str::parse).map_err(|_| wrong_url())?;
        if host.is_empty() {
            return Err(wrong_url());
        }
        Ok(Place { host: host.to_owned(), port, prefix: prefix.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_or_refused() {
        let check = |url: &str, expect: Option<(&str, u16, &str)>| {
            let place = |(host, port, prefix): (&str, u16, &str)| Place {
                host: host.to_owned(),
                port,
                prefix: prefix.to_owned(),
            };
            assert_eq!(Place::parse(url).ok(), expect.map(place), "{url}");
        };
        check("http://127.0.0.1:8432", Some(("127.0.0.1", 8432, "")));
        check("http://localhost:8432/", Some(("localhost", 8432, "")));
        check("http://db.example", Some(("db.example", 80, "")));
        check("http://[::1]:8432/forebay/", Some(("::1", 8432, "/forebay")));
        check("http://", None);
        check("http://user:word@host:1", None);
        check("http://host:port", None);
        check("http://host:1/?a=b", None);
        check("https://host", None);
    }
}
