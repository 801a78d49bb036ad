//! The arguments of `forebay top`.

use std::path::PathBuf;

use clap::Args;

use crate::quantity::Time;

/// Show what a service or a PostgreSQL server is at, anew every few seconds.
///
/// Statements by the time that they take, with their calls, hits and spread; connections, cache,
/// lag and errors as lines. It changes nothing. `?` shows the keys, `q` quits.
#[derive(Args, Debug)]
pub(crate) struct TopArgs {
    /// A running service (`http://HOST:PORT`), a server (`postgres://USER@HOST:PORT/DATABASE`,
    /// with the password in PGPASSWORD), or the statistics file of an application.
    #[arg(default_value = "http://127.0.0.1:8432")]
    pub(crate) target: String,
    /// Show the bearer token in this file to the service.
    #[arg(long, value_name = "PATH", conflicts_with = "token")]
    pub(crate) token_file: Option<PathBuf>,
    /// The same as a word, which other users of the machine can see.
    #[arg(long, value_name = "TOKEN")]
    pub(crate) token: Option<String>,
    /// How often to look.
    #[arg(long, value_name = "TIME", default_value = "2s")]
    pub(crate) every: Time,
    /// Look once and print it as text, as it does where standard output is no terminal.
    #[arg(long)]
    pub(crate) once: bool,
    /// Look once and print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}
