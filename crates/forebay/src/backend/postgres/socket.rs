//! Reaching the server: over TCP, or through its socket in the file system. Whatever is said there
//! is said elsewhere.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::config::{Config, Host};
use crate::error::{Error, Kind, Result};

/// What the bytes of a connection go through.
pub(super) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

pub(super) type Socket = Box<dyn Duplex>;

/// Where a connection has got to: a name may stand for several servers, and a request to cancel
/// has to reach the same one.
#[derive(Clone, Debug)]
pub(super) enum Peer {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

/// Connects to the first address that answers.
pub(super) async fn reach(config: &Config) -> Result<(Socket, Peer)> {
    match &config.host {
        Host::Unix(folder) => {
            let peer = Peer::Unix(folder.join(format!(".s.PGSQL.{}", config.port)));
            let socket = connect(&peer).await.map_err(|error| unreachable(config, error))?;
            Ok((socket, peer))
        }
        Host::Tcp(host) => {
            let found = tokio::net::lookup_host((host.as_str(), config.port)).await;
            let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
            for address in found.map_err(|error| unreachable(config, error))? {
                let peer = Peer::Tcp(address);
                match connect(&peer).await {
                    Ok(socket) => return Ok((socket, peer)),
                    Err(error) => last = error,
                }
            }
            Err(unreachable(config, last))
        }
    }
}

pub(super) async fn connect(peer: &Peer) -> io::Result<Socket> {
    match peer {
        Peer::Tcp(address) => {
            let stream = TcpStream::connect(address).await?;
            // Each write is a whole batch of messages that somebody waits for.
            stream.set_nodelay(true)?;
            Ok(Box::new(stream))
        }
        #[cfg(unix)]
        Peer::Unix(path) => Ok(Box::new(tokio::net::UnixStream::connect(path).await?)),
        #[cfg(not(unix))]
        Peer::Unix(_) => Err(io::Error::from(io::ErrorKind::Unsupported)),
    }
}

fn unreachable(config: &Config, error: io::Error) -> Error {
    let message = format!(
        "cannot reach PostgreSQL at {}: {error}; check the host and the port, and that the server \
         runs and listens there",
        config.place()
    );
    Error::new(Kind::Open, message).with_cause(error)
}
