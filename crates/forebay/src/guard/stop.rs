//! A request to stop a running statement: by its caller, or by its time limit. It stops nothing
//! itself; whoever runs the statement asks it now and then.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// Shared by the caller and the runner of one statement.
#[derive(Debug, Default)]
pub(crate) struct Stop {
    cancelled: AtomicBool,
    deadline: Option<Instant>,
}

impl Stop {
    /// A statement that must end by `deadline`, if one is given.
    pub(crate) fn at(deadline: Option<Instant>) -> Arc<Stop> {
        Arc::new(Stop { cancelled: AtomicBool::new(false), deadline })
    }

    /// When the statement must have ended.
    #[cfg(feature = "postgres")]
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    pub(crate) fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    pub(crate) fn is_late(&self) -> bool {
        self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }
}

/// Held by the caller's future: when that is dropped, the statement is asked to stop.
pub(crate) struct StopOnDrop(pub(crate) Arc<Stop>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}
