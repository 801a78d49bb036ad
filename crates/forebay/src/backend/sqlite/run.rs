//! Running a statement on a connection to its end, on the calling thread: binding, stepping,
//! collecting, and everything that makes its answer fit to be kept.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::CachedStatement;
use rusqlite::types::ValueRef;

use super::analysis::Analysis;
use super::bind::{bind, places};
use super::catalogue;
use super::catchup::Fill;
use super::connection::{Connection, Work};
use super::control::Halt;
use super::fault;
use super::hooks::Hooked;
use super::partner;
use super::snapshot::Held;
use super::statements::{Statements, current_columns, refine};
use crate::backend::{Answer, Effect, Pace, RowSink, Scope};
use crate::error::{Error, Kind, Result};
use crate::guard::Stop;
use crate::invalidate::{Bindings, WriteSet};
use crate::params::Params;
use crate::row::{Column, Rows};
use crate::value::Value;

/// Changed rows up to which a transaction is committed on a thread of the caller.
const COMMIT_ROWS_MAX: i64 = 64;

/// Where a statement runs, and so what it may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Budget {
    /// On a thread of the caller: so many VM steps, and no waiting for locks or checkpoints.
    Inline(u64),
    /// On a worker thread: as long as it is wanted.
    Worker,
}

/// One statement to run.
pub(crate) struct Request<'a> {
    pub(crate) sql: &'a str,
    pub(crate) params: &'a Params,
    /// Who may stop it; none where nobody could, on a thread of the caller without a time limit.
    pub(crate) stop: Option<Arc<Stop>>,
    pub(crate) budget: Budget,
    pub(crate) scope: Scope,
    /// Whether the answer is to be kept.
    pub(crate) fill: bool,
}

/// How a run ended.
pub(crate) enum Ran {
    Done(Answer),
    /// It exceeded what it may take on a thread of the caller; nothing has happened.
    NeedsWorker,
}

/// What stepping through a statement found.
struct Stepped {
    columns: Arc<[Column]>,
    values: Vec<Value>,
    fill: Option<Fill>,
    ticket_time: Option<Duration>,
    /// SQLite prepared the statement again on the way, under another schema.
    is_changed: bool,
}

impl Connection {
    /// Runs one statement and passes its rows to `sink`; what the sink leaves is in the answer.
    ///
    /// When this returns, the statement is over: it has been reset, and if it committed, the
    /// cache has caught up.
    pub(crate) fn run(&mut self, request: &Request<'_>, sink: &mut dyn RowSink) -> Result<Ran> {
        let (steps_max, busy) = match request.budget {
            Budget::Inline(steps) => (Some(steps), Duration::ZERO),
            Budget::Worker => (None, self.busy_timeout),
        };
        self.work.checkpoints.defer(steps_max.is_some());
        self.held.review(&self.hooked, &self.work.catchup);
        self.forget_pages();
        self.hooked.control().arm(request.stop.clone(), steps_max, busy);
        if request.stop.as_ref().is_some_and(|stop| stop.is_cancelled()) {
            return Err(Error::new(Kind::Cancelled, "the statement was given up by its caller"));
        }
        if request.scope == Scope::Transaction {
            self.check_open()?;
        }
        if request.scope == Scope::Shared {
            self.hand_over();
        }
        self.refresh();
        let Connection { hooked, statements, work, held, busy_timeout, .. } = self;
        let mut run = Run { hooked, statements, work, held, busy_timeout: *busy_timeout, request };
        let ran = catch_unwind(AssertUnwindSafe(|| run.prepare_and_step(sink)));
        let halt = self.hooked.control().halt();
        self.settle();
        self.held.leave(&self.hooked, matches!(ran, Ok(Ok(_))));
        let ran = ran.unwrap_or_else(|panic| resume_unwind(panic));
        self.statements.release(&self.hooked, request.sql);
        match ran {
            Ok(answer) => Ok(Ran::Done(answer)),
            Err(_) if halt == Some(Halt::Budget) => Ok(Ran::NeedsWorker),
            Err(error) if error.is_busy() && request.budget != Budget::Worker => {
                Ok(Ran::NeedsWorker)
            }
            Err(error) => Err(error),
        }
    }

    /// What a statement may take on a thread of the caller within the transaction that is open.
    /// `None` where it has to run on a worker thread: it was not run before, or may take long.
    ///
    /// SQLite rolls the whole transaction back when a write in it is interrupted, so that a write
    /// has no budget there: it is one that is bound to be short.
    pub(crate) fn budget_within(&self, sql: &str, read_steps: u64) -> Option<Budget> {
        if self.is_autocommit() || self.held.is_open() {
            return None;
        }
        let analysis = self.statements.known(sql).filter(|analysis| analysis.pace.is_short())?;
        match analysis.effect {
            Effect::Read if analysis.is_cacheable() => Some(Budget::Inline(read_steps)),
            Effect::Write if analysis.is_straight => Some(Budget::Inline(u64::MAX)),
            _ => None,
        }
    }

    /// Notes how a statement went within a transaction.
    pub(crate) fn note_pace(&self, sql: &str, note: impl FnOnce(&Pace)) {
        if let Some(analysis) = self.statements.known(sql) {
            note(&analysis.pace);
        }
    }

    /// Begins a transaction that holds the write lock.
    pub(crate) fn begin_immediate(&mut self, stop: Arc<Stop>) -> Result<()> {
        self.begin(Some(stop), self.busy_timeout)
    }

    /// The same without waiting for the lock; `None` where that is needed.
    pub(crate) fn try_begin_immediate(&mut self) -> Option<Result<()>> {
        match self.begin(None, Duration::ZERO) {
            Err(error) if error.is_busy() => None,
            done => Some(done),
        }
    }

    fn begin(&mut self, stop: Option<Arc<Stop>>, busy: Duration) -> Result<()> {
        self.hooked.control().arm(stop, None, busy);
        self.counted = self.hooked.total_changes();
        control_statement(&self.hooked, "BEGIN IMMEDIATE")
    }

    /// Commits; when that fails, rolls back. Whether the schema, or what statements mean, may have
    /// become another one.
    pub(crate) fn commit(&mut self) -> Result<bool> {
        self.work.checkpoints.defer(false);
        self.end_transaction()
    }

    /// The same where it waits for no disk and has little to do. `None` elsewhere.
    pub(crate) fn try_commit(&mut self) -> Option<Result<bool>> {
        let is_small = self.hooked.total_changes() - self.counted <= COMMIT_ROWS_MAX;
        if !is_small || !self.commits_at_once() {
            return None;
        }
        self.work.checkpoints.defer(true);
        Some(self.end_transaction())
    }

    fn end_transaction(&mut self) -> Result<bool> {
        self.hooked.control().arm(None, None, self.busy_timeout);
        self.check_open()?;
        let moves = self.hooked.control().is_in_motion();
        let done = control_statement(&self.hooked, "COMMIT");
        self.settle();
        if done.is_err() {
            self.roll_back()?;
        }
        done.map(|()| moves)
    }

    /// A savepoint statement of our own, in a transaction.
    pub(crate) fn savepoint_statement(&mut self, sql: &str) -> Result<()> {
        self.hooked.control().arm(None, None, self.busy_timeout);
        self.check_open()?;
        let done = control_statement(&self.hooked, sql);
        self.settle();
        done
    }
}

/// One run, with the parts of its connection: the prepared statement borrows one of them while
/// the others change.
struct Run<'c> {
    hooked: &'c Hooked,
    statements: &'c mut Statements,
    work: &'c mut Work,
    held: &'c mut Held,
    busy_timeout: Duration,
    request: &'c Request<'c>,
}

impl<'c> Run<'c> {
    fn prepare_and_step(&mut self, sink: &mut dyn RowSink) -> Result<Answer> {
        let (statement, analysis) = self.statements.prepare(self.hooked, self.request.sql)?;
        self.work.admit(self.hooked, self.request.scope, &analysis)?;
        if analysis.effect == Effect::Write && !analysis.columns.is_empty() {
            self.step_wrapped(statement, &analysis, sink)
        } else {
            self.step(statement, &analysis, sink)
        }
    }

    fn is_autocommit(&self) -> bool {
        self.hooked.connection().is_autocommit()
    }

    /// Runs a write that answers rows. SQLite changes all rows before it returns the first, and
    /// would keep the changes even if the answer is refused or given up half-way; so these
    /// statements get a transaction or a savepoint around them.
    fn step_wrapped(
        &mut self,
        statement: CachedStatement<'c>,
        analysis: &Analysis,
        sink: &mut dyn RowSink,
    ) -> Result<Answer> {
        let [begin, keep, undo] = if self.is_autocommit() {
            ["BEGIN IMMEDIATE", "COMMIT", "ROLLBACK"]
        } else {
            [
                "SAVEPOINT forebay_statement",
                "RELEASE forebay_statement",
                "ROLLBACK TO forebay_statement; RELEASE forebay_statement",
            ]
        };
        control_statement(self.hooked, begin)?;
        let done = self.step(statement, analysis, sink);
        if self.is_autocommit() {
            // The failure has ended the transaction around it.
            return done;
        }
        // A constraint undoes exactly what it should by itself: nothing of OR FAIL's.
        let is_kept = done.as_ref().map_or_else(Error::is_constraint_violation, |_| true);
        if !is_kept {
            self.hooked.control().arm(None, None, self.busy_timeout);
            control_statement(self.hooked, undo)?;
            return done;
        }
        let ended = control_statement(self.hooked, keep);
        if ended.is_err() && !self.is_autocommit() {
            control_statement(self.hooked, undo)?;
        }
        done.and_then(|answer| ended.map(|()| answer))
    }

    fn step(
        &mut self,
        statement: CachedStatement<'c>,
        analysis: &Analysis,
        sink: &mut dyn RowSink,
    ) -> Result<Answer> {
        if analysis.effect == Effect::Maintain {
            self.work.make_way();
        }
        self.hooked.control().set_maintaining(analysis.effect == Effect::Maintain);
        let counted = self.hooked.total_changes();
        let watch = analysis.watch(self.hooked);
        let wrote = analysis.effect == Effect::Write;
        let stepped = self.step_rows(statement, analysis, sink);
        self.work.note_write(wrote && stepped.is_ok() || self.hooked.total_changes() != counted);
        drop(watch);
        self.work.note_read(self.hooked, analysis, counted);
        self.hooked.control().set_maintaining(false);
        let observed = self.hooked.control().take_observed();
        let is_changed = stepped.as_ref().map_or(observed.any, |stepped| stepped.is_changed);
        if is_changed {
            self.statements.forget(self.request.sql);
        }
        // A function or a virtual table that is only read may have run statements of its own.
        if observed.may_write() && (is_changed || analysis.effect == Effect::Read) {
            self.work.writes = WriteSet::Everything;
        }
        self.work.writes.merge(&WriteSet::tables(observed.writes.iter().map(|table| &**table)));
        let stepped = stepped.map_err(|error| match observed.refused {
            Some(why) => Error::new(Kind::Denied, why).with_code("SQLITE_AUTH"),
            None => error,
        })?;
        if analysis.effect == Effect::Maintain {
            // VACUUM and the like commit without the hook; their changes are told by nobody.
            self.work.catchup.flush();
        }
        let connection = self.hooked.connection();
        let mut fill = stepped.fill.filter(|_| !stepped.is_changed);
        let partners_time = fill.as_mut().and_then(|fill| self.ask_partners(fill, analysis));
        let width = stepped.columns.len();
        let last =
            stepped.values.len().checked_sub(width).map_or(&[][..], |at| &stepped.values[at..]);
        let rows = stepped.values.len().checked_div(width).unwrap_or(0);
        let ticket = fill.map(|fill| self.work.catchup.close_fill(fill, rows, last));
        Ok(Answer {
            rows: Rows::new(stepped.columns, stepped.values),
            rows_affected: if wrote { connection.changes() } else { 0 },
            last_insert_id: self.hooked.last_rowid().filter(|_| wrote),
            ticket,
            is_fill: self.request.fill,
            ticket_time: stepped.ticket_time.map(|time| time + partners_time.unwrap_or_default()),
            steps: self.hooked.control().steps(),
            effect: analysis.effect,
            is_prepared_again: stepped.is_changed,
        })
    }

    /// Narrows what a fill rests on; how long that took, if anything was asked. What was answered
    /// counts only if the database is still in the state that the rows were read in.
    fn ask_partners(&mut self, fill: &mut Fill, analysis: &Analysis) -> Option<Duration> {
        if !fill.awaits() {
            return None;
        }
        let began = Instant::now();
        let (hooked, catchup) = (self.hooked, &self.work.catchup);
        let position = fill.position();
        let is_there = || catchup.is_at(position) && self.held.is_at(position);
        catchup.settle_fill(fill, |awaited| {
            let partner = analysis.basis.partner(awaited.need)?;
            partner::values(hooked, partner, awaited).filter(|_| is_there())
        });
        hooked.control().take_observed();
        Some(began.elapsed())
    }

    fn step_rows(
        &mut self,
        mut statement: CachedStatement<'c>,
        analysis: &Analysis,
        sink: &mut dyn RowSink,
    ) -> Result<Stepped> {
        let control = self.hooked.control();
        self.held.enter(self.hooked, &self.work.catchup, analysis)?;
        // What is observed from here on comes of SQLite preparing the statement again.
        control.take_observed();
        bind(&mut statement, self.request.params)?;
        let is_alone = self.is_autocommit() || self.held.is_open();
        let fill = self.request.fill && analysis.is_cacheable() && is_alone;
        let began = if fill { self.work.time_fill() } else { None };
        let mut fill = if fill {
            let places = places(&statement, self.request.params)?;
            self.work.catchup.begin_fill(&analysis.basis, Bindings(&places))
        } else {
            None
        };
        let ticket_time = began.map(|began| began.elapsed());
        let mut columns = analysis.columns.clone();
        let mut values = Vec::with_capacity(columns.len());
        let mut is_first = true;
        let mut rows = statement.raw_query();
        loop {
            let row =
                rows.next().map_err(|error| fault::from_driver(error, None, control.halt()))?;
            if is_first {
                is_first = false;
                self.held.note_opened(self.hooked, &self.work.catchup);
                fill = fill.filter(|fill| {
                    self.work.catchup.is_snapshot_of(fill) && self.held.is_at(fill.position())
                });
                if control.has_observed()
                    && let Some(row) = row
                {
                    columns = current_columns(row.as_ref())?;
                }
            }
            let Some(row) = row else { break };
            for index in 0..columns.len() {
                let value = row.get_ref(index).map_err(|error| refine(error, control))?;
                values.push(owned(value, &columns[index])?);
            }
            sink.row(&columns, &mut values)?;
        }
        drop(rows);
        let mut is_changed = false;
        if control.has_observed() {
            columns = if values.is_empty() { current_columns(&statement)? } else { columns };
            // SQLite prepares a statement again when the schema has changed, but also when a
            // bound value may make another plan better. A cookie that is still the same says that
            // the analysis holds for what has run: between statements, whatever makes it come
            // back with another meaning has forgotten them all.
            is_changed = !matches!(analysis.effect, Effect::Read | Effect::Write)
                || catalogue::cookie(self.hooked.connection()).ok() != Some(analysis.schema);
            if is_changed {
                statement.discard();
            }
        }
        Ok(Stepped { columns, values, fill, ticket_time, is_changed })
    }
}

/// BEGIN, COMMIT, ROLLBACK and savepoints of our own.
fn control_statement(hooked: &Hooked, sql: &str) -> Result<()> {
    let watch = hooked.watch(None);
    let done = hooked.connection().execute_batch(sql);
    drop(watch);
    let control = hooked.control();
    control.take_observed();
    done.map_err(|error| fault::from_driver(error, None, control.halt()))
}

pub(super) fn owned(value: ValueRef<'_>, column: &Column) -> Result<Value> {
    Ok(match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(n) => Value::Integer(n),
        ValueRef::Real(x) => Value::Real(x),
        ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => Value::Text(text.into()),
            Err(_) => {
                let name = &column.name;
                return Err(Error::new(
                    Kind::Decode,
                    format!(
                        "column {name:?} holds text that is not valid UTF-8; select \
                         CAST({name} AS BLOB) to get its bytes"
                    ),
                ));
            }
        },
        ValueRef::Blob(bytes) => Value::Blob(bytes.into()),
    })
}
