//! The life of the service: accept, serve, stop. It ends when its `shutdown` future does and what
//! was in work then is answered, or at the latest when `drain_timeout` has passed.

use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use forebay::Db;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

use crate::error::{Error, Result};
use crate::http::{Service, Stall, router};
use crate::options::Options;

/// Bytes of a connection's buffers: the head of a request must fit.
const CONNECTION_BUFFER_BYTES: usize = 64 << 10;
/// The pause after the system could not accept a connection, usually for want of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Such failures come in long rows; one in this time is logged.
const ACCEPT_WARNING_EVERY: Duration = Duration::from_secs(10);

/// Serves `db` on `listener` until `shutdown` ends; then statements in work end and are answered
/// within `drain_timeout`, open transactions are rolled back, and the database is closed.
///
/// Open `db` with [`forebay::Access::Remote`]: the service passes on every statement that the
/// library lets through.
pub async fn run(
    db: Db,
    options: Options,
    listener: TcpListener,
    shutdown: impl Future,
) -> Result<()> {
    options.validate()?;
    let address = listener
        .local_addr()
        .map_err(|cause| Error::listener("the listener has no address", cause))?;
    if options.token.is_none() && !address.ip().is_loopback() {
        tracing::warn!(%address, "anyone who can reach this address can read and write");
    }
    let drain_timeout = options.drain_timeout;
    let service = Arc::new(Service::new(db.clone(), options, address));
    let (stop, stopping) = watch::channel(false);
    let mut connections = JoinSet::new();
    tokio::select! {
        _ = shutdown => {}
        never = accept(&service, &listener, &mut connections, &stopping) => match never {},
        () = crate::hrana::sweep(service.door.clone()) => {}
    }
    drop(listener);
    drop(stopping);
    // A connection that is gone already needs no telling.
    let _ = stop.send(true);
    if tokio::time::timeout(drain_timeout, drain(&mut connections)).await.is_err() {
        let left = connections.len();
        tracing::warn!(left, ?drain_timeout, "connections were cut because they did not end");
        connections.shutdown().await;
    }
    service.door.close().await;
    db.close().await;
    Ok(())
}

async fn accept(
    service: &Arc<Service>,
    listener: &TcpListener,
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
                accepted = listener.accept() => break accepted,
                Some(_) = connections.join_next() => {}
            }
        };
        match accepted {
            Ok((stream, _)) => {
                let (router, service) = (router.clone(), service.clone());
                connections.spawn(serve(stream, router, service, stopping.clone(), place));
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

async fn serve(
    stream: TcpStream,
    router: Router,
    service: Arc<Service>,
    mut stopping: watch::Receiver<bool>,
    _place: OwnedSemaphorePermit,
) {
    // Answers are small and complete: waiting for more to send only delays them.
    let _ = stream.set_nodelay(true);
    let options = &service.options;
    let io = TokioIo::new(Stall::new(stream, options.write_stall_timeout));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(options.header_read_timeout)
        .max_buf_size(CONNECTION_BUFFER_BYTES)
        .serve_connection(io, TowerToHyperService::new(router));
    let mut connection = pin!(connection);
    let stopped = async {
        // An error means that the service is gone, which is a reason to stop as well.
        let _ = stopping.wait_for(|stop| *stop).await;
    };
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = stopped => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "a connection ended early");
    }
}

async fn drain(connections: &mut JoinSet<()>) {
    while connections.join_next().await.is_some() {}
}
