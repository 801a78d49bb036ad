//! How long a statement takes, as far as it decides where it runs. It does not measure.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

/// Short runs elsewhere after which a long statement is tried again where it would hold up others.
const SHORT_RUNS: u32 = 32;

/// The time of a statement that is short.
const TIME_MAX: Duration = Duration::from_millis(1);

/// Whether a statement is short. It is at first.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// 0 while it is; else short runs to go until it is taken for short again.
    to_go: AtomicU32,
    /// It took too much time when it was run last.
    was_late: AtomicBool,
}

impl Pace {
    pub(crate) fn is_short(&self) -> bool {
        self.to_go.load(Ordering::Relaxed) == 0
    }

    /// It took more than it may where it holds up others.
    pub(crate) fn was_long(&self) {
        self.to_go.store(SHORT_RUNS, Ordering::Relaxed);
    }

    /// It took so much time where it holds up others. Too much twice in a row is long; once, the
    /// processor may have been given to somebody else meanwhile.
    pub(crate) fn took(&self, time: Duration) {
        let is_late = time > TIME_MAX;
        let was_late = self.was_late.load(Ordering::Relaxed);
        if is_late != was_late {
            self.was_late.store(is_late, Ordering::Relaxed);
        } else if is_late {
            self.was_long();
        }
    }

    /// How it went where it does not hold up others.
    pub(crate) fn was(&self, is_short: bool) {
        if is_short {
            let to_go = self.to_go.load(Ordering::Relaxed);
            self.to_go.store(to_go.saturating_sub(1), Ordering::Relaxed);
        } else {
            self.was_long();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Duration, Pace, SHORT_RUNS, TIME_MAX};

    #[test]
    fn a_long_one_has_to_be_short_for_a_while() {
        let pace = Pace::default();
        assert!(pace.is_short());
        pace.was(false);
        for _ in 0..SHORT_RUNS {
            assert!(!pace.is_short());
            pace.was(true);
        }
        assert!(pace.is_short());
        pace.was(true);
        pace.was_long();
        pace.was(true);
        assert!(!pace.is_short());
    }

    #[test]
    fn it_is_long_when_it_is_late_twice_in_a_row() {
        let check = |times: &[u64], expect: bool| {
            let pace = Pace::default();
            for micros in times {
                pace.took(Duration::from_micros(*micros));
            }
            assert_eq!(pace.is_short(), expect, "{times:?}");
        };
        let late = TIME_MAX.as_micros() as u64 + 1;
        check(&[0, 20, late - 1], true);
        check(&[late, 20, late, 20], true);
        check(&[late * 100], true);
        check(&[late, late], false);
        check(&[20, late, late, 20], false);
    }
}
