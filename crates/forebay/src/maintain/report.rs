//! What was done, and what will be, as plain data and as JSON.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::clock::millis;
use crate::json::Object;

/// How a run of a task has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaintenanceOutcome {
    /// It has done all there was to do.
    Done,
    /// Its time or its window was over before the end; it goes on with the next run.
    Unfinished,
    /// It was not the time for it, for the reason that is said: too little space, for instance.
    Skipped,
    /// It failed, for the reason that is said.
    Failed,
    /// It was stopped, with the whole or alone. What was committed by then stays.
    Stopped,
}

impl MaintenanceOutcome {
    pub(super) const ALL: [MaintenanceOutcome; 5] = [
        MaintenanceOutcome::Done,
        MaintenanceOutcome::Unfinished,
        MaintenanceOutcome::Skipped,
        MaintenanceOutcome::Failed,
        MaintenanceOutcome::Stopped,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            MaintenanceOutcome::Done => "done",
            MaintenanceOutcome::Unfinished => "unfinished",
            MaintenanceOutcome::Skipped => "skipped",
            MaintenanceOutcome::Failed => "failed",
            MaintenanceOutcome::Stopped => "stopped",
        }
    }
}

impl fmt::Display for MaintenanceOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// One run of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MaintenanceRun {
    /// The name of the task.
    pub task: String,
    /// When it began.
    pub began_at: SystemTime,
    /// How long it took.
    pub took: Duration,
    /// How it ended.
    pub outcome: MaintenanceOutcome,
    /// What was done, or would be, one thing a line; of one that failed, the reason comes last.
    /// There are no values of rows in it.
    pub said: Vec<String>,
    /// Whether nothing was done, and only said.
    pub is_dry_run: bool,
}

impl MaintenanceRun {
    /// As one JSON object, in one line; `began_at` is in milliseconds since 1970.
    pub fn to_json(&self) -> String {
        let mut object = Object::new();
        object.text("task", &self.task);
        object.number("began_at_ms", since_1970(self.began_at));
        object.number("took_ms", millis(self.took));
        object.text("outcome", self.outcome.name());
        object.flag("dry_run", self.is_dry_run);
        object.texts("said", &self.said);
        object.end()
    }
}

/// How a task of a plan stands.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MaintenanceStatus {
    /// The name of the task.
    pub task: String,
    /// Its schedule, in words.
    pub schedule: String,
    /// Since when it has been running, if it is.
    pub running_since: Option<SystemTime>,
    /// When it will begin, if nothing is in its way; `None` while it runs, and where another
    /// process does the maintenance.
    pub next: Option<SystemTime>,
    /// How it ended last, as far as this process knows.
    pub last: Option<MaintenanceOutcome>,
}

impl MaintenanceStatus {
    /// As one JSON object, in one line; times are in milliseconds since 1970.
    pub fn to_json(&self) -> String {
        let mut object = Object::new();
        object.text("task", &self.task);
        object.text("schedule", &self.schedule);
        if let Some(since) = self.running_since {
            object.number("running_since_ms", since_1970(since));
        }
        if let Some(next) = self.next {
            object.number("next_ms", since_1970(next));
        }
        object.text_if("last", self.last.map(MaintenanceOutcome::name));
        object.end()
    }
}

pub(super) fn since_1970(at: SystemTime) -> u64 {
    millis(at.duration_since(UNIX_EPOCH).unwrap_or_default())
}

pub(super) fn time_of(ms: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}
