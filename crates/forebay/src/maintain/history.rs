//! The last runs: in memory, and in a table of the database if the application allows one.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::report::{MaintenanceOutcome, MaintenanceRun, since_1970, time_of};
use crate::clock::millis;
use crate::db::Db;
use crate::error::Result;
use crate::sql::Dialect;

/// How long a statement on the table may take: it is small.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// What stands there of a run that has not ended.
const RUNNING: &str = "running";

const MADE_AT_SQLITE: &str = "CREATE TABLE IF NOT EXISTS main.forebay_maintenance (
    id INTEGER PRIMARY KEY, task TEXT NOT NULL, began_at_ms INTEGER NOT NULL,
    took_ms INTEGER NOT NULL, outcome TEXT NOT NULL, said TEXT NOT NULL)";

#[cfg(feature = "postgres")]
const MADE_AT_POSTGRES: &str = "CREATE TABLE IF NOT EXISTS forebay_maintenance (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, task text NOT NULL,
    began_at_ms bigint NOT NULL, took_ms bigint NOT NULL, outcome text NOT NULL,
    said text NOT NULL)";

/// The last runs, the latest first, up to a bound.
#[derive(Debug)]
pub(super) struct Runs {
    runs: VecDeque<MaintenanceRun>,
    max: usize,
}

impl Runs {
    pub(super) fn new(max: usize) -> Runs {
        Runs { runs: VecDeque::new(), max }
    }

    pub(super) fn add(&mut self, run: MaintenanceRun) {
        self.runs.truncate(self.max - 1);
        self.runs.push_front(run);
    }

    pub(super) fn all(&self) -> Vec<MaintenanceRun> {
        self.runs.iter().cloned().collect()
    }

    pub(super) fn last(&self, task: &str) -> Option<MaintenanceOutcome> {
        self.runs.iter().find(|run| run.task == task).map(|run| run.outcome)
    }

    /// Those of before this process, where it has none of its own yet.
    pub(super) fn restore(&mut self, before: Vec<MaintenanceRun>) {
        if self.runs.is_empty() {
            self.runs.extend(before.into_iter().take(self.max));
        }
    }
}

/// The table.
#[derive(Clone)]
pub(super) struct Table {
    db: Db,
    max: usize,
}

/// What the table tells of the time before.
#[derive(Debug, Default)]
pub(super) struct Before {
    pub(super) runs: Vec<MaintenanceRun>,
    /// When each task was begun last.
    pub(super) last_ms: BTreeMap<String, i64>,
}

impl Table {
    pub(super) fn new(db: Db, max: usize) -> Table {
        Table { db, max }
    }

    /// Makes the table if need be, and reads it. Of what was running when its process ended it is
    /// noted that it was stopped.
    pub(super) async fn open(&self) -> Result<Before> {
        let made = match self.db.engine().dialect() {
            Dialect::Sqlite => MADE_AT_SQLITE,
            #[cfg(feature = "postgres")]
            Dialect::Postgres => MADE_AT_POSTGRES,
        };
        self.run(made).await?;
        let lost = "UPDATE forebay_maintenance SET outcome = 'stopped',
            said = 'the process ended while it ran' WHERE outcome = 'running'";
        self.run(lost).await?;
        let last = "SELECT task, max(began_at_ms) FROM forebay_maintenance GROUP BY task";
        let last: Vec<(String, i64)> = self.query(last).all().await?;
        let max = self.max;
        let runs = format!(
            "SELECT task, began_at_ms, took_ms, outcome, said FROM forebay_maintenance
             ORDER BY id DESC LIMIT {max}"
        );
        let runs: Vec<(String, i64, i64, String, String)> = self.query(&runs).all().await?;
        Ok(Before {
            runs: runs.into_iter().filter_map(read).collect(),
            last_ms: last.into_iter().collect(),
        })
    }

    /// Notes that a task begins, so that one that takes its process with it is not begun again and
    /// again.
    pub(super) async fn begin(&self, task: &str, began_ms: i64) -> Result<()> {
        let dollar = self.parameter();
        let sql = format!(
            "INSERT INTO forebay_maintenance (task, began_at_ms, took_ms, outcome, said)
             VALUES ({dollar}1, {dollar}2, 0, '{RUNNING}', '')"
        );
        self.query(&sql).bind(task).bind(began_ms).fetch().await?;
        Ok(())
    }

    /// Notes how a run has ended, and forgets those beyond the bound.
    pub(super) async fn end(&self, run: &MaintenanceRun) -> Result<()> {
        let dollar = self.parameter();
        let sql = format!(
            "UPDATE forebay_maintenance SET took_ms = {dollar}1, outcome = {dollar}2,
                 said = {dollar}3
             WHERE task = {dollar}4 AND began_at_ms = {dollar}5 AND outcome = '{RUNNING}'"
        );
        let took_ms = i64::try_from(millis(run.took)).unwrap_or(i64::MAX);
        let began_ms = i64::try_from(since_1970(run.began_at)).unwrap_or(i64::MAX);
        let said = run.said.join("\n");
        let query = self.query(&sql).bind(took_ms).bind(run.outcome.name()).bind(said);
        query.bind(&run.task).bind(began_ms).fetch().await?;
        let old = format!(
            "DELETE FROM forebay_maintenance
             WHERE id <= (SELECT max(id) FROM forebay_maintenance) - {}",
            self.max
        );
        self.run(&old).await
    }

    async fn run(&self, sql: &str) -> Result<()> {
        self.query(sql).fetch().await.map(|_| ())
    }

    fn query<'a>(&'a self, sql: &'a str) -> crate::query::Query<'a> {
        let query = self.db.query(sql).named("maintenance").no_cache().unguarded();
        query.timeout(ANSWER_MAX)
    }

    fn parameter(&self) -> char {
        match self.db.engine().dialect() {
            Dialect::Sqlite => '?',
            #[cfg(feature = "postgres")]
            Dialect::Postgres => '$',
        }
    }
}

fn read(row: (String, i64, i64, String, String)) -> Option<MaintenanceRun> {
    let (task, began_ms, took_ms, outcome, said) = row;
    Some(MaintenanceRun {
        task,
        began_at: time_of(began_ms),
        took: Duration::from_millis(u64::try_from(took_ms).ok()?),
        outcome: MaintenanceOutcome::ALL.into_iter().find(|it| it.name() == outcome)?,
        said: said.lines().map(str::to_owned).collect(),
        is_dry_run: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_runs_are_kept() {
        let row = |task: usize| (task.to_string(), 1, 2, "done".to_owned(), "a\nb".to_owned());
        let mut runs = Runs::new(3);
        for task in 0..5 {
            runs.add(read(row(task)).unwrap());
        }
        let tasks: Vec<String> = runs.all().into_iter().map(|run| run.task).collect();
        assert_eq!(tasks, ["4", "3", "2"]);
        assert_eq!(runs.all()[0].said, ["a", "b"]);
        assert_eq!((runs.last("4"), runs.last("1")), (Some(MaintenanceOutcome::Done), None));
        runs.restore(vec![read(row(9)).unwrap()]);
        assert_eq!(runs.all().len(), 3, "what this process has done comes first");
        assert!(read(("a".into(), 1, 2, "odd".into(), String::new())).is_none());
    }
}
