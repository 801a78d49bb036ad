//! The judge of a fingerprint, as many threads consult it: what is asked at every miss are two
//! loads, and what is rarely asked takes a lock. A sample that finds it taken is left out.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use super::worth::{Cost, Findings, Judge};

/// Whether keeping answers pays, shared.
#[derive(Debug)]
pub(crate) struct Worth {
    judge: Mutex<Judge>,
    is_resting: AtomicBool,
    /// The miss at which the judge is to decide again.
    window_end: AtomicU64,
}

impl Worth {
    pub(super) fn new() -> Worth {
        let judge = Judge::new();
        let window_end = AtomicU64::new(judge.window_end());
        Worth { judge: Mutex::new(judge), is_resting: AtomicBool::new(false), window_end }
    }

    /// Whether answers are to be kept now. `hits` and `misses` are the counters of the fingerprint.
    pub(crate) fn admits(&self, hits: impl FnOnce() -> u64, misses: u64) -> bool {
        if !self.is_resting.load(Ordering::Relaxed) {
            return true;
        }
        let Some(mut judge) = self.try_judge() else { return false };
        let admits = judge.admits(Instant::now(), hits(), misses);
        if admits {
            self.publish(&judge, false);
        }
        admits
    }

    /// Counts a miss that is kept, the `misses`th. Gives the verdict if it has become another one.
    pub(crate) fn missed(&self, hits: impl FnOnce() -> u64, misses: u64) -> Option<Findings> {
        if misses < self.window_end.load(Ordering::Relaxed) {
            return None;
        }
        let mut judge = self.try_judge()?;
        if misses < judge.window_end() {
            return None;
        }
        let before = judge.is_resting();
        judge.decide(Instant::now(), hits(), misses);
        let is_resting = judge.is_resting();
        self.publish(&judge, is_resting);
        (before != is_resting).then(|| judge.findings())
    }

    pub(crate) fn note(&self, cost: Cost, spent: Duration) {
        if let Some(mut judge) = self.try_judge() {
            judge.note(cost, spent);
        }
    }

    pub(crate) fn findings(&self) -> Findings {
        self.judge.lock().unwrap_or_else(PoisonError::into_inner).findings()
    }

    fn try_judge(&self) -> Option<MutexGuard<'_, Judge>> {
        match self.judge.try_lock() {
            Ok(judge) => Some(judge),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// Under the judge's lock, so that what is published is the latest.
    fn publish(&self, judge: &Judge, is_resting: bool) {
        self.window_end.store(judge.window_end(), Ordering::Relaxed);
        self.is_resting.store(is_resting, Ordering::Relaxed);
    }
}
