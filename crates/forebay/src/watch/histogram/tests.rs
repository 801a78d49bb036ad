//! Quantiles beside those of the sorted times.

use super::*;

/// From 1 µs on no quantile may be further off than this.
const ERROR_MAX: f64 = 0.02;

fn check(name: &str, mut times: Vec<u64>) {
    let mut histogram = Histogram::default();
    times.iter().for_each(|nanos| histogram.record(Bucket::of(*nanos)));
    times.sort_unstable();
    for q in [0.01, 0.5, 0.9, 0.95, 0.99, 0.999, 1.0] {
        let rank = ((times.len() as f64 * q).ceil() as usize).max(1);
        let (exact, found) = (times[rank - 1] as f64, histogram.quantile(q) as f64);
        let error = (found - exact).abs() / exact;
        assert!(error <= ERROR_MAX, "{name}: q {q} is {found}, exactly {exact}: {error}");
    }
}

#[test]
fn quantiles_are_within_two_percent_of_the_exact_ones() {
    let mut random = fastrand::Rng::with_seed(7);
    check("one", vec![1_234]);
    check("each microsecond", (1..20_000).map(|n| n * 1_000).collect());
    check("powers of two", (10..37).map(|n| 1 << n).take(OCTAVES_KEPT_MAX).collect());
    let skewed = |random: &mut fastrand::Rng| (5_000.0 * (1.0 / random.f64()).powf(0.8)) as u64;
    check("skewed", (0..50_000).map(|_| skewed(&mut random).min(60_000_000_000)).collect());
    let two = |random: &mut fastrand::Rng| match random.u32(..100) {
        0..3 => random.u64(40_000_000..90_000_000),
        _ => random.u64(3_000..9_000),
    };
    check("two humps", (0..50_000).map(|_| two(&mut random)).collect());
    check("the longest", vec![100_000_000_000, 137_000_000_000, 1_000_000_000_000]);
}

#[test]
fn without_times_there_is_no_quantile() {
    let mut histogram = Histogram::default();
    assert_eq!(histogram.quantile(0.5), 0);
    histogram.record(Bucket::of(u64::MAX));
    assert_eq!(histogram.buckets().collect::<Vec<_>>(), [(BUCKETS - 1, 1)]);
}

#[test]
fn memory_is_bounded_and_the_bulk_stays_where_it_is() {
    let mut histogram = Histogram::default();
    for octave in 0..OCTAVES as u32 {
        let times = if octave == 14 { 10_000 } else { 3 };
        (0..times).for_each(|_| histogram.record(Bucket::of(3 << octave)));
    }
    assert!(histogram.heap() <= OCTAVES_KEPT_MAX * 72, "{} bytes", histogram.heap());
    let counted: u64 = histogram.buckets().map(|(_, count)| u64::from(count)).sum();
    assert_eq!(counted, 10_000 + 3 * (OCTAVES as u64 - 1));
    let error = histogram.quantile(0.5) as f64 / f64::from(3 << 14) - 1.0;
    assert!(error.abs() <= ERROR_MAX, "{error}");
}

#[test]
fn a_count_that_overflows_keeps_the_quantiles() {
    let mut histogram = Histogram::default();
    let (short, long) = (Bucket::of(2_000), Bucket::of(2_000_000));
    histogram.count(short, u32::MAX - 1);
    histogram.count(long, 1 << 30);
    let before = (histogram.quantile(0.5), histogram.quantile(0.9));
    for _ in 0..10 {
        histogram.record(Bucket::of(2_000));
    }
    let mut sum = histogram.clone();
    sum.add(&histogram);
    for after in [histogram, sum] {
        assert_eq!((after.quantile(0.5), after.quantile(0.9)), before);
    }
}
