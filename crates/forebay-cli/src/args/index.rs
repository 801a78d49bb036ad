//! The arguments of `forebay index`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// List, make and drop the indexes of databases.
///
/// Of several databases each is done and reported by itself, and the exit code is 1 if one failed.
#[derive(Args, Debug)]
pub(crate) struct IndexArgs {
    #[command(subcommand)]
    pub(crate) command: IndexCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum IndexCommand {
    /// Show the indexes with their columns, sizes and, at PostgreSQL, how often reads used them.
    ///
    /// The database is not changed. Of SQLite every page is read, which takes seconds for each
    /// gigabyte.
    List(IndexLookArgs),
    /// Show the indexes that no read has used in 14 days or more, at PostgreSQL.
    ///
    /// Those that a constraint or a foreign key needs are left out. SQLite does not count.
    Unused(IndexLookArgs),
    /// Make the indexes in a file of CREATE INDEX statements, and analyse their tables.
    ///
    /// What is there already is left as it is. A file with other statements is refused. Prints the
    /// statements that undo it.
    Apply(IndexApplyArgs),
    /// Drop indexes by name. Prints the statements that make them again.
    ///
    /// Those that a constraint or a foreign key needs are refused.
    Drop(IndexDropArgs),
}

#[derive(Args, Debug)]
pub(crate) struct IndexLookArgs {
    /// The databases: `sqlite:PATH`, a path, or `postgres://USER@HOST:PORT/DATABASE`, with the
    /// password in PGPASSWORD.
    #[arg(required = true, value_name = "URL")]
    pub(crate) urls: Vec<String>,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct IndexApplyArgs {
    /// The file; `-` reads standard input.
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) how: IndexHowArgs,
}

#[derive(Args, Debug)]
pub(crate) struct IndexDropArgs {
    /// The index (may be repeated).
    #[arg(long = "index", required = true, value_name = "NAME")]
    pub(crate) names: Vec<String>,
    #[command(flatten)]
    pub(crate) how: IndexHowArgs,
}

#[derive(Args, Debug)]
pub(crate) struct IndexHowArgs {
    /// The databases: `sqlite:PATH`, a path, or `postgres://USER@HOST:PORT/DATABASE`, with the
    /// password in PGPASSWORD.
    #[arg(required = true, value_name = "URL")]
    pub(crate) urls: Vec<String>,
    /// Print what would be run, and change nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// At PostgreSQL, all in one transaction, during which nobody writes to the tables.
    #[arg(long)]
    pub(crate) no_concurrently: bool,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}
