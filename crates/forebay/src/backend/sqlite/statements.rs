//! The statements that a connection keeps prepared, and what is known about each. Running them is
//! in `run`.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::fast::RandomState;
use rusqlite::{CachedStatement, ErrorCode};

use super::analysis::Analysis;
use super::catalogue::Snapshot;
use super::control::Control;
use super::fault;
use super::hooks::Hooked;
use super::text::{check_single, check_text};
use crate::error::{Error, Result};
use crate::row::Column;

/// Texts remembered per prepared statement kept.
const ANALYSES_PER_STATEMENT: usize = 4;

/// Bytes of a text from which on its statement is not kept prepared: what SQLite makes of a text
/// takes several times its size, on each connection.
const KEPT_TEXT_MAX: usize = 16 * 1024;

/// The same for what is known about it, which names every column of its answer: SQLite has these
/// names once more.
const KEPT_ANALYSIS_MAX: usize = 256 * 1024;

/// Bytes of all that is known about statements, on one connection.
const ANALYSES_BYTES_MAX: usize = 8 << 20;

/// Counters of prepared statements, shared by all connections of a database.
#[derive(Debug, Default)]
pub(crate) struct StatementCounters {
    pub(crate) hits: AtomicU64,
    pub(crate) misses: AtomicU64,
}

/// What is known about the statements that the connection keeps prepared.
pub(super) struct Statements {
    analyses: HashMap<Arc<str>, Arc<Analysis>, RandomState>,
    analyses_max: usize,
    /// Bytes of all of them, with their texts.
    bytes: usize,
    /// There is so much to know about the statement that was judged last that it is not kept.
    is_large: bool,
    counters: Arc<StatementCounters>,
}

impl Statements {
    /// Of a connection that keeps so many statements prepared.
    pub(super) fn new(statement_cache: usize, counters: Arc<StatementCounters>) -> Statements {
        Statements {
            analyses: HashMap::default(),
            analyses_max: statement_cache.max(1) * ANALYSES_PER_STATEMENT,
            bytes: 0,
            is_large: false,
            counters,
        }
    }

    /// A statement ready to be bound, with what is known about it.
    pub(super) fn prepare<'c>(
        &mut self,
        hooked: &'c Hooked,
        sql: &str,
    ) -> Result<(CachedStatement<'c>, Arc<Analysis>)> {
        let (connection, control) = (hooked.connection(), hooked.control());
        let known = self.analyses.get(sql);
        if known.is_none() {
            check_text(sql)?;
            if sql.contains(';') {
                check_single(connection, sql).map_err(|error| refine(error, control))?;
            }
        }
        control.take_observed();
        let statement = match connection.prepare_cached(sql) {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::Unknown) => {
                // SQLite judges by the schema it saw last: on a locked database, and where
                // anything but a name is missing. Only a statement on a table makes it look
                // again; this one fails if the database is locked.
                look_again(connection, control).map_err(|error| refine(error, control))?;
                // Not reports on the statement, but on the looking.
                control.take_observed();
                connection.prepare_cached(sql)
            }
            prepared => prepared,
        };
        let statement = statement.map_err(|error| refine(error, control))?;
        if !control.has_observed() {
            if let Some(analysis) = known {
                self.counters.hits.fetch_add(1, Ordering::Relaxed);
                return Ok((statement, analysis.clone()));
            }
            // Prepared, but forgotten here: prepare it again to see what it reports.
            statement.discard();
            return self.prepare_anew(hooked, sql);
        }
        let analysis = self.judge(hooked, sql, &statement)?;
        Ok((statement, analysis))
    }

    fn prepare_anew<'c>(
        &mut self,
        hooked: &'c Hooked,
        sql: &str,
    ) -> Result<(CachedStatement<'c>, Arc<Analysis>)> {
        let (connection, control) = (hooked.connection(), hooked.control());
        connection.flush_prepared_statement_cache();
        let statement = connection.prepare_cached(sql).map_err(|error| refine(error, control))?;
        let analysis = self.judge(hooked, sql, &statement)?;
        Ok((statement, analysis))
    }

    fn judge(
        &mut self,
        hooked: &Hooked,
        sql: &str,
        statement: &rusqlite::Statement<'_>,
    ) -> Result<Arc<Analysis>> {
        self.counters.misses.fetch_add(1, Ordering::Relaxed);
        let (connection, control) = (hooked.connection(), hooked.control());
        let observed = control.take_observed();
        let analysis = Analysis::of(connection, control, sql, statement, observed)
            .map_err(|error| fault::from_driver(error, None, control.halt()))?;
        let analysis = Arc::new(analysis);
        let size = sql.len() + analysis.size();
        self.is_large = size > KEPT_ANALYSIS_MAX;
        if !self.is_large {
            let is_full = self.analyses.len() >= self.analyses_max;
            if is_full || self.bytes + size > ANALYSES_BYTES_MAX {
                self.clear();
            }
            self.forget(sql);
            self.analyses.insert(sql.into(), analysis.clone());
            self.bytes += size;
        }
        Ok(analysis)
    }

    /// Forgets every statement, and what is known of tables, while what they mean is in motion.
    pub(super) fn refresh(&mut self, hooked: &Hooked) {
        if !hooked.control().is_in_motion() {
            return;
        }
        self.clear();
        hooked.control().capture().forget_tables();
        hooked.connection().flush_prepared_statement_cache();
        if hooked.connection().is_autocommit() {
            hooked.control().set_in_motion(false);
        }
    }

    /// Lets go of a statement with a long text, or of which there is much to know, once it has
    /// been used.
    pub(super) fn release(&mut self, hooked: &Hooked, sql: &str) {
        let is_large = std::mem::take(&mut self.is_large);
        if sql.len() <= KEPT_TEXT_MAX && !is_large {
            return;
        }
        self.forget(sql);
        if let Ok(statement) = hooked.connection().prepare_cached(sql) {
            statement.discard();
        }
        hooked.control().take_observed();
    }

    /// What is known about `sql`, if it was run before.
    pub(super) fn known(&self, sql: &str) -> Option<&Analysis> {
        self.analyses.get(sql).map(Arc::as_ref)
    }

    /// Forgets what is known about `sql`, because SQLite has prepared it again.
    pub(super) fn forget(&mut self, sql: &str) {
        if let Some(analysis) = self.analyses.remove(sql) {
            self.bytes -= sql.len() + analysis.size();
        }
    }

    fn clear(&mut self) {
        self.analyses.clear();
        self.bytes = 0;
    }
}

/// Makes SQLite look whether the schema is still the one that it knows.
fn look_again(connection: &rusqlite::Connection, control: &Control) -> rusqlite::Result<()> {
    let _snapshot = Snapshot::open(connection, control.is_nested())?;
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))
}

/// An error of preparing, with the reason if it was a refusal.
pub(super) fn refine(error: rusqlite::Error, control: &Control) -> Error {
    fault::from_driver(error, control.take_observed().refused, control.halt())
}

/// The columns of a statement as it is prepared now.
pub(super) fn current_columns(statement: &rusqlite::Statement<'_>) -> Result<Arc<[Column]>> {
    super::analysis::columns(statement).map_err(|error| fault::from_driver(error, None, None))
}
