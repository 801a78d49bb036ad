//! The suite from its beginning to its report.

use anyhow::{Context, Result};
use indicatif::ProgressBar;
use tokio::runtime::Handle;

use super::super::delivery::{Delivery, spinner};
use super::figure::Figure;
use super::seed::{Copies, FULL, SMALL, Sizes};
use super::{lists, lookups, report, service, writes};
use crate::args::BenchArgs;
use crate::exit::Exit;

/// Measures all figures, which takes about a minute. What is measured blocks: a thread of its own
/// does it.
pub(in super::super) async fn layers(args: &BenchArgs) -> Result<Exit> {
    let delivery = Delivery::of(args)?;
    let sizes = if args.small { SMALL } else { FULL };
    let bar = spinner();
    bar.set_message("making the database");
    let runtime = Handle::current();
    let shown = bar.clone();
    let measured = tokio::task::spawn_blocking(move || measure(&runtime, sizes, &shown));
    let figures = measured.await.context("a measurement has panicked")??;
    bar.finish_and_clear();
    delivery.report(&report::markdown(&figures), &report::json(&figures))?;
    Ok(Exit::Done)
}

fn measure(runtime: &Handle, sizes: Sizes, bar: &ProgressBar) -> Result<Vec<Figure>> {
    let copies = Copies::make(sizes)?;
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
