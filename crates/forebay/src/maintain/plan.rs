//! What is to be done for a database, and when, as an application writes it.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::alert::MaintenanceAlert;
use super::schedule::Schedule;
use super::task::MaintenanceTask;
#[cfg(feature = "webhook")]
use super::webhook::Webhook;
use crate::error::{Error, Result};

/// Tasks of a plan.
const TASKS_MAX: usize = 100;

/// Runs that are remembered unless it is said otherwise, and at most.
const HISTORY: usize = 200;
const HISTORY_MAX: usize = 10_000;

/// Places that alerts go to.
const SINKS_MAX: usize = 10;

/// How long what runs is given to end by itself when all of it is to stop.
const STOP_WAIT: Duration = Duration::from_secs(10);

/// Where alerts go.
#[derive(Clone)]
pub(super) enum Sink {
    Call(Arc<dyn Fn(&MaintenanceAlert) + Send + Sync>),
    #[cfg(feature = "webhook")]
    Webhook(Box<Webhook>),
}

/// What is done for a database on a schedule; [`crate::Db::maintain`] does it.
///
/// ```no_run
/// use forebay::{MaintenancePlan, MaintenanceTask, Retention, Schedule};
/// use std::time::Duration;
/// # async fn start() -> forebay::Result<()> {
/// let db = forebay::open("sqlite:app.db").await?;
/// let days = |n: u64| Duration::from_secs(n * 86_400);
/// let old = Retention::new("sessions", "seen_at", days(30));
/// let plan = MaintenancePlan::new()
///     .task(MaintenanceTask::health(), "every 1h".parse()?)
///     .task(MaintenanceTask::optimize(), "0 3 * * *".parse()?)
///     .task(MaintenanceTask::retain(old), Schedule::cron("30 3 * * *")?.window("03:00-05:00")?)
///     .on_alert(|alert| eprintln!("{}", alert.to_json()));
/// let maintenance = db.maintain(plan)?;
/// // … as long as the application runs
/// maintenance.stop().await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "a plan does nothing until a database is maintained by it"]
pub struct MaintenancePlan {
    pub(super) database: String,
    pub(super) tasks: Vec<(MaintenanceTask, Schedule)>,
    pub(super) history_max: usize,
    pub(super) has_table: bool,
    pub(super) sinks: Vec<Sink>,
    pub(super) stop_wait: Duration,
}

impl MaintenancePlan {
    /// Nothing yet.
    pub fn new() -> MaintenancePlan {
        MaintenancePlan {
            database: "database".to_owned(),
            tasks: Vec::new(),
            history_max: HISTORY,
            has_table: false,
            sinks: Vec::new(),
            stop_wait: STOP_WAIT,
        }
    }

    /// What alerts call the database; `database` by default.
    pub fn database(mut self, name: impl Into<String>) -> MaintenancePlan {
        self.database = name.into();
        self
    }

    /// Does this by that schedule. Names of tasks have to differ: see [`MaintenanceTask::named`].
    pub fn task(mut self, task: MaintenanceTask, schedule: Schedule) -> MaintenancePlan {
        self.tasks.push((task, schedule));
        self
    }

    /// How many runs are remembered, in memory and in the table; 200 by default.
    pub fn history(mut self, runs: usize) -> MaintenancePlan {
        self.history_max = runs;
        self
    }

    /// Whether runs are kept in a table of the database too, `forebay_maintenance`, which is made
    /// if need be; false by default. Only with it a run that was missed while no process was there
    /// is made up for, and the history outlives the process.
    pub fn keep_table(mut self, is_wanted: bool) -> MaintenancePlan {
        self.has_table = is_wanted;
        self
    }

    /// Calls this with each alert. It must not block.
    pub fn on_alert(
        mut self,
        told: impl Fn(&MaintenanceAlert) + Send + Sync + 'static,
    ) -> MaintenancePlan {
        self.sinks.push(Sink::Call(Arc::new(told)));
        self
    }

    /// Sends each alert there, behind the feature `webhook`.
    #[cfg(feature = "webhook")]
    pub fn webhook(mut self, webhook: Webhook) -> MaintenancePlan {
        self.sinks.push(Sink::Webhook(Box::new(webhook)));
        self
    }

    /// How long what runs is given to end by itself when maintenance is stopped; 10 s by default.
    pub fn stop_within(mut self, wait: Duration) -> MaintenancePlan {
        self.stop_wait = wait;
        self
    }

    pub(super) fn check(&self, is_sqlite: bool) -> Result<()> {
        if self.tasks.is_empty() || self.tasks.len() > TASKS_MAX {
            return Err(Error::usage(format!("a plan has 1 to {TASKS_MAX} tasks")));
        }
        if self.history_max == 0 || self.history_max > HISTORY_MAX {
            return Err(Error::usage(format!("1 to {HISTORY_MAX} runs are remembered")));
        }
        if self.sinks.len() > SINKS_MAX {
            return Err(Error::usage(format!("alerts go to {SINKS_MAX} places at most")));
        }
        let mut names = BTreeSet::new();
        for (task, _) in &self.tasks {
            task.check(is_sqlite)?;
            if !names.insert(task.name()) {
                let name = task.name();
                return Err(Error::usage(format!(
                    "two tasks are called {name}; give one another name with `named`"
                )));
            }
        }
        Ok(())
    }
}

impl Default for MaintenancePlan {
    fn default() -> MaintenancePlan {
        MaintenancePlan::new()
    }
}

impl fmt::Debug for MaintenancePlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tasks: Vec<&str> = self.tasks.iter().map(|(task, _)| task.name()).collect();
        f.debug_struct("MaintenancePlan").field("tasks", &tasks).finish_non_exhaustive()
    }
}
