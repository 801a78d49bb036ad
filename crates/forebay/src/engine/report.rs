//! The counters of one database as plain data.

use std::sync::Arc;
use std::time::Instant;

use super::database::Engine;
use super::policy::Shelf;
use crate::invalidate::Author;
use crate::slow::SlowLog;
use crate::sql::{Bypass, Fingerprint};
use crate::stats::{CacheStats, DropStats, FingerprintStats, ShadowStats, Stats, WatchStats};
use crate::watch::{Pair, Pulse, Record};

impl Engine {
    /// A snapshot of every counter. Cost: one pass over the fingerprints.
    pub(crate) fn stats(&self) -> Stats {
        let counted = self.origin.counters();
        let now = Instant::now();
        let records = self.fingerprints.shown(now);
        let snapshot = |record: &Arc<Record>| self.fingerprints.snapshot(record, now);
        let mut fingerprints: Vec<FingerprintStats> = records.iter().map(snapshot).collect();
        fingerprints.sort_unstable_by_key(|record| std::cmp::Reverse(record.calls));
        let mut cache = CacheStats {
            off: self.cache_off(),
            mode: self.cache_mode(),
            audit: self.trust.audit.stats(),
            drops: drops(self.trust.drops.pairs(), &records),
            drops_other: self.trust.drops.other(),
            differences: self.trust.differences.all(),
            fills: records.iter().map(|record| record.fills()).sum(),
            refused_fills: records.iter().map(|record| record.refused_fills()).sum(),
            evictions: self.store.evictions(),
            flushes: self.origin.flushes(),
            capture_gaps: counted.capture_gaps,
            foreign: counted.foreign,
            entries: self.store.len() as u64,
            policies: self.shelf.get().map(Shelf::stats).unwrap_or_default(),
            windows: self.origin.windows() as u64,
            bytes: self.store.bytes(),
            bytes_max: self.store.bytes_max(),
            ..CacheStats::default()
        };
        for record in &fingerprints {
            cache.hits += record.hits;
            cache.misses += record.misses;
            cache.invalidations += record.invalidations;
            cache.stale += record.stale;
            if let Some(shadow) = &record.shadow {
                add(&mut cache.shadow, shadow);
            }
        }
        cache.bypasses = Bypass::ALL
            .iter()
            .map(|why| (why.name(), total(&fingerprints, why.name())))
            .filter(|(_, count)| *count > 0)
            .collect();
        Stats {
            cache,
            readers: counted.readers,
            writer: counted.writer,
            sessions: counted.sessions,
            statements: counted.statements,
            replication: self.origin.replication(),
            fingerprints,
            watch: WatchStats {
                since: self.fingerprints.since(),
                folded: self.fingerprints.folded(),
                ..self.scribe.stats()
            },
        }
    }

    /// The sums of all counters. Cost: one pass over the fingerprints, of which nothing is copied.
    pub(crate) fn pulse(&self) -> Pulse {
        let counted = self.origin.counters();
        let mut pulse = Pulse::new(Instant::now());
        self.fingerprints.all().iter().for_each(|record| pulse.add(record));
        pulse.evictions = self.store.evictions();
        pulse.entries = self.store.len() as u64;
        pulse.bytes = self.store.bytes();
        pulse.bytes_max = self.store.bytes_max();
        pulse.readers = counted.readers;
        pulse.writer = counted.writer;
        pulse.sessions = counted.sessions;
        pulse.replication = self.origin.replication();
        pulse
    }

    /// What was slow lately.
    pub(crate) fn slow(&self) -> SlowLog {
        self.scribe.log()
    }
}

/// The pairs of reads and writes with the writes in words.
fn drops(pairs: Vec<(Pair, u64)>, records: &[Arc<Record>]) -> Vec<DropStats> {
    let writer = |number: u32| {
        records.iter().find(|it| Author::statement(Fingerprint::number(it.id())).number() == number)
    };
    let named = |(pair, count): (Pair, u64)| {
        let (write, cause) = match pair.write {
            Some(number) if number == Author::OTHERS.number() => {
                (None, "(another process, a new schema, or emptied)".to_owned())
            }
            Some(number) => match writer(number) {
                Some(record) => (Some(record.id()), record.text().to_string()),
                None => (None, "(a statement without statistics)".to_owned()),
            },
            None => (None, "(unknown)".to_owned()),
        };
        DropStats { read: pair.read, write, cause, count }
    };
    pairs.into_iter().map(named).collect()
}

fn add(sum: &mut ShadowStats, part: &ShadowStats) {
    sum.hits += part.hits;
    sum.misses += part.misses;
    sum.compared += part.compared;
    sum.differing += part.differing;
    sum.skipped += part.skipped;
    sum.saved += part.saved;
}

fn total(fingerprints: &[FingerprintStats], why: &str) -> u64 {
    let counts = fingerprints.iter().flat_map(|record| &record.bypasses);
    counts.filter(|(name, _)| *name == why).map(|(_, count)| count).sum()
}
