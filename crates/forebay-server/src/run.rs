//! The life of the service: accept, serve, stop. Once its `shutdown` future has ended it says that
//! it is not ready any more, and goes on for `drain_grace`; then it accepts nothing new, what is in
//! work is answered, and it ends, at the latest when `drain_timeout` has passed.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use forebay::Db;
use futures_util::future::{OptionFuture, select_all};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

use crate::error::{Error, Result};
use crate::http::{Answering, Doors, Idle, Service, Stall, router};
use crate::listen::{Entrance, Incoming, Listener, Listeners};
use crate::options::Options;

/// Bytes of a connection's buffers: the head of a request must fit.
const CONNECTION_BUFFER_BYTES: usize = 64 << 10;
/// The pause after the system could not accept a connection, usually for want of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Such failures come in long rows; one in this time is logged.
const ACCEPT_WARNING_EVERY: Duration = Duration::from_secs(10);

/// Serves `db` on `listener` without TLS; as [`serve`] with one [`Listener::tcp`].
///
/// # Errors
///
/// As [`serve`].
pub async fn run(
    db: Db,
    options: Options,
    listener: TcpListener,
    shutdown: impl Future,
) -> Result<()> {
    serve(db, options, vec![Listener::tcp(listener)], shutdown).await
}

/// Serves `db` on `listeners` until `shutdown` ends. For `drain_grace` after that it serves as
/// before, but `GET /health/ready` answers 503, so that whoever sends requests here sends them
/// elsewhere. Then it accepts no more; requests in work end and are answered within
/// `drain_timeout`, open transactions are rolled back, and the database is closed.
///
/// Open `db` with [`forebay::Access::Remote`]: the service passes on every statement that the
/// library lets through.
///
/// # Errors
///
/// [`is_options`](Error::is_options) for a setting out of its range and for no listener at all;
/// [`is_listener`](Error::is_listener) for a listener without an address.
pub async fn serve(
    db: Db,
    options: Options,
    listeners: Vec<Listener>,
    shutdown: impl Future,
) -> Result<()> {
    options.validate()?;
    check(&options, &listeners)?;
    let follow = certificates(&options, &listeners);
    let (grace, drain_timeout) = (options.drain_grace, options.drain_timeout);
    let outlet = options.outlet.clone();
    let service = Arc::new(Service::new(db.clone(), options)?);
    let telling = OptionFuture::from(outlet.clone().map(|it| it.run(service.clone())));
    let (stop, stopping) = watch::channel(false);
    let mut connections = JoinSet::new();
    let mut listeners = Listeners::new(listeners);
    let stopped = async {
        shutdown.await;
        service.stop_being_ready();
        tokio::time::sleep(grace).await;
    };
    tokio::select! {
        () = stopped => {}
        never = accept(&service, &mut listeners, &mut connections, &stopping) => match never {},
        () = crate::hrana::sweep(service.door.clone()) => {}
        Some(()) = follow => {}
        Some(()) = telling => {}
    }
    drop(listeners);
    drop(stopping);
    // A connection that is gone already needs no telling.
    let _ = stop.send(true);
    // It has answers that would not end by themselves.
    service.admin.stop();
    if tokio::time::timeout(drain_timeout, drain(&mut connections)).await.is_err() {
        let left = connections.len();
        tracing::warn!(left, ?drain_timeout, "connections were cut because they did not end");
        connections.shutdown().await;
    }
    service.door.close().await;
    if let Some(outlet) = outlet {
        outlet.finish(&service).await;
    }
    db.close().await;
    Ok(())
}

/// Every listener works, and who can reach it is no surprise.
fn check(options: &Options, listeners: &[Listener]) -> Result<()> {
    if listeners.is_empty() {
        return Err(Error::options("there is nowhere to listen: give at least one listener"));
    }
    for listener in listeners {
        let address = listener
            .address()
            .map_err(|cause| Error::listener("the listener has no address", cause))?;
        if let Some(address) = address.filter(|address| !address.ip().is_loopback())
            && options.token.is_none()
        {
            tracing::warn!(%address, "anyone who can reach this address can read and write");
        }
    }
    Ok(())
}

/// Follows the files of all certificates; nothing where there are none.
fn certificates(
    options: &Options,
    listeners: &[Listener],
) -> OptionFuture<impl Future<Output = ()> + use<>> {
    let every = options.tls_reload_every;
    let all: Vec<_> = listeners.iter().filter_map(Listener::tls_in_use).cloned().collect();
    let all = all.into_iter().map(|tls| Box::pin(tls.follow(every))).collect::<Vec<_>>();
    OptionFuture::from((!all.is_empty()).then_some(async {
        select_all(all).await;
    }))
}

async fn accept(
    service: &Arc<Service>,
    listeners: &mut Listeners,
    connections: &mut JoinSet<()>,
    stopping: &watch::Receiver<bool>,
) -> Infallible {
    let router = router(service.clone());
    let places = Arc::new(Semaphore::new(service.options.connections_max));
    let mut warned: Option<Instant> = None;
    loop {
        let place = loop {
            tokio::select! {
                place = places.clone().acquire_owned() => break place,
                Some(_) = connections.join_next() => {}
            }
        };
        let place = place.expect("this semaphore is never closed");
        let accepted = loop {
            tokio::select! {
                accepted = listeners.accept() => break accepted,
                Some(_) = connections.join_next() => {}
            }
        };
        match accepted {
            Ok((stream, peer, entrance)) => {
                let (router, service) = (router.clone(), service.clone());
                let link = Link { stream, peer, entrance, place };
                connections.spawn(welcome(link, router, service, stopping.clone()));
            }
            Err(error) => {
                // A connection that was reset while it waited is its client's affair.
                if error.kind() != std::io::ErrorKind::ConnectionAborted {
                    if warned.is_none_or(|at| at.elapsed() > ACCEPT_WARNING_EVERY) {
                        let open = connections.len();
                        tracing::warn!(%error, open, "connections cannot be accepted");
                        warned = Some(Instant::now());
                    }
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

/// A connection, with whom it is, through what it came, and its place among all.
struct Link {
    stream: Incoming,
    peer: SocketAddr,
    entrance: Entrance,
    place: OwnedSemaphorePermit,
}

/// Serves a connection of any kind.
async fn welcome(
    link: Link,
    router: Router,
    service: Arc<Service>,
    stopping: watch::Receiver<bool>,
) {
    let Link { stream, peer, entrance, place } = link;
    let doors = Doors::new(&service, &router, peer, entrance);
    let options = &service.options;
    match stream {
        Incoming::Tcp(stream) => {
            // Answers are small and complete: waiting for more to send only delays them.
            let _ = stream.set_nodelay(true);
            talk(stream, doors, options, stopping).await;
        }
        Incoming::Tls(stream, tls) => {
            let _ = stream.set_nodelay(true);
            let limit = options.header_read_timeout;
            match tokio::time::timeout(limit, tls.acceptor().accept(stream)).await {
                Ok(Ok(stream)) => talk(stream, doors, options, stopping).await,
                Ok(Err(error)) => tracing::debug!(%error, "a connection has not become TLS"),
                Err(_) => tracing::debug!(?limit, "a connection has not become TLS in time"),
            }
        }
        #[cfg(unix)]
        Incoming::Unix(stream) => talk(stream, doors, options, stopping).await,
    }
    drop(place);
}

async fn talk(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    doors: Doors,
    options: &Options,
    mut stopping: watch::Receiver<bool>,
) {
    let idle = Idle::new();
    let io = TokioIo::new(Stall::new(stream, options.write_stall_timeout, idle.clone()));
    let (doors, asked) = (Arc::new(doors), idle.clone());
    let answer = service_fn(move |request| {
        let (doors, busy) = (doors.clone(), asked.begin());
        async move {
            let response = doors.answer(request).await;
            Ok::<_, Infallible>(response.map(|body| Answering::new(body, busy)))
        }
    });
    // The time for a head is looked after by `idle`.
    let connection = http1::Builder::new()
        .header_read_timeout(None)
        .max_buf_size(CONNECTION_BUFFER_BYTES)
        .max_header_size(CONNECTION_BUFFER_BYTES)
        .serve_connection(io, answer);
    let mut connection = pin!(connection);
    let mut expired = pin!(idle.expired(options.header_read_timeout));
    let stopped = async {
        // An error means that the service is gone, which is a reason to stop as well.
        let _ = stopping.wait_for(|stop| *stop).await;
    };
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = expired.as_mut() => return tracing::debug!("a connection was idle for too long"),
        () = stopped => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                result = connection => result,
                () = expired => return tracing::debug!("a head has not come to its end"),
            }
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "a connection ended early");
    }
}

async fn drain(connections: &mut JoinSet<()>) {
    while connections.join_next().await.is_some() {}
}
