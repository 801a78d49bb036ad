//! What somebody has to be told: a check that has become worse, a task that fails, and that each is
//! over. It decides nothing; see `judge`.

use std::fmt;
use std::time::SystemTime;

use super::report::since_1970;
use crate::json::Object;

/// What an alert is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlertKind {
    /// A check of the database's health has become worse.
    Worse,
    /// A check of the database's health has recovered.
    Recovered,
    /// A task has failed that did not fail the time before.
    Failed,
    /// A task that had failed has not failed this time.
    Succeeds,
}

impl AlertKind {
    fn name(self) -> &'static str {
        match self {
            AlertKind::Worse => "worse",
            AlertKind::Recovered => "recovered",
            AlertKind::Failed => "failed",
            AlertKind::Succeeds => "succeeds",
        }
    }
}

impl fmt::Display for AlertKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// One thing that somebody has to be told. There are neither values of rows nor addresses of
/// databases in it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MaintenanceAlert {
    /// The name that the plan has for the database.
    pub database: String,
    /// What it is about.
    pub kind: AlertKind,
    /// The name of the task that has found it.
    pub task: String,
    /// The name of the check, where it is about one.
    pub check: Option<String>,
    /// How grave it is now, and was before: `ok`, `notice`, `warning`, `critical`. Of a task that
    /// fails it is a `warning`.
    pub severity: String,
    /// See `severity`.
    pub before: String,
    /// What it means.
    pub message: String,
    /// When it was found.
    pub at: SystemTime,
}

impl MaintenanceAlert {
    /// As one JSON object, in one line; `at_ms` is in milliseconds since 1970.
    pub fn to_json(&self) -> String {
        let mut object = Object::new();
        object.text("source", "forebay");
        object.text("database", &self.database);
        object.text("kind", self.kind.name());
        object.text("task", &self.task);
        object.text_if("check", self.check.as_deref());
        object.text("severity", &self.severity);
        object.text("before", &self.before);
        object.text("message", &self.message);
        object.number("at_ms", since_1970(self.at));
        object.end()
    }
}
