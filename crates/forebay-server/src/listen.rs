//! Where the service listens: TCP, TLS over TCP, and sockets of the file system, any number of
//! each. It knows nothing of HTTP.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};

use tokio::net::{TcpListener, TcpStream};

#[cfg(unix)]
use crate::socket::SocketFile;
use crate::tls::Tls;

/// One place where the service listens; see [`crate::serve`].
#[derive(Debug)]
pub struct Listener(Kind);

#[derive(Debug)]
enum Kind {
    Tcp(TcpListener),
    Tls(TcpListener, Tls),
    #[cfg(unix)]
    Unix(tokio::net::UnixListener, SocketFile),
}

/// A connection that was accepted, before anything was read of it.
pub(crate) enum Incoming {
    Tcp(TcpStream),
    Tls(TcpStream, Tls),
    #[cfg(unix)]
    Unix(tokio::net::UnixStream),
}

/// Through what a request has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entrance {
    /// A loopback address, which a web page may reach through a name that is bound to it.
    Loopback,
    /// An address that other machines reach, or a file, which no page can reach.
    Other,
}

impl Listener {
    /// HTTP without TLS.
    pub fn tcp(listener: TcpListener) -> Listener {
        Listener(Kind::Tcp(listener))
    }

    /// HTTP over TLS.
    pub fn tls(listener: TcpListener, tls: &Tls) -> Listener {
        Listener(Kind::Tls(listener, tls.clone()))
    }

    /// HTTP without TLS over a socket of the file system, which is made at `path` with the
    /// permissions `mode` (`0o660`: for the user and the group) and removed at the end. A file that
    /// a process has left there is replaced if it is a socket on which nobody listens any more.
    ///
    /// Must be called within a tokio runtime.
    ///
    /// # Errors
    ///
    /// [`is_listener`](crate::Error::is_listener): somebody listens there, something else is there,
    /// or the system refuses.
    #[cfg(unix)]
    pub fn unix(path: impl Into<std::path::PathBuf>, mode: u32) -> crate::Result<Listener> {
        let (listener, file) = crate::socket::bind(path.into(), mode)?;
        Ok(Listener(Kind::Unix(listener, file)))
    }

    /// Where it is, as a URL, or as `unix:PATH`.
    pub fn shown(&self) -> String {
        let url = |scheme: &str, listener: &TcpListener| match listener.local_addr() {
            Ok(address) => format!("{scheme}://{address}"),
            Err(_) => format!("{scheme}://(unknown)"),
        };
        match &self.0 {
            Kind::Tcp(listener) => url("http", listener),
            Kind::Tls(listener, _) => url("https", listener),
            #[cfg(unix)]
            Kind::Unix(_, file) => format!("unix:{}", file.path().display()),
        }
    }

    /// The address, unless it is a file.
    pub(crate) fn address(&self) -> io::Result<Option<SocketAddr>> {
        match &self.0 {
            Kind::Tcp(listener) | Kind::Tls(listener, _) => listener.local_addr().map(Some),
            #[cfg(unix)]
            Kind::Unix(..) => Ok(None),
        }
    }

    pub(crate) fn tls_in_use(&self) -> Option<&Tls> {
        match &self.0 {
            Kind::Tls(_, tls) => Some(tls),
            _ => None,
        }
    }

    fn entrance(&self) -> Entrance {
        match self.address() {
            Ok(Some(address)) if address.ip().is_loopback() => Entrance::Loopback,
            Ok(_) => Entrance::Other,
            Err(_) => Entrance::Loopback,
        }
    }

    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(Incoming, SocketAddr)>> {
        match &self.0 {
            Kind::Tcp(listener) => listener
                .poll_accept(cx)
                .map(|accepted| accepted.map(|(stream, peer)| (Incoming::Tcp(stream), peer))),
            Kind::Tls(listener, tls) => listener.poll_accept(cx).map(|accepted| {
                accepted.map(|(stream, peer)| (Incoming::Tls(stream, tls.clone()), peer))
            }),
            #[cfg(unix)]
            Kind::Unix(listener, _) => listener.poll_accept(cx).map(|accepted| {
                // Whoever opens a file of this machine is on this machine.
                let peer = SocketAddr::from(([127, 0, 0, 1], 0));
                accepted.map(|(stream, _)| (Incoming::Unix(stream), peer))
            }),
        }
    }
}

/// Listeners that are asked in turn, so that no busy one keeps the others waiting.
pub(crate) struct Listeners {
    all: Vec<(Listener, Entrance)>,
    next: usize,
}

impl Listeners {
    pub(crate) fn new(all: Vec<Listener>) -> Listeners {
        let all = all.into_iter().map(|one| {
            let entrance = one.entrance();
            (one, entrance)
        });
        Listeners { all: all.collect(), next: 0 }
    }

    /// The next connection, with whom it is. Nothing is lost when this is dropped.
    pub(crate) async fn accept(&mut self) -> io::Result<(Incoming, SocketAddr, Entrance)> {
        let Listeners { all, next } = self;
        poll_fn(|cx| {
            let count = all.len();
            for index in (0..count).map(|offset| (*next + offset) % count) {
                let (listener, entrance) = &all[index];
                if let Poll::Ready(accepted) = listener.poll_accept(cx) {
                    *next = (index + 1) % count;
                    return Poll::Ready(accepted.map(|(stream, peer)| (stream, peer, *entrance)));
                }
            }
            Poll::Pending
        })
        .await
    }
}
