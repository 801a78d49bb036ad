//! Skewed chance: a few things are asked for most of the time.

use fastrand::Rng;

/// Numbers from 1 to `n`, the k-th as often as 1/k^s.
pub(crate) struct Zipf(Vec<f64>);

impl Zipf {
    pub(crate) fn new(n: usize, s: f64) -> Zipf {
        let mut sum = 0.0;
        let sums = (1..=n).map(|k| {
            sum += (k as f64).powf(-s);
            sum
        });
        Zipf(sums.collect())
    }

    pub(crate) fn draw(&self, rng: &mut Rng) -> i64 {
        let total = self.0.last().copied().unwrap_or(1.0);
        let at = rng.f64() * total;
        self.0.partition_point(|sum| *sum < at) as i64 + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_drawn_as_often_as_it_should() {
        let (zipf, mut rng) = (Zipf::new(1_000, 1.0), Rng::with_seed(3));
        let drawn: Vec<i64> = (0..100_000).map(|_| zipf.draw(&mut rng)).collect();
        assert!(drawn.iter().all(|n| (1..=1_000).contains(n)));
        let first = drawn.iter().filter(|n| **n == 1).count();
        // One in 7.49, the sum of 1/k up to 1,000.
        assert!((12_800..13_900).contains(&first), "{first}");
    }
}
