//! Alerts by HTTP: one POST each, tried again when it fails, from a bounded queue that nobody waits
//! for. Neither its address, in which there may be a secret, nor what it answers is logged.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, StatusCode, Uri, header};
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::sync::{OnceCell, mpsc};
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;

use super::alert::MaintenanceAlert;
use crate::error::{Error, Kind, Result};
use crate::guard::Retry;

/// Alerts that wait to be sent.
const QUEUE_MAX: usize = 64;

/// The longest that one try may take.
const TRY_MAX: Duration = Duration::from_secs(10);

/// Tries beside the first, the pauses between them, and how long after the first the last begins.
const RETRIES: u32 = 8;
const PAUSE_MIN: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(120);
const TRIES_WITHIN: Duration = Duration::from_secs(900);

/// How long the end of maintenance waits for alerts on their way.
const FLUSH_MAX: Duration = Duration::from_secs(5);

/// Headers of one's own.
const HEADERS_MAX: usize = 16;

/// An address to which alerts are sent as JSON, by POST; see [`MaintenanceAlert::to_json`].
///
/// An answer from 200 to 299 is a success. Others, none within 10 s, and connections that fail are
/// tried again up to 8 times within 15 minutes, with growing pauses; an answer from 400 to 499, but
/// 408 and 429, is not. Redirects are not followed. 64 alerts wait at most; what comes then is
/// left out, and logged. Any address is allowed, those of the machine itself included: whose they
/// are is up to whoever writes the plan.
#[derive(Clone)]
pub struct Webhook {
    url: Uri,
    headers: Vec<(HeaderName, HeaderValue)>,
    roots: Option<PathBuf>,
    timeout: Duration,
    retry: Retry,
    client: Arc<OnceCell<Arc<ClientConfig>>>,
}

impl Webhook {
    /// To this `http:` or `https:` URL.
    pub fn new(url: &str) -> Result<Webhook> {
        let wrong = || Error::usage("a webhook has an http: or https: URL with a host");
        let url: Uri = url.parse().map_err(|_| wrong())?;
        let authority = url.authority().ok_or_else(wrong)?;
        if !matches!(url.scheme_str(), Some("http" | "https")) || authority.host().is_empty() {
            return Err(wrong());
        }
        if authority.as_str().contains('@') {
            return Err(Error::usage(
                "the URL of a webhook has no user in it; give a header (`Authorization`)",
            ));
        }
        let retry = Retry::new(RETRIES).backoff(PAUSE_MIN, PAUSE_MAX).within(TRIES_WITHIN);
        Ok(Webhook {
            url,
            headers: Vec::new(),
            roots: None,
            timeout: TRY_MAX,
            retry: retry.on(|error| !error.is_denied() && !error.is_usage()),
            client: Arc::default(),
        })
    }

    /// Sends this header too, such as `Authorization`. Its value is not shown anywhere.
    pub fn header(mut self, name: &str, value: &str) -> Result<Webhook> {
        let wrong = || Error::usage("a header has a name and a value of visible characters");
        let name: HeaderName = name.parse().map_err(|_| wrong())?;
        let mut value: HeaderValue = value.parse().map_err(|_| wrong())?;
        value.set_sensitive(true);
        if self.headers.len() == HEADERS_MAX {
            return Err(Error::usage(format!("a webhook has {HEADERS_MAX} headers at most")));
        }
        self.headers.push((name, value));
        Ok(self)
    }

    /// Believes the certificates in this PEM file, and no others; those of the system by default.
    #[must_use]
    pub fn root_certificates(mut self, file: impl Into<PathBuf>) -> Webhook {
        self.roots = Some(file.into());
        self
    }

    /// The longest that one try may take; 10 s by default.
    #[must_use]
    pub fn timeout(mut self, limit: Duration) -> Webhook {
        self.timeout = limit;
        self
    }

    /// Tries again by these rules; [`Retry::on`] is as above whatever they say.
    #[must_use]
    pub fn retry(mut self, retry: Retry) -> Webhook {
        self.retry = retry.on(|error| !error.is_denied() && !error.is_usage());
        self
    }

    async fn send(&self, body: &Bytes) -> Result<()> {
        self.retry.run(|| self.post(body.clone())).await
    }

    async fn post(&self, body: Bytes) -> Result<()> {
        let tried = tokio::time::timeout(self.timeout, self.exchange(body)).await;
        let status = tried.map_err(|_| unreachable("it did not answer in time"))??;
        match status.as_u16() {
            200..300 => Ok(()),
            408 | 429 => Err(unreachable(status.as_str())),
            code if (300..500).contains(&code) => {
                let text = format!("the webhook answers {code}; the alert is lost");
                Err(Error::new(Kind::Denied, text))
            }
            _ => Err(unreachable(status.as_str())),
        }
    }

    async fn exchange(&self, body: Bytes) -> Result<StatusCode> {
        let (host, port) = self.host();
        let stream = TcpStream::connect((host, port)).await;
        let stream = stream.map_err(|error| unreachable("no connection").with_cause(error))?;
        if self.url.scheme_str() != Some("https") {
            return self.talk(TokioIo::new(stream), body).await;
        }
        let client = self.client.get_or_try_init(|| self.tls()).await?.clone();
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| Error::usage("the host of the webhook is none that TLS knows"))?;
        let stream = TlsConnector::from(client).connect(name, stream).await;
        let stream = stream.map_err(|error| unreachable("no TLS with it").with_cause(error))?;
        self.talk(TokioIo::new(stream), body).await
    }

    /// Sends the request and reads the head of the answer; the rest of it does not matter.
    async fn talk<S>(&self, stream: S, body: Bytes) -> Result<StatusCode>
    where
        S: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
    {
        let broken = |error: hyper::Error| unreachable("the connection broke").with_cause(error);
        let (mut sender, connection) = http1::handshake(stream).await.map_err(broken)?;
        let driver = Driver(tokio::spawn(async move {
            // What fails there fails the request, too.
            let _ = connection.await;
        }));
        let answer = sender.send_request(self.request(body)?).await.map_err(broken)?;
        drop(driver);
        Ok(answer.status())
    }

    fn request(&self, body: Bytes) -> Result<Request<Full<Bytes>>> {
        let target = self.url.path_and_query().map_or("/", |it| it.as_str());
        let authority = self.url.authority().map_or("", |it| it.as_str());
        let mut request = Request::post(target)
            .header(header::HOST, authority)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::USER_AGENT, concat!("forebay/", env!("CARGO_PKG_VERSION")))
            .header(header::CONNECTION, "close");
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        request.body(Full::new(body)).map_err(|error| {
            Error::usage("the request of the webhook cannot be made").with_cause(error)
        })
    }

    fn host(&self) -> (&str, u16) {
        let host = self.url.host().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let usual = if self.url.scheme_str() == Some("https") { 443 } else { 80 };
        (host, self.url.port_u16().unwrap_or(usual))
    }

    async fn tls(&self) -> Result<Arc<ClientConfig>> {
        let file = self.roots.clone();
        let read = tokio::task::spawn_blocking(move || config(file)).await;
        read.unwrap_or_else(|error| {
            Err(Error::new(Kind::Closed, "the runtime ended while certificates were read")
                .with_cause(error))
        })
    }
}

/// Ends the connection's task with the exchange.
struct Driver(JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn config(file: Option<PathBuf>) -> Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    match file {
        Some(file) => {
            let unreadable = |error: String| {
                Error::usage(format!("{} has no certificates: {error}", file.display()))
            };
            let all = CertificateDer::pem_file_iter(&file);
            for certificate in all.map_err(|error| unreadable(error.to_string()))? {
                let certificate = certificate.map_err(|error| unreadable(error.to_string()))?;
                roots.add(certificate).map_err(|error| unreadable(error.to_string()))?;
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    // Named, not the process's default: another part of the application may have chosen that.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions().map_err(|error| {
        Error::new(Kind::Open, "the TLS versions cannot be used").with_cause(error)
    })?;
    Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}

fn unreachable(why: &str) -> Error {
    Error::new(Kind::Disconnected, format!("the webhook was not reached: {why}"))
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook").field("host", &self.host().0).finish_non_exhaustive()
    }
}

/// Who sends the alerts of one webhook, one after another.
pub(super) struct Courier {
    queue: Option<mpsc::Sender<Bytes>>,
    host: String,
    task: JoinHandle<()>,
}

impl Courier {
    pub(super) fn start(webhook: &Webhook) -> Courier {
        let (queue, mut alerts) = mpsc::channel::<Bytes>(QUEUE_MAX);
        let webhook = webhook.clone();
        let host = webhook.host().0.to_owned();
        let task = tokio::spawn(async move {
            while let Some(alert) = alerts.recv().await {
                if let Err(error) = webhook.send(&alert).await {
                    let host = webhook.host().0;
                    tracing::warn!(%error, host, "an alert could not be sent, and is lost");
                }
            }
        });
        Courier { queue: Some(queue), host, task }
    }

    pub(super) fn take(&self, alert: &MaintenanceAlert) {
        let Some(queue) = &self.queue else { return };
        if queue.try_send(Bytes::from(alert.to_json())).is_err() {
            let host = &self.host;
            tracing::warn!(host, "{QUEUE_MAX} alerts wait to be sent; one more is left out");
        }
    }

    /// Takes no more, and waits a little for those that it has.
    pub(super) async fn flush(&mut self) {
        self.queue = None;
        if tokio::time::timeout(FLUSH_MAX, &mut self.task).await.is_err() {
            tracing::warn!(host = self.host, "alerts were not sent in time, and are lost");
        }
    }
}

impl Drop for Courier {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[cfg(test)]
mod tests;
