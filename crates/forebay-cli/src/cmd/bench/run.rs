//! The command: from arguments to a verdict.

use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};

use super::ask::Ask;
use super::layers::layers;
use super::line::trusted;
use super::load::{Load, Run, start};
use super::peers::peers;
use super::report::Report;
use super::scale::scale;
use super::target::Target;
use crate::args::{BenchArgs, Suite};
use crate::exit::{Exit, Usage};
use crate::output;
use crate::signal::Signals;

/// URLs of one run, each of which has figures of its own.
const URLS_MAX: usize = 100;

/// How often the progress is shown.
const SHOWN_EVERY: Duration = Duration::from_millis(200);

pub(crate) async fn bench(args: &BenchArgs) -> Result<Exit> {
    match args.suite {
        Some(Suite::Layers) => return layers(args).await,
        Some(Suite::Peers) => return peers(args).await,
        Some(Suite::Scale) => return scale(args).await,
        None => {}
    }
    if args.urls.len() > URLS_MAX {
        return Err(Usage(format!("{} URLs: at most {URLS_MAX}", args.urls.len())).into());
    }
    if args.duration.0.is_zero() || args.timeout.0.is_zero() {
        return Err(Usage("--duration and --timeout have to be longer than 0".to_owned()).into());
    }
    let mut signals = Signals::listen().context("cannot listen for signals")?;
    let asks = Ask::all(args)?;
    let tls = asks.iter().any(|ask| ask.place.is_tls).then(trusted).transpose()?;
    let run = Arc::new(Run::new(Load {
        asks,
        users: args.users,
        warm_up: args.warm_up.0,
        duration: args.duration.0,
        requests: args.requests.unwrap_or(u64::MAX),
        rate: args.rate,
        timeout: args.timeout.0,
        tls,
    }));
    let is_interrupted = drive(&run, &mut signals).await;
    let spent = run.counts_from().elapsed();
    let run = Arc::into_inner(run).context("a user has not ended")?;
    conclude(args, &report(args, run, spent, is_interrupted))
}

/// Runs it to its end, or to a signal: true.
async fn drive(run: &Arc<Run>, signals: &mut Signals) -> bool {
    let bar = progress();
    let mut users = start(run);
    let is_interrupted = loop {
        tokio::select! {
            ended = users.join_next() => {
                if ended.is_none() {
                    break false;
                }
            }
            () = tokio::time::sleep(SHOWN_EVERY) => {
                bar.set_position((run.progress() * 100.0) as u64);
            }
            () = signals.next() => break true,
        }
    };
    users.shutdown().await;
    bar.finish_and_clear();
    is_interrupted
}

/// A bar on standard error, where that is a terminal.
fn progress() -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("measuring [{bar:40}] {percent:>3} %")
        .expect("the template is a constant that parses")
        .progress_chars("=> ");
    ProgressBar::new(100).with_style(style)
}

fn report(args: &BenchArgs, run: Run, spent: Duration, is_interrupted: bool) -> Report {
    let (load, tally) = run.into_parts();
    let urls = load.asks.into_iter().map(|ask| ask.url);
    Report {
        users: load.users,
        rate: load.rate,
        spent,
        endpoints: urls.zip(tally.into_figures()).collect(),
        targets: Target::all(&args.targets),
        is_interrupted,
    }
}

/// Prints it; a target that was missed, and that nothing was answered, are failures.
fn conclude(args: &BenchArgs, report: &Report) -> Result<Exit> {
    if args.json {
        output::print_json(&report.json())?;
    } else {
        output::print(&report.text())?;
    }
    if report.is_interrupted {
        return Ok(Exit::Interrupted);
    }
    if !report.is_met() {
        return Ok(Exit::Missed);
    }
    if !report.has_answers() {
        bail!(
            "no request was answered: {}",
            report.first_reason().unwrap_or_else(|| "none was due in this time".to_owned())
        );
    }
    Ok(Exit::Done)
}
