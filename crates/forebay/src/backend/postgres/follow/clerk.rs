//! The connection on which a server is asked what its stream does not tell: snapshots, positions,
//! the catalogue, and whether everything is still as it was set up. Answers come as values; what
//! follows from them is decided elsewhere.

use std::time::{Duration, Instant};

use super::super::cells::Cells;
use super::super::config::Config;
use super::super::connection::Connection;
use super::super::request::{Request, Status};
use super::super::server::Server;
use super::super::setup::{self, FINGERPRINT, Finding, Full, Plan, verify};
use super::super::stream::{self, Catalogue, Reading};
use super::beginning::{BEGINNING, Begun};
use crate::backend::Limits;
use crate::error::{Error, Kind, Result};
use crate::invalidate::{Lsn, Snapshot};
use crate::params::Params;

/// The longest one question may take. Reading the catalogue of a large database takes longest.
const ANSWER_MAX: Duration = Duration::from_secs(20);

/// Of one look.
const LIMITS: Limits = Limits { rows_max: 1, bytes_max: 16 << 20 };

const LOOK: &str = "SELECT pg_catalog.pg_current_snapshot()::pg_catalog.text, \
    pg_catalog.pg_current_wal_insert_lsn()::pg_catalog.text";

/// In words, or empty. It need not be complete: what is not seen here is for whoever says that
/// nobody else writes. Triggers at logins run on connections that are not used yet.
const STRANGER: &str = "SELECT pg_catalog.concat_ws('; ', \
    CASE WHEN pg_catalog.pg_is_in_recovery() THEN 'the server is a standby' END, \
    CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_event_trigger \
        WHERE evtevent = 'login' AND evtenabled <> 'D') \
        THEN 'a trigger runs with each login' END, \
    CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_subscription s JOIN pg_catalog.pg_database d \
        ON d.oid = s.subdbid WHERE d.datname = pg_catalog.current_database() AND s.subenabled) \
        THEN 'a subscription writes into the database' END)";

/// The tables of the catalogue that the meaning of a statement may rest on, with the columns that
/// order their rows.
const MEANING: [(&str, &str); 24] = [
    ("pg_aggregate", "aggfnoid::oid"),
    ("pg_amop", "oid"),
    ("pg_amproc", "oid"),
    ("pg_attrdef", "oid"),
    ("pg_attribute", "attrelid, attnum"),
    ("pg_cast", "oid"),
    ("pg_class", "oid"),
    ("pg_collation", "oid"),
    ("pg_constraint", "oid"),
    ("pg_enum", "oid"),
    ("pg_event_trigger", "oid"),
    ("pg_index", "indexrelid"),
    ("pg_inherits", "inhrelid, inhparent"),
    ("pg_language", "oid"),
    ("pg_namespace", "oid"),
    ("pg_opclass", "oid"),
    ("pg_operator", "oid"),
    ("pg_partitioned_table", "partrelid"),
    ("pg_policy", "oid"),
    ("pg_proc", "oid"),
    ("pg_range", "rngtypid"),
    ("pg_rewrite", "oid"),
    ("pg_trigger", "oid"),
    ("pg_type", "oid"),
];

/// A text that changes with every row of these tables. Each row has the number of the transaction
/// that wrote it; what the server only counts in them it changes in place.
fn stamp() -> String {
    let one = |(table, order): &(&str, &str)| {
        format!(
            "(SELECT pg_catalog.md5(pg_catalog.string_agg(\
             pg_catalog.concat_ws(':', {order}, xmin), ',' ORDER BY {order})) \
             FROM pg_catalog.{table})"
        )
    };
    let all: Vec<String> = MEANING.iter().map(one).collect();
    format!("SELECT pg_catalog.concat_ws('|', {})", all.join(", "))
}

const PAGE_BYTES: &str = "SELECT pg_catalog.current_setting('wal_block_size')";

/// Asks a server. A clone asks on the same connection.
#[derive(Clone)]
pub(super) struct Clerk {
    connection: Connection,
    page_bytes: u64,
}

/// Why the stream would not tell everything.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    pub(super) text: String,
    /// The database was prepared for the stream, so the fault is none that is meant.
    pub(super) is_prepared: bool,
}

/// How things stand at a server.
#[derive(Clone, Debug)]
pub(super) struct Look {
    pub(super) snapshot: Snapshot,
    /// Everything that is in the log lies before it.
    pub(super) end: Lsn,
}

impl Clerk {
    pub(super) async fn open(config: &Config) -> Result<Clerk> {
        let connection = Connection::open(config).await?;
        let mut clerk = Clerk { connection, page_bytes: 0 };
        clerk.page_bytes = clerk.value(PAGE_BYTES).await?.parse().map_err(|_| odd())?;
        Ok(clerk)
    }

    /// Whether this server is asked.
    pub(super) async fn is_of(&self, server: &Server) -> bool {
        self.connection.is_of(server, deadline()).await
    }

    /// The server that is asked.
    pub(super) async fn server(&self) -> Result<Server> {
        Server::of(&self.connection, deadline()).await
    }

    /// What changes with every change of the schema.
    pub(super) async fn stamp(&self) -> Result<String> {
        self.value(&stamp()).await
    }

    /// Whether the server judges only once per stream if a table is published. One that is made a
    /// partition of a published table after it was written stays out of that stream.
    pub(super) fn judges_once(&self) -> bool {
        let version = self.connection.parameter("server_version").unwrap_or_default();
        let major = version.split(|c: char| !c.is_ascii_digit()).next();
        major.and_then(|major| major.parse().ok()).is_none_or(|major: u32| major < 15)
    }

    /// How things stand now.
    pub(super) async fn look(&self) -> Result<Look> {
        let request = Request {
            sql: LOOK.into(),
            params: Params::default(),
            deadline: deadline(),
            is_repeatable: true,
            fence: None,
        };
        let answer = self.connection.run(request, LIMITS).await?;
        let cells = Cells::of(&answer.rows);
        let [Some(snapshot), Some(end)] = cells.first()[..] else { return Err(odd()) };
        let position = |text: &str| Lsn::parse(text).ok_or_else(odd);
        Ok(Look {
            snapshot: Snapshot::parse(snapshot).ok_or_else(odd)?,
            end: position(end)?.reachable(self.page_bytes),
        })
    }

    /// What has to be known of a server at the beginning of a stream, whose slot exists.
    pub(super) async fn begin(&self) -> Result<Begun> {
        let snapshot = self.value(stream::SNAPSHOT).await?;
        let snapshot = Snapshot::parse(&snapshot).ok_or_else(odd)?;
        let cells = self.ask(BEGINNING).await?;
        Begun::read(snapshot, &cells.first()).ok_or_else(odd)
    }

    /// The catalogue, with what tells whether it may be used.
    pub(super) async fn read_catalogue(&self) -> Result<Reading> {
        let snapshot = self.value(stream::SNAPSHOT).await?;
        let cells = self.ask(stream::COLUMNS).await?;
        let catalogue = Catalogue::read(cells.rows()).ok_or_else(odd)?;
        Ok(Reading {
            snapshot: Snapshot::parse(&snapshot).ok_or_else(odd)?,
            catalogue,
            position: self.write().await?,
        })
    }

    /// Writes a note to the log, so that everything before it can be streamed; the position of it.
    pub(super) async fn write(&self) -> Result<Lsn> {
        Lsn::parse(&self.value(stream::POSITION).await?).ok_or_else(odd)
    }

    /// What changes with anything that neither the stream nor the triggers tell.
    pub(super) async fn fingerprint(&self) -> Result<String> {
        self.value(FINGERPRINT).await
    }

    /// Those of the server's processes that are there.
    pub(super) async fn alive(&self, processes: &[i32]) -> Result<Vec<i32>> {
        let list: Vec<String> = processes.iter().map(i32::to_string).collect();
        let sql = format!(
            "SELECT pid FROM pg_catalog.pg_stat_activity WHERE pid IN ({})",
            list.join(",")
        );
        let cells = self.ask(&sql).await?;
        let process = |row: Vec<Option<&str>>| row.first().copied().flatten()?.parse().ok();
        cells.rows().map(|row| process(row).ok_or_else(odd)).collect()
    }

    /// Whether the connection is lost.
    pub(super) fn is_closed(&self) -> bool {
        self.connection.status() == Status::Closed
    }

    /// Who else may write by what is set up in the database, if there is somebody.
    pub(super) async fn stranger(&self) -> Result<Option<String>> {
        let found = self.value(STRANGER).await?;
        Ok((!found.is_empty()).then_some(found))
    }

    /// Why the stream would not tell everything, if so.
    pub(super) async fn fault(&self) -> Result<Option<Fault>> {
        let setup::Reading { facts, tables } = setup::Reading::take(&self.connection).await?;
        let plan = Plan::of(&tables, &Full::AsIs);
        let faults = verify(&facts, &plan).into_iter().filter_map(|finding| match finding {
            Finding::Fault(text) => Some(text),
            Finding::Notice(_) => None,
        });
        let faults: Vec<String> = faults.collect();
        let is_prepared = facts.is_made || facts.publishes_all.is_some();
        Ok((!faults.is_empty()).then(|| Fault { text: faults.join("; "), is_prepared }))
    }

    async fn value(&self, sql: &str) -> Result<String> {
        let cells = self.ask(sql).await?;
        let first = cells.first().first().copied().flatten().map(str::to_owned);
        first.ok_or_else(odd)
    }

    async fn ask(&self, sql: &str) -> Result<Cells> {
        Cells::ask(&self.connection, sql, deadline()).await
    }
}

fn deadline() -> Option<Instant> {
    Instant::now().checked_add(ANSWER_MAX)
}

fn odd() -> Error {
    let text = "the server has answered a question about its catalogue in another form";
    Error::new(Kind::Database, text)
}
