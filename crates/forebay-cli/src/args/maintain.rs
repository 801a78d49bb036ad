//! The arguments of `forebay maintain`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::quantity::{Size, Time};

/// Do one thing for the good order of a database now, and say what was done.
///
/// The application, and `forebay serve`, may go on meanwhile. What is done again and again is
/// better done on a schedule: see `[maintenance]` in the configuration of `serve`, and the guide.
#[derive(Args, Debug)]
pub(crate) struct MaintainArgs {
    /// The database: `sqlite:PATH`, a path, or `postgres://USER@HOST:PORT/DATABASE`, with the
    /// password in PGPASSWORD.
    pub(crate) url: String,
    /// What to do.
    #[arg(long, value_name = "TASK")]
    pub(crate) task: TaskArg,
    /// Say what would be done, and change nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// The longest that it may take [default: 1h]. What works in batches keeps those that are done.
    #[arg(long, value_name = "TIME")]
    pub(crate) at_most: Option<Time>,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) retain: RetainArgs,
    /// reindex: these indexes, or at SQLite also all of these tables; drop-indexes: those that are
    /// approved to be dropped if nothing uses them (may be repeated).
    #[arg(long = "name", value_name = "NAME")]
    pub(crate) names: Vec<String>,
    /// checkpoint: only if the log has more than this [default: 0].
    #[arg(long, value_name = "SIZE")]
    pub(crate) above: Option<Size>,
}

/// Which rows `retain` deletes or moves.
#[derive(Args, Debug)]
#[command(next_help_heading = "retain")]
pub(crate) struct RetainArgs {
    /// The table.
    #[arg(long, value_name = "TABLE", required_if_eq("task", "retain"))]
    pub(crate) table: Option<String>,
    /// The column that says how old a row is: a timestamp, a date, a number since 1970, or at
    /// SQLite a text such as 2026-11-30 12:00:00.
    #[arg(long, value_name = "COLUMN", required_if_eq("task", "retain"))]
    pub(crate) column: Option<String>,
    /// How old a row has to be, as in 90d.
    #[arg(long, value_name = "AGE", required_if_eq("task", "retain"), value_parser = age)]
    pub(crate) older_than: Option<Duration>,
    /// Only rows that meet this condition in SQL, as in "status = 'done'".
    #[arg(long, value_name = "CONDITION", conflicts_with = "archive")]
    pub(crate) only: Option<String>,
    /// Rows of one transaction [default: 500].
    #[arg(long, value_name = "N")]
    pub(crate) batch: Option<u64>,
    /// How long others may write after each of them [default: 50ms].
    #[arg(long, value_name = "TIME")]
    pub(crate) pause: Option<Time>,
    /// Move the rows to this SQLite database, which is made if it is missing, and do not delete
    /// them.
    #[arg(long, value_name = "PATH")]
    pub(crate) archive: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TaskArg {
    /// New statistics for the planner where the old ones are out of date.
    Optimize,
    /// New statistics of all tables.
    Analyze,
    /// SQLite: write the file anew without its free pages. PostgreSQL: remove dead rows.
    Vacuum,
    /// SQLite with auto_vacuum = incremental: give free pages back, some at a time.
    IncrementalVacuum,
    /// Build indexes anew: those named; without a name all at SQLite, the invalid ones at
    /// PostgreSQL.
    Reindex,
    /// SQLite: bring the log into the file and make it empty.
    Checkpoint,
    /// Delete rows that are too old, or move them to an archive.
    Retain,
    /// Drop those of the named indexes that nothing has used in two weeks (PostgreSQL, which counts
    /// that).
    DropIndexes,
    /// The checks of `forebay health`, in short.
    Health,
}

/// A time, which may be in days.
fn age(text: &str) -> Result<Duration, String> {
    const DAY: u64 = 86_400;
    let days = text.trim().strip_suffix('d').and_then(|days| days.trim().parse::<u64>().ok());
    match days.and_then(|days| days.checked_mul(DAY)) {
        Some(seconds) => Ok(Duration::from_secs(seconds)),
        None => text
            .parse::<Time>()
            .map(|time| time.0)
            .map_err(|_| "expected a number with d, h, m, s or ms, like 90d".to_owned()),
    }
}
