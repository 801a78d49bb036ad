//! What of the runs has to be told: each change once, for the worse and for the better. Pure: it is
//! given what was found.

use std::collections::BTreeMap;

use super::alert::{AlertKind, MaintenanceAlert};
use super::report::{MaintenanceOutcome, MaintenanceRun};
use crate::health::{HealthCheck, Severity};

/// How grave a check has to be for somebody to be told.
const TOLD_FROM: Severity = Severity::Warning;

/// Checks that are remembered of one task; the database has fewer.
const CHECKS_MAX: usize = 1_000;

/// What the runs before have found.
#[derive(Debug, Default)]
pub(super) struct Judge {
    database: String,
    /// How grave the checks were of which somebody knows, by task and name.
    told: BTreeMap<(String, String), Severity>,
    failing: BTreeMap<String, ()>,
}

impl Judge {
    pub(super) fn new(database: &str) -> Judge {
        Judge { database: database.to_owned(), ..Judge::default() }
    }

    /// What is new in a run, and in the checks that it made.
    pub(super) fn judge(
        &mut self,
        run: &MaintenanceRun,
        checks: &[HealthCheck],
    ) -> Vec<MaintenanceAlert> {
        let mut alerts: Vec<MaintenanceAlert> = Vec::new();
        for check in checks.iter().take(CHECKS_MAX) {
            alerts.extend(self.check(run, check));
        }
        alerts.extend(self.outcome(run));
        alerts
    }

    /// Nothing is told of a check that does not know; what was told of it stands.
    fn check(&mut self, run: &MaintenanceRun, check: &HealthCheck) -> Option<MaintenanceAlert> {
        if check.severity == Severity::Unknown {
            return None;
        }
        let key = (run.task.clone(), check.name.clone());
        let before = self.told.get(&key).copied().unwrap_or(Severity::Ok);
        let kind = if check.severity >= TOLD_FROM && check.severity > before {
            AlertKind::Worse
        } else if check.severity < TOLD_FROM && before >= TOLD_FROM {
            AlertKind::Recovered
        } else {
            // From critical to a warning is a change to be remembered, and not one to be told.
            if check.severity >= TOLD_FROM {
                self.told.insert(key, check.severity);
            }
            return None;
        };
        match kind {
            AlertKind::Worse => self.told.insert(key, check.severity),
            _ => self.told.remove(&key),
        };
        Some(MaintenanceAlert {
            check: Some(check.name.clone()),
            severity: check.severity.to_string(),
            before: before.to_string(),
            message: described(check),
            ..self.about(run, kind)
        })
    }

    fn outcome(&mut self, run: &MaintenanceRun) -> Option<MaintenanceAlert> {
        let was_failing = self.failing.contains_key(&run.task);
        match run.outcome {
            MaintenanceOutcome::Failed if !was_failing => {
                self.failing.insert(run.task.clone(), ());
                let message = run.said.last().cloned().unwrap_or_default();
                let alert = self.about(run, AlertKind::Failed);
                let severity = Severity::Warning.to_string();
                Some(MaintenanceAlert { severity, message, ..alert })
            }
            MaintenanceOutcome::Done | MaintenanceOutcome::Unfinished if was_failing => {
                self.failing.remove(&run.task);
                let alert = self.about(run, AlertKind::Succeeds);
                let before = Severity::Warning.to_string();
                Some(MaintenanceAlert { before, message: "it has not failed".to_owned(), ..alert })
            }
            _ => None,
        }
    }

    fn about(&self, run: &MaintenanceRun, kind: AlertKind) -> MaintenanceAlert {
        MaintenanceAlert {
            database: self.database.clone(),
            kind,
            task: run.task.clone(),
            check: None,
            severity: Severity::Ok.to_string(),
            before: Severity::Ok.to_string(),
            message: String::new(),
            at: run.began_at + run.took,
        }
    }
}

fn described(check: &HealthCheck) -> String {
    match check.value.is_empty() {
        true => check.message.clone(),
        false => format!("{} ({})", check.message, check.value),
    }
}

#[cfg(test)]
mod tests;
