//! Times of single operations, of which the median counts, and of many in a row.

use std::time::{Duration, Instant};

/// Times in nanoseconds.
#[derive(Default)]
pub(super) struct Times(Vec<f64>);

impl Times {
    pub(super) fn add(&mut self, took: Duration) {
        self.0.push(took.as_nanos() as f64);
    }

    /// Adds the time of one of so many since then.
    pub(super) fn add_each(&mut self, began: Instant, count: usize) {
        self.0.push(began.elapsed().as_nanos() as f64 / count as f64);
    }

    /// What half of them did not exceed; not a number without any.
    pub(super) fn median(&mut self) -> f64 {
        self.quantile(0.5)
    }

    pub(super) fn quantile(&mut self, quantile: f64) -> f64 {
        self.0.sort_by(f64::total_cmp);
        let last = self.0.len().saturating_sub(1);
        self.0.get((last as f64 * quantile) as usize).copied().unwrap_or(f64::NAN)
    }

    pub(super) fn extend(&mut self, other: Times) {
        self.0.extend(other.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_what_was_added() {
        let mut times = Times::default();
        assert!(times.median().is_nan());
        for nanos in (1..=101).rev() {
            times.add(Duration::from_nanos(nanos));
        }
        assert!((times.median() - 51.0).abs() < 1e-9);
        assert!((times.quantile(0.99) - 100.0).abs() < 1e-9);
        assert!((times.quantile(1.0) - 101.0).abs() < 1e-9);
    }
}
