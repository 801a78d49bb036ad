//! How long readers may hold their snapshots: a number that goes up at every tick of a thread,
//! and that a snapshot must have been opened under.
//!
//! It is a thread and not a task, since a runtime may be blocked, or not be driven at all between
//! two calls, and a snapshot that is held for too long lets the log grow. It sleeps while nothing
//! is held. Which connections hold something is not known here.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{JoinHandle, Thread};
use std::time::Duration;

/// Ticks without anything held after which the thread goes to sleep. Waking it costs some
/// microseconds, and a read now and then shall not pay them each time.
const QUIET_TICKS: u32 = 4;

/// Grants leases on snapshots, and lets them run out. One for all readers of a database.
#[derive(Default)]
pub(crate) struct Leases {
    generation: AtomicU64,
    /// Leases that were granted and not given back.
    granted: AtomicUsize,
    is_awake: AtomicBool,
    has_ended: AtomicBool,
    thread: OnceLock<Thread>,
}

/// The right to hold one snapshot until the next tick.
pub(super) struct Lease {
    leases: Arc<Leases>,
    generation: u64,
}

/// Lets leases run out until it is dropped; from then on none is granted.
pub(crate) struct Sweeper {
    leases: Arc<Leases>,
    thread: Option<JoinHandle<()>>,
}

impl Leases {
    /// A lease that begins now, unless nobody would end it.
    pub(super) fn grant(self: &Arc<Leases>) -> Option<Lease> {
        let thread = self.thread.get()?;
        // Before it is counted: a tick in between makes the lease end sooner, not later.
        let generation = self.generation.load(Ordering::SeqCst);
        self.granted.fetch_add(1, Ordering::SeqCst);
        let lease = Lease { leases: self.clone(), generation };
        if !self.is_awake.swap(true, Ordering::SeqCst) {
            thread.unpark();
        }
        (!self.has_ended.load(Ordering::SeqCst)).then_some(lease)
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

    fn sweep(&self, tick: Duration, visit_overdue: impl Fn()) {
        let mut quiet = 0;
        while !self.has_ended.load(Ordering::SeqCst) {
            std::thread::park_timeout(tick);
            self.generation.fetch_add(1, Ordering::SeqCst);
            visit_overdue();
            quiet = if self.granted.load(Ordering::SeqCst) > 0 { 0 } else { quiet + 1 };
            if quiet >= QUIET_TICKS {
                quiet = 0;
                // Said before looking: whoever counts a lease afterwards sees it and wakes us.
                self.is_awake.store(false, Ordering::SeqCst);
                while self.granted.load(Ordering::SeqCst) == 0
                    && !self.is_awake.load(Ordering::SeqCst)
                    && !self.has_ended.load(Ordering::SeqCst)
                {
                    std::thread::park();
                }
                self.is_awake.store(true, Ordering::SeqCst);
            }
        }
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
    /// Starts the thread. At every tick all leases run out, and then `visit_overdue` is called to
    /// end the snapshots that lie idle. A snapshot that came to lie idle during that call is
    /// found by the next: it has been held for two ticks at most.
    ///
    /// Without a thread no lease is granted.
    pub(crate) fn start(
        leases: &Arc<Leases>,
        tick: Duration,
        visit_overdue: impl Fn() + Send + 'static,
    ) -> Option<Sweeper> {
        let sweeping = leases.clone();
        let thread = std::thread::Builder::new()
            .name("forebay-sweeper".to_owned())
            .spawn(move || sweeping.sweep(tick, visit_overdue));
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
