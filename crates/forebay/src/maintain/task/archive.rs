//! Moving rows that are too old to an archive.

use std::sync::atomic::{AtomicU64, Ordering};

use super::checkpoint;
use super::cutoff::Cutoff;
use super::job::{Done, Job, Over};
use super::retention::Retention;
use crate::error::{Error, Result};
use crate::route::{Archive, ArchiveProgress};

pub(super) async fn run(
    job: &mut Job<'_>,
    retention: &Retention,
    url: &str,
    cutoff: &Cutoff,
) -> Result<Done> {
    let Some(live) = checkpoint::place(job).await? else {
        return Err(Error::usage("rows of a database in memory cannot be moved to an archive"));
    };
    let archive = Archive::new(live, url, &retention.table, &retention.column)
        .batch(retention.batch)
        .pause(retention.pause);
    let mut done = Done::new();
    if job.is_dry_run {
        let plan = archive.plan(cutoff.value.clone()).await?;
        done.say(format!("would move {} rows in about {} steps", plan.rows, plan.steps));
        return Ok(done);
    }
    let moved = AtomicU64::new(0);
    let note = |progress: ArchiveProgress| moved.store(progress.moved, Ordering::Relaxed);
    let run = archive.run_with(cutoff.value.clone(), note);
    // A move may be dropped at any instant; the next one goes on.
    match tokio::time::timeout(job.left(), run).await {
        Ok(report) => {
            let report = report?;
            done.say(format!("moved {} rows in {} steps", report.moved, report.steps));
            if report.strays > 0 {
                done.say(format!(
                    "{} rows lie below what was moved: they were inserted past the routing",
                    report.strays
                ));
            }
        }
        Err(_) => {
            done.say(format!("moved {} rows", moved.load(Ordering::Relaxed)));
            done.cut_short(Over::Late);
        }
    }
    Ok(done)
}
