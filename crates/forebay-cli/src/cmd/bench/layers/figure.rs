//! A figure: what it is, what others say of it, and what was measured.

use std::time::{Duration, Instant};

/// Runs of each side, of which the median counts.
pub(super) const RUNS: usize = 5;

/// One line of the table.
pub(super) struct Figure {
    pub(super) what: &'static str,
    /// What was done before, and what after.
    pub(super) how: String,
    pub(super) theirs: Theirs,
    pub(super) before: Option<Amount>,
    pub(super) after: Amount,
}

/// What is advertised: the figure before, if one is named, and the one that was reached.
#[derive(Clone, Copy)]
pub(super) struct Theirs {
    pub(super) before: Option<Amount>,
    pub(super) after: Amount,
}

/// How much of something.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Amount {
    /// Less is better.
    Time(Duration),
    /// Statements; fewer are better.
    Statements(u64),
    /// A share from 0 to 1; more is better.
    Share(f64),
    /// Each second; more is better.
    Rate(f64),
}

impl Theirs {
    /// From so many milliseconds to so many.
    pub(super) fn ms(before: f64, after: f64) -> Theirs {
        Theirs { before: Some(millis(before)), after: millis(after) }
    }

    pub(super) fn reached(after: Amount) -> Theirs {
        Theirs { before: None, after }
    }
}

impl Figure {
    /// How many times better it is after; `None` where nothing was done before.
    pub(super) fn ratio(&self) -> Option<f64> {
        self.before.map(|before| self.after.times_better(before))
    }

    /// Whether it is as good as what is advertised.
    pub(super) fn is_reached(&self) -> bool {
        self.after.times_better(self.theirs.after) >= 1.0
    }
}

impl Amount {
    fn times_better(self, than: Amount) -> f64 {
        let ratio = |better: f64, worse: f64| if better > 0.0 { worse / better } else { f64::MAX };
        match (self, than) {
            (Amount::Time(own), Amount::Time(other)) => {
                ratio(own.as_secs_f64(), other.as_secs_f64())
            }
            (Amount::Statements(own), Amount::Statements(other)) => ratio(own as f64, other as f64),
            (Amount::Share(own), Amount::Share(other))
            | (Amount::Rate(own), Amount::Rate(other)) => ratio(other, own),
            _ => f64::NAN,
        }
    }
}

pub(super) fn millis(ms: f64) -> Amount {
    Amount::Time(Duration::from_secs_f64(ms / 1_000.0))
}

/// The median time of some runs; what a run needs is made before its time begins.
pub(super) fn median<T>(
    mut prepare: impl FnMut(usize) -> anyhow::Result<T>,
    mut run: impl FnMut(T) -> anyhow::Result<()>,
) -> anyhow::Result<Amount> {
    let mut times = Vec::with_capacity(RUNS);
    for at in 0..RUNS {
        let prepared = prepare(at)?;
        let began = Instant::now();
        run(prepared)?;
        times.push(began.elapsed());
    }
    times.sort_unstable();
    Ok(Amount::Time(times[RUNS / 2]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn better_is_less_time_and_more_rate() {
        let check = |own: Amount, than: Amount, expect: f64| {
            assert!((own.times_better(than) - expect).abs() < 1e-9, "{own:?}, {than:?}");
        };
        check(millis(5.0), millis(50.0), 10.0);
        check(millis(50.0), millis(5.0), 0.1);
        check(Amount::Statements(2), Amount::Statements(101), 50.5);
        check(Amount::Share(0.9), Amount::Share(0.45), 2.0);
        check(Amount::Rate(100.0), Amount::Rate(400.0), 0.25);
        assert!(millis(1.0).times_better(Amount::Rate(1.0)).is_nan());
    }
}
