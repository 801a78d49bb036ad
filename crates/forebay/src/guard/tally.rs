//! How the last calls ended: the last so many of them, or those of the last while. Single-threaded,
//! given the time.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Parts that a period is made of, each of which is forgotten as a whole.
const PARTS: u64 = 10;

/// Which calls a breaker judges by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerWindow {
    /// The last so many calls, from 1 to 10,000. One bit each of failed and slow is kept.
    Calls(u32),
    /// The calls of a period until now. A tenth of it is forgotten at a time, so that nine tenths
    /// to all of it count.
    Period(Duration),
}

/// How a call ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Ending {
    pub(super) failed: bool,
    pub(super) slow: bool,
}

/// Calls, and how many of them ended so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sums {
    pub(super) calls: u32,
    pub(super) failed: u32,
    pub(super) slow: u32,
}

/// The calls that count now.
#[derive(Debug)]
pub(super) enum Tally {
    Calls { calls_max: usize, last: VecDeque<Ending>, sums: Sums },
    Period { part: Duration, since: Instant, parts: VecDeque<(u64, Sums)> },
}

impl Sums {
    pub(super) fn add(&mut self, ending: Ending) {
        self.calls = self.calls.saturating_add(1);
        self.failed = self.failed.saturating_add(ending.failed.into());
        self.slow = self.slow.saturating_add(ending.slow.into());
    }

    fn remove(&mut self, ending: Ending) {
        self.calls -= 1;
        self.failed -= u32::from(ending.failed);
        self.slow -= u32::from(ending.slow);
    }
}

impl Tally {
    /// Of calls from `now` on. A window of nothing has been refused before.
    pub(super) fn new(window: BreakerWindow, now: Instant) -> Tally {
        match window {
            BreakerWindow::Calls(calls) => Tally::Calls {
                calls_max: calls as usize,
                last: VecDeque::new(),
                sums: Sums::default(),
            },
            BreakerWindow::Period(period) => {
                let part = (period / PARTS as u32).max(Duration::from_nanos(1));
                Tally::Period { part, since: now, parts: VecDeque::new() }
            }
        }
    }

    pub(super) fn add(&mut self, ending: Ending, now: Instant) {
        match self {
            Tally::Calls { calls_max, last, sums } => {
                if last.len() == *calls_max
                    && let Some(oldest) = last.pop_front()
                {
                    sums.remove(oldest);
                }
                last.push_back(ending);
                sums.add(ending);
            }
            Tally::Period { part, since, parts } => {
                let number = number(*part, *since, now);
                while parts.front().is_some_and(|(first, _)| is_over(*first, number)) {
                    parts.pop_front();
                }
                match parts.back_mut() {
                    // Not only the same: threads may come here in another order than they looked
                    // at the clock.
                    Some((last, sums)) if *last >= number => sums.add(ending),
                    _ => {
                        let mut sums = Sums::default();
                        sums.add(ending);
                        parts.push_back((number, sums));
                    }
                }
            }
        }
    }

    pub(super) fn sums(&self, now: Instant) -> Sums {
        match self {
            Tally::Calls { sums, .. } => *sums,
            Tally::Period { part, since, parts } => {
                let number = number(*part, *since, now);
                let counted = parts.iter().filter(|(part, _)| !is_over(*part, number));
                counted.fold(Sums::default(), |all, (_, sums)| Sums {
                    calls: all.calls.saturating_add(sums.calls),
                    failed: all.failed.saturating_add(sums.failed),
                    slow: all.slow.saturating_add(sums.slow),
                })
            }
        }
    }
}

fn number(part: Duration, since: Instant, now: Instant) -> u64 {
    let passed = now.saturating_duration_since(since).as_nanos() / part.as_nanos();
    u64::try_from(passed).unwrap_or(u64::MAX)
}

fn is_over(part: u64, now: u64) -> bool {
    now.saturating_sub(part) >= PARTS
}
