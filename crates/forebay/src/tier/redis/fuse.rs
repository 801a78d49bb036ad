//! Whether a server may be asked: after faults in a row it is left alone for a while, then tried
//! with one call. Single-threaded, given the time; it knows no server.

use std::time::{Duration, Instant};

/// When it blows, and for how long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    /// So many faults in a row blow it.
    pub(super) faults: u32,
    pub(super) open_for: Duration,
    pub(super) open_for_max: Duration,
    /// A trial that has not ended after so long counts as failed.
    pub(super) trial_max: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Every call passes. To `Open` after faults in a row.
    Closed { faults: u32 },
    /// No call passes. To `Trial` with the first call after `until`.
    Open { until: Instant, length: Duration },
    /// One call is out. To `Closed` when it ends well, to `Open` when not; the next call is a trial
    /// of its own when it takes too long.
    Trial { until: Instant, length: Duration },
}

/// What the end of a call has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    Same,
    Blown,
    Mended,
}

/// The state of one server.
#[derive(Debug)]
pub(super) struct Fuse {
    terms: Terms,
    state: State,
}

impl Fuse {
    pub(super) fn new(terms: Terms) -> Fuse {
        Fuse { terms, state: State::Closed { faults: 0 } }
    }

    /// Whether a call may be sent now.
    pub(super) fn may_pass(&mut self, now: Instant) -> bool {
        match self.state {
            State::Closed { .. } => true,
            State::Open { until, .. } | State::Trial { until, .. } if now < until => false,
            State::Open { length, .. } | State::Trial { length, .. } => {
                self.state = State::Trial { until: now + self.terms.trial_max, length };
                true
            }
        }
    }

    /// Whether calls are held back.
    pub(super) fn is_blown(&self) -> bool {
        !matches!(self.state, State::Closed { .. })
    }

    /// A call has ended, well or with a fault of the server.
    pub(super) fn ended(&mut self, now: Instant, well: bool) -> Turn {
        match (self.state, well) {
            (State::Closed { .. }, true) => {
                self.state = State::Closed { faults: 0 };
                Turn::Same
            }
            (State::Closed { faults }, false) if faults + 1 < self.terms.faults => {
                self.state = State::Closed { faults: faults + 1 };
                Turn::Same
            }
            (State::Closed { .. }, false) => self.blow(now, self.terms.open_for),
            (State::Trial { .. }, true) => {
                self.state = State::Closed { faults: 0 };
                Turn::Mended
            }
            (State::Trial { length, .. }, false) => {
                self.blow(now, (length * 2).min(self.terms.open_for_max))
            }
            // A call that was sent before: it says nothing about now.
            (State::Open { .. }, _) => Turn::Same,
        }
    }

    fn blow(&mut self, now: Instant, length: Duration) -> Turn {
        self.state = State::Open { until: now + length, length };
        Turn::Blown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn fuse() -> Fuse {
        let terms =
            Terms { faults: 3, open_for: 100 * MS, open_for_max: 300 * MS, trial_max: 50 * MS };
        Fuse::new(terms)
    }

    /// Each step is a time in milliseconds and a letter: `g` a call that ends well, `b` one with a
    /// fault, `s` one that is sent and does not end. The answers say which of them passed.
    fn check(steps: &[(u32, char)], expect: &str) {
        let (mut fuse, start) = (fuse(), Instant::now());
        let passed = steps.iter().map(|(at, what)| {
            let now = start + *at * MS;
            let passes = fuse.may_pass(now);
            match what {
                'g' | 'b' if passes => _ = fuse.ended(now, *what == 'g'),
                _ => {}
            }
            if passes { 'y' } else { 'n' }
        });
        assert_eq!(passed.collect::<String>(), expect, "{steps:?}");
    }

    #[test]
    fn it_blows_after_faults_in_a_row() {
        check(&[(0, 'b'), (0, 'b'), (0, 'g'), (0, 'b'), (0, 'b'), (0, 'g')], "yyyyyy");
        check(&[(0, 'b'), (0, 'b'), (0, 'b'), (0, 'g'), (99, 'g')], "yyynn");
    }

    #[test]
    fn one_trial_decides() {
        let blown = [(0, 'b'), (0, 'b'), (0, 'b')];
        let then = |more: &[(u32, char)]| [&blown[..], more].concat();
        check(&then(&[(100, 'g'), (100, 'g')]), "yyyyy");
        check(&then(&[(100, 's'), (101, 'g'), (149, 'g'), (150, 'g'), (150, 'g')]), "yyyynnyy");
        check(&then(&[(100, 'b'), (299, 'g'), (300, 'b'), (599, 'g'), (600, 'g')]), "yyyynyny");
    }

    #[test]
    fn a_late_end_does_not_mend_it() {
        let (mut fuse, now) = (fuse(), Instant::now());
        let turns: Vec<Turn> = (0..3).map(|_| fuse.ended(now, false)).collect();
        assert_eq!(turns, [Turn::Same, Turn::Same, Turn::Blown]);
        assert_eq!(fuse.ended(now, true), Turn::Same);
        assert!(fuse.is_blown() && !fuse.may_pass(now));
        assert!(fuse.may_pass(now + 100 * MS));
        assert_eq!(fuse.ended(now + 100 * MS, true), Turn::Mended);
        assert!(!fuse.is_blown());
    }
}
