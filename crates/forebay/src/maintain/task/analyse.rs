//! Statistics of all tables for the planner.

use super::job::{Done, Job};
use crate::error::Result;

pub(in crate::maintain) async fn run(job: &Job<'_>) -> Result<Done> {
    if !job.is_dry_run {
        job.rows("ANALYZE").await?;
    }
    let mut done = Done::new();
    done.say("ANALYZE");
    Ok(done)
}
