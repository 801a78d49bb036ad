//! The counters of one fingerprint.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use super::counter::Counter;
use super::projection::Projection;
use super::weigh::Worth;
use super::worth::{Findings, Verdict};
use crate::mode::CacheMode;
use crate::sql::Bypass;
use crate::stats::{FingerprintStats, WorthStats};

/// The switch in force for one fingerprint, and who has set it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Switch {
    On,
    Shadow,
    /// Off for all.
    Off,
    /// Off for this statement, or for a table that it reads.
    SwitchedOff,
    /// Off since an answer in the cache differed from the database's.
    Condemned,
}

/// What was counted for one fingerprint. All counters only grow, but for the two gauges.
#[derive(Debug)]
pub(crate) struct Record {
    id: u64,
    text: Arc<str>,
    name: OnceLock<Box<str>>,
    hits: Counter,
    stale: AtomicU64,
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
    switch: AtomicU8,
    is_condemned: AtomicBool,
    /// The tables that its statements read, as far as they have been analysed.
    tables: Mutex<Arc<[Box<str>]>>,
    pub(crate) worth: Worth,
    projection: OnceLock<Box<Projection>>,
}

impl Record {
    pub(super) fn new(id: u64, text: Arc<str>) -> Record {
        Record {
            id,
            text,
            name: OnceLock::new(),
            hits: Counter::default(),
            stale: AtomicU64::new(0),
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
            switch: AtomicU8::new(Switch::On as u8),
            is_condemned: AtomicBool::new(false),
            tables: Mutex::default(),
            worth: Worth::new(),
            projection: OnceLock::new(),
        }
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// The normalised text.
    pub(crate) fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// Gives the fingerprint its name, and says whether it is new; the first one stays.
    pub(crate) fn set_name(&self, name: &str) -> bool {
        self.name.get().is_none() && self.name.set(name.into()).is_ok()
    }

    pub(crate) fn name(&self) -> Option<&str> {
        self.name.get().map(|name| &**name)
    }

    /// The switch in force.
    #[inline]
    pub(crate) fn switch(&self) -> Switch {
        match self.switch.load(Ordering::Relaxed) {
            0 => Switch::On,
            1 => Switch::Shadow,
            2 => Switch::Off,
            3 => Switch::SwitchedOff,
            _ => Switch::Condemned,
        }
    }

    /// To be called by whoever keeps the switches.
    pub(crate) fn set_switch(&self, switch: Switch) {
        self.switch.store(switch as u8, Ordering::Relaxed);
    }

    /// Whether an answer in the cache has differed from the database's.
    pub(crate) fn is_condemned(&self) -> bool {
        self.is_condemned.load(Ordering::Relaxed)
    }

    pub(crate) fn set_condemned(&self, is_condemned: bool) {
        self.is_condemned.store(is_condemned, Ordering::Relaxed);
    }

    /// The tables that its statements read.
    pub(crate) fn tables(&self) -> Arc<[Box<str>]> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes the tables that one of its statements reads. They are the same for all, unless the
    /// schema has changed.
    pub(crate) fn set_tables(&self, tables: &[Box<str>]) {
        let mut known = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        if **known != *tables {
            *known = tables.into();
        }
    }

    /// What caching would have brought.
    pub(crate) fn projection(&self) -> &Projection {
        self.projection.get_or_init(Box::default)
    }

    /// Counts a hit. Gives how many this thread has counted before: good enough to pick some of
    /// them.
    #[inline]
    pub(crate) fn hit(&self) -> u64 {
        self.hits.increment()
    }

    pub(crate) fn hits(&self) -> u64 {
        self.hits.sum()
    }

    /// Notes that a hit was not known to be true.
    pub(crate) fn stale(&self) {
        self.stale.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a miss; gives its number, beginning at 1.
    pub(crate) fn miss(&self) -> u64 {
        self.misses.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(crate) fn misses(&self) -> u64 {
        self.misses.load(Ordering::Relaxed)
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
            stale: read(&self.stale),
            misses: read(&self.misses),
            bypasses,
            invalidations: read(&self.invalidations),
            entries: gauge(&self.entries),
            bytes: gauge(&self.bytes),
            origin_time: Duration::from_nanos(read(&self.origin_nanos)),
            mode: self.switch().mode(),
            is_condemned: self.is_condemned(),
            worth: self.worth.findings().into(),
            shadow: self.projection.get().map(|projection| projection.snapshot()),
        }
    }
}

impl Switch {
    pub(crate) fn mode(self) -> CacheMode {
        match self {
            Switch::On => CacheMode::On,
            Switch::Shadow => CacheMode::Shadow,
            Switch::Off | Switch::SwitchedOff | Switch::Condemned => CacheMode::Off,
        }
    }
}

impl From<Findings> for WorthStats {
    fn from(findings: Findings) -> WorthStats {
        let rests = match findings.verdict {
            Verdict::Rests(until) => Some(until.saturating_duration_since(Instant::now())),
            _ => None,
        };
        WorthStats {
            verdict: match findings.verdict {
                Verdict::Trial => "trial",
                Verdict::Pays => "pays",
                Verdict::Doubtful => "doubtful",
                Verdict::Rests(_) => "not_worth",
            },
            origin: findings.origin,
            miss: findings.origin.zip(findings.keep).map(|(origin, keep)| origin + keep),
            hit: findings.hit,
            hit_ratio: findings.ratio,
            needed: findings.needed,
            rests,
        }
    }
}
