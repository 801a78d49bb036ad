//! Sends bytes to a collector, each on a connection of its own, and says once when that fails and
//! once when it works again. It tries nothing twice: the next batch comes soon.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, CONTENT_TYPE, HOST, HeaderMap, HeaderValue, USER_AGENT};
use hyper::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use opentelemetry_http::{HttpClient, HttpError};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::collector::Collector;

/// The longest that sending may take, the connection and the answer included.
const SEND_MAX: Duration = Duration::from_secs(10);

/// Bytes of an answer at most.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// Who sends. A clone is the same one.
#[derive(Clone, Debug)]
pub(super) struct Post(Arc<Inner>);

struct Inner {
    headers: HeaderMap,
    tls: Option<TlsConnector>,
    /// Where connections are at home: who asks to send is on a thread without a runtime.
    runtime: Handle,
    is_failing: AtomicBool,
}

impl Post {
    /// Certificates are read now, if there will be TLS. To be called within the runtime.
    pub(super) fn to(collector: &Collector, roots: Option<&Path>) -> Result<Post> {
        let is_tls = collector.base.starts_with("https:");
        Ok(Post(Arc::new(Inner {
            headers: collector.headers.clone(),
            tls: is_tls.then(|| tls(roots)).transpose()?,
            runtime: Handle::current(),
            is_failing: AtomicBool::new(false),
        })))
    }

    /// Sends `body`, which is protobuf.
    pub(super) async fn send(&self, to: &Uri, body: Bytes) -> Result<Response<Bytes>> {
        let request = Request::post(to.clone())
            .header(CONTENT_TYPE, "application/x-protobuf")
            .body(body)
            .context("the address of the collector cannot be asked")?;
        self.exchange(request).await
    }

    /// Sends a request, and tells of the first of several faults.
    async fn exchange(&self, request: Request<Bytes>) -> Result<Response<Bytes>> {
        let sending = self.0.talk(request);
        let done = match tokio::time::timeout(SEND_MAX, sending).await {
            Ok(Ok(response)) if response.status().is_success() => Ok(response),
            Ok(Ok(response)) => Err(anyhow!("it answers {}", response.status())),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(anyhow!("it has not answered within {SEND_MAX:?}")),
        };
        let has_failed = self.0.is_failing.swap(done.is_err(), Ordering::Relaxed);
        match &done {
            Err(error) if !has_failed => tracing::warn!(
                "traces and figures cannot be sent to the collector, and are lost until they can: \
                 {error:#}"
            ),
            Ok(_) if has_failed => tracing::info!("the collector takes traces and figures again"),
            _ => {}
        }
        done
    }
}

impl Inner {
    async fn talk(&self, request: Request<Bytes>) -> Result<Response<Bytes>> {
        let (parts, body) = request.into_parts();
        let uri = &parts.uri;
        let authority = uri.authority().context("the address of the collector has no host")?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        let port = authority.port_u16().unwrap_or(if self.tls.is_some() { 443 } else { 80 });
        let stream = TcpStream::connect((host, port)).await.context("cannot connect")?;
        let mut own = Request::post(uri.path()).header(HOST, authority.as_str());
        if let Some(headers) = own.headers_mut() {
            // What is not said of how to send it is about the body.
            headers.extend(parts.headers);
            headers.extend(self.headers.clone());
            let agent = HeaderValue::from_static(concat!("forebay/", env!("CARGO_PKG_VERSION")));
            headers.insert(USER_AGENT, agent);
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        let own = own.body(Full::new(body)).context("the request cannot be made")?;
        let Some(tls) = &self.tls else { return ask(stream, own).await };
        let name = ServerName::try_from(host.to_owned()).context("TLS knows no such host")?;
        ask(tls.connect(name, stream).await.context("no TLS with it")?, own).await
    }
}

/// Asks on a connection, which ends with the answer.
async fn ask<S>(stream: S, request: Request<Full<Bytes>>) -> Result<Response<Bytes>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let asking = async move {
        let (head, body) = sender.send_request(request).await?.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|error| anyhow!("its answer was not read: {error}"))?;
        Ok(Response::from_parts(head, body.to_bytes()))
    };
    tokio::pin!(asking);
    tokio::select! {
        answered = &mut asking => answered,
        // It may have ended just after the answer was there.
        ended = connection => match ended {
            Ok(()) => asking.await,
            Err(error) => bail!("the connection broke: {error}"),
        },
    }
}

/// The spans are sent by a thread of their own, which waits here.
#[async_trait::async_trait]
impl HttpClient for Post {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let own = self.clone();
        let sending = self.0.runtime.spawn(async move { own.exchange(request).await });
        Ok(sending.await??)
    }
}

fn tls(roots: Option<&Path>) -> Result<TlsConnector> {
    let mut trusted = RootCertStore::empty();
    match roots {
        Some(path) => {
            let unreadable = || format!("telemetry.root_certificates: {}", path.display());
            for certificate in CertificateDer::pem_file_iter(path).with_context(unreadable)? {
                trusted.add(certificate.with_context(unreadable)?).with_context(unreadable)?;
            }
        }
        None => {
            trusted.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    ensure!(
        !trusted.is_empty(),
        "no certificates were found that could be believed: give telemetry.root_certificates"
    );
    let ring = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(ring)
        .with_safe_default_protocol_versions()
        .context("cannot set up TLS")?
        .with_root_certificates(trusted)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Post").field("is_failing", &self.is_failing).finish_non_exhaustive()
    }
}
