//! A piece of work whose statements belong together, such as a request. It follows the task, not
//! the thread. It counts, and hands what it is told to the trail of each database.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::ledger::RepeatLedger;
use super::told::{Sample, Told};
use super::trail::Trail;
use crate::error::{Error, Result};
use crate::row::Rows;
use crate::watch::Record;

/// Statements that a report shows.
const SHOWN_MAX: usize = 50;

tokio::task_local! {
    static CURRENT: Scope;
}

/// A piece of work whose statements belong together, such as a request. A clone is the same one.
///
/// ```
/// # #[tokio::main]
/// # async fn main() -> forebay::Result<()> {
/// let db = forebay::open("sqlite::memory:").await?;
/// let scope = forebay::scope("GET /users");
/// scope
///     .run(async {
///         db.query("SELECT 1").scalar::<i64>().await
///     })
///     .await?;
/// assert_eq!(scope.report().statements, 1);
/// scope.at_most(10)?;
/// # Ok(())
/// # }
/// ```
///
/// What runs in it is counted, whatever database it is for, and looked at for statements that one
/// could do ([`crate::Db::repeats`]). It follows the task; a task that is spawned is another one,
/// unless its future is wrapped by [`crate::inherit`]. One within another counts for both.
///
/// Bulk operations and scripts are not counted: they are many statements by their nature.
#[derive(Clone)]
pub struct Scope(Arc<Inner>);

struct Inner {
    name: Cow<'static, str>,
    outer: Option<Scope>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    statements: u64,
    hits: u64,
    rows: u64,
    database_time: Duration,
    trails: Vec<Trail>,
}

/// What has run in a [`Scope`] so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ScopeReport {
    /// The name of the scope.
    pub name: String,
    /// Statements that succeeded, answers from memory included.
    pub statements: u64,
    /// Of these, answered from memory: they took no round trip.
    pub hits: u64,
    /// Rows answered.
    pub rows: u64,
    /// Time that the others took, one after another: with the wait for a connection.
    pub database_time: Duration,
    /// What ran more than once, the most frequent first; 50 at most.
    pub repeated: Vec<RepeatedStatement>,
}

/// A statement that ran more than once in a [`Scope`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RepeatedStatement {
    /// The fingerprint.
    pub fingerprint: u64,
    /// The normalised text.
    pub statement: String,
    /// How often it ran.
    pub executions: u64,
    /// Of these, answered from memory.
    pub hits: u64,
    /// Time that the others took.
    pub database_time: Duration,
}

/// Opens a [`Scope`] of this name, such as `GET /users`: the name of what is done, not of whom it
/// is done for.
#[must_use = "a scope is for what runs in it"]
pub fn scope(name: impl Into<Cow<'static, str>>) -> Scope {
    Scope::enter(name)
}

impl Scope {
    /// Opens one of this name, within the one that the task is in, if it is in one.
    #[must_use = "a scope is for what runs in it"]
    pub fn enter(name: impl Into<Cow<'static, str>>) -> Scope {
        Scope::within(name.into(), Scope::current())
    }

    /// One by itself.
    pub(crate) fn alone(name: impl Into<Cow<'static, str>>) -> Scope {
        Scope::within(name.into(), None)
    }

    fn within(name: Cow<'static, str>, outer: Option<Scope>) -> Scope {
        Scope(Arc::new(Inner { name, outer, state: Mutex::default() }))
    }

    /// The one that the task is in.
    #[must_use]
    pub fn current() -> Option<Scope> {
        CURRENT.try_with(Scope::clone).ok()
    }

    /// Whether the task is in one. A few nanoseconds.
    #[inline]
    pub(crate) fn is_open() -> bool {
        CURRENT.try_with(|_| ()).is_ok()
    }

    /// Runs `work` in it. Dropping the future drops the work.
    pub fn run<F: Future>(&self, work: F) -> impl Future<Output = F::Output> + use<F> {
        CURRENT.scope(self.clone(), work)
    }

    /// The name that it was given.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// What has run in it so far.
    #[must_use]
    pub fn report(&self) -> ScopeReport {
        let state = self.state();
        let repeated = state.trails.iter().flat_map(|trail| &trail.statements);
        let mut repeated: Vec<RepeatedStatement> = repeated
            .filter(|statement| statement.tally.executions > 1)
            .map(|statement| RepeatedStatement {
                fingerprint: statement.record.id(),
                statement: statement.record.text().to_string(),
                executions: statement.tally.executions,
                hits: statement.tally.hits,
                database_time: statement.tally.spent,
            })
            .collect();
        repeated.sort_by_key(|it| std::cmp::Reverse(it.executions));
        repeated.truncate(SHOWN_MAX);
        ScopeReport {
            name: self.0.name.to_string(),
            statements: state.statements,
            hits: state.hits,
            rows: state.rows,
            database_time: state.database_time,
            repeated,
        }
    }

    /// An error ([`Error::is_usage`]) with what was repeated, if more statements have run in it
    /// than these, answers from memory included. For an application's tests.
    pub fn at_most(&self, statements: u64) -> Result<()> {
        let report = self.report();
        if report.statements <= statements {
            return Ok(());
        }
        Err(Error::usage(format!("more than {statements} statements ran.\n{report}")))
    }

    /// The same, and it panics.
    #[track_caller]
    pub fn assert_at_most(&self, statements: u64) {
        if let Err(error) = self.at_most(statements) {
            panic!("{error}");
        }
    }

    /// Takes in a statement that has succeeded, with its rows if they are at hand.
    pub(crate) fn note(
        &self,
        ledger: &Arc<RepeatLedger>,
        told: &Told<'_>,
        rows: Option<&Rows>,
        sample: &dyn Fn() -> Sample,
    ) {
        let mut next = Some(self);
        while let Some(scope) = next {
            let mut state = scope.state();
            state.statements += 1;
            state.hits += u64::from(told.spent.is_none());
            state.rows += told.rows;
            state.database_time += told.spent.unwrap_or_default();
            let trail = state.trail(ledger, scope);
            trail.note(&scope.0.name, told, sample);
            rows.iter().for_each(|rows| trail.answered(told.record, rows, told.spent.is_none()));
            drop(state);
            next = scope.0.outer.as_ref();
        }
    }

    /// More rows of a statement that was noted before.
    pub(crate) fn answered(&self, ledger: &Arc<RepeatLedger>, record: &Record, rows: &Rows) {
        let mut next = Some(self);
        while let Some(scope) = next {
            let mut state = scope.state();
            state.rows += rows.len() as u64;
            state.trail(ledger, scope).answered(record, rows, false);
            drop(state);
            next = scope.0.outer.as_ref();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn trail(&mut self, ledger: &Arc<RepeatLedger>, scope: &Scope) -> &mut Trail {
        let known = self.trails.iter().position(|it| Arc::ptr_eq(&it.ledger, ledger));
        let at = known.unwrap_or_else(|| {
            let is_outer = scope.0.outer.is_none();
            self.trails.push(Trail::new(ledger.clone(), &scope.0.name, is_outer));
            self.trails.len() - 1
        });
        &mut self.trails[at]
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        state.trails.iter_mut().for_each(|trail| trail.finish(&self.name));
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").field("name", &self.0.name).finish_non_exhaustive()
    }
}

impl fmt::Display for ScopeReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        write!(
            f,
            "{}: {} statements, {} of them from memory; {} rows; {:.1} ms at the database",
            self.name,
            self.statements,
            self.hits,
            self.rows,
            ms(self.database_time)
        )?;
        for it in &self.repeated {
            let ms = ms(it.database_time);
            write!(f, "\n{:>7} times  {ms:>8.1} ms  {}", it.executions, it.statement)?;
        }
        Ok(())
    }
}
