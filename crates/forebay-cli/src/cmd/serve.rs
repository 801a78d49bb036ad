//! `forebay serve`: the database behind a port, until a signal stops it.

use std::io::ErrorKind;
use std::net::SocketAddr;

use anyhow::{Context, Result, anyhow};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::args::ServeArgs;
use crate::exit::Exit;
use crate::login;
use crate::output;
use crate::plan::ServePlan;
use crate::signal::Signals;

pub(crate) async fn serve(args: &ServeArgs) -> Result<Exit> {
    let plan = ServePlan::new(args)?;
    let signals = Signals::listen().context("cannot listen for signals")?;
    // The port comes first: a second `serve` by mistake then leaves no trace of itself.
    let listener = bind(plan.listen).await?;
    let address = listener.local_addr().context("the port has no address")?;
    let db = plan.database.open().await?;
    if args.allow_anonymous && !address.ip().is_loopback() {
        tracing::warn!("anyone who reaches {address} can read and write the database");
    }
    let database = login::shown(&args.url);
    tracing::info!(database, version = env!("CARGO_PKG_VERSION"), "serving");
    output::print(&format!("listening on http://{address}"))?;
    let (stop, stopped) = oneshot::channel();
    let shutdown = async move {
        // A sender that has gone away means to stop as well.
        let _ = stopped.await;
    };
    let exit = tokio::select! {
        served = forebay_server::run(db.clone(), plan.options, listener, shutdown) => {
            served.map(|()| Exit::Done)
        }
        () = signalled_twice(signals, stop) => return Ok(Exit::Interrupted),
    };
    db.close().await;
    tracing::info!("stopped");
    Ok(exit?)
}

/// Asks for a graceful stop at the first signal, and ends at the second.
async fn signalled_twice(mut signals: Signals, stop: oneshot::Sender<()>) {
    signals.next().await;
    tracing::info!("stopping: statements in flight end first; a second signal stops at once");
    // Nobody to ask means that the service has ended by itself.
    let _ = stop.send(());
    signals.next().await;
    tracing::warn!("stopping at once");
}

async fn bind(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        ErrorKind::AddrInUse => anyhow!(
            "{address} is in use, perhaps by another `forebay serve`: stop that, or choose \
             another port with --listen {}:PORT (port 0 takes a free one)",
            address.ip()
        ),
        ErrorKind::PermissionDenied => anyhow!(
            "not allowed to listen on {address}: ports below 1024 belong to the system; choose \
             another with --listen {}:PORT",
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
