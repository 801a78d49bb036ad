//! TLS for listeners: a certificate and its key from two files, read again when these have changed.
//! Connections that are open keep what they began with. It offers HTTP/1.1 and no client
//! certificates; who may do what is decided by tokens.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::error::{Error, Result};

/// A file of certificates or a key larger than this is another file.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// What is spoken within.
const PROTOCOL: &[u8] = b"http/1.1";

/// A certificate with its key, for any number of listeners. Clones share it.
#[derive(Clone)]
pub struct Tls(Arc<Inner>);

struct Inner {
    certificate: PathBuf,
    key: PathBuf,
    state: Mutex<State>,
}

struct State {
    config: Arc<ServerConfig>,
    /// How the files were when they were last read, whatever came of it.
    tried: Stamps,
}

/// By which a change of the two files is noticed.
type Stamps = [Option<(SystemTime, u64)>; 2];

impl Tls {
    /// Reads a chain of certificates, that of the server first, and its private key, both in PEM.
    ///
    /// # Errors
    ///
    /// [`is_tls`](Error::is_tls), naming the file and what is wrong with it: it cannot be read, has
    /// nothing of its kind in it, or the two do not belong together.
    pub fn load(certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Result<Tls> {
        let (certificate, key) = (certificate.into(), key.into());
        let tried = stamps(&certificate, &key);
        let config = read(&certificate, &key)?;
        Ok(Tls(Arc::new(Inner { certificate, key, state: Mutex::new(State { config, tried }) })))
    }

    /// Reads the files again if they have changed since they were last read; `true` if new
    /// connections get something new. It blocks on the file system. The service asks for it by
    /// itself every [`tls_reload_every`](crate::Options::tls_reload_every).
    ///
    /// # Errors
    ///
    /// As [`Tls::load`]; then what was in force stays so, and the same files are not tried again.
    pub fn reload(&self) -> Result<bool> {
        let Inner { certificate, key, state } = &*self.0;
        let now = stamps(certificate, key);
        {
            let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
            if state.tried == now {
                return Ok(false);
            }
            state.tried = now;
        }
        let config = read(certificate, key)?;
        state.lock().unwrap_or_else(PoisonError::into_inner).config = config;
        Ok(true)
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        let state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        TlsAcceptor::from(state.config.clone())
    }

    /// Reads the files again whenever they have changed, for ever.
    pub(crate) async fn follow(self, every: Duration) {
        loop {
            tokio::time::sleep(every).await;
            let tls = self.clone();
            let certificate = self.0.certificate.display();
            match tokio::task::spawn_blocking(move || tls.reload()).await {
                Ok(Ok(true)) => tracing::info!(%certificate, "a new certificate is in force"),
                Ok(Err(error)) => {
                    tracing::warn!(%error, "the certificate in force is kept");
                }
                Ok(Ok(false)) | Err(_) => {}
            }
        }
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("certificate", &self.0.certificate).finish_non_exhaustive()
    }
}

fn stamps(certificate: &Path, key: &Path) -> Stamps {
    [certificate, key].map(|path| {
        let found = std::fs::metadata(path).ok()?;
        Some((found.modified().ok()?, found.len()))
    })
}

fn read(certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>> {
    let text = contents(certificate, "certificate")?;
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&text)
        .collect::<Result<_, _>>()
        .map_err(|error| wrong(certificate, format!("is not PEM: {error}")))?;
    if chain.is_empty() {
        return Err(wrong(certificate, "has no certificate in it (BEGIN CERTIFICATE)"));
    }
    let text = contents(key, "key")?;
    let private = PrivateKeyDer::from_pem_slice(&text).map_err(|_| {
        wrong(key, "has no private key in PEM in it, or one that is locked by a password")
    })?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::tls(format!("TLS cannot be set up: {error}")))?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(|error| mismatch(certificate, key, &error))?;
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    Ok(Arc::new(config))
}

fn mismatch(certificate: &Path, key: &Path, error: &rustls::Error) -> Error {
    let (certificate, key) = (certificate.display(), key.display());
    match error {
        rustls::Error::InconsistentKeys(_) => Error::tls(format!(
            "the key in {key} is not that of the first certificate in {certificate}"
        )),
        _ => Error::tls(format!("{certificate} and {key} cannot be used: {error}")),
    }
}

fn contents(path: &Path, kind: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes))
        .map_err(|cause| {
            Error::tls(format!("the {kind} file {} cannot be read: {cause}", path.display()))
        })?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(wrong(path, format!("is larger than {FILE_BYTES_MAX} bytes")));
    }
    Ok(bytes)
}

fn wrong(path: &Path, what: impl std::fmt::Display) -> Error {
    Error::tls(format!("{} {what}", path.display()))
}
