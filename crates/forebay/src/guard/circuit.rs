//! The states of a circuit breaker: whether a call may pass, and what follows from how it ended.
//! Single-threaded, given the time; it logs nothing and waits for nothing.

use std::time::{Duration, Instant};

use super::tally::{BreakerWindow, Ending, Sums, Tally};

/// When a circuit opens, and how it closes again.
#[derive(Clone, Debug)]
pub(super) struct Terms {
    pub(super) window: BreakerWindow,
    pub(super) calls_min: u32,
    /// Shares of the calls from which on it opens; above 1 for never.
    pub(super) failure_rate: f64,
    pub(super) slow_rate: f64,
    /// From how long on a call is slow.
    pub(super) slow_from: Option<Duration>,
    pub(super) open_for: Duration,
    pub(super) open_for_max: Duration,
    pub(super) trials: u32,
    /// How long the trials may take.
    pub(super) trial_max: Duration,
}

/// What lets calls pass or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Every call passes. To `Open` by the rates.
    Closed,
    /// No call passes. To `HalfOpen` when its time is over.
    Open { until: Instant },
    /// Some calls pass, to see. To `Closed` when they have all ended well enough, to `Open` when
    /// they cannot any more, or take too long. Since `since` at least one is running, if any is.
    HalfOpen { since: Instant, running: u32, ended: Sums },
    /// No call passes until it is reset.
    Forced,
}

/// A call that has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pass {
    /// The state it has passed in: how it ends says nothing about a later one.
    number: u64,
    pub(super) began: Instant,
}

/// Why a call may not pass, and for how long, if that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    Open {
        wait: Duration,
    },
    /// As many as may try are trying.
    Trying,
    Forced,
}

/// Why a state was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    Failures(Sums),
    Slowness(Sums),
    TimeOver,
    Recovered(Sums),
    /// Trials did not end.
    Stuck,
    Asked,
}

impl Why {
    /// In words, with the calls that it was judged by.
    pub(super) fn describe(self) -> (&'static str, Sums) {
        match self {
            Why::Failures(sums) => ("too many calls failed", sums),
            Why::Slowness(sums) => ("too many calls were slow", sums),
            Why::TimeOver => ("it was open for long enough", Sums::default()),
            Why::Recovered(sums) => ("the trials went well", sums),
            Why::Stuck => ("the trials did not end", Sums::default()),
            Why::Asked => ("it was asked for", Sums::default()),
        }
    }
}

/// A change of state, to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) from: State,
    pub(super) to: State,
    pub(super) why: Why,
}

/// The circuit of one breaker.
#[derive(Debug)]
pub(super) struct Circuit {
    terms: Terms,
    state: State,
    tally: Tally,
    /// Counts the states there have been.
    number: u64,
    /// Times that it has opened since it was closed.
    opened: u32,
    change: Option<Change>,
}

impl Circuit {
    pub(super) fn new(terms: Terms, now: Instant) -> Circuit {
        let tally = Tally::new(terms.window, now);
        Circuit { terms, state: State::Closed, tally, number: 0, opened: 0, change: None }
    }

    /// What lets calls pass now.
    pub(super) fn state(&mut self, now: Instant) -> State {
        self.advance(now);
        self.state
    }

    /// The calls that it judges by.
    pub(super) fn sums(&self, now: Instant) -> Sums {
        match self.state {
            State::HalfOpen { ended, .. } => ended,
            _ => self.tally.sums(now),
        }
    }

    /// The last change of state since this was asked.
    pub(super) fn take_change(&mut self) -> Option<Change> {
        self.change.take()
    }

    /// Whether a call would pass, without letting one pass.
    pub(super) fn check(&mut self, now: Instant) -> Result<(), Refusal> {
        self.advance(now);
        match self.state {
            State::Closed => Ok(()),
            State::HalfOpen { running, ended, .. } if running + ended.calls < self.terms.trials => {
                Ok(())
            }
            State::HalfOpen { .. } => Err(Refusal::Trying),
            State::Open { until } => {
                Err(Refusal::Open { wait: until.saturating_duration_since(now) })
            }
            State::Forced => Err(Refusal::Forced),
        }
    }

    /// Lets a call pass or not.
    pub(super) fn pass(&mut self, now: Instant) -> Result<Pass, Refusal> {
        self.check(now)?;
        if let State::HalfOpen { since, running, .. } = &mut self.state {
            if *running == 0 {
                *since = now;
            }
            *running += 1;
        }
        Ok(Pass { number: self.number, began: now })
    }

    /// How a call has ended; `failed` is `None` if it was given up.
    pub(super) fn end(&mut self, pass: Pass, failed: Option<bool>, now: Instant) {
        self.advance(now);
        if pass.number != self.number {
            return;
        }
        let ending = failed.map(|failed| {
            let took = now.saturating_duration_since(pass.began);
            Ending { failed, slow: self.terms.slow_from.is_some_and(|from| took >= from) }
        });
        match (&mut self.state, ending) {
            (State::Closed, Some(ending)) => {
                self.tally.add(ending, now);
                let sums = self.tally.sums(now);
                if let Some(why) = self.terms.judge(sums, sums.calls, self.terms.calls_min) {
                    self.open(why, now);
                }
            }
            (State::HalfOpen { running, ended, .. }, ending) => {
                *running -= 1;
                if let Some(ending) = ending {
                    ended.add(ending);
                    let ended = *ended;
                    self.conclude(ended, now);
                }
            }
            _ => {}
        }
    }

    /// Closed, with nothing to judge by.
    pub(super) fn reset(&mut self, now: Instant) {
        self.advance(now);
        self.close(Why::Asked, now);
    }

    /// Open until it is reset.
    pub(super) fn force_open(&mut self, now: Instant) {
        self.advance(now);
        self.enter(State::Forced, Why::Asked);
    }

    /// What follows from time alone.
    fn advance(&mut self, now: Instant) {
        match self.state {
            State::Open { until } if until <= now => {
                let (since, ended) = (now, Sums::default());
                self.enter(State::HalfOpen { since, running: 0, ended }, Why::TimeOver);
            }
            State::HalfOpen { since, running, .. }
                if running > 0 && now.saturating_duration_since(since) >= self.terms.trial_max =>
            {
                self.open(Why::Stuck, now);
            }
            _ => {}
        }
    }

    /// What follows from the trials that have ended: it opens as soon as the others cannot make up
    /// for them, and closes when all have ended.
    fn conclude(&mut self, ended: Sums, now: Instant) {
        if let Some(why) = self.terms.judge(ended, self.terms.trials, 1) {
            self.open(why, now);
        } else if ended.calls >= self.terms.trials {
            self.close(Why::Recovered(ended), now);
        }
    }

    fn open(&mut self, why: Why, now: Instant) {
        let longer = 2u32.saturating_pow(self.opened);
        let time = self.terms.open_for.saturating_mul(longer).min(self.terms.open_for_max);
        self.opened = self.opened.saturating_add(1);
        // The longest times do not fit behind now.
        let until = now.checked_add(time).unwrap_or(now + FAR);
        self.enter(State::Open { until }, why);
    }

    fn close(&mut self, why: Why, now: Instant) {
        self.opened = 0;
        self.tally = Tally::new(self.terms.window, now);
        self.enter(State::Closed, why);
    }

    /// Makes every change of state.
    fn enter(&mut self, to: State, why: Why) {
        self.change = Some(Change { from: self.state, to, why });
        self.number += 1;
        self.state = to;
    }
}

/// What stands for ever, where a time would overflow.
const FAR: Duration = Duration::from_secs(100 * 365 * 24 * 3_600);

impl Terms {
    /// Why calls that ended so open the circuit, judged as shares of `calls`, if there are enough.
    fn judge(&self, sums: Sums, calls: u32, calls_min: u32) -> Option<Why> {
        if sums.calls < calls_min {
            return None;
        }
        let reaches =
            |count: u32, rate: f64| count > 0 && f64::from(count) >= rate * f64::from(calls);
        if reaches(sums.failed, self.failure_rate) {
            return Some(Why::Failures(sums));
        }
        reaches(sums.slow, self.slow_rate).then_some(Why::Slowness(sums))
    }
}
