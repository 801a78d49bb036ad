//! How long readers may hold their snapshots: until the next tick of a thread, which also sees to
//! it that holding them is in nobody's way.
//!
//! It is a thread and not a task, since a runtime may be blocked, or not be driven at all between
//! two calls, and a snapshot that is held for too long lets the log grow. It sleeps while nobody
//! wants to hold anything. Which connections hold something is not known here.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{JoinHandle, Thread};
use std::time::{Duration, Instant};

use crate::invalidate::Header;

/// Ticks without a wish to hold anything after which the thread goes to sleep. Waking it costs
/// some microseconds, and a read now and then shall not pay them each time.
const IDLE_TICKS: u32 = 4;

/// Ticks in turn during which snapshots are held, and are not, while the database stands still
/// with frames in its log.
const TURN_TICKS: u32 = 2;

/// How long the database must have stood still before what is in its log is moved into the file.
const STILL: Duration = Duration::from_secs(1);

/// Grants leases on snapshots, and lets them run out. One for all readers of a database.
#[derive(Default)]
pub(crate) struct Leases {
    generation: AtomicU64,
    /// Leases that were granted and not given back.
    granted: AtomicUsize,
    /// Somebody has asked for a lease since the last tick.
    is_wanted: AtomicBool,
    /// None are granted on a log that is not in the file.
    is_resting: AtomicBool,
    is_awake: AtomicBool,
    has_ended: AtomicBool,
    thread: OnceLock<Thread>,
}

/// The right to hold one snapshot until the next tick.
pub(super) struct Lease {
    leases: Arc<Leases>,
    generation: u64,
}

/// What the thread does at each tick, beside letting leases run out.
pub(crate) trait Sweep: Send + 'static {
    /// Ends the snapshots that lie idle and whose leases have run out.
    fn end_overdue(&self);
    /// The header, and whether the whole log is in the file.
    fn position(&self) -> (Header, bool);
    /// Moves the log into the file, as far as that goes without waiting for anybody.
    fn checkpoint(&self);
}

/// Lets leases run out until it is dropped; from then on none is granted.
pub(crate) struct Sweeper {
    leases: Arc<Leases>,
    thread: Option<JoinHandle<()>>,
}

impl Leases {
    /// A lease that begins now, on a log that is or is not in the file as a whole. None while
    /// others are given way to, or when nobody would end it.
    pub(super) fn grant(self: &Arc<Leases>, is_backfilled: bool) -> Option<Lease> {
        self.want();
        if (!is_backfilled && self.is_resting.load(Ordering::SeqCst))
            || self.thread.get().is_none()
            || self.has_ended.load(Ordering::SeqCst)
        {
            return None;
        }
        // Before it is counted: a tick in between makes the lease end sooner, not later.
        let generation = self.generation.load(Ordering::SeqCst);
        self.granted.fetch_add(1, Ordering::SeqCst);
        Some(Lease { leases: self.clone(), generation })
    }

    /// Sees to it that the thread is awake: it may change what stands in the way of a lease.
    pub(super) fn want(&self) {
        if !self.is_wanted.load(Ordering::SeqCst) {
            self.is_wanted.store(true, Ordering::SeqCst);
        }
        if !self.is_awake.load(Ordering::SeqCst)
            && !self.is_awake.swap(true, Ordering::SeqCst)
            && let Some(thread) = self.thread.get()
        {
            thread.unpark();
        }
    }

    /// Lets every lease run out now.
    pub(super) fn expire(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
        if self.granted.load(Ordering::SeqCst) > 0
            && let Some(thread) = self.thread.get()
        {
            thread.unpark();
        }
    }

    fn run(&self, tick: Duration, sweep: &impl Sweep) {
        let (mut pace, mut idle) = (Pace::default(), 0);
        while !self.has_ended.load(Ordering::SeqCst) {
            std::thread::park_timeout(tick);
            let (header, is_backfilled) = sweep.position();
            let step = pace.step(header, is_backfilled, Instant::now());
            self.is_resting.store(step.rests, Ordering::SeqCst);
            self.generation.fetch_add(1, Ordering::SeqCst);
            sweep.end_overdue();
            if step.checkpoints {
                sweep.checkpoint();
            }
            let is_idle = !self.is_wanted.swap(false, Ordering::SeqCst)
                && self.granted.load(Ordering::SeqCst) == 0;
            idle = if is_idle { idle + 1 } else { 0 };
            if idle >= IDLE_TICKS {
                self.sleep();
                (pace, idle) = (Pace::default(), 0);
            }
        }
    }

    fn sleep(&self) {
        self.is_resting.store(false, Ordering::SeqCst);
        // Said before looking: who wants something later finds it said, and wakes us.
        self.is_awake.store(false, Ordering::SeqCst);
        while !self.is_wanted.load(Ordering::SeqCst)
            && self.granted.load(Ordering::SeqCst) == 0
            && !self.has_ended.load(Ordering::SeqCst)
        {
            std::thread::park();
        }
        self.is_awake.store(true, Ordering::SeqCst);
    }
}

/// How long the database has stood still with frames in its log.
///
/// Somebody may be waiting for that log: a checkpoint that restarts or truncates it keeps writers
/// out while it waits for a moment without readers, and snapshots that are held one after another,
/// by two connections in turn, leave none. So they are held only half of the time. When nothing
/// has been committed for a while, the log is moved into the file; readers of the file alone are
/// in nobody's way.
#[derive(Default)]
struct Pace {
    header: Header,
    since: Option<Instant>,
    ticks: u32,
    has_checkpointed: bool,
}

#[derive(Debug, PartialEq, Eq)]
struct Step {
    rests: bool,
    checkpoints: bool,
}

impl Pace {
    fn step(&mut self, header: Header, is_backfilled: bool, now: Instant) -> Step {
        let since = match self.since {
            Some(since) if header == self.header && !is_backfilled => since,
            _ => {
                *self = Pace { header, since: Some(now), ..Pace::default() };
                return Step { rests: false, checkpoints: false };
            }
        };
        self.ticks = self.ticks.wrapping_add(1);
        let checkpoints = !self.has_checkpointed && now.saturating_duration_since(since) >= STILL;
        self.has_checkpointed |= checkpoints;
        Step { rests: self.ticks / TURN_TICKS % 2 == 1, checkpoints }
    }
}

impl Lease {
    pub(super) fn has_run_out(&self) -> bool {
        self.leases.generation.load(Ordering::Acquire) != self.generation
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.leases.granted.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Sweeper {
    /// Starts the thread. At every tick all leases run out, and then `sweep` ends the snapshots
    /// that lie idle. A snapshot that came to lie idle during that call is found by the next: it
    /// has been held for two ticks at most.
    ///
    /// Without a thread no lease is granted.
    pub(crate) fn start(
        leases: &Arc<Leases>,
        tick: Duration,
        sweep: impl Sweep,
    ) -> Option<Sweeper> {
        let sweeping = leases.clone();
        let thread = std::thread::Builder::new()
            .name("forebay-sweeper".to_owned())
            .spawn(move || sweeping.run(tick, &sweep));
        match thread {
            Ok(thread) => {
                leases.thread.get_or_init(|| thread.thread().clone());
                Some(Sweeper { leases: leases.clone(), thread: Some(thread) })
            }
            Err(error) => {
                tracing::warn!(%error, "reads hold no snapshots: their thread does not start");
                None
            }
        }
    }
}

impl Drop for Sweeper {
    /// Waits for the thread, so that no lock on the database outlives its owner.
    fn drop(&mut self) {
        self.leases.has_ended.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            if thread.join().is_err() {
                tracing::error!("the thread that ends held snapshots panicked");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_are_taken_while_a_log_stands_still() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        let mut step = |commit: u64, is_backfilled, ms| {
            let step =
                pace.step(Header([commit; 6]), is_backfilled, start + Duration::from_millis(ms));
            (step.rests, step.checkpoints)
        };
        let mut check = |commit, is_backfilled, times: &[u64], rests: &str, checkpoint_at| {
            let steps: Vec<_> =
                times.iter().map(|ms| (ms, step(commit, is_backfilled, *ms))).collect();
            let resting: String =
                steps.iter().map(|(_, (rests, _))| if *rests { 'r' } else { '.' }).collect();
            let checkpoint = steps.iter().find(|(_, (_, checkpoints))| *checkpoints);
            assert_eq!((&*resting, checkpoint.map(|(ms, _)| **ms)), (rests, checkpoint_at));
            assert!(steps.iter().filter(|(_, (_, checkpoints))| *checkpoints).count() < 2);
        };
        check(1, false, &[0, 25, 50, 75, 100, 125, 150, 175], "..rr..rr", None);
        check(2, false, &[200, 225, 250, 275], "..rr", None);
        check(2, true, &[300, 1_400, 2_500], "...", None);
        check(2, false, &[2_525, 2_550, 3_500, 3_550, 3_600, 9_000], ".rr..r", Some(3_500));
        check(3, false, &[9_100, 9_125, 9_150, 10_100], "..rr", Some(10_100));
    }
}
