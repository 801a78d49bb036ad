//! Our own checkpoints: moving the log into the file once it has grown, after a commit and on its
//! thread, as SQLite does by itself; where that thread must not wait for the disk, it is owed until
//! the connection is on one that may.
//!
//! Only passive ones, which wait for nobody and leave the header as it is. Whether the log then
//! starts anew is up to the next writer, and to readers: see "Held snapshots" in
//! `docs/design/consistency.md`.

use std::sync::Arc;
use std::time::Duration;

use super::catchup::CatchUp;
use super::hooks::Hooked;
use super::lease::Leases;

/// Frames in the log from which on a commit is followed by a checkpoint, as in SQLite.
pub(super) const CHECKPOINT_FRAMES: u32 = 1_000;

/// Frames that must have been added since the last checkpoint of a log that has not been started
/// anew: a reader was in the way.
const RETRY_FRAMES: u32 = 100;

/// The checkpoints of one connection.
pub(super) struct Checkpoints {
    leases: Arc<Leases>,
    /// Frames in the log at the last one.
    last: u32,
    /// Commits are on a thread that must not wait.
    is_deferred: bool,
    is_owed: bool,
}

impl Checkpoints {
    pub(super) fn new(leases: Arc<Leases>) -> Checkpoints {
        Checkpoints { leases, last: 0, is_deferred: false, is_owed: false }
    }

    /// Whether one that becomes due is owed instead of made.
    pub(super) fn defer(&mut self, is_deferred: bool) {
        self.is_deferred = is_deferred;
    }

    pub(super) fn is_owed(&self) -> bool {
        self.is_owed
    }

    /// Ends the snapshots that readers hold: older ones keep frames out of the file, and the next
    /// writer from starting the log anew.
    pub(super) fn make_way(&self) {
        self.leases.expire();
    }

    /// Makes a checkpoint if the log, which has so many frames after a commit, needs one. One that
    /// fails is tried again after a later commit.
    pub(super) fn follow(&mut self, hooked: &Hooked, catchup: &CatchUp, frames: u32) {
        let was_started_anew = frames < self.last;
        let is_due = frames >= CHECKPOINT_FRAMES
            && frames - catchup.backfilled().min(frames) >= RETRY_FRAMES
            && (was_started_anew || frames - self.last >= RETRY_FRAMES);
        self.is_owed |= is_due;
        if self.is_owed && !self.is_deferred {
            self.make(hooked, frames);
        }
    }

    /// Makes a checkpoint now. Blocks on the disk.
    pub(super) fn make(&mut self, hooked: &Hooked, frames: u32) {
        self.is_owed = false;
        self.last = frames;
        self.make_way();
        hooked.control().arm(None, None, Duration::ZERO);
        let done = hooked
            .connection()
            .query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get::<_, i64>(0));
        hooked.control().take_observed();
        if let Err(error) = done {
            tracing::warn!(%error, "a checkpoint failed; it is tried again after a later commit");
        }
    }
}
