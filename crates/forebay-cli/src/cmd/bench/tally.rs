//! What was measured: times of answers, and errors by their reasons.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;

use super::target::Figure;

/// Times in nanoseconds are kept to this many digits, up to this many nanoseconds.
const DIGITS: u8 = 3;
const TIME_MAX_NS: u64 = 3_600_000_000_000;

/// Different reasons that are told apart; the others are counted together.
const REASONS_MAX: usize = 8;

/// The figures of each endpoint.
pub(super) struct Tally(Vec<Mutex<Figures>>);

/// What one endpoint answered, or several.
pub(super) struct Figures {
    times: Histogram<u64>,
    pub(super) bytes: u64,
    pub(super) errors: u64,
    pub(super) reasons: BTreeMap<String, u64>,
}

/// What came of one request: how many bytes, or the reason why it is an error.
pub(super) type Answer = Result<u64, String>;

impl Tally {
    pub(super) fn new(endpoints: usize) -> Tally {
        Tally((0..endpoints).map(|_| Mutex::new(Figures::new())).collect())
    }

    pub(super) fn record(&self, endpoint: usize, took: Duration, answer: Answer) {
        self.at(endpoint).record(took, answer);
    }

    pub(super) fn into_figures(self) -> Vec<Figures> {
        let inner = |one: Mutex<Figures>| one.into_inner().unwrap_or_else(PoisonError::into_inner);
        self.0.into_iter().map(inner).collect()
    }

    fn at(&self, endpoint: usize) -> MutexGuard<'_, Figures> {
        self.0[endpoint].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Figures {
    pub(super) fn new() -> Figures {
        let times = Histogram::new_with_max(TIME_MAX_NS, DIGITS);
        Figures {
            times: times.expect("the bounds are constants that fit"),
            bytes: 0,
            errors: 0,
            reasons: BTreeMap::new(),
        }
    }

    fn record(&mut self, took: Duration, answer: Answer) {
        match answer {
            Ok(bytes) => {
                self.times.saturating_record(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
                self.bytes += bytes;
            }
            Err(reason) => self.count(reason, 1),
        }
    }

    fn count(&mut self, reason: String, errors: u64) {
        self.errors += errors;
        let is_known = self.reasons.contains_key(&reason) || self.reasons.len() < REASONS_MAX;
        let reason = if is_known { reason } else { "other reasons".to_owned() };
        *self.reasons.entry(reason).or_insert(0) += errors;
    }

    pub(super) fn add(&mut self, other: &Figures) {
        self.times.add(&other.times).expect("the bounds are the same");
        self.bytes += other.bytes;
        for (reason, errors) in &other.reasons {
            self.count(reason.clone(), *errors);
        }
    }

    /// Answers that are no errors.
    pub(super) fn answers(&self) -> u64 {
        self.times.len()
    }

    /// A time of those answers; `None` if there are none.
    pub(super) fn time(&self, figure: Figure) -> Option<Duration> {
        if self.times.is_empty() {
            return None;
        }
        Some(match figure {
            Figure::Mean => Duration::from_nanos(self.times.mean() as u64),
            Figure::Min => Duration::from_nanos(self.times.min()),
            Figure::Max => Duration::from_nanos(self.times.max()),
            Figure::Quantile(quantile) => {
                Duration::from_nanos(self.times.value_at_quantile(quantile))
            }
        })
    }

    /// From 0 to 1; 1 if nothing was asked.
    pub(super) fn error_share(&self) -> f64 {
        let all = self.answers() + self.errors;
        if all == 0 { 1.0 } else { self.errors as f64 / all as f64 }
    }

    /// Answers each second.
    pub(super) fn rate(&self, spent: Duration) -> f64 {
        if spent.is_zero() { 0.0 } else { self.answers() as f64 / spent.as_secs_f64() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_those_of_the_answers_alone() {
        let tally = Tally::new(2);
        for at in 1..=100 {
            tally.record(0, Duration::from_millis(at), Ok(10));
        }
        tally.record(0, Duration::from_secs(30), Err("no answer in time".to_owned()));
        let mut figures = tally.into_figures();
        let none = figures.pop().unwrap();
        let some = figures.pop().unwrap();
        let check = |figure, expect: u64| {
            let time = some.time(figure).unwrap().as_secs_f64() * 1_000.0;
            assert!((time - expect as f64).abs() <= expect as f64 * 0.01, "{figure}: {time}");
        };
        check(Figure::Min, 1);
        check(Figure::Max, 100);
        check(Figure::Quantile(0.5), 50);
        check(Figure::Quantile(0.95), 95);
        assert_eq!((some.answers(), some.errors, some.bytes), (100, 1, 1_000));
        assert!((some.error_share() - 1.0 / 101.0).abs() < 1e-9);
        assert!((some.rate(Duration::from_secs(4)) - 25.0).abs() < 1e-9);
        assert_eq!(none.time(Figure::Mean), None);
        assert!((none.error_share() - 1.0).abs() < 1e-9, "nothing was asked");
    }

    #[test]
    fn reasons_are_bounded_and_their_sum_is_exact() {
        let tally = Tally::new(1);
        for at in 0..100 {
            tally.record(0, Duration::ZERO, Err(format!("status {at}")));
        }
        let mut all = Figures::new();
        all.add(&tally.into_figures()[0]);
        assert!((2..=REASONS_MAX + 1).contains(&all.reasons.len()), "{:?}", all.reasons);
        assert_eq!(all.errors, 100);
        assert_eq!(all.reasons.values().sum::<u64>(), 100);
    }
}
