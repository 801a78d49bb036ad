//! `forebay serve`: the database behind a port, until a signal stops it.

use std::convert::Infallible;

use anyhow::{Context, Result};
use forebay_server::{Listener, Outlet};
use tokio::sync::oneshot;

use crate::config::{Loaded, Sources};
use crate::exit::Exit;
use crate::live::{Live, Tokens};
use crate::log::{self, LogLevel};
use crate::login;
use crate::notify;
use crate::output;
use crate::plan::ServePlan;
use crate::signal::{Hangups, Signals};
use crate::telemetry::{Collector, Telemetry};

pub(crate) async fn serve(loaded: Loaded, sources: Sources) -> Result<Exit> {
    let collector = Collector::of(&loaded.config)?;
    let telemetry = Telemetry::begin(&loaded.config, collector.as_ref())?;
    let settings = &loaded.config.log;
    let level = log::begin(&settings.level.0, settings.format, telemetry.layer());
    let outlet = telemetry.outlet();
    let exit = Box::pin(serve_until_stopped(loaded, sources, level, outlet)).await;
    telemetry.end().await;
    exit
}

async fn serve_until_stopped(
    loaded: Loaded,
    sources: Sources,
    level: LogLevel,
    outlet: Option<Outlet>,
) -> Result<Exit> {
    let config = &loaded.config;
    let mut plan = ServePlan::new(config)?;
    plan.options.log_level = Some(level.clone().into());
    plan.options.outlet = outlet;
    hint_at_unused_file(&sources);
    let signals = Signals::listen().context("cannot listen for signals")?;
    let hangups = Hangups::listen().context("cannot listen for signals")?;
    // The port comes first: a second `serve` by mistake then leaves no trace of itself.
    let listeners = plan.listening.open().await?;
    let db = plan.database.open().await?;
    let shown: Vec<String> = listeners.iter().map(Listener::shown).collect();
    let database = login::shown(&config.database.url.0);
    tracing::info!(database, version = env!("CARGO_PKG_VERSION"), "serving");
    let maintenance = plan.maintenance.map(|plan| db.maintain(plan)).transpose()?;
    plan.options.maintenance.clone_from(&maintenance);
    for place in shown {
        output::print(&format!("listening on {place}"))?;
    }
    notify::tell(notify::State::Ready);
    let tokens = Tokens::of(&plan.options);
    let shown = plan.options.configuration.clone();
    let live = Live::new(sources, loaded, &db, level, tokens, shown);
    let (stop, stopped) = oneshot::channel();
    let maintaining = maintenance.as_ref();
    let shutdown = async move {
        // A sender that has gone away means to stop as well.
        let _ = stopped.await;
        // A batch that runs needs the database, which is closed when the service has ended.
        if let Some(maintenance) = maintaining {
            maintenance.stop().await;
        }
    };
    let exit = tokio::select! {
        served = forebay_server::serve(db.clone(), plan.options, listeners, shutdown) => {
            served.map(|()| Exit::Done)
        }
        never = read_again(hangups, live) => match never {},
        () = signalled_twice(signals, stop) => return Ok(Exit::Interrupted),
    };
    if let Some(maintenance) = &maintenance {
        maintenance.stop().await;
    }
    db.close().await;
    tracing::info!("stopped");
    Ok(exit?)
}

/// Asks for a graceful stop at the first signal, and ends at the second.
async fn signalled_twice(mut signals: Signals, stop: oneshot::Sender<()>) {
    signals.next().await;
    tracing::info!("stopping: statements in flight end first; a second signal stops at once");
    notify::tell(notify::State::Stopping);
    // Nobody to ask means that the service has ended by itself.
    let _ = stop.send(());
    signals.next().await;
    tracing::warn!("stopping at once");
}

/// Reads the configuration again at each SIGHUP.
async fn read_again(mut hangups: Hangups, mut live: Live) -> Infallible {
    loop {
        hangups.next().await;
        // It reads files, for which others need not wait.
        live = match tokio::task::spawn_blocking(move || {
            live.reload();
            live
        })
        .await
        {
            Ok(live) => live,
            // It has panicked, which was told: the service goes on as it is.
            Err(_) => std::future::pending().await,
        };
    }
}

/// A file of the usual name is not read by itself, so that what is in force never depends on where
/// somebody happens to stand.
fn hint_at_unused_file(sources: &Sources) {
    const NAME: &str = "forebay.toml";
    if sources.file.is_none() && std::path::Path::new(NAME).exists() {
        tracing::info!("{NAME} is not read, since --config does not name it");
    }
}
