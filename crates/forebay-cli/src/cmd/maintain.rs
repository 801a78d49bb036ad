//! `forebay maintain`: one task of maintenance, now. All of it is the library's.

use anyhow::{Context, Result, bail};
use forebay::{
    Builder, MaintenanceOutcome, MaintenanceRun, MaintenanceTask, Retention, UnusedIndexRemoval,
};

use crate::args::{MaintainArgs, TaskArg};
use crate::exit::{Exit, Usage};
use crate::login::with_password;
use crate::output;
use crate::quantity::brief_time;
use crate::signal::Signals;

pub(crate) async fn maintain(args: &MaintainArgs) -> Result<Exit> {
    let mut signals = Signals::listen().context("cannot listen for signals")?;
    let mut task = task(args)?;
    if let Some(limit) = args.at_most {
        task = task.at_most(limit.0);
    }
    let url = with_password(&args.url)?;
    // The tasks have limits of their own.
    let db = Builder::new(url).cache(false).create(false).open().await?;
    let work = async {
        match args.dry_run {
            true => db.maintain_dry_run(&task).await,
            false => db.maintain_now(&task).await,
        }
    };
    let done = tokio::select! {
        done = work => Some(done),
        () = signals.next() => None,
    };
    db.close().await;
    let Some(run) = done.transpose()? else {
        tracing::warn!("interrupted: what was committed by then stays");
        return Ok(Exit::Interrupted);
    };
    say(args, &run)?;
    Ok(match run.outcome {
        MaintenanceOutcome::Failed => Exit::Failed,
        _ => Exit::Done,
    })
}

fn task(args: &MaintainArgs) -> Result<MaintenanceTask> {
    let names = || args.names.iter().map(String::as_str);
    Ok(match args.task {
        TaskArg::Optimize => MaintenanceTask::optimize(),
        TaskArg::Analyze => MaintenanceTask::analyze(),
        // Who asks for it by hand has seen that it is worth its time.
        TaskArg::Vacuum => MaintenanceTask::vacuum_when_free(0),
        TaskArg::IncrementalVacuum => MaintenanceTask::incremental_vacuum(),
        TaskArg::Reindex => MaintenanceTask::reindex(names()),
        TaskArg::Checkpoint => {
            MaintenanceTask::checkpoint_above(args.above.map_or(0, |size| size.0 as u64))
        }
        TaskArg::Retain => MaintenanceTask::retain(retention(args)?),
        TaskArg::DropIndexes => {
            MaintenanceTask::drop_indexes(UnusedIndexRemoval::approved(names()))
        }
        TaskArg::Health => MaintenanceTask::health(),
    })
}

fn retention(args: &MaintainArgs) -> Result<Retention> {
    let args = &args.retain;
    let (Some(table), Some(column), Some(age)) = (&args.table, &args.column, args.older_than)
    else {
        bail!(Usage("retain needs --table, --column and --older-than".to_owned()));
    };
    let mut rule = Retention::new(table, column, age);
    if let Some(condition) = &args.only {
        rule = rule.only(condition);
    }
    if let Some(rows) = args.batch {
        rule = rule.batch(rows);
    }
    if let Some(pause) = args.pause {
        rule = rule.pause(pause.0);
    }
    if let Some(archive) = &args.archive {
        let path = archive.to_str().ok_or_else(|| Usage("the path is no UTF-8".to_owned()))?;
        rule = rule.archive(path);
    }
    Ok(rule)
}

fn say(args: &MaintainArgs, run: &MaintenanceRun) -> Result<()> {
    if args.json {
        return output::print(&run.to_json());
    }
    let took = brief_time(run.took);
    let mut lines = vec![format!("{}: {} in {took}", run.task, run.outcome)];
    lines.extend(run.said.iter().map(|line| format!("  {line}")));
    output::print(&lines.join("\n"))
}
