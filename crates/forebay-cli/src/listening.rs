//! Where `serve` listens: worked out of the configuration, and opened. What is said of a place that
//! cannot be opened tells what to do.

use std::io::ErrorKind;
use std::net::SocketAddr;

use anyhow::{Result, anyhow, bail};
use forebay_server::{Listener, Tls};
use tokio::net::TcpListener;

use crate::config::Config;
use crate::exit::Usage;

/// Every place, before any is opened.
pub(crate) struct Listening {
    plain: Option<SocketAddr>,
    secure: Vec<SocketAddr>,
    /// There wherever `secure` has something.
    tls: Option<Tls>,
    sockets: Vec<String>,
    mode: u32,
}

impl Listening {
    /// Checks that the settings go together, and reads the certificate.
    pub(crate) fn new(config: &Config) -> Result<Listening> {
        let secure = config.tls.listen.iter().map(|text| {
            text.parse().map_err(|_| {
                let text = format!("server.tls.listen (--listen-tls): {text} is not ADDR:PORT");
                anyhow!(Usage(text))
            })
        });
        let secure = secure.collect::<Result<Vec<SocketAddr>>>()?;
        let plain = (!config.server.no_listen).then_some(config.server.listen);
        let sockets = config.unix.listen.clone();
        if plain.is_none() && secure.is_empty() && sockets.is_empty() {
            bail!(Usage(
                "there is nowhere to listen: leave out server.no_listen (--no-listen), or give \
                 --listen-tls or --listen-unix"
                    .to_owned()
            ));
        }
        let tls = tls(config, !secure.is_empty())?;
        Ok(Listening { plain, secure, tls, sockets, mode: config.unix.mode.0 })
    }

    /// The addresses.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = &SocketAddr> {
        self.plain.iter().chain(&self.secure)
    }

    /// Opens all of it.
    pub(crate) async fn open(&self) -> Result<Vec<Listener>> {
        let mut all = Vec::new();
        if let Some(address) = &self.plain {
            all.push(Listener::tcp(bind(*address, "--listen").await?));
        }
        for address in &self.secure {
            let tls = self.tls.as_ref().expect("an address with TLS has a certificate");
            all.push(Listener::tls(bind(*address, "--listen-tls").await?, tls));
        }
        for path in &self.sockets {
            all.push(socket(path, self.mode)?);
        }
        Ok(all)
    }
}

fn tls(config: &Config, is_wanted: bool) -> Result<Option<Tls>> {
    let (cert, key) = match (&config.tls.cert, &config.tls.key) {
        (Some(cert), Some(key)) if is_wanted => (cert, key),
        (None, None) if !is_wanted => return Ok(None),
        _ if !is_wanted => bail!(Usage(
            "a certificate is given, but nothing listens with it: give --listen-tls ADDR:PORT"
                .to_owned()
        )),
        _ => bail!(Usage(
            "TLS needs a certificate and its key: give --tls-cert FILE and --tls-key FILE"
                .to_owned()
        )),
    };
    Ok(Some(Tls::load(cert, key)?))
}

#[cfg(unix)]
fn socket(path: &str, mode: u32) -> Result<Listener> {
    Ok(Listener::unix(path, mode)?)
}

#[cfg(not(unix))]
fn socket(path: &str, _: u32) -> Result<Listener> {
    bail!(Usage(format!("{path}: this system has no sockets in its file system")))
}

async fn bind(address: SocketAddr, flag: &str) -> Result<TcpListener> {
    let bound = TcpListener::bind(address).await;
    bound.map_err(|error| match error.kind() {
        ErrorKind::AddrInUse => anyhow!(
            "{address} is in use, perhaps by another `forebay serve`: stop that, or choose \
             another port with {flag} {}:PORT (port 0 takes a free one)",
            address.ip()
        ),
        ErrorKind::PermissionDenied => anyhow!(
            "not allowed to listen on {address}: ports below 1024 belong to the system; choose \
             another with {flag} {}:PORT",
            address.ip()
        ),
        ErrorKind::AddrNotAvailable => anyhow!(
            "{} is not an address of this machine; listen on 127.0.0.1, or on 0.0.0.0 for all \
             addresses (with --token-file)",
            address.ip()
        ),
        _ => anyhow::Error::new(error).context(format!("cannot listen on {address}")),
    })
}
