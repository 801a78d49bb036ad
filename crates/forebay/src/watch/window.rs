//! What happened lately: sums over the last minute and the last hour, in slots that are used again
//! when their time has passed, and how its times are spread. It is given the time.

use std::time::Duration;

use super::histogram::Bucket;
use super::recent::{Reach, Recent};
use crate::stats::WindowStats;

/// Slots of a window. The present one is not over yet, so that a window covers five to six of them.
const SLOTS: usize = 6;

/// Seconds of a slot of the last minute, and of the last hour.
const MINUTE_SLOT: u64 = 10;
const HOUR_SLOT: u64 = 600;

/// What one call, or several, added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Share {
    pub(crate) calls: u64,
    pub(crate) hits: u64,
    pub(crate) errors: u64,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    pub(crate) nanos: u64,
    pub(crate) nanos_max: u64,
}

/// The last minute and the last hour.
#[derive(Clone, Debug, Default)]
pub(crate) struct Windows {
    minute: Window<MINUTE_SLOT>,
    /// Without the latest slot of the minute, which is added when it is over: so that most calls
    /// are added once.
    hour: Window<HOUR_SLOT>,
    /// The latest slot of the minute; 0 for none.
    latest: u32,
    recent: Recent,
}

/// One window, whose slots last `SECONDS` each.
#[derive(Clone, Debug, Default)]
struct Window<const SECONDS: u64>([Slot; SLOTS]);

/// Small, since there are many: what does not fit stays at the most that does.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    /// Which one it is since time began, counted from 1; 0 for none.
    number: u32,
    calls: u32,
    hits: u32,
    errors: u32,
    rows: u32,
    micros_max: u32,
    bytes: u64,
    nanos: u64,
}

impl Windows {
    /// Adds what happened at `now`, counted from when time began.
    #[inline]
    pub(crate) fn add(&mut self, now: Duration, share: &Share) {
        let number = Window::<MINUTE_SLOT>::number(now);
        if number > self.latest {
            self.turn(now);
        }
        // A slow clock: that slot is in the hour already.
        if number < self.latest {
            self.hour.add(now, share);
        }
        self.minute.add(now, share);
    }

    /// Notes how long an execution took that was added just now, the `number`th.
    #[inline]
    pub(crate) fn took(&mut self, bucket: Bucket, number: u64) {
        self.recent.record(bucket, number as u32);
    }

    /// Adds another's slots that are not over yet at `now`.
    pub(crate) fn absorb(&mut self, now: Duration, other: &Windows) {
        self.recent.absorb(now, &other.recent);
        self.hour.absorb(now, &other.hour);
        let Some((at, share)) = other.open() else { return };
        if !Window::<MINUTE_SLOT>::is_recent(other.latest, now) {
            self.hour.add(at, &share);
            return;
        }
        if other.latest > self.latest {
            self.turn(at);
        } else if other.latest < self.latest {
            self.hour.add(at, &share);
        }
        self.minute.absorb(now, &other.minute);
    }

    pub(crate) fn minute(&self, now: Duration) -> WindowStats {
        let mut sum = self.minute.sum(now, None);
        self.spread(&mut sum, Reach::Minute, now);
        sum
    }

    pub(crate) fn hour(&self, now: Duration) -> WindowStats {
        let mut sum = self.hour.sum(now, self.open());
        self.spread(&mut sum, Reach::Hour, now);
        sum
    }

    /// Adds the quantiles to what a window comes to.
    fn spread(&self, sum: &mut WindowStats, reach: Reach, now: Duration) {
        let quantiles = self.recent.quantiles(reach, now, [0.5, 0.95, 0.99]);
        let quantiles = quantiles.map(|nanos| Duration::from_nanos(nanos).min(sum.max));
        [sum.p50, sum.p95, sum.p99] = quantiles;
    }

    /// Begins the slot that `now` is in.
    #[cold]
    fn turn(&mut self, now: Duration) {
        if let Some((at, share)) = self.open() {
            self.hour.add(at, &share);
        }
        self.latest = Window::<MINUTE_SLOT>::number(now);
        self.recent.turn(now);
    }

    /// What is in the latest slot of the minute, and when that began.
    fn open(&self) -> Option<(Duration, Share)> {
        let slot = &self.minute.0[self.latest as usize % SLOTS];
        let is_open = self.latest > 0 && slot.number == self.latest;
        is_open.then(|| (Window::<MINUTE_SLOT>::begin(slot.number), slot.share()))
    }
}

impl<const SECONDS: u64> Window<SECONDS> {
    #[inline]
    fn add(&mut self, now: Duration, share: &Share) {
        let number = Self::number(now);
        let slot = &mut self.0[number as usize % SLOTS];
        // A slow clock: what has come before is not counted any more.
        if slot.number > number {
            return;
        }
        if slot.number < number {
            *slot = Slot { number, ..Slot::default() };
        }
        slot.add(share);
    }

    fn absorb(&mut self, now: Duration, other: &Window<SECONDS>) {
        for slot in other.0.iter().filter(|slot| Self::is_recent(slot.number, now)) {
            self.add(Self::begin(slot.number), &slot.share());
        }
    }

    /// What all slots come to, and `open` beside them.
    fn sum(&self, now: Duration, open: Option<(Duration, Share)>) -> WindowStats {
        let mut sum = Share::default();
        for slot in self.0.iter().filter(|slot| Self::is_recent(slot.number, now)) {
            sum.add(&slot.share());
        }
        let open = open.filter(|(at, _)| Self::is_recent(Self::number(*at), now));
        open.iter().for_each(|(_, share)| sum.add(share));
        let first = u64::from(Self::number(now)).saturating_sub(SLOTS as u64) * SECONDS;
        WindowStats {
            span: now.saturating_sub(Duration::from_secs(first)),
            calls: sum.calls,
            hits: sum.hits,
            errors: sum.errors,
            rows: sum.rows,
            bytes: sum.bytes,
            time: Duration::from_nanos(sum.nanos),
            max: Duration::from_nanos(sum.nanos_max),
            ..WindowStats::default()
        }
    }

    fn number(now: Duration) -> u32 {
        u32::try_from(now.as_secs() / SECONDS + 1).unwrap_or(u32::MAX)
    }

    /// When a slot begins.
    fn begin(number: u32) -> Duration {
        Duration::from_secs(u64::from(number.saturating_sub(1)) * SECONDS)
    }

    fn is_recent(slot: u32, now: Duration) -> bool {
        let number = Self::number(now);
        slot > 0 && slot <= number && number - slot < SLOTS as u32
    }
}

impl Slot {
    #[inline]
    fn add(&mut self, share: &Share) {
        let narrow = |wide: u64| u32::try_from(wide).unwrap_or(u32::MAX);
        self.calls = self.calls.saturating_add(narrow(share.calls));
        self.hits = self.hits.saturating_add(narrow(share.hits));
        self.errors = self.errors.saturating_add(narrow(share.errors));
        self.rows = self.rows.saturating_add(narrow(share.rows));
        self.micros_max = self.micros_max.max(narrow(share.nanos_max.div_ceil(1_000)));
        self.bytes = self.bytes.saturating_add(share.bytes);
        self.nanos = self.nanos.saturating_add(share.nanos);
    }

    fn share(&self) -> Share {
        Share {
            calls: self.calls.into(),
            hits: self.hits.into(),
            errors: self.errors.into(),
            rows: self.rows.into(),
            bytes: self.bytes,
            nanos: self.nanos,
            nanos_max: u64::from(self.micros_max) * 1_000,
        }
    }
}

impl Share {
    pub(crate) fn add(&mut self, other: &Share) {
        self.calls = self.calls.saturating_add(other.calls);
        self.hits = self.hits.saturating_add(other.hits);
        self.errors = self.errors.saturating_add(other.errors);
        self.rows = self.rows.saturating_add(other.rows);
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.nanos = self.nanos.saturating_add(other.nanos);
        self.nanos_max = self.nanos_max.max(other.nanos_max);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None,
                                            ..ProptestConfig::default() })]

        /// Beside all calls with their times, summed up anew for each question.
        #[test]
        fn windows_are_sums_over_what_is_recent(
            steps in prop::collection::vec((0u64..900, 1u64..50, 0usize..2), 1..80),
        ) {
            let mut parts = [Windows::default(), Windows::default()];
            let mut all: Vec<(u64, Share)> = Vec::new();
            let mut now = 0;
            for (gap, amount, part) in steps {
                now += gap;
                let share = Share { calls: 1, hits: amount % 2, errors: amount % 3, rows: amount,
                    bytes: amount * 10, nanos: amount * 2_000, nanos_max: amount * 2_000 };
                let at = Duration::from_secs(now);
                parts[part].add(at, &share);
                all.push((now, share));
                let mut both = parts[0].clone();
                both.absorb(at, &parts[1]);
                for (found, slot) in [(both.minute(at), MINUTE_SLOT), (both.hour(at), HOUR_SLOT)] {
                    let first = (now / slot).saturating_sub(SLOTS as u64 - 1) * slot;
                    let mut sum = Share::default();
                    all.iter().filter(|(at, _)| *at >= first).for_each(|(_, it)| sum.add(it));
                    let expect = WindowStats { span: Duration::from_secs(now - first),
                        calls: sum.calls, hits: sum.hits, errors: sum.errors, rows: sum.rows,
                        bytes: sum.bytes, time: Duration::from_nanos(sum.nanos),
                        max: Duration::from_nanos(sum.nanos_max), ..WindowStats::default() };
                    prop_assert_eq!(found, expect);
                }
            }
        }
    }

    #[test]
    fn what_does_not_fit_stays_at_the_most_that_does() {
        let mut windows = Windows::default();
        let most = Share {
            calls: u64::MAX,
            rows: u64::MAX,
            bytes: u64::MAX,
            nanos: u64::MAX,
            ..Share::default()
        };
        windows.add(Duration::ZERO, &most);
        windows.add(Duration::ZERO, &most);
        let minute = windows.minute(Duration::ZERO);
        assert_eq!((minute.calls, minute.bytes), (u64::from(u32::MAX), u64::MAX));
        assert_eq!(windows.minute(Duration::from_secs(60)).calls, 0);
        assert_eq!(windows.hour(Duration::from_secs(60)).calls, u64::from(u32::MAX));
    }
}
