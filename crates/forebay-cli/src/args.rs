//! The command line as it is typed. What follows from it is worked out in `plan`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use forebay::CacheMode;
use forebay_server::Options;

use crate::quantity::{Count, Size, Time};

const LOGGING: &str = "\
Logs go to standard error; FOREBAY_LOG (or RUST_LOG) sets their level: error, warn (explain, setup
and demo), info (serve), debug, trace, or per module, as in FOREBAY_LOG=warn,forebay_server=debug.

Exit codes: 0 done; 1 failed; 2 wrong usage; 3 a stale read was found (demo); 130 interrupted
before it was done.";

/// The performance layer in front of your SQL database, with a cache that is never stale.
#[derive(Debug, Parser)]
#[command(name = "forebay", version, after_help = LOGGING, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Serve(Box<ServeArgs>),
    Explain(ExplainArgs),
    Setup(SetupArgs),
    Demo(DemoArgs),
}

/// Serve a database over HTTP: Hrana for libSQL clients, plain JSON, health and metrics.
///
/// Prints one line, `listening on http://ADDR:PORT`, when it is ready. SIGTERM or SIGINT stops
/// it: statements in flight end first. A second signal stops it at once.
#[derive(Args, Debug)]
pub(crate) struct ServeArgs {
    /// The database: `sqlite:PATH`, `sqlite::memory:`, a path, or
    /// `postgres://USER@HOST:PORT/DATABASE`, with the password in PGPASSWORD. A missing file is
    /// created.
    #[arg(default_value = "sqlite:forebay.db")]
    pub(crate) url: String,
    /// The address to listen on; port 0 takes a free one.
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8432")]
    pub(crate) listen: SocketAddr,
    /// Require the bearer token in this file with every request but GET /health.
    #[arg(long, value_name = "PATH")]
    pub(crate) token_file: Option<PathBuf>,
    /// Let anyone who reaches the address read and write the database: allows an address that is
    /// not loopback without a token.
    #[arg(long, conflicts_with = "token_file")]
    pub(crate) allow_anonymous: bool,
    /// Accept this name in the Host header (may be repeated). Without it: loopback names on a
    /// loopback address, any name elsewhere.
    #[arg(long = "allow-host", value_name = "NAME")]
    pub(crate) allowed_hosts: Vec<String>,
    /// Accept requests from web pages of this origin, as in `https://app.example.com` (may be
    /// repeated).
    #[arg(long = "allow-origin", value_name = "ORIGIN")]
    pub(crate) allow_origins: Vec<String>,
    #[command(flatten)]
    pub(crate) database: DatabaseArgs,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
}

/// Settings of the database; those not given have the library's defaults.
#[derive(Args, Debug)]
#[command(next_help_heading = "Database")]
pub(crate) struct DatabaseArgs {
    /// Open the database for reading only.
    #[arg(long)]
    pub(crate) read_only: bool,
    /// off: every read goes to the database; shadow: that too, and GET /metrics says what caching
    /// would have brought; on: reads are answered from memory where that is exact.
    #[arg(long, value_name = "MODE", default_value_t = CacheMode::On)]
    pub(crate) cache: CacheMode,
    /// One answer from memory in so many is asked of the database again, in the background, and
    /// compared; 0 for none [default: 1000].
    #[arg(long, value_name = "N")]
    pub(crate) audit_one_in: Option<u32>,
    /// Nobody writes to the PostgreSQL database but through this service: cache answers where the
    /// server cannot be followed, too. If somebody does, answers stay out of date.
    #[arg(long)]
    pub(crate) sole_writer: bool,
    /// Bytes of cached answers at most [default: 100MB].
    #[arg(long, value_name = "SIZE")]
    pub(crate) cache_bytes: Option<Size>,
    /// How durable a commit is when the machine loses power. normal: the file stays sound, the
    /// last commits may be lost; full: nothing acknowledged is lost; off: the file may be
    /// damaged [default: normal].
    #[arg(long, value_name = "LEVEL", hide_possible_values = true)]
    pub(crate) synchronous: Option<SynchronousArg>,
    /// Connections for reads, without the overflow [default: 10].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub(crate) readers_max: Option<u16>,
    /// Interactive transactions open at once [default: 20].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub(crate) sessions_max: Option<u16>,
    /// The longest wait for a connection [default: 5s].
    #[arg(long, value_name = "TIME")]
    pub(crate) acquire_timeout: Option<Time>,
    /// The longest a transaction may lie idle between statements [default: 10s].
    #[arg(long, value_name = "TIME")]
    pub(crate) transaction_idle_timeout: Option<Time>,
    /// The longest a transaction may last [default: 60s].
    #[arg(long, value_name = "TIME")]
    pub(crate) transaction_timeout: Option<Time>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum SynchronousArg {
    Off,
    Normal,
    Full,
}

/// Declares the limits of the service: each field of [`Options`] that is a limit, under its own
/// name, with the default that it has there.
macro_rules! limits {
    ($($(#[doc = $doc:literal])* $field:ident: $ty:ident $unit:literal;)*) => {
        /// Limits of the service.
        #[derive(Args, Debug)]
        #[command(next_help_heading = "Limits")]
        pub(crate) struct LimitArgs {$(
            $(#[doc = $doc])*
            #[arg(long, value_name = $unit, default_value_t = $ty(Options::default().$field))]
            pub(crate) $field: $ty,
        )*}

        impl LimitArgs {
            /// Sets every limit in `options`.
            pub(crate) fn apply(&self, options: &mut Options) {
                $(options.$field = self.$field.0;)*
            }
        }
    };
}

limits! {
    /// Connections open at once; further ones wait.
    connections_max: Count "N";
    /// Requests in work at once; more are refused with 503.
    requests_max: Count "N";
    /// Bytes of request bodies and collected answers held at once; more is refused with 503.
    memory_bytes_max: Size "SIZE";
    /// The largest body of a request.
    body_bytes_max: Size "SIZE";
    /// Rows of one answer; a cursor has no such bound.
    rows_max: Count "N";
    /// Bytes of one answer; a cursor has no such bound.
    response_bytes_max: Size "SIZE";
    /// The longest one statement may run.
    statement_timeout: Time "TIME";
    /// The longest a script (Hrana's sequence) may run.
    script_timeout: Time "TIME";
    /// The longest a cursor may stay open.
    cursor_timeout: Time "TIME";
    /// Hrana streams open between two requests.
    streams_max: Count "N";
    /// The longest a stream may lie idle; then it is rolled back and closed.
    stream_idle_timeout: Time "TIME";
    /// Requests in one pipeline.
    pipeline_requests_max: Count "N";
    /// Statements in one batch.
    batch_steps_max: Count "N";
    /// SQL texts that a stream may store.
    stored_sql_max: Count "N";
    /// Bytes of these together.
    stored_sql_bytes_max: Size "SIZE";
    /// The longest the head of a request may take to arrive, and a connection may lie idle.
    header_read_timeout: Time "TIME";
    /// The longest the body of a request may take to arrive.
    body_read_timeout: Time "TIME";
    /// The longest a client may take nothing of an answer that waits for it.
    write_stall_timeout: Time "TIME";
    /// The longest one answer may take to be sent.
    answer_send_timeout: Time "TIME";
    /// The longest to wait for requests in work when stopping.
    drain_timeout: Time "TIME";
    /// The longest GET /health waits for the database.
    health_timeout: Time "TIME";
    /// Statements that GET /metrics shows one by one: the busiest.
    fingerprints_shown: Count "N";
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
