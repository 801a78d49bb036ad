//! How costs grow: the slope of a line through them where both axes are logarithmic, and what it
//! should be.

/// How a cost should grow with the size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Growth {
    Constant,
    /// With the depth of a tree.
    Logarithmic,
    Linear,
}

/// What was measured at one size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    pub(super) size: u64,
    /// In nanoseconds.
    pub(super) cost: f64,
}

impl Growth {
    pub(super) fn name(self) -> &'static str {
        match self {
            Growth::Constant => "constant",
            Growth::Logarithmic => "log n",
            Growth::Linear => "linear",
        }
    }

    /// The slope of what grows exactly so over the sizes of these points.
    pub(super) fn slope_over(self, points: &[Point]) -> Option<f64> {
        let cost = |size: u64| match self {
            Growth::Constant => 1.0,
            // A table of one row has one level, too.
            Growth::Logarithmic => (size as f64).ln() + 1.0,
            Growth::Linear => size as f64,
        };
        let exact = points.iter().map(|point| Point { size: point.size, cost: cost(point.size) });
        slope(&exact.collect::<Vec<_>>())
    }
}

/// The slope of the line of least squares through the logarithms; `None` without two sizes. A size
/// or a cost of 0 has no logarithm, and is left out.
pub(super) fn slope(points: &[Point]) -> Option<f64> {
    let logs: Vec<(f64, f64)> = points
        .iter()
        .filter(|point| point.size > 0 && point.cost > 0.0)
        .map(|point| ((point.size as f64).ln(), point.cost.ln()))
        .collect();
    let count = logs.len() as f64;
    let (x_sum, y_sum) = logs.iter().fold((0.0, 0.0), |(x, y), log| (x + log.0, y + log.1));
    let (x_mean, y_mean) = (x_sum / count, y_sum / count);
    let spread: f64 = logs.iter().map(|log| (log.0 - x_mean).powi(2)).sum();
    let product: f64 = logs.iter().map(|log| (log.0 - x_mean) * (log.1 - y_mean)).sum();
    (spread > 0.0).then(|| product / spread)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(cost: impl Fn(f64) -> f64) -> Vec<Point> {
        let sizes = [1_000_u64, 10_000, 100_000, 1_000_000];
        sizes.map(|size| Point { size, cost: cost(size as f64) }).to_vec()
    }

    #[test]
    fn slopes_are_the_powers_of_the_size() {
        let check = |cost: fn(f64) -> f64, expect: f64| {
            let slope = slope(&points(cost)).unwrap();
            assert!((slope - expect).abs() < 1e-9, "{slope}, not {expect}");
        };
        check(|_| 7.0, 0.0);
        check(|size| 3.0 * size, 1.0);
        check(|size| size.sqrt(), 0.5);
        check(|size| 1.0 / size, -1.0);
    }

    #[test]
    fn what_has_no_slope_has_none() {
        assert_eq!(slope(&[]), None);
        assert_eq!(slope(&[Point { size: 10, cost: 1.0 }]), None);
        assert_eq!(slope(&[Point { size: 0, cost: 1.0 }, Point { size: 10, cost: 5.0 }]), None);
        let with_none = [&points(|size| size)[..], &[Point { size: 0, cost: 1e9 }]].concat();
        assert!((slope(&with_none).unwrap() - 1.0).abs() < 1e-9);
    }

    #[test]
    fn expectations_lie_in_their_order() {
        let points = points(|_| 1.0);
        let over = |growth: Growth| growth.slope_over(&points).unwrap();
        assert!(over(Growth::Constant).abs() < 1e-9);
        assert!((0.05..0.2).contains(&over(Growth::Logarithmic)));
        assert!((over(Growth::Linear) - 1.0).abs() < 1e-9);
    }
}
