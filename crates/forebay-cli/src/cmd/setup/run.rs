//! From the arguments to the exit code: plan, show, ask, run, say what is there now.

use anyhow::{Context, Result, anyhow, bail};
use forebay::{Setup, SetupStatus};

use super::consent::{Consent, ask};
use super::page::{self, Page};
use crate::args::SetupArgs;
use crate::exit::{Exit, Usage};
use crate::login;
use crate::output;
use crate::signal::Signals;

/// `--full` of this is every table.
const ALL: &str = "all";

pub(crate) async fn setup(args: &SetupArgs) -> Result<Exit> {
    let consent = Consent::of(args)?;
    let setup = configured(args)?;
    let database = login::shown(&args.url);
    if args.check {
        return conclude(args, &database, None, &setup.status().await?);
    }
    let plan = if args.undo { setup.plan_undo().await? } else { setup.plan().await? };
    let page = Page { database: &database, is_undo: args.undo, plan: &plan };
    if !args.json {
        output::print(&page.text())?;
    }
    let faults = page::faults(&plan.findings);
    let runs = consent != Consent::Never && faults.is_empty() && !plan.steps.is_empty();
    if !runs {
        if args.json {
            output::print_json(&page.json(0, None))?;
        }
        if !faults.is_empty() {
            bail!("nothing was changed: {}", faults.join("; "));
        }
        return Ok(Exit::Done);
    }
    let mut signals = Signals::listen().context("cannot listen for signals")?;
    if consent == Consent::Ask {
        let question = format!("Run these {} steps on {database}?", plan.steps.len());
        let asked = tokio::task::spawn_blocking(move || ask(&question));
        let is_wanted = tokio::select! {
            is_wanted = asked => is_wanted.context("the question panicked")??,
            () = signals.next() => return Ok(Exit::Interrupted),
        };
        if !is_wanted {
            bail!("nothing was changed");
        }
    }
    run(args, &setup, &page, &mut signals).await
}

async fn run(
    args: &SetupArgs,
    setup: &Setup,
    page: &Page<'_>,
    signals: &mut Signals,
) -> Result<Exit> {
    let steps = page.plan.steps.len();
    let mut done = 0;
    let say = |about: &str, done: usize| {
        if args.json { Ok(()) } else { output::print(&format!("done {done} of {steps}: {about}")) }
    };
    let applied = {
        let applied = setup.apply(page.plan, |step| {
            done += 1;
            // Somebody who reads no more of it does not stop it half way.
            let _ = say(&page::plain(&step.about), done);
        });
        tokio::select! {
            applied = applied => Some(applied),
            () = signals.next() => None,
        }
    };
    match applied {
        Some(Ok(status)) => conclude(args, page.database, Some(page), &status),
        Some(Err(error)) => {
            if args.json {
                output::print_json(&page.json(done, None))?;
            }
            Err(error.into())
        }
        None => {
            tracing::warn!(
                "interrupted: {done} of {steps} steps are done, and perhaps the one that ran; run \
                 it again, or with --undo"
            );
            Ok(Exit::Interrupted)
        }
    }
}

/// Prints how the database is now. A fault is a failure.
fn conclude(
    args: &SetupArgs,
    database: &str,
    page: Option<&Page<'_>>,
    status: &SetupStatus,
) -> Result<Exit> {
    let faults = page::faults(&status.findings);
    match (args.json, page) {
        (true, Some(page)) => {
            output::print_json(&page.json(page.plan.steps.len(), Some(status)))?;
        }
        (true, None) => output::print_json(&page::status_json(database, status))?,
        (false, Some(page)) => output::print(&page::result(page.is_undo, status))?,
        (false, None) => output::print(&page::status(database, status))?,
    }
    if faults.is_empty() { Ok(Exit::Done) } else { bail!("{}", faults.join("; ")) }
}

fn configured(args: &SetupArgs) -> Result<Setup> {
    let url = login::with_password(&args.url)?;
    let mut setup = Setup::new(url).map_err(|error| anyhow!(Usage(error.to_string())))?;
    for table in &args.full {
        setup = if table == ALL { setup.full_all() } else { setup.full(table) };
    }
    for table in &args.leave_out {
        setup = setup.leave_out(table);
    }
    Ok(setup)
}
