//! Maintenance as an application asks a database for it.

use std::time::{Instant, SystemTime};

use tokio::sync::watch;

use super::handle::Maintenance;
use super::plan::MaintenancePlan;
use super::report::{MaintenanceRun, since_1970};
use super::run::run;
use super::task::{Job, MaintenanceTask};
use crate::db::Db;
use crate::error::Result;
use crate::sql::Dialect;

impl Db {
    /// Does what a plan says when it is due, for as long as what is returned is kept, in the
    /// background of the runtime that it is called in.
    ///
    /// Of all processes that maintain one database by a plan, one is at work at a time, and another
    /// goes on when it ends, however it ends: at SQLite the one that has locked the file
    /// `….forebay-lock` beside the database, at PostgreSQL the one whose session has an advisory
    /// lock, for which it keeps a connection of those for sessions.
    ///
    /// An error if the plan is not in order for a database of this kind. Nothing is waited for.
    pub fn maintain(&self, plan: MaintenancePlan) -> Result<Maintenance> {
        plan.check(self.engine().dialect() == Dialect::Sqlite)?;
        Ok(Maintenance::start(self.clone(), plan))
    }

    /// Runs a task once, now, whatever else is maintaining the database. Dropping the future stops
    /// it as the end of the process would: what was committed stays. An error if the task is not in
    /// order; how the run has ended is said in what is returned.
    pub async fn maintain_now(&self, task: &MaintenanceTask) -> Result<MaintenanceRun> {
        self.once(task, false).await
    }

    /// What [`Db::maintain_now`] would do. Nothing is changed.
    pub async fn maintain_dry_run(&self, task: &MaintenanceTask) -> Result<MaintenanceRun> {
        self.once(task, true).await
    }

    async fn once(&self, task: &MaintenanceTask, is_dry_run: bool) -> Result<MaintenanceRun> {
        task.check(self.engine().dialect() == Dialect::Sqlite)?;
        let now = SystemTime::now();
        // Nobody stops it but whoever drops the future.
        let (_stop, stop) = watch::channel(false);
        let until = Instant::now() + task.at_most;
        let job = Job { db: self, is_dry_run, until, stop };
        let now_ms = i64::try_from(since_1970(now)).unwrap_or(i64::MAX);
        Ok(Box::pin(run(job, task, now_ms)).await.0)
    }
}
