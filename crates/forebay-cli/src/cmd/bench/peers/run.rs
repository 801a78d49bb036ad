//! The suite from its beginning to its report.

use anyhow::{Context, Result, bail};
use indicatif::ProgressBar;

use super::checkout::Checkout;
use super::outcome::Outcome;
use super::program::{Built, Program, named};
use super::{plot, report};
use crate::args::BenchArgs;
use crate::cmd::bench::delivery::{Delivery, spinner};
use crate::exit::Exit;

/// Builds all programs, then runs them one after another. One that cannot be built or run is left
/// out, and the report says why.
pub(in super::super) async fn peers(args: &BenchArgs) -> Result<Exit> {
    let delivery = Delivery::of(args)?;
    let programs = named(&args.only)?;
    let checkout = Checkout::find(args.checkout.as_deref())?;
    let bar = spinner();
    let (shown, is_small) = (bar.clone(), args.small);
    let gathered =
        tokio::task::spawn_blocking(move || gather(&programs, &checkout, is_small, &shown));
    let (outcomes, left_out) = gathered.await.context("gathering has panicked")?;
    bar.finish_and_clear();
    if outcomes.is_empty() {
        bail!("no program could be run: {}", left_out.join("; "));
    }
    let mut plots = Vec::new();
    if delivery.takes_plots()
        && let Some(text) = plot::svg(&report::lines(&outcomes))?
    {
        delivery.plot("ratios", &text)?;
        plots.push("ratios".to_owned());
    }
    let markdown = report::markdown(&outcomes, &left_out, &plots);
    delivery.report(&markdown, &report::json(&outcomes, &left_out))?;
    Ok(Exit::Done)
}

/// What all programs have measured, and what is left out and why.
fn gather(
    programs: &[&'static Program],
    checkout: &Checkout,
    is_small: bool,
    bar: &ProgressBar,
) -> (Vec<Outcome>, Vec<String>) {
    let (mut outcomes, mut left_out) = (Vec::new(), Vec::new());
    let mut built: Vec<(&Program, Built)> = Vec::new();
    // Nothing is built while something is measured.
    for program in programs.iter().copied() {
        bar.set_message(format!("building compare/{} (minutes, at first)", program.name));
        match program.build(checkout) {
            Ok(ready) => built.push((program, ready)),
            Err(error) => left_out.push(format!("{}: {error:#}", program.name)),
        }
    }
    for (program, ready) in built {
        bar.set_message(format!("running compare/{}", program.name));
        match program.measure(ready, is_small) {
            Ok((outcome, left)) => {
                outcomes.push(outcome);
                left_out.extend(left.iter().map(|why| format!("{}: {why}", program.name)));
            }
            Err(error) => left_out.push(format!("{}: {error:#}", program.name)),
        }
    }
    (outcomes, left_out)
}
