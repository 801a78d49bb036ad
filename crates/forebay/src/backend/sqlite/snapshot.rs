//! The read transaction that a shared reader keeps open between statements, as long as the
//! database stands still: opening one costs more than a short read.
//!
//! A statement may run in it when the WAL-index header, at the time of the call, is the one that
//! the snapshot was opened at: the snapshot is then what a new one would be. How long it is held
//! is decided in `lease`; why this is right: `docs/design/consistency.md`, "Held snapshots".

use std::sync::Arc;

use rusqlite::TransactionState;

use super::analysis::Analysis;
use super::catchup::CatchUp;
use super::checkpoint::CHECKPOINT_FRAMES;
use super::fault;
use super::hooks::Hooked;
use super::lease::{Lease, Leases};
use crate::backend::Effect;
use crate::error::Result;
use crate::invalidate::Header;
use crate::sql::Bypass;

/// Reads under one header that come before one whose snapshot is held: while the database changes
/// all the time, holding would cost and bring nothing.
const READS_BEFORE: u32 = 3;

/// What a connection holds.
pub(super) struct Held {
    /// `None` on connections that hold nothing: the writer, sessions, a database in memory.
    leases: Option<Arc<Leases>>,
    state: State,
    /// The header that the last read outside of a held snapshot found, and how many reads in a
    /// row have found it.
    seen: Header,
    reads: u32,
}

enum State {
    /// No transaction of ours is open. Next: `Opening`.
    Closed,
    /// A transaction was begun, which opens its snapshot with the first step of a statement.
    /// Next: `Open`, or `Closed` when the header has moved.
    Opening { before: Header, lease: Lease },
    /// The snapshot is that of exactly this header. Next: `Closed`.
    Open { header: Header, lease: Lease },
}

impl Held {
    /// Never anything.
    pub(super) fn none() -> Held {
        Held { leases: None, state: State::Closed, seen: Header::default(), reads: 0 }
    }

    /// Snapshots, for as long as `leases` allow.
    pub(super) fn under(leases: Arc<Leases>) -> Held {
        Held { leases: Some(leases), ..Held::none() }
    }

    /// Whether a transaction of ours is open, and no other can be.
    pub(super) fn is_open(&self) -> bool {
        !matches!(self.state, State::Closed)
    }

    /// Whether a snapshot is held that was to be ended by now.
    pub(super) fn is_overdue(&self) -> bool {
        match &self.state {
            State::Closed => false,
            State::Opening { lease, .. } | State::Open { lease, .. } => lease.has_run_out(),
        }
    }

    /// To be called when a statement begins: ends a snapshot that is not the database's state
    /// any more, or has been held for long enough.
    #[inline]
    pub(super) fn review(&mut self, hooked: &Hooked, catchup: &CatchUp) {
        let is_good = match &self.state {
            State::Closed => true,
            State::Opening { .. } => false,
            State::Open { header, lease } => {
                !lease.has_run_out() && catchup.header() == Some(*header)
            }
        };
        if !is_good {
            self.end(hooked);
        }
    }

    /// To be called before the first step of a statement: puts a read into a snapshot that will
    /// be held, if that is worth it and stands in nobody's way; takes any other statement out.
    ///
    /// It is not held once the log is due for a checkpoint, unless all of it is in the file
    /// already: SQLite then reads from the file alone, and a writer may start the log anew.
    pub(super) fn enter(
        &mut self,
        hooked: &Hooked,
        catchup: &CatchUp,
        analysis: &Analysis,
    ) -> Result<()> {
        let Some(leases) = &self.leases else { return Ok(()) };
        if analysis.effect != Effect::Read || analysis.bypasses.contains(&Bypass::Pragma) {
            // Some statements mean something else within a transaction, or need to be outside.
            self.end(hooked);
            return Ok(());
        }
        if self.is_open() {
            return Ok(());
        }
        let Some(before) = catchup.header() else { return Ok(()) };
        if self.seen != before {
            (self.seen, self.reads) = (before, 0);
        }
        self.reads = self.reads.saturating_add(1);
        if self.reads <= READS_BEFORE || !before.is_position() {
            return Ok(());
        }
        let is_backfilled = catchup.backfilled() == before.frames();
        if !is_backfilled && before.frames() >= CHECKPOINT_FRAMES {
            leases.want();
            return Ok(());
        }
        if let Some(lease) = leases.grant(is_backfilled) {
            run(hooked, "BEGIN")
                .map_err(|error| fault::from_driver(error, None, hooked.control().halt()))?;
            self.state = State::Opening { before, lease };
        }
        Ok(())
    }

    /// To be called after the first step of a statement: the snapshot is that of the header
    /// before it was opened, if that is the header still: a position never comes back.
    #[inline]
    pub(super) fn note_opened(&mut self, hooked: &Hooked, catchup: &CatchUp) {
        if !matches!(self.state, State::Opening { .. }) {
            return;
        }
        let State::Opening { before, lease } = std::mem::replace(&mut self.state, State::Closed)
        else {
            return;
        };
        // A statement that reads no table has opened nothing.
        let is_open = hooked
            .connection()
            .transaction_state(Some(c"main"))
            .is_ok_and(|state| state == TransactionState::Read);
        self.state = if is_open && catchup.header() == Some(before) {
            State::Open { header: before, lease }
        } else {
            State::Opening { before, lease }
        };
    }

    /// Whether a statement that runs now reads the state at `position`, as far as a snapshot
    /// that was held before it began is concerned.
    #[inline]
    pub(super) fn is_at(&self, position: Header) -> bool {
        match &self.state {
            State::Open { header, .. } => *header == position,
            State::Closed | State::Opening { .. } => true,
        }
    }

    /// To be called when a statement is over: holds what may be held, and ends the rest.
    #[inline]
    pub(super) fn leave(&mut self, hooked: &Hooked, has_succeeded: bool) {
        let is_held = match &self.state {
            State::Closed => return,
            State::Opening { .. } => false,
            State::Open { lease, .. } => has_succeeded && !lease.has_run_out(),
        };
        if !is_held {
            self.end(hooked);
        }
    }

    /// Ends what is held.
    pub(super) fn end(&mut self, hooked: &Hooked) {
        if !self.is_open() {
            return;
        }
        // The lease is given back when the transaction has ended.
        let _state = std::mem::replace(&mut self.state, State::Closed);
        // SQLite may have rolled back by itself, when the disk failed for instance.
        if hooked.connection().is_autocommit() {
            return;
        }
        let ended = hooked.control().without_stop(|| {
            run(hooked, "COMMIT").or_else(|_| hooked.connection().execute_batch("ROLLBACK"))
        });
        hooked.control().take_observed();
        if let Err(error) = ended {
            // The pool's check finds the transaction, and closes the connection.
            tracing::error!(%error, "a held snapshot could not be ended");
        }
    }
}

fn run(hooked: &Hooked, sql: &str) -> rusqlite::Result<()> {
    hooked.connection().prepare_cached(sql)?.execute([]).map(|_| ())
}
