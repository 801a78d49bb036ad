//! From the arguments to the exit code: read the workload, look, show, and run what was found if
//! that is asked for.

use anyhow::{Context, Result, anyhow, bail};
use forebay::{AdviseOptions, Advisor};

use super::apply::apply;
use super::{json, page, source};
use crate::args::AdviseArgs;
use crate::cmd::setup::ask;
use crate::exit::{Exit, Usage};
use crate::output;
use crate::signal::Signals;

pub(crate) async fn advise(args: &AdviseArgs) -> Result<Exit> {
    if args.apply && args.json && !args.yes {
        bail!(Usage("--json cannot ask: give --yes with it".to_owned()));
    }
    let advisor = advisor(args).map_err(|error| anyhow!(Usage(error.to_string())))?;
    let mut workload = source::workload(args)?;
    if args.counted {
        let counted = advisor.counted().await?;
        workload.queries.extend(counted.queries);
        workload.period = workload.period.or(counted.period);
    }
    if workload.queries.is_empty() {
        bail!(Usage("there are no statements to be looked at".to_owned()));
    }
    let mut signals = Signals::listen().context("cannot listen for signals")?;
    let advisor = advisor.options(options(args));
    let advice = tokio::select! {
        advice = advisor.advise(&workload) => advice?,
        () = signals.next() => return Ok(Exit::Interrupted),
    };
    if args.json {
        output::print_json(&json::advice(&advice))?;
    } else {
        // What is counted at PostgreSQL are the pages that are touched.
        let unit = if is_postgres(&args.url) { "pages" } else { "steps" };
        output::print(&page::page(&advice, args.all, unit))?;
    }
    let steps = advice.script().len();
    if !args.apply || steps == 0 {
        return Ok(Exit::Done);
    }
    if !args.yes {
        let question = format!("Run these {steps} statements on {}?", args.url);
        let asked = tokio::task::spawn_blocking(move || ask(&question));
        let is_wanted = tokio::select! {
            is_wanted = asked => is_wanted.context("the question panicked")??,
            () = signals.next() => return Ok(Exit::Interrupted),
        };
        if !is_wanted {
            bail!("nothing was changed");
        }
    }
    let done = apply(&args.url, &advice)?;
    if !args.json {
        output::print(&done)?;
    }
    Ok(Exit::Done)
}

/// Whether it is a PostgreSQL database.
pub(super) fn is_postgres(url: &str) -> bool {
    url.starts_with("postgres://") || url.starts_with("postgresql://")
}

fn advisor(args: &AdviseArgs) -> Result<Advisor> {
    if !is_postgres(&args.url) {
        return Ok(Advisor::sqlite(&args.url)?);
    }
    if args.apply {
        bail!(
            "--apply is for SQLite; at PostgreSQL run the printed statements one by one, since \
             CONCURRENTLY cannot be a part of something larger"
        );
    }
    Ok(Advisor::postgres(&args.url)?)
}

fn options(args: &AdviseArgs) -> AdviseOptions {
    let defaults = AdviseOptions::default();
    AdviseOptions {
        copy_bytes_max: args.copy_max.0 as u64,
        folder: args.folder.clone().unwrap_or_else(|| defaults.folder.clone()),
        statement_max: args.statement_max.0,
        time_max: args.time_max.0,
        indexes_max: args.indexes_max,
        build: args.prove,
        unproven: args.unproven,
        ..defaults
    }
}
