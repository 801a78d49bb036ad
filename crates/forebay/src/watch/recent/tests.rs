//! Quantiles beside those of the sorted times of the same stretches.

use super::*;
use crate::watch::histogram::OCTAVES;

/// The quantile may be that of a rank so far off, by sampling,
const RANK_OFF: f64 = 0.012;
/// and then so far off, by the width of buckets.
const ERROR_MAX: f64 = 0.04;

const SHARES: [f64; 3] = [0.5, 0.95, 0.99];

fn check(name: &str, recent: &Recent, reach: Reach, now: u64, mut times: Vec<u64>) {
    times.sort_unstable();
    let found = recent.quantiles(reach, Duration::from_secs(now), SHARES);
    let at = |share: f64| {
        let rank = (times.len() as f64 * share).ceil() as usize;
        times[rank.clamp(1, times.len()) - 1] as f64
    };
    for (share, found) in SHARES.into_iter().zip(found) {
        let (least, most) = (at(share - RANK_OFF), at(share + RANK_OFF));
        let is_near =
            least * (1.0 - ERROR_MAX) <= found as f64 && found as f64 <= most * (1.0 + ERROR_MAX);
        assert!(is_near, "{name}, {reach:?}: {share} is {found}, exactly {}", at(share));
    }
}

fn skewed(random: &mut fastrand::Rng) -> u64 {
    (20_000.0 * (1.0 / random.f64().max(1e-4)).powf(0.5)) as u64
}

/// Few are all counted, of many a sample is.
#[test]
fn quantiles_are_near_the_exact_ones() {
    let mut random = fastrand::Rng::with_seed(5);
    for each_second in [1usize, 20, 3_000] {
        let mut recent = Recent::default();
        let mut all: Vec<(u64, u64)> = Vec::new();
        for second in 0..90 {
            recent.turn(Duration::from_secs(second));
            for _ in 0..each_second {
                let nanos = skewed(&mut random);
                recent.record(Bucket::of(nanos), all.len() as u32);
                all.push((second, nanos));
            }
        }
        let from = |second: u64| all.iter().filter(move |it| it.0 >= second).map(|it| it.1);
        let name = format!("{each_second} a second");
        check(&name, &recent, Reach::Minute, 89, from(30).collect());
        check(&name, &recent, Reach::Hour, 89, from(0).collect());
    }
}

#[test]
fn what_is_over_does_not_count() {
    let mut recent = Recent::default();
    let median = |recent: &Recent, second: u64| {
        recent.quantiles(Reach::Minute, Duration::from_secs(second), [0.5])[0] / 1_000
    };
    for (second, micros) in [(3, 10), (29, 10), (30, 1_000), (59, 1_000), (60, 1_000)] {
        recent.turn(Duration::from_secs(second));
        recent.record(Bucket::of(micros * 1_000), 0);
    }
    assert!((960..=1_040).contains(&median(&recent, 60)));
    assert!((960..=1_040).contains(&median(&recent, 119)));
    assert_eq!(median(&recent, 120), 0);
    // The first stretch of the hour has all of them; the place of the second is empty.
    let hour = |second| recent.quantiles(Reach::Hour, Duration::from_secs(second), [0.2])[0];
    assert!((9_600..=10_400).contains(&hour(3_599)));
    assert_eq!(hour(3_600), 0);
    recent.turn(Duration::from_secs(200));
    recent.record(Bucket::of(7_000), 0);
    assert!((6..=7).contains(&median(&recent, 200)), "nothing of what was is left");
}

#[test]
fn two_come_to_what_one_would() {
    let mut random = fastrand::Rng::with_seed(9);
    let mut parts = [Recent::default(), Recent::default()];
    let mut all = Vec::new();
    for second in 0..60 {
        for n in 0..400 {
            // The one has few, the other has many and longer ones.
            let part = usize::from(n % 20 > 0);
            let nanos = skewed(&mut random) * (1 + 2 * part as u64);
            parts[part].turn(Duration::from_secs(second));
            parts[part].record(Bucket::of(nanos), all.len() as u32);
            all.push(nanos);
        }
    }
    let now = Duration::from_secs(59);
    for (one, other) in [(0, 1), (1, 0)] {
        let mut both = parts[one].clone();
        both.absorb(now, &parts[other]);
        check("both", &both, Reach::Minute, 59, all.clone());
        check("both", &both, Reach::Hour, 59, all.clone());
    }
}

#[test]
fn memory_is_bounded_and_the_bulk_stays_where_it_is() {
    let mut recent = Recent::default();
    recent.turn(Duration::ZERO);
    for octave in 0..OCTAVES as u32 {
        let times = if octave == 14 { 10_000 } else { 3 };
        (0..times).for_each(|n| recent.record(Bucket::of(3 << octave), n));
    }
    assert!(recent.octaves.len() <= OCTAVES_KEPT_MAX);
    let [median] = recent.quantiles(Reach::Minute, Duration::ZERO, [0.5]);
    let error = median as f64 / f64::from(3 << 14) - 1.0;
    assert!(error.abs() <= ERROR_MAX, "{error}");
}
