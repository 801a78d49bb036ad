//! What was measured of one fingerprint's statements at the database, and of a sample of its hits.
//! Single-threaded: a record has it behind a lock, which is not taken on the way of a hit.

use std::time::{Duration, Instant};

use super::epoch::{Epoch, time_of_day};
use super::ledger::Kept;
use super::slow::{Slow, Slowness};
use super::times::Times;
use super::window::{Share, Windows};
use crate::stats::FingerprintStats;

/// How one statement went at the database.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Visit {
    pub(crate) ended: Instant,
    /// From when it had a connection.
    pub(crate) spent: Duration,
    /// Until it had one.
    pub(crate) wait: Duration,
    /// Rows that it answered or changed.
    pub(crate) rows: u64,
    /// Bytes of its answer.
    pub(crate) bytes: u64,
    pub(crate) failed: bool,
}

impl Visit {
    /// How long it took, in nanoseconds.
    #[inline]
    pub(super) fn nanos(&self) -> u64 {
        narrow(self.spent)
    }
}

/// What came of noting a visit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Noted {
    pub(crate) slow: Option<Slow>,
    /// Which one it was, beginning at 1.
    pub(crate) number: u64,
}

/// Sums and distributions.
#[derive(Clone, Debug, Default)]
pub(crate) struct Measures {
    pub(super) times: Times,
    pub(super) wait_nanos: u64,
    pub(super) rows: u64,
    pub(super) bytes: u64,
    /// Of a sample.
    hits: Option<Box<Times>>,
    /// Hits that are in the windows.
    hits_rolled: u64,
    /// In milliseconds since 1970; 0 for never.
    pub(super) first_ms: u64,
    pub(super) last_ms: u64,
    windows: Option<Box<Windows>>,
    slowness: Slowness,
    /// The digest of its query plan, as of the last time that it was asked for.
    pub(super) plan: Option<u64>,
}

impl Measures {
    /// Notes a visit that took `nanos`.
    pub(super) fn note(
        &mut self,
        visit: &Visit,
        nanos: u64,
        epoch: &Epoch,
        slow_nanos: u64,
    ) -> Noted {
        let now = epoch.since(visit.ended);
        let slow = self.slowness.judge(slow_nanos, now, nanos, &self.times);
        let bucket = self.times.record(nanos);
        if !visit.wait.is_zero() {
            self.wait_nanos = self.wait_nanos.saturating_add(narrow(visit.wait));
        }
        self.rows += visit.rows;
        self.bytes += visit.bytes;
        self.see(epoch.ms_after(now));
        let share = Share {
            calls: 1,
            hits: 0,
            errors: visit.failed.into(),
            rows: visit.rows,
            bytes: visit.bytes,
            nanos,
            nanos_max: nanos,
        };
        let windows = self.windows.get_or_insert_default();
        windows.add(now, &share);
        windows.took(bucket, self.times.count());
        Noted { slow, number: self.times.count() }
    }

    pub(super) fn note_hit(&mut self, spent: Duration) {
        self.hits.get_or_insert_default().record(narrow(spent));
    }

    /// Puts hits into the windows that are not yet there: of those, `hits` in all.
    pub(super) fn roll(&mut self, hits: u64, now: Instant, epoch: &Epoch) {
        let more = hits.saturating_sub(self.hits_rolled);
        if more == 0 {
            return;
        }
        self.hits_rolled = hits;
        self.see(epoch.ms(now));
        let share = Share { calls: more, hits: more, ..Share::default() };
        self.windows.get_or_insert_default().add(epoch.since(now), &share);
    }

    /// Adds what was measured in an earlier run, of whose hits the windows know nothing.
    pub(super) fn restore(&mut self, kept: &Kept) {
        self.times.add(&kept.times);
        self.wait_nanos = self.wait_nanos.saturating_add(kept.wait_nanos);
        self.rows = self.rows.saturating_add(kept.rows);
        self.bytes = self.bytes.saturating_add(kept.bytes);
        self.hits_rolled += kept.hits;
        self.plan = kept.plan;
        [kept.first_ms, kept.last_ms].into_iter().filter(|ms| *ms > 0).for_each(|ms| self.see(ms));
    }

    /// Adds another's, whose hits have all been rolled.
    pub(super) fn absorb(&mut self, other: &Measures, now: Instant, epoch: &Epoch) {
        self.times.add(&other.times);
        self.wait_nanos = self.wait_nanos.saturating_add(other.wait_nanos);
        self.rows += other.rows;
        self.bytes += other.bytes;
        self.hits_rolled += other.hits_rolled;
        if let Some(hits) = &other.hits {
            self.hits.get_or_insert_default().add(hits);
        }
        if let Some(windows) = &other.windows {
            self.windows.get_or_insert_default().absorb(epoch.since(now), windows);
        }
        [other.first_ms, other.last_ms].into_iter().filter(|ms| *ms > 0).for_each(|ms| {
            self.see(ms);
        });
    }

    pub(super) fn show(&self, now: Instant, epoch: &Epoch, stats: &mut FingerprintStats) {
        let now = epoch.since(now);
        stats.rows = self.rows;
        stats.bytes_read = self.bytes;
        stats.time = self.times.stats();
        stats.hit_time = self.hits.as_ref().map(|hits| hits.stats()).unwrap_or_default();
        stats.pool_wait = Duration::from_nanos(self.wait_nanos);
        stats.plan = self.plan;
        stats.first_seen = time_of_day(self.first_ms);
        stats.last_seen = time_of_day(self.last_ms);
        let none = Windows::default();
        let windows = self.windows.as_deref().unwrap_or(&none);
        (stats.minute, stats.hour) = (windows.minute(now), windows.hour(now));
    }

    fn see(&mut self, ms: u64) {
        if self.first_ms == 0 || ms < self.first_ms {
            self.first_ms = ms;
        }
        self.last_ms = self.last_ms.max(ms);
    }
}

/// Nanoseconds, as many as there may be.
#[inline]
fn narrow(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
