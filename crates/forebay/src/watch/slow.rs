//! Whether a statement was slow, and whether that is to be told: by a limit for all, by what is
//! usual for its fingerprint, and not too often for one of them. It is given the time and logs
//! nothing.

use std::time::Duration;

use super::times::Times;

/// A statement is slow at so many times its fingerprint's own median,
const MEDIANS: u64 = 5;

/// but not below this,
const RELATIVE_MIN: Duration = Duration::from_millis(10);

/// and not before so many calls.
const CALLS_MIN: u64 = 20;

/// The median is looked at again after a quarter more calls, and at the latest after so many.
const MEDIAN_CALLS_MAX: u64 = 4_096;

/// Slow statements of one fingerprint that are told in a minute at most.
const TOLD_PER_MINUTE: u8 = 6;

/// What is slow for all.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SlowLimits {
    /// `None`: nothing is slow.
    pub(crate) after: Option<Duration>,
}

/// Why a statement is slow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// It took longer than the limit for all.
    Absolute,
    /// It took longer than is usual for its fingerprint.
    Relative,
    /// It began a transaction, and took so long because another one had the write lock.
    Lock,
}

/// What is to be done about a slow statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slow {
    /// Tell it, and that so many of its fingerprint were left out before.
    Tell { why: Why, left_out: u32 },
    /// Its fingerprint has been told often enough this minute.
    LeaveOut(Why),
}

impl SlowLimits {
    /// In nanoseconds; the greatest number if nothing is slow.
    pub(crate) fn nanos(self) -> u64 {
        let nanos = |after: Duration| u64::try_from(after.as_nanos()).unwrap_or(u64::MAX - 1);
        self.after.map_or(u64::MAX, nanos)
    }
}

impl Slow {
    /// The same for another reason.
    pub(crate) fn because(self, why: Why) -> Slow {
        match self {
            Slow::Tell { left_out, .. } => Slow::Tell { why, left_out },
            Slow::LeaveOut(_) => Slow::LeaveOut(why),
        }
    }
}

/// What one fingerprint's statements are judged by.
#[derive(Clone, Debug)]
pub(crate) struct Slowness {
    /// What is slow for this fingerprint.
    nanos: u64,
    /// The number of calls at which that is worked out again.
    due: u64,
    /// The minute in which it was told last, and how often.
    minute: u32,
    told: u8,
    left_out: u32,
}

impl Default for Slowness {
    fn default() -> Slowness {
        Slowness { nanos: u64::MAX, due: CALLS_MIN, minute: 0, told: 0, left_out: 0 }
    }
}

impl Slowness {
    /// Judges a statement that took `nanos` and ended at `now`, by a limit for all in nanoseconds
    /// as well ([`SlowLimits::nanos`]); `times` are those before it.
    #[inline]
    pub(crate) fn judge(
        &mut self,
        after: u64,
        now: Duration,
        nanos: u64,
        times: &Times,
    ) -> Option<Slow> {
        if times.count() >= self.due {
            self.look_at_the_median(times);
        }
        if nanos < after.min(self.nanos) || after == u64::MAX {
            return None;
        }
        let why = if nanos >= after { Why::Absolute } else { Why::Relative };
        Some(self.ration(now, why))
    }

    #[cold]
    fn look_at_the_median(&mut self, times: &Times) {
        let least = RELATIVE_MIN.as_nanos() as u64;
        self.nanos = times.quantile(0.5).saturating_mul(MEDIANS).max(least);
        let count = times.count();
        self.due = count.saturating_add((count / 4).clamp(1, MEDIAN_CALLS_MAX));
    }

    #[cold]
    fn ration(&mut self, now: Duration, why: Why) -> Slow {
        let minute = (now.as_secs() / 60) as u32;
        if self.minute != minute {
            (self.minute, self.told) = (minute, 0);
        }
        if self.told >= TOLD_PER_MINUTE {
            self.left_out = self.left_out.saturating_add(1);
            return Slow::LeaveOut(why);
        }
        self.told += 1;
        Slow::Tell { why, left_out: std::mem::take(&mut self.left_out) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    struct Case {
        slowness: Slowness,
        times: Times,
        limits: SlowLimits,
    }

    impl Case {
        fn new(after_ms: Option<u64>) -> Case {
            let after = after_ms.map(Duration::from_millis);
            let limits = SlowLimits { after };
            Case { slowness: Slowness::default(), times: Times::default(), limits }
        }

        fn call(&mut self, second: u64, nanos: u64) -> Option<Slow> {
            let now = Duration::from_secs(second);
            let slow = self.slowness.judge(self.limits.nanos(), now, nanos, &self.times);
            self.times.record(nanos);
            slow
        }
    }

    #[test]
    fn what_is_slow() {
        fn check(usual: u64, calls: u64, nanos: u64, expect: Option<Why>) {
            let mut case = Case::new(Some(100));
            (0..calls).for_each(|_| assert_eq!(case.call(0, usual), None));
            let tell = |why| Slow::Tell { why, left_out: 0 };
            assert_eq!(case.call(0, nanos), expect.map(tell), "{usual} x {calls}, then {nanos}");
        }
        check(MS, 0, 100 * MS, Some(Why::Absolute));
        check(MS, 0, 100 * MS - 1, None);
        // Five times the median, within its error of 2 %, after 20 calls.
        check(4 * MS, 20, 21 * MS, Some(Why::Relative));
        check(4 * MS, 20, 19 * MS, None);
        check(4 * MS, 19, 21 * MS, None);
        check(4 * MS, 500, 100 * MS, Some(Why::Absolute));
        // The floor.
        check(1_000, 50, 10 * MS, Some(Why::Relative));
        check(1_000, 50, 10 * MS - 1, None);
    }

    #[test]
    fn the_median_follows_what_has_become_usual() {
        let mut case = Case::new(Some(10_000));
        (0..40).for_each(|_| assert_eq!(case.call(0, 3 * MS), None));
        assert!(case.call(0, 40 * MS).is_some());
        (0..400).for_each(|n| _ = case.call(n * 60, 40 * MS));
        assert_eq!(case.call(0, 40 * MS), None, "it is usual now");
    }

    #[test]
    fn one_fingerprint_is_told_so_often_in_a_minute() {
        let mut case = Case::new(Some(100));
        let told: Vec<_> = (0..10).filter_map(|_| case.call(59, 200 * MS)).collect();
        let left_out = told.iter().filter(|it| **it == Slow::LeaveOut(Why::Absolute)).count();
        assert_eq!((told.len(), left_out), (10, 10 - TOLD_PER_MINUTE as usize));
        let next = Slow::Tell { why: Why::Absolute, left_out: left_out as u32 };
        assert_eq!(case.call(60, 200 * MS), Some(next));
        assert_eq!(case.call(60, 200 * MS), Some(Slow::Tell { why: Why::Absolute, left_out: 0 }));
    }

    #[test]
    fn without_a_limit_nothing_is_slow() {
        let mut case = Case::new(None);
        (0..50).for_each(|_| assert_eq!(case.call(0, MS), None));
        assert_eq!(case.call(0, 900_000 * MS), None);
    }
}
