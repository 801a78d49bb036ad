//! Running the statements of a script one after another. Their rows are dropped, and they are
//! not kept prepared.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::fallible_iterator::FallibleIterator as _;

use super::analysis::Analysis;
use super::connection::Connection;
use super::fault;
use super::statements::refine;
use crate::backend::{Effect, Scope};
use crate::error::{Error, Kind, Result};
use crate::guard::Stop;
use crate::invalidate::WriteSet;
use crate::sql::contains_nul;

impl Connection {
    /// Runs the statements of `script` up to the first that fails. Each may take up to `limit`.
    pub(crate) fn run_script(
        &mut self,
        script: &str,
        stop: Arc<Stop>,
        limit: Option<Duration>,
        scope: Scope,
    ) -> Result<()> {
        if contains_nul(script) {
            return Err(Error::usage("the SQL text contains a NUL byte"));
        }
        self.hooked.control().arm(Some(stop), None, self.busy_timeout);
        if scope == Scope::Transaction {
            self.check_open()?;
        }
        if scope == Scope::Shared {
            self.hand_over();
        }
        let ran = catch_unwind(AssertUnwindSafe(|| {
            // SQLite copies the rest of a text for each statement unless it ends with a NUL.
            self.run_statements(&format!("{script}\0"), limit, scope)
        }));
        self.settle();
        ran.unwrap_or_else(|panic| resume_unwind(panic))
    }

    fn run_statements(
        &mut self,
        script: &str,
        limit: Option<Duration>,
        scope: Scope,
    ) -> Result<()> {
        let Connection { hooked, statements, work, .. } = self;
        let control = hooked.control();
        control.take_observed();
        let mut script = rusqlite::Batch::new(hooked.connection(), script);
        while let Some(statement) = script.next().map_err(|error| refine(error, control))? {
            if let Some(error) = control.next(limit).err().and_then(fault::from_halt) {
                return Err(error);
            }
            if statement.parameter_count() > 0 {
                return Err(Error::usage("a script takes no parameters; use `execute` or `query`"));
            }
            let observed = control.take_observed();
            let sql = statement.expanded_sql().ok_or_else(|| {
                Error::new(Kind::TooLarge, "a statement of the script is too large to be analysed")
            })?;
            let analysis = Analysis::of(hooked.connection(), control, &sql, &statement, observed)
                .map_err(|error| refine(error, control))?;
            work.admit(hooked, scope, &analysis)?;
            control.set_maintaining(analysis.effect == Effect::Maintain);
            let counted = hooked.total_changes();
            let watch = analysis.watch(hooked);
            let stepped = run_out(statement);
            let wrote = analysis.effect == Effect::Write && stepped.is_ok();
            work.note_write(wrote || hooked.total_changes() != counted);
            drop(watch);
            work.note_read(hooked, &analysis, counted);
            control.set_maintaining(false);
            if control.has_observed() {
                work.writes = WriteSet::Everything;
            }
            let stepped = stepped.map_err(|error| refine(error, control));
            control.take_observed();
            if analysis.effect == Effect::Maintain {
                work.catchup.flush();
            }
            work.settle(hooked);
            statements.refresh(hooked);
            stepped?;
        }
        Ok(())
    }
}

/// Steps to the end, and resets.
fn run_out(mut statement: rusqlite::Statement<'_>) -> rusqlite::Result<()> {
    let mut rows = statement.raw_query();
    while rows.next()?.is_some() {}
    Ok(())
}
