//! Looking at how the database is.

use super::job::{Done, Job};
use crate::error::Result;
use crate::health::{HealthOptions, Severity};

pub(in crate::maintain) async fn run(job: &Job<'_>, options: &HealthOptions) -> Result<Done> {
    let health = job.db.health_with(options.clone()).await?;
    let mut done = Done::new();
    done.say(format!("{}, score {:.2}", health.status, health.score));
    for check in health.checks.iter().filter(|check| check.severity >= Severity::Notice) {
        done.say(format!("{} {}: {}", check.severity, check.name, check.value));
    }
    done.checks = health.checks;
    Ok(done)
}
