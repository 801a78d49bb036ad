//! One connection: its prepared statements with what is known about each, and the transaction it
//! is in. Running statements is in `run`.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::analysis::Analysis;
use super::capture::Capture;
use super::catalogue;
use super::catchup::{CatchUp, Wrote};
use super::checkpoint::Checkpoints;
use super::control::Control;
use super::fault;
use super::hooks::Hooked;
use super::lease::Leases;
use super::observe::Policy;
use super::options::Options;
use super::relations::Relations;
use super::snapshot::Held;
use super::statements::{StatementCounters, Statements};
use crate::backend::{Described, Effect, Known, Scope};
use crate::error::{Error, Kind, Result};
use crate::guard::Stop;
use crate::invalidate::{Author, Authors, Header, WriteSet};
use crate::sql::skip_blank;

/// Room among the prepared statements for those that hold and end snapshots.
const OWN_STATEMENTS: usize = 2;

/// Schemas within one look at what a statement means.
const SCHEMAS_MAX: usize = 3;

/// One fill in so many is measured.
const TIMED_FILLS: u32 = 16;

/// A connection to SQLite.
pub(crate) struct Connection {
    pub(super) hooked: Hooked,
    pub(super) statements: Statements,
    pub(super) work: Work,
    pub(super) held: Held,
    pub(super) busy_timeout: Duration,
    /// Every commit waits for the disk.
    syncs_commits: bool,
    /// What SQLite had counted of changed rows when a transaction was begun.
    pub(super) counted: i64,
}

/// The open transaction, as far as the cache is concerned.
pub(super) struct Work {
    pub(super) catchup: Arc<CatchUp>,
    /// What it may have changed so far.
    pub(super) writes: WriteSet,
    /// Which statements did.
    authors: Authors,
    /// The caller who has the connection now has written something.
    has_written: bool,
    /// Fills so far, to measure some.
    fills: u32,
    pub(super) checkpoints: Checkpoints,
}

impl Connection {
    pub(super) fn new(
        connection: rusqlite::Connection,
        policy: Policy,
        catchup: Arc<CatchUp>,
        capture: Capture,
        leases: Arc<Leases>,
        options: &Options,
        counters: Arc<StatementCounters>,
    ) -> Connection {
        let Options { busy_timeout, statement_cache, .. } = *options;
        connection.set_prepared_statement_cache_capacity(statement_cache + OWN_STATEMENTS);
        let control = Control::new(policy, catchup.clone(), capture);
        control.arm(None, None, busy_timeout);
        Connection {
            hooked: Hooked::new(connection, control),
            statements: Statements::new(statement_cache, counters),
            work: Work {
                catchup,
                writes: WriteSet::none(),
                authors: Authors::all(Author::UNKNOWN),
                has_written: false,
                fills: 0,
                checkpoints: Checkpoints::new(leases),
            },
            held: Held::none(),
            busy_timeout,
            syncs_commits: true,
            counted: 0,
        }
    }

    /// For a connection whose commits wait for no disk, but where the log begins anew.
    pub(super) fn committing_at_once(mut self) -> Connection {
        self.syncs_commits = false;
        self
    }

    /// Whether a short write waits for no disk: by its settings, and since it only adds to the log.
    pub(crate) fn commits_at_once(&self) -> bool {
        !self.syncs_commits && self.work.catchup.appends()
    }

    /// Whether a checkpoint has become due on a thread that must not wait for it.
    pub(crate) fn owes_checkpoint(&self) -> bool {
        self.work.checkpoints.is_owed()
    }

    /// Makes the checkpoint that is owed. Blocks on the disk.
    pub(crate) fn make_checkpoint(&mut self) {
        let frames = self.work.catchup.header().map_or(0, Header::frames);
        self.work.checkpoints.make(&self.hooked, frames);
    }

    /// Keeps the snapshots of its reads for as long as `leases` allow. Only for a connection that
    /// does nothing but run reads for callers who give it back at once.
    pub(super) fn holding_snapshots(mut self, leases: Arc<Leases>) -> Connection {
        self.held = Held::under(leases);
        self
    }

    /// Whether nobody's transaction is open; one that holds a snapshot between reads is nobody's.
    pub(super) fn is_clean(&self) -> bool {
        self.is_autocommit() || self.held.is_open()
    }

    /// Whether it holds a snapshot that was to be ended by now.
    pub(crate) fn is_overdue(&self) -> bool {
        self.held.is_overdue()
    }

    /// Ends the snapshot that it holds, if it holds one.
    pub(crate) fn end_snapshot(&mut self) {
        self.held.end(&self.hooked);
    }

    /// The connection goes to another caller, who is not to be told what it did before.
    pub(crate) fn hand_over(&mut self) {
        self.work.has_written = false;
        self.hooked.forget_rowid();
    }

    /// Whether no transaction is open.
    pub(crate) fn is_autocommit(&self) -> bool {
        self.hooked.connection().is_autocommit()
    }

    /// Whether a statement has changed the connection.
    pub(crate) fn is_changed(&self) -> bool {
        self.hooked.control().is_changed()
    }

    /// What `sql` does, without running it. With a `stop` it waits for locks, and blocks.
    pub(crate) fn analyse(&mut self, sql: &str, stop: Option<Arc<Stop>>) -> Result<Arc<Analysis>> {
        let busy = if stop.is_some() { self.busy_timeout } else { Duration::ZERO };
        self.end_snapshot();
        self.forget_pages();
        self.hooked.control().arm(stop, None, busy);
        let analysis = self.statements.prepare(&self.hooked, sql)?.1;
        self.statements.release(&self.hooked, sql);
        Ok(analysis)
    }

    /// What `sql` takes and gives, without running it.
    pub(crate) fn describe(&mut self, sql: &str) -> Result<Described> {
        self.end_snapshot();
        self.forget_pages();
        self.hooked.control().arm(None, None, self.busy_timeout);
        let (statement, analysis) = self.statements.prepare(&self.hooked, sql)?;
        let params = (1..=statement.parameter_count())
            .map(|place| statement.parameter_name(place).map(str::to_owned))
            .collect();
        drop(statement);
        self.statements.release(&self.hooked, sql);
        Ok(Described { params, known: Known::clone(&analysis) })
    }

    /// What `sql` does, and the relations that it names, under the schema as it is now.
    pub(crate) fn relations(&mut self, sql: &str) -> Result<(Arc<Analysis>, Relations)> {
        self.end_snapshot();
        self.forget_pages();
        self.hooked.control().arm(None, None, self.busy_timeout);
        let fault = |error| fault::from_driver(error, None, None);
        for _ in 0..SCHEMAS_MAX {
            self.refresh();
            let analysis = self.statements.prepare(&self.hooked, sql)?.1;
            self.statements.release(&self.hooked, sql);
            let connection = self.hooked.connection();
            let relations = Relations::read(connection, sql).map_err(fault)?;
            let cookie = catalogue::cookie(connection).map_err(fault)?;
            self.hooked.control().take_observed();
            // Others do not rest on a schema.
            let is_of_rows = matches!(analysis.effect, Effect::Read | Effect::Write);
            if cookie == analysis.schema || !is_of_rows {
                return Ok((analysis, relations));
            }
            self.statements.forget(sql);
            // It was prepared before the schema changed.
            connection.prepare_cached(sql).map_err(fault)?.discard();
            self.hooked.control().take_observed();
        }
        Err(Error::new(Kind::Busy, "the schema of the database keeps changing; try again"))
    }

    /// The query plan of `sql`, one step a line, indented by depth.
    pub(crate) fn plan(&mut self, sql: &str) -> Result<Vec<String>> {
        self.end_snapshot();
        self.forget_pages();
        let listed = self.list_plan(sql).map_err(|error| fault::from_driver(error, None, None));
        self.hooked.control().take_observed();
        listed
    }

    fn list_plan(&self, sql: &str) -> rusqlite::Result<Vec<String>> {
        let connection = self.hooked.connection();
        let mut listing = connection.prepare(&format!("EXPLAIN QUERY PLAN {}", skip_blank(sql)))?;
        let mut rows = listing.raw_query();
        let mut depths: HashMap<i64, usize> = HashMap::new();
        let mut lines = Vec::new();
        while let Some(row) = rows.next()? {
            let (id, parent): (i64, i64) = (row.get(0)?, row.get(1)?);
            let depth = depths.get(&parent).map_or(0, |depth| depth + 1);
            depths.insert(id, depth);
            lines.push(format!("{}{}", "  ".repeat(depth), row.get::<_, String>(3)?));
        }
        Ok(lines)
    }

    /// Rolls back what is open. To be called before the connection goes to another caller.
    pub(crate) fn roll_back(&mut self) -> Result<()> {
        self.end_snapshot();
        self.forget_pages();
        self.hooked.control().arm(None, None, self.busy_timeout);
        let done = if self.is_autocommit() {
            Ok(())
        } else {
            self.hooked.connection().execute_batch("ROLLBACK")
        };
        self.hooked.control().take_observed();
        self.settle();
        done.map_err(|error| fault::from_driver(error, None, None))
    }

    /// Refuses to run a transaction's statement after SQLite has rolled the transaction back by
    /// itself: it would be committed alone.
    pub(super) fn check_open(&self) -> Result<()> {
        if !self.is_autocommit() {
            return Ok(());
        }
        Err(Error::new(
            Kind::Closed,
            "the transaction was rolled back when one of its statements failed (OR ROLLBACK, a \
             time limit, a full disk); begin another one",
        ))
    }

    /// See [`Work::settle`].
    pub(super) fn settle(&mut self) {
        self.work.settle(&self.hooked);
        if self.is_autocommit() {
            self.refresh();
        }
        self.forget_pages();
    }

    /// Lets SQLite read every page anew while it could take those that it holds for others.
    #[inline]
    pub(super) fn forget_pages(&self) {
        if !self.work.catchup.is_distinct()
            && let Err(error) = self.hooked.connection().release_memory()
        {
            tracing::warn!(%error, "the page cache of a connection could not be emptied");
        }
    }

    /// See [`Statements::refresh`].
    pub(super) fn refresh(&mut self) {
        self.statements.refresh(&self.hooked);
    }
}

impl Drop for Connection {
    /// Whatever happened, the gate is not taken to the grave.
    fn drop(&mut self) {
        self.settle();
    }
}

/// Asks the log for a commit that it has not told of: it tells when a statement has come to its
/// end, which one that fails and keeps its changes (`OR FAIL`) has not.
fn hear_log(hooked: &Hooked) {
    let heard = hooked.control().without_stop(|| {
        hooked.connection().prepare_cached("SELECT 1 WHERE 0")?.raw_query().next().map(drop)
    });
    hooked.control().take_observed();
    if let Err(error) = heard {
        // The next commit must not be taken for this one.
        tracing::debug!(%error, "a connection is given up");
        hooked.control().distrust_log();
    }
}

impl Work {
    /// The time, if it is this fill's turn to be measured.
    pub(super) fn time_fill(&mut self) -> Option<Instant> {
        self.fills = self.fills.wrapping_add(1);
        (self.fills % TIMED_FILLS == 1).then(Instant::now)
    }

    /// Ends what a statement may have begun: if it committed, the cache catches up before
    /// anybody is told. Must follow every call into SQLite that can commit.
    pub(super) fn settle(&mut self, hooked: &Hooked) {
        #[cfg(test)]
        if let Some(meanwhile) = &mut *hooked.control().meanwhile.borrow_mut() {
            meanwhile();
        }
        let capture = hooked.control().capture();
        if hooked.control().is_commit_untold() && self.catchup.has_log() {
            hear_log(hooked);
        }
        let frames = match hooked.control().take_committing() {
            Some((before, logged)) => {
                capture.widen(&mut self.writes);
                let is_known = matches!(self.writes, WriteSet::Tables(_));
                capture.finish(hooked.connection(), logged.is_some() && is_known);
                hooked.control().take_observed();
                let changes = capture.changes();
                let (tables, rows) = (&self.writes, changes.as_deref());
                let wrote = Wrote { tables, authors: &self.authors, rows };
                self.catchup.leave(before, logged, &wrote)
            }
            None => 0,
        };
        if hooked.connection().is_autocommit() {
            hooked.control().forget_nesting();
            capture.clear();
            self.writes = WriteSet::none();
            self.authors.clear();
            if frames != 0 {
                self.checkpoints.follow(hooked, &self.catchup, frames);
            }
        }
    }

    /// A statement has come to its end, and has perhaps written.
    pub(super) fn note_write(&mut self, has_written: bool) {
        self.has_written |= has_written;
    }

    /// Counts a read in which rows were changed as a write of everything: a function may run
    /// statements of its own, as `optimize` of FTS3 and FTS4 does. `counted` is what SQLite had
    /// counted before it.
    pub(super) fn note_read(&mut self, hooked: &Hooked, analysis: &Analysis, counted: i64) {
        if analysis.effect == Effect::Read && hooked.total_changes() != counted {
            self.writes = WriteSet::Everything;
        }
    }

    /// Ends the snapshots that readers hold, before work on the file as a whole.
    pub(super) fn make_way(&self) {
        self.checkpoints.make_way();
    }

    /// Whether the connection may run the statement; notes what it will change.
    pub(super) fn admit(
        &mut self,
        hooked: &Hooked,
        scope: Scope,
        analysis: &Analysis,
    ) -> Result<()> {
        let control = hooked.control();
        let is_known = |asked: &&str| match *asked {
            "last_insert_rowid" => hooked.last_rowid().is_some(),
            "changes" => self.has_written,
            // Its difference is right, whoever had the connection before.
            _ => true,
        };
        if !analysis.asks.iter().all(is_known) {
            return Err(Error::usage(
                "changes(), total_changes() and last_insert_rowid() speak of one connection, and \
                 this one has written nothing for you yet: take them from the outcome of the \
                 write, or write in the same transaction first",
            ));
        }
        if analysis.is_savepoint {
            control.note_nesting();
        }
        match analysis.effect {
            Effect::Transaction if scope != Scope::Session => Err(analysis.refusal()),
            Effect::Session if control.policy().shared => Err(analysis.refusal()),
            Effect::Read | Effect::Transaction => Ok(()),
            Effect::Write => {
                self.writes.merge(&analysis.writes);
                self.authors.note(&analysis.writes, analysis.author);
                Ok(())
            }
            Effect::Schema | Effect::Maintain | Effect::Session => {
                self.writes.merge(&analysis.writes);
                control.set_in_motion(true);
                Ok(())
            }
        }
    }
}
