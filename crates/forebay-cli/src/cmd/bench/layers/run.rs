//! The suite from its beginning to its report.

use std::io::IsTerminal;

use anyhow::{Context, Result};
use indicatif::ProgressBar;
use tokio::runtime::Handle;

use super::figure::Figure;
use super::seed::Copies;
use super::{lists, lookups, report, service, writes};
use crate::args::BenchArgs;
use crate::exit::Exit;
use crate::output;

/// Measures all figures, which takes about a minute. What is measured blocks: a thread of its own
/// does it.
pub(in super::super) async fn layers(args: &BenchArgs) -> Result<Exit> {
    let bar = match std::io::stderr().is_terminal() {
        true => ProgressBar::new_spinner(),
        false => ProgressBar::hidden(),
    };
    bar.enable_steady_tick(std::time::Duration::from_millis(200));
    bar.set_message("making the database");
    let runtime = Handle::current();
    let shown = bar.clone();
    let measured = tokio::task::spawn_blocking(move || measure(&runtime, &shown));
    let figures = measured.await.context("a measurement has panicked")??;
    bar.finish_and_clear();
    if args.json {
        output::print_json(&report::json(&figures))?;
    } else {
        output::print(&report::markdown(&figures))?;
    }
    Ok(Exit::Done)
}

fn measure(runtime: &Handle, bar: &ProgressBar) -> Result<Vec<Figure>> {
    let copies = Copies::make()?;
    let mut figures = Vec::new();
    bar.set_message("single answers");
    figures.extend(lookups::figures(&copies, runtime)?);
    bar.set_message("lists");
    figures.extend(lists::figures(&copies, runtime)?);
    bar.set_message("many rows");
    figures.extend(writes::figures(&copies, runtime)?);
    bar.set_message("the service");
    figures.extend(runtime.block_on(service::figures(&copies))?);
    Ok(figures)
}
