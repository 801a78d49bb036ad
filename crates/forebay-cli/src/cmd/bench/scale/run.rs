//! The suite from its beginning to its report.

use anyhow::{Context, Result};
use indicatif::ProgressBar;
use tokio::runtime::Handle;

use super::super::delivery::{Delivery, spinner};
use super::budget::Budget;
use super::series::Group;
use super::sizes::Sizes;
use super::{changed, clients, entries, plot, report, rows, shares};
use crate::args::BenchArgs;
use crate::exit::Exit;

/// By when the groups with growing sizes have to be done, as shares of all time; those whose time
/// is known come last.
const ENTRIES_UNTIL: f64 = 0.4;
const ROWS_UNTIL: f64 = 0.85;
const CHANGED_UNTIL: f64 = 0.9;

/// Measures all series. What is measured blocks: a thread of its own does it.
pub(in super::super) async fn scale(args: &BenchArgs) -> Result<Exit> {
    let delivery = Delivery::of(args)?;
    let sizes = Sizes::of(args);
    let bar = spinner();
    let runtime = Handle::current();
    let shown = bar.clone();
    let measured = tokio::task::spawn_blocking(move || runtime.block_on(measure(&sizes, &shown)));
    let groups = measured.await.context("a measurement has panicked")??;
    bar.finish_and_clear();
    let mut plots = Vec::new();
    for group in groups.iter().filter(|_| delivery.takes_plots()) {
        if let Some(text) = plot::svg(group)? {
            delivery.plot(group.name, &text)?;
            plots.push(group.name.to_owned());
        }
    }
    delivery.report(&report::markdown(&groups, &plots), &report::json(&groups))?;
    Ok(Exit::Done)
}

async fn measure(sizes: &Sizes, bar: &ProgressBar) -> Result<Vec<Group>> {
    let budget = Budget::new(sizes.within);
    let mut groups = Vec::new();
    bar.set_message("answers in memory");
    groups.push(entries::group(sizes, budget.until(ENTRIES_UNTIL)).await?);
    bar.set_message("rows of a table");
    groups.push(rows::group(sizes, budget.until(ROWS_UNTIL)).await?);
    bar.set_message("changed rows of a transaction");
    groups.push(changed::group(sizes, budget.until(CHANGED_UNTIL)).await?);
    bar.set_message("clients at once");
    groups.push(clients::group(sizes).await?);
    bar.set_message("share of writes");
    groups.push(shares::group(sizes).await?);
    Ok(groups)
}
