//! The command line as it is typed. What follows from it is worked out in `plan`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::edition;
use crate::quantity::Time;

mod advise;
mod bench;
mod guide;
mod index;
mod maintain;
mod manual;
mod migrate;
mod ready;
mod serve;
mod top;

pub(crate) use advise::AdviseArgs;
pub(crate) use bench::{BenchArgs, Suite};
pub(crate) use index::{IndexArgs, IndexCommand, IndexHowArgs};
pub(crate) use maintain::{MaintainArgs, TaskArg};
pub(crate) use manual::{CompletionsArgs, ManArgs};
pub(crate) use migrate::{MigrateAction, MigrateArgs};
pub(crate) use ready::ReadyArgs;
pub(crate) use serve::{ConfigAction, ConfigArgs, ServeArgs};
pub(crate) use top::TopArgs;

const LOGGING: &str = "\
Logs go to standard error; FOREBAY_LOG (or RUST_LOG) sets their level: error (advise, health,
load and stats), off (top), warn (others), info (serve), debug, trace, or per module, as in
FOREBAY_LOG=warn,forebay_server=debug.

Exit codes: 0 done; 1 failed; 2 wrong usage; 3 a stale read was found (demo); 4 degraded
and 5 critical (health); 6 a target was missed (bench); 130 interrupted before it was done.";

/// The performance layer in front of your SQL database, with a cache that is never stale.
#[derive(Debug, Parser)]
#[command(name = "forebay", version, long_version = edition::long())]
#[command(after_help = LOGGING, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Serve(ServeArgs),
    Config(ConfigArgs),
    Explain(ExplainArgs),
    Health(HealthArgs),
    Stats(StatsArgs),
    Top(TopArgs),
    Advise(AdviseArgs),
    Setup(SetupArgs),
    Load(LoadArgs),
    Archive(ArchiveArgs),
    Maintain(MaintainArgs),
    Migrate(MigrateArgs),
    Index(IndexArgs),
    Bench(BenchArgs),
    Demo(DemoArgs),
    Ready(ReadyArgs),
    Completions(CompletionsArgs),
    Man(ManArgs),
}

/// Say whether a statement is cached and why, what it reads, and its query plan.
///
/// The database is opened for reading only and is not changed.
#[derive(Args, Debug)]
pub(crate) struct ExplainArgs {
    /// The database: `sqlite:PATH`, a path, or `postgres://USER@HOST:PORT/DATABASE`, with the
    /// password in PGPASSWORD.
    pub(crate) url: String,
    /// The statement; `-` reads it from standard input.
    pub(crate) sql: String,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Say what is wrong with a database, how grave it is, and what to do.
///
/// It looks at the database, not at what an application sets for its connections, which it opens
/// for reading only and does not change. Exit code 0 if it is healthy, 4 if it is degraded,
/// 5 if it is critical, 1 if it cannot be looked at.
#[derive(Args, Debug)]
pub(crate) struct HealthArgs {
    /// The database: `sqlite:PATH`, a path, or `postgres://USER@HOST:PORT/DATABASE`, with the
    /// password in PGPASSWORD.
    pub(crate) url: String,
    /// Of SQLite, read all of it too: whether it is sound, rows that refer to nothing, unused
    /// space, statistics that are out of date. It takes seconds for each gigabyte.
    #[arg(long)]
    pub(crate) deep: bool,
    /// This index has to be there (may be repeated).
    #[arg(long, value_name = "NAME")]
    pub(crate) expect_index: Vec<String>,
    /// The indexes and foreign keys that the migrations in this directory make have to be there.
    #[arg(long, value_name = "DIR")]
    pub(crate) migrations: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Say how large a database is, its tables and its indexes.
///
/// The database is opened for reading only and is not changed. Of SQLite every page is read, which
/// takes seconds for each gigabyte; of PostgreSQL only the catalogue, and rows are estimates.
#[derive(Args, Debug)]
pub(crate) struct StatsArgs {
    /// The database: `sqlite:PATH`, a path, or `postgres://USER@HOST:PORT/DATABASE`, with the
    /// password in PGPASSWORD.
    pub(crate) url: String,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Prepare a PostgreSQL database for the cache, or remove what that made.
///
/// Prints the tables with how exactly their changes can be followed, and the SQL of every step;
/// asks; runs them, each in a transaction of its own. All of it may be run again.
#[derive(Args, Debug)]
pub(crate) struct SetupArgs {
    /// The database: `postgres://USER@HOST:PORT/DATABASE`, with the password in PGPASSWORD. The
    /// user is a superuser, or may make event triggers and owns the tables.
    pub(crate) url: String,
    /// Only say whether the database is prepared: exit code 0 if it is, 1 if not.
    #[arg(long, conflicts_with_all = ["undo", "dry_run", "full", "yes"])]
    pub(crate) check: bool,
    /// Remove all that setup made, and give tables back the replica identity they had.
    #[arg(long, conflicts_with_all = ["full", "leave_out"])]
    pub(crate) undo: bool,
    /// Print what would be done, and change nothing.
    #[arg(long, visible_alias = "print")]
    pub(crate) dry_run: bool,
    /// Give this table REPLICA IDENTITY FULL, so that it is followed row by row, or `all` (may be
    /// repeated): `schema.table`, or a name in `public`. The server's log grows by the old row of
    /// each UPDATE and DELETE.
    #[arg(long, value_name = "TABLE")]
    pub(crate) full: Vec<String>,
    /// Do not publish this table, so that nothing of it is cached (may be repeated).
    #[arg(long, value_name = "TABLE")]
    pub(crate) leave_out: Vec<String>,
    /// Do not ask.
    #[arg(long)]
    pub(crate) yes: bool,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Load a file of CSV or JSON lines into a table.
///
/// All rows are written in one transaction: when one cannot be read or written, nothing is, unless
/// --rejects names a file for those rows. Ctrl-C undoes what was written.
#[derive(Args, Debug)]
pub(crate) struct LoadArgs {
    /// The database: `sqlite:PATH`, a path, or `postgres://USER@HOST:PORT/DATABASE`, with the
    /// password in PGPASSWORD. It must be there.
    pub(crate) url: String,
    /// The table: `table`, or `schema.table`. It must be there.
    pub(crate) table: String,
    /// The file; `-` reads standard input.
    #[arg(default_value = "-")]
    pub(crate) file: PathBuf,
    /// What the file holds [default: jsonl for .jsonl, .ndjson and .json, else csv].
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Option<LoadFormat>,
    /// The columns in the order of the fields, instead of the names in the header. Of JSON, the
    /// only ones that are loaded.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub(crate) columns: Vec<String>,
    /// The first line of the CSV is a row: the columns are named with --columns.
    #[arg(long, requires = "columns")]
    pub(crate) no_header: bool,
    /// What separates the fields of CSV: one character, or `\t`.
    #[arg(long, value_name = "CHAR", default_value = ",")]
    pub(crate) delimiter: String,
    /// A CSV field that is this is NULL; by default, one that is empty.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) null: String,
    /// The kind of a column, as in `price=real`: integer, real, boolean, text, json or bytes (two
    /// hexadecimal digits each). What does not fit is not loaded. Without it, a CSV column is
    /// integer or real if its first 1,000 values all are, written as a number is; else text, of
    /// which the database makes what the column takes (may be repeated).
    #[arg(long = "type", value_name = "COLUMN=KIND")]
    pub(crate) types: Vec<String>,
    /// Rows that are written at a time.
    #[arg(long, value_name = "N", default_value_t = 1_000,
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) batch: u32,
    /// Write rows that cannot be read or written to this file, as CSV of line and reason, and load
    /// the others.
    #[arg(long, value_name = "FILE")]
    pub(crate) rejects: Option<PathBuf>,
    /// Do everything, and undo it: says what would be loaded.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Show progress where standard error is no terminal, too.
    #[arg(long)]
    pub(crate) progress: bool,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Move old rows of a table to an archive: another SQLite or PostgreSQL database.
///
/// Rows are copied in steps, verified, and change hands at one commit: it may be stopped or killed
/// at any time, and run again. Tables to which others refer by a foreign key, and tables with
/// triggers, are refused.
#[derive(Args, Debug)]
pub(crate) struct ArchiveArgs {
    /// The live database: `sqlite:PATH`, a path, or `postgres://USER@HOST/DATABASE`.
    pub(crate) url: String,
    /// The archive, of the same kind. An SQLite file is created if it is missing, and so is the
    /// table.
    #[arg(long, value_name = "URL")]
    pub(crate) to: String,
    /// The table whose rows are moved.
    #[arg(long, value_name = "TABLE")]
    pub(crate) table: String,
    /// The column by whose order they are moved, such as a date.
    #[arg(long, value_name = "COLUMN")]
    pub(crate) column: String,
    /// Move the rows whose column is less than this; rows without a value stay.
    #[arg(long, value_name = "VALUE", allow_hyphen_values = true)]
    pub(crate) before: String,
    /// Rows of one step, about: it is held in memory, and deleted in one transaction.
    #[arg(long, value_name = "N", default_value_t = 1_000,
          value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub(crate) batch: u64,
    /// How long to rest after each step.
    #[arg(long, value_name = "TIME")]
    pub(crate) pause: Option<Time>,
    /// Say what would be moved, and change nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LoadFormat {
    Csv,
    Jsonl,
}

/// Compare the load of a busy site with and without Forebay, and check every answer.
///
/// Makes a database of realistic size and prints throughput, latency, hits, and the stale reads
/// found. The same load runs three times, each time on a fresh copy: through plain SQLite
/// connections, through Forebay with its cache off, and through Forebay. Ctrl-C ends it early and
/// prints what there is.
#[derive(Args, Debug)]
pub(crate) struct DemoArgs {
    /// Make the database in this file, and keep it; otherwise it is temporary.
    #[arg(long, value_name = "FILE")]
    pub(crate) path: Option<PathBuf>,
    /// How long each of the three runs lasts, in seconds.
    #[arg(long, value_name = "N", default_value_t = 6,
          value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub(crate) seconds: u64,
    /// Rows in the database, all tables together.
    #[arg(long, value_name = "N", default_value_t = 250_000,
          value_parser = clap::value_parser!(u64).range(1_000..=20_000_000))]
    pub(crate) rows: u64,
    /// Clients that read and write at once.
    #[arg(long, value_name = "N", default_value_t = 16,
          value_parser = clap::value_parser!(u16).range(1..=512))]
    pub(crate) clients: u16,
    /// Writes among all statements, in percent.
    #[arg(long, value_name = "P", default_value_t = 5,
          value_parser = clap::value_parser!(u32).range(0..=100))]
    pub(crate) write_percent: u32,
    /// Writes a second past Forebay, by a connection of its own, as another program would.
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u32).range(0..=100_000))]
    pub(crate) outside_writes: u32,
    /// The same seed makes the same rows and the same load.
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
    /// Keep the database.
    #[arg(long)]
    pub(crate) keep: bool,
}
