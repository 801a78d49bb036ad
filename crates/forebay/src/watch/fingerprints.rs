//! All fingerprints seen, up to a bound. When it is reached, the lightest are folded into one
//! record for all others, so that sums stay exact and what weighs stays apart. Nothing of that is
//! on the way of a hit.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Instant, SystemTime};

use foldhash::fast::RandomState;

use super::epoch::{Epoch, time_of_day};
use super::ledger::Ledger;
use super::measures::{Noted, Visit};
use super::record::Record;
use super::slow::SlowLimits;
use crate::sql::{Dialect, Fingerprint};
use crate::stats::FingerprintStats;

/// Fingerprints shown apart.
const SHOWN_MAX: usize = 5_000;

/// Records at most. Those beyond the ones shown are kept only as long as a template or an entry
/// counts on them: what they count would be lost otherwise.
const RECORDS_MAX: usize = 4 * SHOWN_MAX;

/// Fingerprints kept in a file. Those beyond are one record there.
const SAVED_MAX: usize = 1_000;

/// The text that stands for all others.
const OTHERS: &str = "(other statements)";

/// How many records there may be.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    shown_max: usize,
    records_max: usize,
}

/// Records by fingerprint.
pub(crate) struct Fingerprints {
    dialect: Dialect,
    bounds: Bounds,
    epoch: Epoch,
    /// What is slow, in nanoseconds; the greatest number if nothing is.
    slow_nanos: AtomicU64,
    /// When counting began, in milliseconds since 1970; earlier than the epoch for counts that
    /// are of an earlier run.
    since_ms: AtomicU64,
    table: RwLock<Table>,
    other: Arc<Record>,
}

struct Table {
    records: HashMap<u64, Arc<Record>, RandomState>,
    /// The lightest are folded when there are so many.
    fold_at: usize,
    /// Fingerprints that found no room since it was last tried to make some.
    refused: usize,
    folded: u64,
}

impl Fingerprints {
    pub(crate) fn new(dialect: Dialect, limits: SlowLimits) -> Fingerprints {
        let bounds = Bounds { shown_max: SHOWN_MAX, records_max: RECORDS_MAX };
        Fingerprints::bounded(dialect, limits, bounds)
    }

    fn bounded(dialect: Dialect, limits: SlowLimits, bounds: Bounds) -> Fingerprints {
        let table =
            Table { records: HashMap::default(), fold_at: bounds.shown_max, refused: 0, folded: 0 };
        let now = Instant::now();
        let epoch = Epoch::new(now, SystemTime::now());
        Fingerprints {
            dialect,
            bounds,
            since_ms: AtomicU64::new(epoch.ms(now)),
            epoch,
            slow_nanos: AtomicU64::new(limits.nanos()),
            table: RwLock::new(table),
            other: Arc::new(others()),
        }
    }

    /// The record for the fingerprint of `sql`. Cost: the text is read once; of a new one in
    /// some hundred, a look at all records.
    pub(crate) fn of(&self, sql: &str) -> Arc<Record> {
        let fingerprint = Fingerprint::new(sql, self.dialect);
        self.record(fingerprint.id(), fingerprint.text())
    }

    /// The record for this fingerprint, whose normalised text is `text`.
    pub(super) fn record(&self, id: u64, text: &Arc<str>) -> Arc<Record> {
        if let Some(record) = self.table().records.get(&id) {
            return record.clone();
        }
        let mut table = self.table_mut();
        if let Some(record) = table.records.get(&id) {
            return record.clone();
        }
        if !table.has_room(self.bounds) {
            table.fold(self.bounds, &self.other, &self.epoch);
        }
        if table.records.len() >= self.bounds.records_max {
            return self.other.clone();
        }
        let record = Arc::new(Record::new(id, text.clone()));
        table.records.insert(id, record.clone());
        record
    }

    /// The record for the fingerprint of `sql`; an empty one, which is forgotten again, if it has
    /// not been seen.
    pub(crate) fn look_up(&self, sql: &str) -> Arc<Record> {
        let fingerprint = Fingerprint::new(sql, self.dialect);
        let known = self.table().records.get(&fingerprint.id()).cloned();
        let empty = || Arc::new(Record::new(fingerprint.id(), fingerprint.text().clone()));
        known.unwrap_or_else(empty)
    }

    /// Notes how a statement of this record went at the database.
    #[inline]
    pub(crate) fn note(&self, record: &Record, visit: &Visit) -> Noted {
        record.visited(visit, &self.epoch, self.slow_nanos.load(Ordering::Relaxed))
    }

    /// Sets what is slow from now on.
    pub(crate) fn set_slow(&self, limits: SlowLimits) {
        self.slow_nanos.store(limits.nanos(), Ordering::Relaxed);
    }

    /// To be called every ten seconds or so: brings hits into the windows.
    pub(crate) fn roll(&self, now: Instant) {
        let all: Vec<Arc<Record>> = self.table().records.values().cloned().collect();
        all.iter().for_each(|record| record.roll(now, &self.epoch));
    }

    /// Every record, the shared one last.
    pub(crate) fn all(&self) -> Vec<Arc<Record>> {
        let table = self.table();
        table.records.values().chain([&self.other]).cloned().collect()
    }

    /// The heaviest, as many as are shown, and one for all others, if there are any. What is
    /// counted in the latter is a copy.
    pub(crate) fn shown(&self, now: Instant) -> Vec<Arc<Record>> {
        self.heaviest(self.bounds.shown_max, now)
    }

    fn heaviest(&self, count: usize, now: Instant) -> Vec<Arc<Record>> {
        let mut all: Vec<Arc<Record>> = self.table().records.values().cloned().collect();
        let lighter = match all.len().checked_sub(count) {
            Some(surplus @ 1..) => {
                let weighed = all.into_iter().map(|record| (record.weight(), record));
                let mut weighed: Vec<(u64, Arc<Record>)> = weighed.collect();
                weighed.select_nth_unstable_by_key(surplus - 1, |(weight, _)| *weight);
                all = weighed.into_iter().map(|(_, record)| record).collect();
                let heavier = all.split_off(surplus);
                std::mem::replace(&mut all, heavier)
            }
            _ => Vec::new(),
        };
        if lighter.is_empty() && !self.other.is_used() {
            return all;
        }
        let sum = others();
        sum.absorb(&self.other, now, &self.epoch);
        lighter.iter().for_each(|record| sum.absorb(record, now, &self.epoch));
        all.push(Arc::new(sum));
        all
    }

    /// The counters of a record as they are now.
    pub(crate) fn snapshot(&self, record: &Record, now: Instant) -> FingerprintStats {
        record.snapshot(now, &self.epoch)
    }

    /// When counting began.
    pub(crate) fn since(&self) -> Option<SystemTime> {
        time_of_day(self.since_ms.load(Ordering::Relaxed))
    }

    /// How many fingerprints were folded into the others.
    pub(crate) fn folded(&self) -> u64 {
        self.table().folded
    }

    /// What is counted, to be kept in a file.
    pub(crate) fn ledger(&self) -> Ledger {
        let now = Instant::now();
        // So that when each was seen last is told of hits, too.
        self.roll(now);
        Ledger {
            dialect: self.dialect,
            since_ms: self.since_ms.load(Ordering::Relaxed),
            saved_ms: self.epoch.ms(now),
            folded: self.folded(),
            lines: self.heaviest(SAVED_MAX, now).iter().map(|record| record.kept()).collect(),
        }
    }

    /// Goes on from what was counted in an earlier run. To be called before anything is counted.
    pub(crate) fn restore(&self, ledger: &Ledger) {
        self.since_ms.store(ledger.since_ms, Ordering::Relaxed);
        self.table_mut().folded = ledger.folded;
        for kept in ledger.lines.iter().take(SAVED_MAX + 1) {
            let is_other = kept.id == 0;
            let record =
                if is_other { self.other.clone() } else { self.record(kept.id, &kept.text) };
            record.restore(kept);
        }
    }

    pub(crate) fn dialect(&self) -> Dialect {
        self.dialect
    }

    fn table(&self) -> RwLockReadGuard<'_, Table> {
        self.table.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn table_mut(&self) -> RwLockWriteGuard<'_, Table> {
        self.table.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// Whether another record fits without making room. If not, and making room did not help
    /// lately, some have to be refused before it is tried again, since it looks at all records.
    fn has_room(&mut self, bounds: Bounds) -> bool {
        if self.records.len() < self.fold_at {
            return true;
        }
        if self.fold_at < bounds.records_max || self.refused >= bounds.step() {
            self.refused = 0;
            return false;
        }
        self.refused += 1;
        true
    }

    /// Folds the lightest into the others, an eighth more than there has to be room for, so that it
    /// is seldom done. Those on which somebody counts stay, and so do those that are switched off
    /// for a wrong answer: that must not be forgotten.
    fn fold(&mut self, bounds: Bounds, other: &Record, epoch: &Epoch) {
        let now = Instant::now();
        let surplus = self.records.len().saturating_sub(bounds.shown_max - bounds.step());
        let weigh = |(id, record): (&u64, &Arc<Record>)| (record.weight(), *id);
        let mut weighed: Vec<(u64, u64)> = self.records.iter().map(weigh).collect();
        if let Some(last) = surplus.min(weighed.len()).checked_sub(1) {
            weighed.select_nth_unstable(last);
        }
        for (_, id) in weighed.into_iter().take(surplus) {
            // Nobody can get hold of it meanwhile, since the table is locked.
            let is_free =
                |record: &Arc<Record>| Arc::strong_count(record) == 1 && !record.is_condemned();
            if self.records.get(&id).is_some_and(is_free)
                && let Some(record) = self.records.remove(&id)
            {
                other.absorb(&record, now, epoch);
                self.folded += 1;
            }
        }
        let more = self.records.len() + bounds.step();
        self.fold_at = more.max(bounds.shown_max).min(bounds.records_max);
    }
}

impl Bounds {
    /// How many are folded at once at least, if as many are free.
    fn step(self) -> usize {
        (self.shown_max / 8).max(1)
    }
}

fn others() -> Record {
    Record::new(0, OTHERS.into())
}

#[cfg(test)]
mod replay;
#[cfg(test)]
mod tests;
