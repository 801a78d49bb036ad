//! How late what others write is seen, beside the lag that Forebay exports: answers from the cache
//! to reads that are content with what the stream has told.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::board::{OTHERS, ROWS, SIDES, TABLES};

/// Values of a counter whose acknowledgements are remembered.
const TOLD_MAX: usize = 256;

/// Late answers that are kept for the distribution.
const LATE_MAX: usize = 1_000_000;

/// Samples of the lag that are kept of each handle.
const LAGS_MAX: usize = 4_000_000;

/// How long the lag is exported after it was there: a position is asked for once a second.
const EXPORTED_WITHIN: Duration = Duration::from_millis(1_100);

/// Between two looks at the exported lag.
pub(super) const SAMPLE: Duration = Duration::from_millis(5);

/// An answer that lacked what had been acknowledged.
#[derive(Clone, Copy, Debug)]
struct Answer {
    side: usize,
    at: Instant,
    /// Since the first thing that it lacked was acknowledged.
    late: Duration,
}

/// What is measured.
pub(super) struct Late {
    /// When values were acknowledged, of each counter of others.
    told: Vec<Mutex<VecDeque<(i64, Instant)>>>,
    answers: Mutex<Vec<Answer>>,
    lags: [Mutex<Vec<(Instant, Duration)>>; SIDES],
}

impl Late {
    pub(super) fn new() -> Late {
        Late {
            told: (0..(TABLES - OTHERS) * ROWS).map(|_| Mutex::default()).collect(),
            answers: Mutex::default(),
            lags: Default::default(),
        }
    }

    fn of(&self, table: usize, row: usize) -> MutexGuard<'_, VecDeque<(i64, Instant)>> {
        lock(&self.told[(table - OTHERS) * ROWS + row])
    }

    /// Others were told that the counter is `n`.
    pub(super) fn tell(&self, table: usize, row: usize, n: i64) {
        let mut told = self.of(table, row);
        if told.len() >= TOLD_MAX {
            told.pop_front();
        }
        told.push_back((n, Instant::now()));
    }

    /// To a question asked at `asked`, the handle has answered that the counter is `n`.
    pub(super) fn answered(&self, side: usize, of: (usize, usize), n: i64, asked: Instant) {
        let first = self.of(of.0, of.1).iter().find(|(value, _)| *value > n).copied();
        let Some((_, since)) = first.filter(|(_, since)| *since < asked) else { return };
        let mut answers = lock(&self.answers);
        if answers.len() < LATE_MAX {
            answers.push(Answer { side, at: asked, late: asked - since });
        }
    }

    /// The handle has exported this lag.
    pub(super) fn exported(&self, side: usize, lag: Duration) {
        let mut lags = lock(&self.lags[side]);
        if lags.len() < LAGS_MAX {
            lags.push((Instant::now(), lag));
        }
    }

    pub(super) fn figures(&self) -> Value {
        let answers = lock(&self.answers);
        let late: Vec<Duration> = answers.iter().map(|it| it.late).collect();
        let lags = [0, 1].map(|side| lock(&self.lags[side]).clone());
        let all: Vec<Duration> = lags.iter().flatten().map(|(_, lag)| *lag).collect();
        let beyond: Vec<Duration> =
            answers.iter().filter_map(|it| beyond(it, &lags[it.side])).collect();
        json!({
            "late_answers": late.len(), "late_us": distribution(late),
            "lag_samples": all.len(), "lag_us": distribution(all),
            "later_than_exported": beyond.len(), "later_by_us": distribution(beyond),
        })
    }
}

/// By how much an answer was later than the greatest lag that was exported from before what it
/// lacked was acknowledged until the lag of that time had to be out; `None` if it was not.
fn beyond(answer: &Answer, lags: &[(Instant, Duration)]) -> Option<Duration> {
    let from = answer.at.checked_sub(answer.late + 2 * SAMPLE)?;
    let until = answer.at + EXPORTED_WITHIN;
    let first = lags.partition_point(|(at, _)| *at < from);
    let mine = lags[first..].iter().take_while(|(at, _)| *at <= until);
    let greatest = mine.map(|(_, lag)| *lag).max().unwrap_or_default();
    answer.late.checked_sub(greatest).filter(|more| !more.is_zero())
}

fn distribution(mut all: Vec<Duration>) -> Value {
    all.sort_unstable();
    let at = |share: f64| {
        let place = (all.len() as f64 * share) as usize;
        all.get(place.min(all.len().saturating_sub(1))).map_or(0, Duration::as_micros) as u64
    };
    json!({ "p50": at(0.5), "p90": at(0.9), "p99": at(0.99), "max": at(1.0) })
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_late_by_the_first_thing_that_it_lacks() {
        let late = Late::new();
        late.tell(OTHERS, 0, 1);
        late.tell(OTHERS, 0, 2);
        let asked = Instant::now();
        late.tell(OTHERS, 0, 3);
        for (n, expect) in [(2, 0), (3, 0), (1, 1), (0, 2)] {
            late.answered(0, (OTHERS, 0), n, asked);
            assert_eq!(lock(&late.answers).len(), expect, "{n}");
        }
        let answers = lock(&late.answers);
        assert!(answers[0].late <= answers[1].late);
    }

    #[test]
    fn an_answer_is_compared_with_the_lag_around_it() {
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let ms = Duration::from_millis;
        let lags = [(at(0), ms(90)), (at(500), ms(3)), (at(600), ms(7)), (at(5_000), ms(90))];
        let check = |late: u64, expect: Option<u64>| {
            let answer = Answer { side: 0, at: at(520), late: ms(late) };
            assert_eq!(beyond(&answer, &lags), expect.map(ms), "{late}");
        };
        check(5, None);
        check(7, None);
        check(9, Some(2));
    }
}
