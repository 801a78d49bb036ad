//! The demo from beginning to end: make the database, run the load over each way, report.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::runtime::Handle;

use super::fill::{self, Facts};
use super::mix::Chooser;
use super::phase::{self, Load, Way};
use super::place::Place;
use super::progress::Progress;
use super::report::Report;
use super::stop::Stop;
use crate::args::DemoArgs;
use crate::exit::Exit;
use crate::output;
use crate::signal::Signals;

/// Runs the demo on a thread of its own; a second signal abandons it.
pub(crate) async fn demo(args: DemoArgs) -> Result<Exit> {
    let mut signals = Signals::listen().context("cannot listen for signals")?;
    let (runtime, stop) = (Handle::current(), Stop::default());
    let wanted = stop.clone();
    let work = tokio::task::spawn_blocking(move || run(&runtime, &args, stop));
    let abandoned = async move {
        signals.next().await;
        wanted.set();
        signals.next().await;
    };
    tokio::select! {
        exit = work => exit.context("the demo panicked")?,
        () = abandoned => Ok(Exit::Interrupted),
    }
}

fn run(runtime: &Handle, args: &DemoArgs, stop: Stop) -> Result<Exit> {
    let mut place = Place::new(args.path.as_deref())?;
    let Some(facts) = make(&place, args, &stop)? else {
        return Ok(Exit::Interrupted);
    };
    place.complete(args.keep);
    let load = Load {
        runtime: runtime.clone(),
        chooser: Chooser::new(&facts, args.write_percent),
        facts,
        clients: args.clients.into(),
        time: Duration::from_secs(args.seconds),
        seed: args.seed,
        outside_writes: args.outside_writes.into(),
        stop,
    };
    let mut runs = Vec::new();
    for way in Way::ALL {
        if load.stop.is_set() {
            break;
        }
        let copy = place.fresh_copy()?;
        let measured = phase::run(way, &load, &copy);
        runs.push(measured.with_context(|| format!("running the load over {}", way.title()))?);
    }
    conclude(&Report {
        args,
        rows: load.facts.rows,
        bytes: place.original().metadata().map_or(0, |metadata| metadata.len()),
        runs,
        kept: place.kept(),
        interrupted: load.stop.is_set(),
    })
}

/// Makes the database; `None` when it was stopped.
fn make(place: &Place, args: &DemoArgs, stop: &Stop) -> Result<Option<Facts>> {
    let progress = Progress::start("making the database", args.rows);
    fill::fill(place.original(), args.rows, args.seed, &progress, stop)
        .with_context(|| format!("making the database {}", place.original().display()))
}

/// Prints the report; a stale read or a failed statement is a failure of the whole.
fn conclude(report: &Report<'_>) -> Result<Exit> {
    if report.args.json {
        output::print_json(&report.json())?;
    } else {
        output::print(&report.text())?;
    }
    if report.runs.iter().any(|run| run.stale() > 0) {
        return Ok(Exit::Stale);
    }
    for run in &report.runs {
        if let Some(failure) = &run.tally.first_failure {
            let (way, count) = (run.way.title(), run.tally.failures);
            bail!("{count} statements failed ({way}); the first: {failure}");
        }
    }
    Ok(if report.interrupted { Exit::Interrupted } else { Exit::Done })
}
