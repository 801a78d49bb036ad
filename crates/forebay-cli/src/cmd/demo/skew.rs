//! Skewed choice: a few things are asked for all the time, most hardly ever.

use fastrand::Rng;

/// Zipf's exponent. 0.99 is what the YCSB benchmark uses for web-like access.
const THETA: f64 = 0.99;

/// A stride that spreads popular ids over the whole table. It is a prime larger than any table
/// here, so that it permutes the ids of every table size.
const STRIDE: u64 = 2_654_435_761;

/// Draws ids from 1 to n, with Zipf-distributed popularity, in constant time (Gray et al.,
/// "Quickly generating billion-record synthetic databases", 1994).
#[derive(Clone)]
pub(super) struct Zipf {
    count: u64,
    zeta: f64,
    alpha: f64,
    eta: f64,
}

impl Zipf {
    pub(super) fn new(count: u32) -> Zipf {
        assert!(count > 0, "there is nothing to choose from");
        let zeta: f64 = (1..=count).map(|rank| f64::from(rank).powf(-THETA)).sum();
        let zeta_two = 1.0 + 2f64.powf(-THETA);
        let eta = (1.0 - (2.0 / f64::from(count)).powf(1.0 - THETA)) / (1.0 - zeta_two / zeta);
        Zipf { count: count.into(), zeta, alpha: 1.0 / (1.0 - THETA), eta }
    }

    /// An id; the same ids are popular every time.
    pub(super) fn draw(&self, rng: &mut Rng) -> i64 {
        let id = self.rank(rng.f64()).wrapping_mul(STRIDE) % self.count + 1;
        i64::try_from(id).expect("an id is at most the number of rows of a table")
    }

    /// The rank, from 0 (most popular), at which a share `u` of all draws is reached.
    fn rank(&self, u: f64) -> u64 {
        let share = u * self.zeta;
        if share < 1.0 {
            return 0;
        }
        if share < 1.0 + 0.5f64.powf(THETA) {
            return 1.min(self.count - 1);
        }
        let rank = self.count as f64 * (self.eta * u - self.eta + 1.0).powf(self.alpha);
        (rank as u64).min(self.count - 1)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn draws(count: u32) -> HashMap<i64, usize> {
        let (zipf, mut rng) = (Zipf::new(count), Rng::with_seed(7));
        let mut seen = HashMap::new();
        for _ in 0..100_000 {
            *seen.entry(zipf.draw(&mut rng)).or_default() += 1;
        }
        seen
    }

    #[test]
    fn ids_are_in_range() {
        for count in [1, 2, 3, 40, 1_000] {
            let largest = i64::from(count);
            assert!(draws(count).keys().all(|id| (1..=largest).contains(id)), "{count}");
        }
    }

    #[test]
    fn popularity_follows_zipf() {
        let mut counts: Vec<usize> = draws(1_000).into_values().collect();
        counts.sort_unstable_by(|a, b| b.cmp(a));
        let zeta: f64 = (1..=1_000).map(|rank| f64::from(rank).powf(-THETA)).sum();
        for rank in [1, 2, 10, 50] {
            let expected = 100_000.0 * (rank as f64).powf(-THETA) / zeta;
            let ratio = counts[rank - 1] as f64 / expected;
            assert!((0.75..1.33).contains(&ratio), "rank {rank}: {ratio}");
        }
    }
}
