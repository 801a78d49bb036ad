//! The arguments of `forebay migrate`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::quantity::Time;

/// Bring the schema of a database up to date with the .sql files of a directory.
///
/// Files are called `002_add_indexes.sql` or `V2__add_indexes.sql`. Each is run once, in the order
/// of their versions, in a transaction of its own, unless its first comment is
/// `-- no-transaction`. What the database has had is in its table forebay_migrations.
#[derive(Args, Debug)]
pub(crate) struct MigrateArgs {
    /// The database: `sqlite:PATH`, a path, or `postgres://USER@HOST:PORT/DATABASE`, with the
    /// password in PGPASSWORD. A missing file is created.
    pub(crate) url: String,
    /// The directory.
    pub(crate) directory: PathBuf,
    /// `status` says how each migration stands and changes nothing: exit code 0 if the database has
    /// had all of them, 1 if not.
    pub(crate) action: Option<MigrateAction>,
    /// Print the statements that would be run, and change nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Stop after this version.
    #[arg(long, value_name = "VERSION", conflicts_with = "only")]
    pub(crate) to: Option<String>,
    /// Run the migration of this version and no other.
    #[arg(long, value_name = "VERSION")]
    pub(crate) only: Option<String>,
    /// Go on with a migration that runs outside a transaction and has stopped half-way.
    #[arg(long)]
    pub(crate) resume: bool,
    /// Run migrations that are older than one the database has had, too.
    #[arg(long)]
    pub(crate) out_of_order: bool,
    /// The database may have had migrations of which there is no file.
    #[arg(long)]
    pub(crate) allow_missing: bool,
    /// The longest wait for another runner [default: 60s].
    #[arg(long, value_name = "TIME")]
    pub(crate) wait: Option<Time>,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum MigrateAction {
    Status,
}
