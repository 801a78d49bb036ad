//! The time that a run may take, shared out among its groups: a size that would not fit is left
//! out.

use std::time::{Duration, Instant};

/// What a group may take. What one leaves over is there for those after it.
pub(super) struct Budget {
    began: Instant,
    within: Duration,
}

/// The sizes of one group, as long as there is time for them.
pub(super) struct Turns {
    ends: Instant,
    /// The size before, and when it began.
    last: Option<(u64, Instant)>,
}

impl Budget {
    pub(super) fn new(within: Duration) -> Budget {
        Budget { began: Instant::now(), within }
    }

    /// The turns of a group that has to be done when this share of all time is over.
    pub(super) fn until(&self, share: f64) -> Turns {
        Turns { ends: self.began + self.within.mul_f64(share), last: None }
    }
}

impl Turns {
    /// Whether there is time for this size, after the last one took what it took. The first two
    /// always have it: one size alone shows no growth.
    pub(super) fn begin(&mut self, size: u64, is_early: bool) -> Result<(), String> {
        let now = Instant::now();
        if let Some((last, began)) = self.last.filter(|_| !is_early) {
            let needs = expected(now - began, last, size);
            if now + needs > self.ends {
                return Err(format!(
                    "would take about {:.0} s, which is not left: --within allows more",
                    needs.as_secs_f64()
                ));
            }
        }
        self.last = Some((size, now));
        Ok(())
    }
}

/// What a size takes at most when another took that long: as many times as it is larger.
fn expected(took: Duration, last: u64, size: u64) -> Duration {
    took.mul_f64((size as f64 / last.max(1) as f64).max(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_that_does_not_fit_is_left_out() {
        let mut turns = Budget::new(Duration::ZERO).until(1.0);
        assert_eq!(turns.begin(10, true), Ok(()));
        assert_eq!(turns.begin(100, true), Ok(()));
        let text = turns.begin(1_000, false).unwrap_err();
        assert!(text.contains("--within"), "{text}");
        let mut turns = Budget::new(Duration::from_secs(3_600)).until(0.5);
        assert_eq!(turns.begin(10, true), Ok(()));
        assert_eq!(turns.begin(100, false), Ok(()));
    }

    #[test]
    fn larger_sizes_take_longer() {
        let check = |last, size, expect| {
            assert_eq!(expected(Duration::from_secs(2), last, size), Duration::from_secs(expect));
        };
        check(10, 100, 20);
        check(10, 10, 2);
        check(100, 10, 2);
        check(0, 1, 2);
    }
}
