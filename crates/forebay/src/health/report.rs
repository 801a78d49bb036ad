//! What comes of all checks: the findings, a status and a score.

use std::fmt;

use serde::Serialize;

use super::ask::Ask;
use super::options::HealthOptions;
#[cfg(feature = "postgres")]
use super::postgres;
use super::sqlite;
use crate::error::Result;

/// A fault with which data may be lost caps the score here.
const DATA_LOSS_SCORE: f64 = 0.4;

/// What a finding takes away from the score, as a share of its weight.
const NOTICE: f64 = 0.25;
const WARNING: f64 = 0.5;
const CRITICAL: f64 = 1.0;

/// How grave a finding is. Serialized as a word in lower case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing was found.
    Ok,
    /// There is not enough to judge by. It lowers the confidence and not the score.
    Unknown,
    /// Worth knowing; no harm yet.
    Notice,
    /// It costs time or space now, or will soon.
    Warning,
    /// It stops the application, or data is lost or may be.
    Critical,
}

/// What all findings come to. Serialized as a word in lower case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum HealthStatus {
    /// No check has found more than a notice.
    Healthy,
    /// A check has a warning.
    Degraded,
    /// A check is critical.
    Critical,
}

/// The finding of one check.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HealthCheck {
    /// Its name, in snake case; it does not change between versions.
    pub name: String,
    /// How grave it is.
    pub severity: Severity,
    /// What was found, with its unit; empty if nothing could be.
    pub value: String,
    /// From where on it would have been a finding, with its unit; empty if there is no such number.
    pub limit: String,
    /// How much it counts, of 100 for all that matters most.
    pub weight: u32,
    /// Whether data is lost, or may be.
    pub is_data_loss: bool,
    /// What it means, in one or more sentences.
    pub message: String,
    /// What to do, one step a line: SQL as it may be run where it ends in `;`.
    pub cure: Vec<String>,
}

impl HealthCheck {
    /// A check of the application's own in which nothing was found; the setters say otherwise.
    pub fn new(name: impl Into<String>) -> HealthCheck {
        HealthCheck {
            name: name.into(),
            severity: Severity::Ok,
            value: String::new(),
            limit: String::new(),
            weight: 10,
            is_data_loss: false,
            message: String::new(),
            cure: Vec::new(),
        }
    }

    /// How grave it is, and what it means.
    #[must_use]
    pub fn found(mut self, severity: Severity, message: impl Into<String>) -> HealthCheck {
        (self.severity, self.message) = (severity, message.into());
        self
    }

    /// What was found, with its unit.
    #[must_use]
    pub fn value(mut self, value: impl fmt::Display) -> HealthCheck {
        self.value = value.to_string();
        self
    }

    /// From where on it would be a finding, with its unit.
    #[must_use]
    pub fn limit(mut self, limit: impl fmt::Display) -> HealthCheck {
        self.limit = limit.to_string();
        self
    }

    /// How much it counts; the default is 10, and 100 is for what matters most.
    #[must_use]
    pub fn weight(mut self, weight: u32) -> HealthCheck {
        self.weight = weight.min(100);
        self
    }

    /// Data is lost if it is found, or may be: the score is then 0.4 at most.
    #[must_use]
    pub fn data_loss(mut self) -> HealthCheck {
        self.is_data_loss = true;
        self
    }

    /// One step of what to do.
    #[must_use]
    pub fn cure(mut self, step: impl Into<String>) -> HealthCheck {
        self.cure.push(step.into());
        self
    }

    fn deduction(&self) -> f64 {
        let share = match self.severity {
            Severity::Ok | Severity::Unknown => 0.0,
            Severity::Notice => NOTICE,
            Severity::Warning => WARNING,
            Severity::Critical => CRITICAL,
        };
        share * f64::from(self.weight) / 100.0
    }
}

/// What all checks have found, the gravest first.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Health {
    /// What they come to: the gravest finding decides.
    pub status: HealthStatus,
    /// From 1 (nothing found) to 0: 1 less the weights of the findings, a critical one in full, a
    /// warning by half, a notice by a quarter. At most 0.4 where data is lost or may be.
    pub score: f64,
    /// The share of the checks, by weight, that had enough to judge by.
    pub confidence: f64,
    /// The findings.
    pub checks: Vec<HealthCheck>,
}

impl Health {
    /// Looks at the database.
    pub(crate) async fn read(ask: Ask<'_>, options: &HealthOptions) -> Result<Health> {
        let options = &options.with_promises(ask.engine().dialect()).await?;
        #[cfg(feature = "postgres")]
        if !ask.engine().is_sqlite() {
            let facts = postgres::Facts::read(ask, options.is_deep).await?;
            return Ok(Health::of(postgres::judge(&facts, options)));
        }
        let facts = sqlite::Facts::read(ask, options.is_deep).await?;
        Ok(Health::of(sqlite::judge(&facts, options)))
    }

    /// The same with checks of the application's own beside them.
    #[must_use]
    pub fn and(self, checks: impl IntoIterator<Item = HealthCheck>) -> Health {
        let mut all = self.checks;
        all.extend(checks);
        Health::of(all)
    }

    pub(crate) fn of(mut checks: Vec<HealthCheck>) -> Health {
        checks.sort_by(|a, b| {
            (b.severity, b.weight).cmp(&(a.severity, a.weight)).then_with(|| a.name.cmp(&b.name))
        });
        let worst = checks.first().map_or(Severity::Ok, |check| check.severity);
        let status = match worst {
            Severity::Critical => HealthStatus::Critical,
            Severity::Warning => HealthStatus::Degraded,
            Severity::Notice | Severity::Unknown | Severity::Ok => HealthStatus::Healthy,
        };
        let lost = |it: &HealthCheck| it.is_data_loss && it.severity == Severity::Critical;
        let most = if checks.iter().any(lost) { DATA_LOSS_SCORE } else { 1.0 };
        let less: f64 = checks.iter().map(HealthCheck::deduction).sum();
        let weight = |holds: fn(&HealthCheck) -> bool| -> u32 {
            checks.iter().filter(|it| holds(it)).map(|it| it.weight).sum()
        };
        let (known, all) = (weight(|it| it.severity != Severity::Unknown), weight(|_| true));
        let confidence = if all == 0 { 0.0 } else { f64::from(known) / f64::from(all) };
        Health { status, score: (1.0 - less).clamp(0.0, most), confidence, checks }
    }

    /// The check of this name.
    pub fn check(&self, name: &str) -> Option<&HealthCheck> {
        self.checks.iter().find(|check| check.name == name)
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Severity::Ok => "ok",
            Severity::Unknown => "unknown",
            Severity::Notice => "notice",
            Severity::Warning => "warning",
            Severity::Critical => "critical",
        })
    }
}

impl fmt::Display for HealthStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            HealthStatus::Healthy => "healthy",
            HealthStatus::Degraded => "degraded",
            HealthStatus::Critical => "critical",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, severity: Severity, weight: u32) -> HealthCheck {
        HealthCheck::new(name).found(severity, "").weight(weight)
    }

    #[test]
    fn status_and_score() {
        use Severity::{Critical, Notice, Ok, Unknown, Warning};
        let judge = |all: &[(Severity, u32)], expect: (HealthStatus, f64, f64)| {
            let checks = all.iter().map(|(severity, weight)| check("x", *severity, *weight));
            let health = Health::of(checks.collect());
            let found = (health.status, health.score, health.confidence);
            assert_eq!(found, expect, "{all:?}");
        };
        judge(&[], (HealthStatus::Healthy, 1.0, 0.0));
        judge(&[(Ok, 10), (Ok, 90)], (HealthStatus::Healthy, 1.0, 1.0));
        judge(&[(Ok, 75), (Unknown, 25)], (HealthStatus::Healthy, 1.0, 0.75));
        judge(&[(Notice, 20), (Ok, 20)], (HealthStatus::Healthy, 0.95, 1.0));
        judge(&[(Warning, 50), (Ok, 20)], (HealthStatus::Degraded, 0.75, 1.0));
        judge(&[(Critical, 25), (Warning, 50)], (HealthStatus::Critical, 0.5, 1.0));
        judge(&[(Critical, 100), (Critical, 100)], (HealthStatus::Critical, 0.0, 1.0));
    }

    #[test]
    fn lost_data_caps_the_score_and_the_gravest_comes_first() {
        let lost = check("lost", Severity::Critical, 10).data_loss();
        let health = Health::of(vec![check("a", Severity::Warning, 90), lost]);
        assert!(health.score <= DATA_LOSS_SCORE && health.checks[0].name == "lost");
        let fine = check("fine", Severity::Ok, 10).data_loss();
        assert!(Health::of(vec![fine]).score > DATA_LOSS_SCORE);
    }

    #[test]
    fn words_are_serialized_as_they_are_shown() {
        let health = Health::of(vec![check("a", Severity::Warning, 50)]);
        let json = serde_json::to_value(&health).unwrap();
        assert_eq!(json["status"], health.status.to_string());
        assert_eq!(json["checks"][0]["severity"], health.checks[0].severity.to_string());
        assert_eq!(json["score"], 0.75);
    }
}
