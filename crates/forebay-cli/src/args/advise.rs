//! The arguments of `forebay advise`.

use std::path::PathBuf;

use clap::Args;

use crate::quantity::{Size, Time};

/// Say which indexes a workload would gain by, and which the database can do without.
///
/// The statements come from a file, a slow log, or both. The database is copied, what might help is
/// built on the copy, and each statement is run there before and after: what is advised was seen to
/// help, and makes no other statement slower. The database itself is only read, unless --apply is
/// given. Statements that write are run on the copy, and rolled back.
#[derive(Args, Debug)]
pub(crate) struct AdviseArgs {
    /// The database: `sqlite:PATH`, a path, or `postgres://USER@HOST:PORT/DATABASE`.
    pub(crate) url: String,
    /// Statements separated by `;`, as they are run, with values. `-- calls: 1000` before one says
    /// how often; `-` reads standard input (may be repeated).
    #[arg(long, value_name = "FILE")]
    #[arg(required_unless_present_any = ["log", "statistics", "counted"])]
    pub(crate) queries: Vec<PathBuf>,
    /// A slow log: a JSON object a line, with `statement` and `time_ms`; at PostgreSQL the log of
    /// the server, with durations (may be repeated).
    #[arg(long, value_name = "FILE")]
    pub(crate) log: Vec<PathBuf>,
    /// Statistics that an application has saved: `statistics_file` of the library (may be
    /// repeated).
    #[arg(long, value_name = "FILE")]
    pub(crate) statistics: Vec<PathBuf>,
    /// PostgreSQL: take the statements that the extension pg_stat_statements has counted.
    #[arg(long)]
    pub(crate) counted: bool,
    /// PostgreSQL: prove advice by building indexes in a transaction that is rolled back. Nothing
    /// stays of it; meanwhile nobody else writes the tables, and at moments nobody reads them.
    #[arg(long)]
    pub(crate) prove: bool,
    /// PostgreSQL: advise what the planner expects to gain by, too, without proof.
    #[arg(long)]
    pub(crate) unproven: bool,
    /// Nothing else is asked of the database: name indexes that no statement uses, too.
    #[arg(long)]
    pub(crate) complete: bool,
    /// The time in which the calls were made: savings are told per hour.
    #[arg(long, value_name = "TIME")]
    pub(crate) period: Option<Time>,
    /// The largest database that is copied.
    #[arg(long, value_name = "SIZE", default_value = "2GiB")]
    pub(crate) copy_max: Size,
    /// The folder for the copy [default: that for temporary files].
    #[arg(long, value_name = "PATH")]
    pub(crate) folder: Option<PathBuf>,
    /// The longest that one statement may run on the copy.
    #[arg(long, value_name = "TIME", default_value = "10s")]
    pub(crate) statement_max: Time,
    /// The longest that it may all take.
    #[arg(long, value_name = "TIME", default_value = "15m")]
    pub(crate) time_max: Time,
    /// Indexes that are advised at most.
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(crate) indexes_max: usize,
    /// Name everything that was tried and is not advised.
    #[arg(long)]
    pub(crate) all: bool,
    /// Run the SQL of the findings, after asking.
    #[arg(long)]
    pub(crate) apply: bool,
    /// Do not ask.
    #[arg(long, requires = "apply")]
    pub(crate) yes: bool,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}
