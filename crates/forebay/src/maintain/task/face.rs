//! Tasks as an application writes them.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::retention::Retention;
use super::unused::UnusedIndexRemoval;
use crate::db::Db;
use crate::error::{Error, Result};
use crate::health::HealthOptions;

/// The longest name of a task, in bytes.
const NAME_MAX: usize = 100;

/// How long a run may take unless it is said otherwise.
const AT_MOST: Duration = Duration::from_secs(3_600);

/// Queries of one task that warms the cache.
const QUERIES_MAX: usize = 10_000;

/// The log is made small again when it has more bytes.
const LOG_BYTES: u64 = 64 << 20;

/// The share of free pages, in percent, below which a VACUUM is not worth its time.
const FREE_MIN: u8 = 10;

type Work = Arc<dyn Fn(Db) -> Pin<Box<dyn Future<Output = Result<String>> + Send>> + Send + Sync>;

/// Something that is done for a database from time to time; see [`crate::MaintenancePlan`].
#[derive(Clone)]
#[must_use = "a task does nothing until it is run, or its plan is"]
pub struct MaintenanceTask {
    pub(in crate::maintain) name: String,
    pub(in crate::maintain) kind: Kind,
    pub(in crate::maintain) at_most: Duration,
}

#[derive(Clone)]
pub(in crate::maintain) enum Kind {
    Health(HealthOptions),
    Optimise,
    Analyse,
    Vacuum { free_min: u8 },
    IncrementalVacuum,
    Reindex(Vec<String>),
    Checkpoint { bytes: u64 },
    Retain(Retention),
    Warm(Vec<String>),
    DropUnused(UnusedIndexRemoval),
    Call(Work),
}

impl MaintenanceTask {
    fn new(name: impl Into<String>, kind: Kind) -> MaintenanceTask {
        MaintenanceTask { name: name.into(), kind, at_most: AT_MOST }
    }

    /// `health`: the checks of [`Db::health`]. What has become worse is told as an alert and
    /// logged, and what has recovered, each once.
    pub fn health() -> MaintenanceTask {
        MaintenanceTask::health_with(HealthOptions::new())
    }

    /// The same with more to look at.
    pub fn health_with(options: HealthOptions) -> MaintenanceTask {
        MaintenanceTask::new("health", Kind::Health(options))
    }

    /// `optimize`: new statistics for the planner where the old ones are out of date. At SQLite
    /// that is `PRAGMA optimize` over all tables, with its bound on time; at PostgreSQL ANALYZE of
    /// the tables of which a tenth has changed since, one after another.
    pub fn optimize() -> MaintenanceTask {
        MaintenanceTask::new("optimize", Kind::Optimise)
    }

    /// `analyze`: new statistics of all tables. At SQLite it reads every index whole and keeps the
    /// writer for so long.
    pub fn analyze() -> MaintenanceTask {
        MaintenanceTask::new("analyze", Kind::Analyse)
    }

    /// `vacuum`: at SQLite it writes the file anew without its free pages. Nobody else can write
    /// meanwhile, and the cache is empty afterwards. It is skipped where there is too little space
    /// (twice what is in use, see the guide), where somebody holds an old snapshot, so that the log
    /// would stay large, and where fewer than a tenth of the pages are free. At PostgreSQL it is
    /// VACUUM (ANALYZE) of the tables with more dead rows than autovacuum should leave; others read
    /// and write meanwhile.
    pub fn vacuum() -> MaintenanceTask {
        MaintenanceTask::new("vacuum", Kind::Vacuum { free_min: FREE_MIN })
    }

    /// The same at SQLite where so many percent of the pages are free; 0 for always.
    pub fn vacuum_when_free(percent: u8) -> MaintenanceTask {
        MaintenanceTask::new("vacuum", Kind::Vacuum { free_min: percent })
    }

    /// `incremental_vacuum`: gives free pages back to the file system, some at a time, so that
    /// others write in between. Only SQLite, and only files with `auto_vacuum = incremental`.
    pub fn incremental_vacuum() -> MaintenanceTask {
        MaintenanceTask::new("incremental_vacuum", Kind::IncrementalVacuum)
    }

    /// `reindex`: builds indexes anew, of these names. At SQLite a name may be that of a table or a
    /// collation, and none at all means all indexes; at PostgreSQL none means those that are
    /// invalid, and others write meanwhile (CONCURRENTLY).
    pub fn reindex<N: Into<String>>(names: impl IntoIterator<Item = N>) -> MaintenanceTask {
        let names = names.into_iter().map(Into::into).collect();
        MaintenanceTask::new("reindex", Kind::Reindex(names))
    }

    /// `checkpoint`: brings the log of an SQLite database into the file and makes it empty, where
    /// it has more than 64 MiB. Writers wait for two seconds at most. The cache is empty
    /// afterwards. A PostgreSQL server does that by itself.
    pub fn checkpoint() -> MaintenanceTask {
        MaintenanceTask::checkpoint_above(LOG_BYTES)
    }

    /// The same for a log with more than so many bytes.
    pub fn checkpoint_above(bytes: u64) -> MaintenanceTask {
        MaintenanceTask::new("checkpoint", Kind::Checkpoint { bytes })
    }

    /// `retain TABLE`: rows that are too old are deleted, or moved to an archive; see
    /// [`Retention`].
    pub fn retain(retention: Retention) -> MaintenanceTask {
        MaintenanceTask::new(format!("retain {}", retention.table), Kind::Retain(retention))
    }

    /// `warm`: runs these queries, without parameters, so that their answers are in the cache.
    /// Whatever is no read is refused.
    pub fn warm<Q: Into<String>>(queries: impl IntoIterator<Item = Q>) -> MaintenanceTask {
        let queries = queries.into_iter().map(Into::into).collect();
        MaintenanceTask::new("warm", Kind::Warm(queries))
    }

    /// `drop_indexes`: drops indexes that are named, and thereby approved, if nothing is seen to
    /// use them; see [`UnusedIndexRemoval`].
    pub fn drop_indexes(removal: UnusedIndexRemoval) -> MaintenanceTask {
        MaintenanceTask::new("drop_indexes", Kind::DropUnused(removal))
    }

    /// Something of the application's own. What `work` returns is said in the history. It is
    /// dropped when its time is over, or when it has to stop; a dry run does not call it.
    pub fn call<F, Fut>(name: impl Into<String>, work: F) -> MaintenanceTask
    where
        F: Fn(Db) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<String>> + Send + 'static,
    {
        let work: Work = Arc::new(move |db| Box::pin(work(db)));
        MaintenanceTask::new(name, Kind::Call(work))
    }

    /// A name of its own, which has to be another for each task of a plan.
    pub fn named(mut self, name: impl Into<String>) -> MaintenanceTask {
        self.name = name.into();
        self
    }

    /// The longest that a run may take; an hour by default. What works in batches goes on with the
    /// next run, and a statement that runs is stopped and has no effect.
    pub fn at_most(mut self, limit: Duration) -> MaintenanceTask {
        self.at_most = limit;
        self
    }

    /// The name: of the kind, unless it was given another.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it keeps others from the database's writer or disk for long: such tasks run one at
    /// a time.
    pub(in crate::maintain) fn is_heavy(&self) -> bool {
        !matches!(self.kind, Kind::Health(_) | Kind::Warm(_) | Kind::Checkpoint { .. })
    }

    /// Whether it makes sense for a database of this kind.
    pub(in crate::maintain) fn check(&self, is_sqlite: bool) -> Result<()> {
        let name = &self.name;
        if name.is_empty() || name.len() > NAME_MAX || name.chars().any(char::is_control) {
            return Err(Error::usage(format!(
                "the name of a task has 1 to {NAME_MAX} bytes and no control characters"
            )));
        }
        match &self.kind {
            Kind::IncrementalVacuum | Kind::Checkpoint { .. } if !is_sqlite => Err(Error::usage(
                format!("{name}: a PostgreSQL server does that by itself; leave the task out"),
            )),
            Kind::Vacuum { free_min } if *free_min > 100 => {
                Err(Error::usage(format!("{name}: the share of free pages is from 0 to 100 %")))
            }
            Kind::Warm(queries) if queries.is_empty() || queries.len() > QUERIES_MAX => {
                Err(Error::usage(format!("{name}: give 1 to {QUERIES_MAX} queries to run")))
            }
            Kind::Retain(retention) => retention.check(name, is_sqlite),
            Kind::DropUnused(removal) => removal.check(name),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for MaintenanceTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MaintenanceTask").field("name", &self.name).finish_non_exhaustive()
    }
}
