//! What the tier has done, counted; and the snapshot of it that is shown. It decides nothing.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::fault::Fault;

/// What the tier in Redis has done since it was connected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RedisStats {
    /// Whether it is known who has the keys, and no breaker is open.
    pub is_up: bool,
    /// Whether changes are heard, so that copies in memory may be used.
    pub is_hearing: bool,
    /// Servers that share the keys.
    pub servers: u64,
    /// Values that were found.
    pub hits: u64,
    /// Values that were not there.
    pub misses: u64,
    /// Values that were stored.
    pub stored: u64,
    /// Values that were not stored because they are longer than the limit.
    pub too_large: u64,
    /// Fills that lost to a removal, or came too late.
    pub fills_refused: u64,
    /// Removals that were acknowledged.
    pub removed: u64,
    /// Removals that were not.
    pub not_acknowledged: u64,
    /// Calls that took longer than their limit.
    pub slow: u64,
    /// Calls that failed because the server could not be reached, was not ready or refused the
    /// login.
    pub unreachable: u64,
    /// Replies that were not what the protocol says.
    pub garbage: u64,
    /// Calls that the server refused by themselves: no memory, read only, moved.
    pub refused: u64,
    /// Calls that were not sent because a breaker is open.
    pub left_alone: u64,
    /// How often a breaker has opened.
    pub opened: u64,
    /// Changes that were heard.
    pub changes: u64,
    /// How often anything may have changed: connections that were lost, servers that forgot.
    pub doubts: u64,
    /// The last fault, in words; without keys and secrets.
    pub last_fault: Option<String>,
}

/// The counters.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) hits: AtomicU64,
    pub(super) misses: AtomicU64,
    pub(super) stored: AtomicU64,
    pub(super) too_large: AtomicU64,
    pub(super) fills_refused: AtomicU64,
    pub(super) removed: AtomicU64,
    pub(super) not_acknowledged: AtomicU64,
    pub(super) opened: AtomicU64,
    pub(super) changes: AtomicU64,
    pub(super) doubts: AtomicU64,
    slow: AtomicU64,
    unreachable: AtomicU64,
    garbage: AtomicU64,
    refused: AtomicU64,
    left_alone: AtomicU64,
    last_fault: Mutex<Option<Fault>>,
}

pub(super) fn count(counter: &AtomicU64) {
    add(counter, 1);
}

pub(super) fn add(counter: &AtomicU64, number: usize) {
    counter.fetch_add(number as u64, Ordering::Relaxed);
}

impl Counts {
    pub(super) fn fault(&self, fault: &Fault) {
        count(match fault {
            Fault::Slow => &self.slow,
            Fault::Unreachable(_) | Fault::Denied(_) | Fault::NotReady(_) | Fault::Nowhere => {
                &self.unreachable
            }
            Fault::Garbage => &self.garbage,
            Fault::LeftAlone => &self.left_alone,
            Fault::Moved | Fault::ReadOnly | Fault::Full | Fault::NoScript | Fault::Refused(_) => {
                &self.refused
            }
        });
        if !matches!(fault, Fault::LeftAlone) {
            let mut last = self.last_fault.lock().unwrap_or_else(PoisonError::into_inner);
            if last.as_ref() != Some(fault) {
                *last = Some(fault.clone());
            }
        }
    }

    pub(super) fn last_fault(&self) -> Option<Fault> {
        self.last_fault.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The counters at this moment; what is no counter is filled in by the caller.
    pub(super) fn snapshot(&self) -> RedisStats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        RedisStats {
            hits: read(&self.hits),
            misses: read(&self.misses),
            stored: read(&self.stored),
            too_large: read(&self.too_large),
            fills_refused: read(&self.fills_refused),
            removed: read(&self.removed),
            not_acknowledged: read(&self.not_acknowledged),
            slow: read(&self.slow),
            unreachable: read(&self.unreachable),
            garbage: read(&self.garbage),
            refused: read(&self.refused),
            left_alone: read(&self.left_alone),
            opened: read(&self.opened),
            changes: read(&self.changes),
            doubts: read(&self.doubts),
            last_fault: self.last_fault().as_ref().map(Fault::to_string),
            ..RedisStats::default()
        }
    }
}
