//! The state that SQLite's callbacks share with whoever runs a statement on a connection: what
//! was observed, when to stop, how long to wait for a lock, and the commit in progress.
//!
//! Callbacks run on the thread that is inside SQLite, so plain cells are enough.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::capture::{Capture, Captured};
use super::catchup::CatchUp;
use super::observe::{Observed, Policy, Report};
use crate::guard::Stop;
use crate::invalidate::Header;

/// VM steps between two calls of the progress handler.
pub(super) const STEPS_PER_CALL: u32 = 1_000;

/// The longest sleep between two tries for a lock.
const BUSY_SLEEP_MAX: Duration = Duration::from_millis(10);

/// Why a statement was stopped by us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Halt {
    /// It took more VM steps than it may take here.
    Budget,
    /// Its caller gave it up.
    Cancelled,
    /// It ran longer than its time limit.
    Late,
}

pub(super) struct Control {
    policy: Policy,
    catchup: Arc<CatchUp>,
    capture: Capture,
    observed: RefCell<Observed>,
    stop: RefCell<Option<Arc<Stop>>>,
    /// When the statement that is running must have ended, if it is one of several under `stop`.
    deadline: Cell<Option<Instant>>,
    calls: Cell<u64>,
    calls_max: Cell<u64>,
    halt: Cell<Option<Halt>>,
    busy_timeout: Cell<Duration>,
    busy_since: Cell<Option<Instant>>,
    /// The header under the write lock, from the commit hook until the commit is settled. While
    /// it is set, this connection holds the catch-up gate.
    committing: Cell<Option<Header>>,
    /// The frame with which a commit of ours ends, of which the log has told since the commit hook.
    logged: Cell<Option<u32>>,
    /// It may tell of one too late.
    is_log_late: Cell<bool>,
    /// Set once a statement that changes the connection was prepared, since some take effect
    /// then; such a connection must not go to another caller.
    is_changed: Cell<bool>,
    /// What statements mean may have changed without the schema cookie saying so; see
    /// [`Control::is_in_motion`].
    is_in_motion: Cell<bool>,
    /// A statement on savepoints was prepared in the transaction that is open.
    is_nested: Cell<bool>,
    /// A statement that works on the file as a whole is running.
    is_maintaining: Cell<bool>,
    /// What others do between a commit and its being noticed.
    #[cfg(test)]
    pub(super) meanwhile: RefCell<Option<Box<dyn FnMut() + Send>>>,
}

impl Control {
    pub(super) fn new(policy: Policy, catchup: Arc<CatchUp>, capture: Capture) -> Control {
        Control {
            policy,
            catchup,
            capture,
            observed: RefCell::default(),
            stop: RefCell::default(),
            deadline: Cell::new(None),
            calls: Cell::new(0),
            calls_max: Cell::new(u64::MAX),
            halt: Cell::new(None),
            busy_timeout: Cell::new(Duration::ZERO),
            busy_since: Cell::new(None),
            committing: Cell::new(None),
            logged: Cell::new(None),
            is_log_late: Cell::new(false),
            is_changed: Cell::new(false),
            is_in_motion: Cell::new(false),
            is_nested: Cell::new(false),
            is_maintaining: Cell::new(false),
            #[cfg(test)]
            meanwhile: RefCell::default(),
        }
    }

    /// Prepares for one statement: who may stop it, how many VM steps it may take (`None`: any
    /// number), and how long it may wait for a lock.
    pub(super) fn arm(&self, stop: Option<Arc<Stop>>, steps_max: Option<u64>, busy: Duration) {
        *self.stop.borrow_mut() = stop;
        self.deadline.set(None);
        self.calls.set(0);
        self.calls_max.set(steps_max.map_or(u64::MAX, |steps| steps / u64::from(STEPS_PER_CALL)));
        self.halt.set(None);
        self.busy_timeout.set(busy);
        self.busy_since.set(None);
        self.is_maintaining.set(false);
    }

    /// Runs a statement of our own on the way of another, which nobody may stop and which counts
    /// for nothing.
    pub(super) fn without_stop<T>(&self, work: impl FnOnce() -> T) -> T {
        let stop = self.stop.take();
        let (calls, calls_max) = (self.calls.get(), self.calls_max.replace(u64::MAX));
        let done = work();
        *self.stop.borrow_mut() = stop;
        self.calls.set(calls);
        self.calls_max.set(calls_max);
        done
    }

    /// The next statement of several that were armed for together begins, and may take so long;
    /// an error when it is not wanted any more.
    pub(super) fn next(&self, limit: Option<Duration>) -> Result<(), Halt> {
        self.deadline.set(limit.and_then(|limit| Instant::now().checked_add(limit)));
        match self.asked_to_stop() {
            Some(halt) => Err(halt),
            None => Ok(()),
        }
    }

    /// Whether what is about to run works on the file as a whole; holds until the next call.
    pub(super) fn set_maintaining(&self, is_maintaining: bool) {
        self.is_maintaining.set(is_maintaining);
    }

    pub(super) fn is_maintaining(&self) -> bool {
        self.is_maintaining.get()
    }

    pub(super) fn halt(&self) -> Option<Halt> {
        self.halt.get()
    }

    pub(super) fn policy(&self) -> Policy {
        self.policy
    }

    /// The rows that were changed here.
    pub(super) fn capture(&self) -> &Capture {
        &self.capture
    }

    /// A statement whose changes were captured is over; `total` is what SQLite has counted.
    pub(super) fn end_capture(&self, total: i64) {
        if self.capture.end(total) == Captured::Gap {
            self.catchup.note_gap();
        }
    }

    /// VM steps of the statement so far, to the last full thousand.
    pub(super) fn steps(&self) -> u64 {
        self.calls.get() * u64::from(STEPS_PER_CALL)
    }

    /// Takes what was observed since the last call.
    pub(super) fn take_observed(&self) -> Observed {
        self.observed.take()
    }

    /// Whether a statement was prepared since what was observed was last taken.
    pub(super) fn has_observed(&self) -> bool {
        self.observed.borrow().any
    }

    /// Whether a commit is in progress of which the log has not told.
    pub(super) fn is_commit_untold(&self) -> bool {
        self.committing.get().is_some() && self.logged.get().is_none()
    }

    /// Takes the commit in progress and, if it is certain that it has changed the database, the
    /// frame of the log that it ends with; and with it the duty to open the gate again.
    pub(super) fn take_committing(&self) -> Option<(Header, Option<u32>)> {
        let logged = self.logged.take();
        self.committing.take().map(|before| (before, logged))
    }

    /// Whether a statement may have changed the connection.
    pub(super) fn is_changed(&self) -> bool {
        self.is_changed.get()
    }

    /// Whether what statements mean may have changed without the schema cookie saying so: by a
    /// schema that an open transaction has changed, whose cookie comes back with another meaning
    /// when it is rolled back, or by settings of the connection. It is the authorizer who tells,
    /// so that it counts also where an extension, EXPLAIN or a mere `prepare` has brought it about.
    pub(super) fn is_in_motion(&self) -> bool {
        self.is_in_motion.get()
    }

    pub(super) fn set_in_motion(&self, is_in_motion: bool) {
        self.is_in_motion.set(is_in_motion);
    }

    /// Whether the transaction that is open may have savepoints.
    pub(super) fn is_nested(&self) -> bool {
        self.is_nested.get()
    }

    /// A statement on savepoints is about to run, which need not have been prepared for it.
    pub(super) fn note_nesting(&self) {
        self.is_nested.set(true);
    }

    /// No transaction is open.
    pub(super) fn forget_nesting(&self) {
        self.is_nested.set(false);
    }

    /// Takes no commit for ours from now on, and keeps the connection from going to another
    /// caller: what the log tells next may be of a commit that is past.
    pub(super) fn distrust_log(&self) {
        self.is_log_late.set(true);
        self.is_changed.set(true);
    }

    /// The authorizer; `false` denies.
    pub(super) fn on_authorize(&self, report: Report<'_>) -> bool {
        match self.observed.try_borrow_mut() {
            Ok(mut observed) => {
                let allowed = observed.report(self.policy, report);
                self.is_nested.set(self.is_nested.get() || observed.savepoint);
                if allowed {
                    self.is_changed.set(self.is_changed.get() || observed.session);
                    let moves = observed.session || observed.schema;
                    self.is_in_motion.set(self.is_in_motion.get() || moves);
                }
                allowed
            }
            Err(_) => false,
        }
    }

    /// The progress handler; `true` interrupts.
    pub(super) fn on_progress(&self) -> bool {
        self.calls.set(self.calls.get() + 1);
        let halt = if self.calls.get() > self.calls_max.get() {
            Some(Halt::Budget)
        } else {
            self.asked_to_stop()
        };
        self.halt.set(self.halt.get().or(halt));
        halt.is_some()
    }

    /// The busy handler, called for the `tries`th time in a row; `true` tries again.
    pub(super) fn on_busy(&self, tries: u32) -> bool {
        if let Some(halt) = self.asked_to_stop() {
            self.halt.set(self.halt.get().or(Some(halt)));
            return false;
        }
        let now = Instant::now();
        if tries == 0 || self.busy_since.get().is_none() {
            self.busy_since.set(Some(now));
        }
        let waited = self.busy_since.get().map_or(Duration::ZERO, |since| now - since);
        let left = self.busy_timeout.get().saturating_sub(waited);
        if left.is_zero() {
            return false;
        }
        let sleep = Duration::from_micros(100 << tries.min(10)).min(BUSY_SLEEP_MAX).min(left);
        std::thread::sleep(sleep);
        true
    }

    /// The commit hook: nothing is visible yet, and the write lock is held if the main database
    /// was to be written.
    pub(super) fn on_commit(&self) {
        if self.committing.get().is_none() {
            self.committing.set(Some(self.catchup.enter()));
            self.logged.set(None);
            self.capture.on_commit();
        }
    }

    /// The hook of the log, which has so many frames now: a commit of this connection has been
    /// appended to it. The commit hook alone does not say so: it is called for a transaction that
    /// has changed nothing or TEMP tables only, and before one that fails, on a full disk for
    /// instance. In these cases the write lock is free by now, and a step of the header is
    /// somebody else's.
    pub(super) fn on_log(&self, frames: u32) {
        let is_ours = self.committing.get().is_some() && !self.is_log_late.get();
        self.logged.set(is_ours.then_some(frames));
    }

    fn asked_to_stop(&self) -> Option<Halt> {
        let stop = self.stop.borrow();
        let stop = stop.as_ref()?;
        if stop.is_cancelled() {
            Some(Halt::Cancelled)
        } else {
            let is_late = self.deadline.get().is_some_and(|deadline| Instant::now() >= deadline);
            (is_late || stop.is_late()).then_some(Halt::Late)
        }
    }
}
