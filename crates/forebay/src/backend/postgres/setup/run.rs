//! Setup on a connection: one look at the catalogue, and the steps one after another. What is
//! asked and what is done stands in the other files.

use std::time::{Duration, Instant};

use super::super::cells::Cells;
use super::super::connection::Connection;
use super::script::Step;
use super::table::{TABLES, Table};
use super::undo::CHANGED;
use super::verify::{FACTS, Facts, PUBLISHED};
use crate::error::{Error, Kind, Result};

/// The longest that reading the catalogue may take.
const READ_MAX: Duration = Duration::from_secs(60);

/// The longest that one step may take. Its lock time-out holds for each of its locks, and it may
/// take one for every table.
const STEP_MAX: Duration = Duration::from_secs(300);

/// One snapshot, so that tables, publication and facts fit together; and no operator or function
/// but the server's own.
const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; \
     SET LOCAL search_path = pg_catalog";

/// The first version with what is asked for below.
const VERSION: &str = "SELECT pg_catalog.current_setting('server_version_num')::int >= 140000, \
     pg_catalog.current_setting('server_version')";

/// What is read of a database, all at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    pub(crate) facts: Facts,
    pub(crate) tables: Vec<Table>,
}

impl Reading {
    /// Reads the database that the connection is of.
    pub(crate) async fn take(connection: &Connection) -> Result<Reading> {
        let deadline = Some(Instant::now() + READ_MAX);
        connection.run_script(BEGIN.into(), deadline).await?;
        let ask = async |sql: &str| Cells::ask(connection, sql, deadline).await;
        let version = ask(VERSION).await?;
        if let [Some("f"), version] = version.first()[..] {
            let version = version.unwrap_or("?");
            let text = format!("the server is PostgreSQL {version}, and has to be 14 or newer");
            return Err(Error::new(Kind::Database, text));
        }
        let (facts, published) = (ask(FACTS).await?, ask(PUBLISHED).await?);
        let facts = Facts::read(&facts.first(), published.rows()).ok_or_else(strange)?;
        let tables = ask(TABLES).await?;
        let tables: Option<Vec<Table>> = tables.rows().map(|row| Table::read(&row)).collect();
        connection.run_script("COMMIT".into(), deadline).await?;
        Ok(Reading { facts, tables: tables.ok_or_else(strange)? })
    }
}

/// The tables whose identity setup has changed, by schema and name, of a database that has the
/// schema of setup. Only its owner and superusers may ask.
pub(crate) async fn changed(connection: &Connection) -> Result<Vec<(Box<str>, Box<str>)>> {
    let deadline = Some(Instant::now() + READ_MAX);
    let rows = Cells::ask(connection, CHANGED, deadline).await?;
    let name = |row: Vec<Option<&str>>| match row[..] {
        [Some(schema), Some(name)] => Some((schema.into(), name.into())),
        _ => None,
    };
    rows.rows().map(name).collect::<Option<_>>().ok_or_else(strange)
}

/// Runs the steps until the first that fails, and calls `done` with each that is done. The
/// connection is of no use after an error. Dropped, the step that runs is undone by the server,
/// unless it was at its end already.
pub(crate) async fn run(
    connection: &Connection,
    steps: &[Step],
    mut done: impl FnMut(usize),
) -> Result<()> {
    for (at, step) in steps.iter().enumerate() {
        let deadline = Some(Instant::now() + STEP_MAX);
        let ran = connection.run_script(step.sql.as_str().into(), deadline).await;
        ran.map_err(|error| failed(steps, at, error))?;
        done(at);
    }
    Ok(())
}

/// Which step has failed, what was done before it, and what to do about it.
fn failed(steps: &[Step], at: usize, error: Error) -> Error {
    let done = match (at, error.is_outcome_unknown()) {
        (0, false) => "nothing was changed",
        (0, true) => "whether it is done is not known",
        (_, false) => "what came before it is done, and of it nothing",
        (_, true) => "what came before it is done, and whether it is, is not known",
    };
    let message = format!(
        "step {} of {} ({}) failed: {}; {done}; {}",
        at + 1,
        steps.len(),
        steps[at].about,
        error.message(),
        advice(&error),
    );
    let failed = Error::new(error.kind(), message);
    let failed = match error.code() {
        Some(code) => failed.with_code(code),
        None => failed,
    };
    failed.with_cause(error)
}

fn advice(error: &Error) -> &'static str {
    match error.code() {
        Some("55P03" | "40P01" | "40001") => {
            "other sessions use the table: run it again when fewer do, or look for long \
             transactions in pg_stat_activity; every step may be repeated"
        }
        Some("42501") => {
            "the role lacks a right: run it as a superuser, or as the role that your provider has \
             for that; publishing and changing a table takes its owner"
        }
        Some("25006") => "connect to the primary, in a session that may write",
        _ => "once that is mended, run it again: every step may be repeated",
    }
}

fn strange() -> Error {
    Error::new(Kind::Database, "the server answers questions about its catalogue in a strange form")
}
