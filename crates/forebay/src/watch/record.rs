//! The counters of one fingerprint.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::counter::Counter;
use crate::sql::Bypass;
use crate::stats::FingerprintStats;

/// What was counted for one fingerprint. All counters only grow, but for the two gauges.
#[derive(Debug)]
pub(crate) struct Record {
    id: u64,
    text: Arc<str>,
    name: OnceLock<Box<str>>,
    hits: Counter,
    misses: AtomicU64,
    writes: AtomicU64,
    bypasses: [AtomicU64; Bypass::ALL.len()],
    errors: AtomicU64,
    fills: AtomicU64,
    refused: AtomicU64,
    invalidations: AtomicU64,
    origin_nanos: AtomicU64,
    entries: AtomicI64,
    bytes: AtomicI64,
}

impl Record {
    pub(super) fn new(id: u64, text: Arc<str>) -> Record {
        Record {
            id,
            text,
            name: OnceLock::new(),
            hits: Counter::default(),
            misses: AtomicU64::new(0),
            writes: AtomicU64::new(0),
            bypasses: Default::default(),
            errors: AtomicU64::new(0),
            fills: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            invalidations: AtomicU64::new(0),
            origin_nanos: AtomicU64::new(0),
            entries: AtomicI64::new(0),
            bytes: AtomicI64::new(0),
        }
    }

    /// The normalised text.
    pub(crate) fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// Gives the fingerprint its name; the first one stays.
    pub(crate) fn set_name(&self, name: &str) {
        if self.name.get().is_none() {
            let _ = self.name.set(name.into());
        }
    }

    #[inline]
    pub(crate) fn hit(&self) {
        self.hits.increment();
    }

    pub(crate) fn miss(&self) {
        self.misses.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn write(&self) {
        self.writes.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn bypass(&self, why: Bypass) {
        self.bypasses[why as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn error(&self) {
        self.errors.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn invalidated(&self) {
        self.invalidations.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn origin(&self, spent: Duration) {
        let nanos = u64::try_from(spent.as_nanos()).unwrap_or(u64::MAX);
        self.origin_nanos.fetch_add(nanos, Ordering::Relaxed);
    }

    /// An entry of `bytes` became resident.
    pub(crate) fn stored(&self, bytes: usize) {
        self.fills.fetch_add(1, Ordering::Relaxed);
        self.entries.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes as i64, Ordering::Relaxed);
    }

    /// An entry of `bytes` is gone.
    pub(crate) fn released(&self, bytes: usize) {
        self.entries.fetch_sub(1, Ordering::Relaxed);
        self.bytes.fetch_sub(bytes as i64, Ordering::Relaxed);
    }

    pub(crate) fn fills(&self) -> u64 {
        self.fills.load(Ordering::Relaxed)
    }

    pub(crate) fn refused_fills(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// The counters as they are now.
    pub(crate) fn snapshot(&self) -> FingerprintStats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let gauge = |counter: &AtomicI64| counter.load(Ordering::Relaxed).max(0).unsigned_abs();
        let bypasses: Vec<(&'static str, u64)> = Bypass::ALL
            .iter()
            .map(|why| (why.name(), read(&self.bypasses[*why as usize])))
            .filter(|(_, count)| *count > 0)
            .collect();
        let hits = self.hits.sum();
        let past: u64 = bypasses.iter().map(|(_, count)| count).sum();
        FingerprintStats {
            id: self.id,
            statement: self.text.to_string(),
            name: self.name.get().map(|name| name.to_string()),
            calls: hits + read(&self.misses) + read(&self.writes) + past,
            errors: read(&self.errors),
            hits,
            misses: read(&self.misses),
            bypasses,
            invalidations: read(&self.invalidations),
            entries: gauge(&self.entries),
            bytes: gauge(&self.bytes),
            origin_time: Duration::from_nanos(read(&self.origin_nanos)),
        }
    }
}
