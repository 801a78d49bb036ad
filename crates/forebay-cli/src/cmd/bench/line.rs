//! A user's connection: opened when it is needed, kept while the other side keeps it.

use std::fmt::Display;
use std::sync::Arc;

use anyhow::{Context, Result};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::ask::{Ask, Place};
use super::tally::Answer;

/// A connection to one place, if there is one now.
pub(super) struct Line {
    place: Place,
    open: Option<Open>,
}

/// A connection that is open; its task ends with it, whatever it is doing.
struct Open {
    sender: SendRequest<Full<Bytes>>,
    task: JoinHandle<()>,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Who is trusted by https: what the system trusts.
pub(super) fn trusted() -> Result<TlsConnector> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(found.certs);
    anyhow::ensure!(
        !roots.is_empty(),
        "no certificates that the system trusts were found: https needs them (SSL_CERT_FILE \
         names a file)"
    );
    let ring = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(ring)
        .with_safe_default_protocol_versions()
        .context("cannot set up TLS")?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

impl Line {
    pub(super) fn to(place: Place) -> Line {
        Line { place, open: None }
    }

    /// Asks, and reads the answer to its end. What is left of a request that is given up is a
    /// closed connection.
    pub(super) async fn ask(&mut self, ask: &Ask, tls: Option<&TlsConnector>) -> Answer {
        let mut open = match self.open.take().filter(|open| !open.sender.is_closed()) {
            Some(open) => open,
            None => self.connect(tls).await?,
        };
        let response = match open.sender.try_send_request(ask.request()).await {
            Ok(response) => response,
            // The other side had closed a connection that was idle: nothing was sent.
            Err(mut failed) => match failed.take_message() {
                Some(request) => {
                    open = self.connect(tls).await?;
                    again(&mut open, request).await?
                }
                None => return Err(broke(failed.into_error())),
            },
        };
        let status = response.status();
        let bytes = drain(response).await?;
        if open.sender.ready().await.is_ok() {
            self.open = Some(open);
        }
        if status.as_u16() >= 400 {
            return Err(format!("status {}", status.as_u16()));
        }
        Ok(bytes)
    }

    async fn connect(&self, tls: Option<&TlsConnector>) -> Result<Open, String> {
        let Place { host, port, .. } = &self.place;
        let stream = TcpStream::connect((host.as_str(), *port)).await.map_err(unreachable)?;
        stream.set_nodelay(true).map_err(unreachable)?;
        let Some(tls) = tls.filter(|_| self.place.is_tls) else { return open(stream).await };
        let name = ServerName::try_from(host.clone()).map_err(unreachable)?;
        open(tls.connect(name, stream).await.map_err(unreachable)?).await
    }
}

async fn open<S>(stream: S) -> Result<Open, String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(unreachable)?;
    let task = tokio::spawn(async move {
        // Whoever asks learns of it.
        let _ = connection.await;
    });
    Ok(Open { sender, task })
}

async fn again(
    open: &mut Open,
    request: Request<Full<Bytes>>,
) -> Result<Response<Incoming>, String> {
    open.sender.send_request(request).await.map_err(broke)
}

/// Reads a body to its end; gives its bytes.
async fn drain(response: Response<Incoming>) -> Result<u64, String> {
    let mut body = response.into_body();
    let mut bytes = 0;
    while let Some(frame) = body.frame().await {
        bytes += frame.map_err(broke)?.data_ref().map_or(0, |data| data.len() as u64);
    }
    Ok(bytes)
}

fn unreachable(error: impl Display) -> String {
    format!("cannot connect: {error}")
}

fn broke(error: impl Display) -> String {
    format!("the connection broke: {error}")
}
