//! The plan of maintenance that a configuration comes to, checked but for the names in the
//! database.

use std::time::Duration;

use anyhow::{Result, bail};
use forebay::{
    HealthOptions, MaintenancePlan, MaintenanceTask, Retention, Schedule, UnusedIndexRemoval,
    Webhook,
};

use super::secret;
use crate::config::{Chore, Config, Task};
use crate::exit::Usage;

/// The plan; none if there are no tasks.
pub(super) fn plan(config: &Config) -> Result<Option<MaintenancePlan>> {
    if config.maintenance_tasks.is_empty() {
        return Ok(None);
    }
    let settings = &config.maintenance;
    let mut plan = MaintenancePlan::new()
        .database(&settings.database)
        .history(settings.history)
        .keep_table(settings.keep_table)
        .stop_within(settings.stop_within.0);
    if let Some(url) = &settings.webhook {
        let wrong = |error: forebay::Error| Usage(format!("maintenance.webhook: {error}"));
        let mut webhook = Webhook::new(url).map_err(wrong)?;
        if let Some(path) = &settings.webhook_authorization_file {
            let value = secret::read(path, "authorization")?;
            webhook = webhook.header("Authorization", value.trim()).map_err(wrong)?;
        }
        if let Some(path) = &settings.webhook_root_certificates {
            webhook = webhook.root_certificates(path);
        }
        plan = plan.webhook(webhook);
    }
    for (index, section) in config.maintenance_tasks.iter().enumerate() {
        let wrong = |why: String| Usage(format!("maintenance.task[{index}]: {why}"));
        let schedule = schedule(section).map_err(|error| wrong(error.to_string()))?;
        let task = task(section).map_err(|error| wrong(error.to_string()))?;
        plan = plan.task(task, schedule);
    }
    Ok(Some(plan))
}

fn schedule(section: &Task) -> forebay::Result<Schedule> {
    let mut schedule: Schedule = section.schedule.parse()?;
    if section.zone != "UTC" {
        schedule = schedule.zone(&section.zone)?;
    }
    if let Some(window) = &section.window {
        schedule = schedule.window(window)?;
    }
    schedule.jitter(section.jitter.0)
}

fn task(section: &Task) -> Result<MaintenanceTask> {
    let task = match section.run {
        Chore::Health => MaintenanceTask::health_with(HealthOptions::new().deep(section.deep)),
        Chore::Optimize => MaintenanceTask::optimize(),
        Chore::Analyze => MaintenanceTask::analyze(),
        Chore::Vacuum => {
            MaintenanceTask::vacuum_when_free(u8::try_from(section.when_free).unwrap_or(100))
        }
        Chore::IncrementalVacuum => MaintenanceTask::incremental_vacuum(),
        Chore::Reindex => MaintenanceTask::reindex(section.names.clone()),
        Chore::Checkpoint => MaintenanceTask::checkpoint_above(section.above.0 as u64),
        Chore::Retain => MaintenanceTask::retain(retention(section)?),
        Chore::Warm => MaintenanceTask::warm(section.queries.clone()),
        Chore::DropIndexes => {
            MaintenanceTask::drop_indexes(UnusedIndexRemoval::approved(section.names.clone()))
        }
    };
    let task = task.at_most(section.at_most.0);
    Ok(match &section.name {
        Some(name) => task.named(name),
        None => task,
    })
}

fn retention(section: &Task) -> Result<Retention> {
    let (Some(table), Some(column), Some(days)) =
        (&section.table, &section.column, section.older_than_days)
    else {
        bail!("retain needs a table, a column and older_than_days");
    };
    let age = Duration::from_secs(u64::from(days) * 86_400);
    let mut rule = Retention::new(table, column, age);
    rule = rule.batch(section.batch).pause(section.pause.0);
    if let Some(condition) = &section.only {
        rule = rule.only(condition);
    }
    if let Some(archive) = &section.archive {
        rule = rule.archive(archive);
    }
    Ok(rule)
}
