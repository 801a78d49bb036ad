//! One run of one task: what it came to, whatever happens in it. When it is run is not decided
//! here.

use std::time::{Duration, Instant};

use super::report::{MaintenanceOutcome, MaintenanceRun, time_of};
use super::task::{self, Done, Job, Kind, MaintenanceTask};
use crate::error::{Error, Result};
use crate::health::HealthCheck;

/// What a run may take longer than it is allowed, for a statement that is being stopped.
const GRACE: Duration = Duration::from_secs(5);

/// Runs a task that begins at this time of day.
pub(super) async fn run(
    mut job: Job<'_>,
    task: &MaintenanceTask,
    now_ms: i64,
) -> (MaintenanceRun, Vec<HealthCheck>) {
    let began = Instant::now();
    let (until, is_dry_run) = (job.until, job.is_dry_run);
    let stop = job.stop.clone();
    let limit = until.saturating_duration_since(began) + GRACE;
    let ended = tokio::time::timeout(limit, perform(&mut job, task, now_ms)).await;
    let done = match ended {
        Ok(Ok(done)) => done,
        Ok(Err(error)) => failed(&error, Instant::now() >= until, *stop.borrow()),
        Err(_) => Done::with(MaintenanceOutcome::Unfinished, "its time was over"),
    };
    let (outcome, checks) = (done.outcome, done.checks.clone());
    let run = MaintenanceRun {
        task: task.name.clone(),
        began_at: time_of(now_ms),
        took: began.elapsed(),
        outcome,
        said: done.into_said(),
        is_dry_run,
    };
    (run, checks)
}

async fn perform(job: &mut Job<'_>, task: &MaintenanceTask, now_ms: i64) -> Result<Done> {
    match &task.kind {
        Kind::Health(options) => task::health(job, options).await,
        Kind::Optimise => task::optimise(job).await,
        Kind::Analyse => task::analyse(job).await,
        Kind::Vacuum { free_min } => task::vacuum(job, *free_min).await,
        Kind::IncrementalVacuum => task::incremental_vacuum(job).await,
        Kind::Reindex(names) => task::reindex(job, names).await,
        Kind::Checkpoint { bytes } => task::checkpoint(job, *bytes).await,
        Kind::Retain(retention) => task::retain(job, retention, now_ms).await,
        Kind::Warm(queries) => task::warm(job, queries).await,
        Kind::DropUnused(removal) => task::drop_unused(job, removal).await,
        Kind::Call(_) if job.is_dry_run => {
            Ok(Done::with(MaintenanceOutcome::Done, "would call the application"))
        }
        Kind::Call(work) => {
            let left = job.until.saturating_duration_since(Instant::now());
            match tokio::time::timeout(left, work(job.db.clone())).await {
                Ok(said) => Ok(Done::with(MaintenanceOutcome::Done, said?)),
                Err(_) => Ok(Done::with(MaintenanceOutcome::Unfinished, "its time was over")),
            }
        }
    }
}

fn failed(error: &Error, is_late: bool, is_stopped: bool) -> Done {
    if error.is_closed() || (is_stopped && error.is_cancelled()) {
        return Done::with(MaintenanceOutcome::Stopped, "the database was closed");
    }
    let outcome = match error.is_timeout() && is_late {
        true => MaintenanceOutcome::Unfinished,
        false => MaintenanceOutcome::Failed,
    };
    Done::with(outcome, error.to_string())
}
