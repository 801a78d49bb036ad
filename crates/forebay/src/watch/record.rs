//! The counters of one fingerprint.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

#[cfg(feature = "http")]
use super::account;
use super::counter::Counter;
use super::epoch::Epoch;
use super::ledger::Kept;
use super::measures::{Measures, Noted, Visit};
use super::projection::Projection;
use super::weigh::Worth;
use super::worth::{Findings, Verdict};
use crate::mode::CacheMode;
use crate::sql::Bypass;
use crate::stats::{FingerprintStats, WorthStats};

/// What a hit counts beside time at the database, in nanoseconds.
const HIT_NANOS: u64 = 100;

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
    caller: OnceLock<Box<str>>,
    /// One of its texts.
    sample: OnceLock<Arc<str>>,
    /// Boxed, since it is as large as all else together and many have no hits.
    hits: OnceLock<Box<Counter>>,
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
    measures: Mutex<Measures>,
    /// The tables that its statements read, as far as they have been analysed.
    tables: Mutex<Arc<[Box<str>]>>,
    /// The rule that acts on its statements.
    rule: Mutex<Option<Arc<str>>>,
    pub(crate) worth: Worth,
    projection: OnceLock<Box<Projection>>,
}

impl Record {
    pub(super) fn new(id: u64, text: Arc<str>) -> Record {
        Record {
            id,
            text,
            name: OnceLock::new(),
            caller: OnceLock::new(),
            sample: OnceLock::new(),
            hits: OnceLock::new(),
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
            measures: Mutex::default(),
            tables: Mutex::default(),
            rule: Mutex::default(),
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

    /// Notes the rule that acts on its statements.
    pub(crate) fn set_rule(&self, rule: Option<Arc<str>>) {
        *self.rule.lock().unwrap_or_else(PoisonError::into_inner) = rule;
    }

    fn rule(&self) -> Option<String> {
        let rule = self.rule.lock().unwrap_or_else(PoisonError::into_inner);
        rule.as_ref().map(|rule| rule.to_string())
    }

    /// What caching would have brought.
    pub(crate) fn projection(&self) -> &Projection {
        self.projection.get_or_init(Box::default)
    }

    /// Counts a hit. Gives how many this thread has counted before: good enough to pick some of
    /// them.
    #[inline]
    pub(crate) fn hit(&self) -> u64 {
        #[cfg(feature = "http")]
        account::hit();
        self.hits.get_or_init(Box::default).increment()
    }

    pub(crate) fn hits(&self) -> u64 {
        self.hits.get().map_or(0, |hits| hits.sum())
    }

    /// Notes that a hit was not known to be true.
    pub(crate) fn stale(&self) {
        self.stale.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a miss; gives its number, beginning at 1.
    pub(crate) fn miss(&self) -> u64 {
        #[cfg(feature = "http")]
        account::statement();
        self.misses.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(crate) fn misses(&self) -> u64 {
        self.misses.load(Ordering::Relaxed)
    }

    pub(crate) fn write(&self) {
        #[cfg(feature = "http")]
        account::statement();
        self.writes.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn bypass(&self, why: Bypass) {
        #[cfg(feature = "http")]
        account::statement();
        self.bypasses[why as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn error(&self) {
        self.errors.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn errors(&self) -> u64 {
        self.errors.load(Ordering::Relaxed)
    }

    pub(super) fn invalidations(&self) -> u64 {
        self.invalidations.load(Ordering::Relaxed)
    }

    /// Executions that went to the database.
    pub(super) fn at_database(&self) -> u64 {
        let past: u64 = self.bypassed().map(|(_, count)| count).sum();
        self.misses() + self.writes.load(Ordering::Relaxed) + past
    }

    pub(crate) fn refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn invalidated(&self) {
        self.invalidations.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes how a statement went at the database. It is slow from so many nanoseconds on.
    pub(super) fn visited(&self, visit: &Visit, epoch: &Epoch, slow_nanos: u64) -> Noted {
        #[cfg(feature = "http")]
        account::spent(visit.spent);
        let nanos = visit.nanos();
        self.origin_nanos.fetch_add(nanos, Ordering::Relaxed);
        self.measures().note(visit, nanos, epoch, slow_nanos)
    }

    /// Notes how long a hit took.
    pub(crate) fn hit_took(&self, spent: Duration) {
        self.measures().note_hit(spent);
    }

    /// Puts the hits so far into the windows.
    pub(super) fn roll(&self, now: Instant, epoch: &Epoch) {
        let hits = self.hits();
        if hits > 0 {
            self.measures().roll(hits, now, epoch);
        }
    }

    /// Notes the digest of its query plan; gives the one before.
    pub(crate) fn set_plan(&self, plan: u64) -> Option<u64> {
        self.measures().plan.replace(plan)
    }

    pub(super) fn measures(&self) -> MutexGuard<'_, Measures> {
        self.measures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who has asked for it, and one of its texts; the first ones stay.
    pub(crate) fn set_caller(&self, caller: &str) {
        if self.caller.get().is_none() {
            let _ = self.caller.set(caller.into());
        }
    }

    pub(crate) fn caller(&self) -> Option<&str> {
        self.caller.get().map(|caller| &**caller)
    }

    pub(crate) fn set_sample(&self, text: impl FnOnce() -> Option<Arc<str>>) {
        if self.sample.get().is_none()
            && let Some(text) = text()
        {
            let _ = self.sample.set(text);
        }
    }

    pub(crate) fn sample(&self) -> Option<&Arc<str>> {
        self.sample.get()
    }

    /// Whether anything was counted in it.
    pub(super) fn is_used(&self) -> bool {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let counted = read(&self.misses) + read(&self.writes) + read(&self.fills);
        let past: u64 = self.bypasses.iter().map(read).sum();
        let visited = read(&self.origin_nanos);
        counted + past + read(&self.errors) + self.hits() + visited > 0
    }

    /// How much its counts matter: the time that it took, and something for each hit.
    pub(super) fn weight(&self) -> u64 {
        let nanos = self.origin_nanos.load(Ordering::Relaxed);
        nanos.saturating_add(self.hits().saturating_mul(HIT_NANOS))
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

    /// Adds what another one has counted.
    pub(super) fn absorb(&self, other: &Record, now: Instant, epoch: &Epoch) {
        other.roll(now, epoch);
        let counters: [(&AtomicU64, &AtomicU64); 8] = [
            (&self.stale, &other.stale),
            (&self.misses, &other.misses),
            (&self.writes, &other.writes),
            (&self.errors, &other.errors),
            (&self.fills, &other.fills),
            (&self.refused, &other.refused),
            (&self.invalidations, &other.invalidations),
            (&self.origin_nanos, &other.origin_nanos),
        ];
        for (own, others) in counters.into_iter().chain(self.bypasses.iter().zip(&other.bypasses)) {
            own.fetch_add(others.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        for (own, others) in [(&self.entries, &other.entries), (&self.bytes, &other.bytes)] {
            own.fetch_add(others.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        if let Some(projection) = other.projection.get() {
            self.projection().absorb(projection);
        }
        // Never both locks at once: two that absorb each other would wait for ever.
        let measured = other.measures().clone();
        self.measures().absorb(&measured, now, epoch);
        // After it: hits that are there before they count as rolled would be rolled twice.
        self.add_hits(other.hits());
    }

    pub(super) fn add_hits(&self, hits: u64) {
        if hits > 0 {
            self.hits.get_or_init(Box::default).add(hits);
        }
    }

    /// What of it is kept in a file.
    pub(super) fn kept(&self) -> Kept {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let measures = self.measures().clone();
        Kept {
            id: self.id,
            text: self.text.clone(),
            name: self.name().map(str::to_owned),
            caller: self.caller().map(str::to_owned),
            sample: self.sample().map(|text| text.to_string()),
            hits: self.hits(),
            stale: read(&self.stale),
            misses: read(&self.misses),
            writes: read(&self.writes),
            bypasses: self.bypasses.each_ref().map(read),
            errors: read(&self.errors),
            invalidations: read(&self.invalidations),
            rows: measures.rows,
            bytes: measures.bytes,
            wait_nanos: measures.wait_nanos,
            first_ms: measures.first_ms,
            last_ms: measures.last_ms,
            plan: measures.plan,
            times: measures.times,
        }
    }

    /// Adds what was counted in an earlier run.
    pub(super) fn restore(&self, kept: &Kept) {
        let counters: [(&AtomicU64, u64); 6] = [
            (&self.stale, kept.stale),
            (&self.misses, kept.misses),
            (&self.writes, kept.writes),
            (&self.errors, kept.errors),
            (&self.invalidations, kept.invalidations),
            (&self.origin_nanos, kept.times.nanos()),
        ];
        let bypasses = self.bypasses.iter().zip(kept.bypasses);
        for (counter, count) in counters.into_iter().chain(bypasses) {
            counter.fetch_add(count, Ordering::Relaxed);
        }
        self.measures().restore(kept);
        self.add_hits(kept.hits);
        kept.name.iter().for_each(|name| _ = self.set_name(name));
        kept.caller.iter().for_each(|caller| self.set_caller(caller));
        self.set_sample(|| kept.sample.as_deref().map(Arc::from));
    }

    /// How often it went past the cache for each reason that it had.
    pub(crate) fn bypassed(&self) -> impl Iterator<Item = (Bypass, u64)> {
        let count = |why: &Bypass| self.bypasses[*why as usize].load(Ordering::Relaxed);
        Bypass::ALL.iter().map(move |why| (*why, count(why))).filter(|(_, count)| *count > 0)
    }

    /// The counters as they are now.
    pub(crate) fn snapshot(&self, now: Instant, epoch: &Epoch) -> FingerprintStats {
        self.roll(now, epoch);
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let gauge = |counter: &AtomicI64| counter.load(Ordering::Relaxed).max(0).unsigned_abs();
        let bypasses: Vec<(&'static str, u64)> =
            self.bypassed().map(|(why, count)| (why.name(), count)).collect();
        let hits = self.hits();
        let past: u64 = bypasses.iter().map(|(_, count)| count).sum();
        let mut stats = FingerprintStats {
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
            rule: self.rule(),
            is_condemned: self.is_condemned(),
            worth: self.worth.findings().into(),
            shadow: self.projection.get().map(|projection| projection.snapshot()),
            caller: self.caller().map(str::to_owned),
            sample: self.sample().map(|text| text.to_string()),
            ..FingerprintStats::default()
        };
        self.measures().show(now, epoch, &mut stats);
        stats
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
