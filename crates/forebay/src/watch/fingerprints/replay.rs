//! A replay of many executions over many fingerprints, beside everything that was replayed: sums,
//! quantiles of each, bytes and time. `REPLAY=10000000 cargo test -p forebay --release --lib replay
//! -- --nocapture` is what the figures in bench/runs are from.

use std::time::Duration;

use super::*;

/// Executions unless REPLAY says otherwise.
const EXECUTIONS: usize = 50_000;

/// Fingerprints, of which one in four can be shown apart.
const FINGERPRINTS: usize = 20_000;

/// From so many executions on a quantile is compared.
const CALLS_MIN: usize = 200;

/// The ends of the shares of a Zipf distribution with the skew 1.
fn shares() -> Vec<f64> {
    let mut sum = 0.0;
    let ends = (1..=FINGERPRINTS).map(|rank| {
        sum += 1.0 / rank as f64;
        sum
    });
    ends.collect()
}

/// A time in nanoseconds: each fingerprint has its own usual one, and a tail.
fn draw(random: &mut fastrand::Rng, fingerprint: usize) -> u64 {
    let usual = 2_000.0 * 1.3_f64.powi((fingerprint % 40) as i32);
    let tail = (1.0 / random.f64().max(1e-9)).powf(0.4);
    ((usual * tail) as u64).min(100_000_000_000)
}

#[test]
fn a_replay_is_counted_exactly() {
    let length = std::env::var("REPLAY").ok().and_then(|it| it.parse().ok());
    let executions = length.unwrap_or(EXECUTIONS);
    let mut random = fastrand::Rng::with_seed(11);
    let ends = shares();
    let texts: Vec<String> = (0..FINGERPRINTS).map(|n| format!("SELECT c{n} FROM t")).collect();
    let picked: Vec<(u32, u64)> = (0..executions)
        .map(|_| {
            let at = random.f64() * ends[FINGERPRINTS - 1];
            let fingerprint = ends.partition_point(|end| *end < at).min(FINGERPRINTS - 1);
            (fingerprint as u32, draw(&mut random, fingerprint))
        })
        .collect();
    let mut kept = None;
    let now = Instant::now();
    let mut spent = Duration::ZERO;
    let counted = allocation_counter::measure(|| {
        let limits = SlowLimits { after: Some(Duration::from_millis(100)) };
        let fingerprints = Fingerprints::new(Dialect::Sqlite, limits);
        let began = Instant::now();
        for (step, (fingerprint, nanos)) in picked.iter().enumerate() {
            let record = fingerprints.of(&texts[*fingerprint as usize]);
            let ended = now + Duration::from_micros(step as u64 * 50);
            let visit = Visit {
                ended,
                spent: Duration::from_nanos(*nanos),
                wait: Duration::ZERO,
                rows: 1,
                bytes: 8,
                failed: false,
            };
            fingerprints.note(&record, &visit);
        }
        spent = began.elapsed();
        kept = Some(fingerprints);
    });
    let fingerprints = kept.unwrap();
    let end = now + Duration::from_micros(executions as u64 * 50);
    let shown: Vec<_> =
        fingerprints.shown(end).iter().map(|it| fingerprints.snapshot(it, end)).collect();
    let sum = |of: fn(&FingerprintStats) -> u128| shown.iter().map(of).sum::<u128>();
    assert_eq!(sum(|it| it.time.count.into()), executions as u128);
    assert_eq!(sum(|it| it.rows.into()), executions as u128);
    let nanos: u128 = picked.iter().map(|(_, nanos)| u128::from(*nanos)).sum();
    assert_eq!(sum(|it| it.time.total.as_nanos()), nanos);
    let (worst, compared) = worst(&picked, &shown, &texts);
    println!(
        "{executions} executions of {FINGERPRINTS} fingerprints: {} shown, {} folded; {:.0} ns \
         each with the lexer; {:.0} bytes for each that is kept; quantiles of {compared} \
         fingerprints: at most {:.2} % off",
        shown.len(),
        fingerprints.folded(),
        spent.as_nanos() as f64 / executions as f64,
        counted.bytes_current as f64 / fingerprints.table().records.len() as f64,
        worst * 100.0
    );
    assert!(compared > 0 && worst <= 0.02, "{worst}");
    assert!(counted.bytes_current <= 2_500 * SHOWN_MAX as i64, "{}", counted.bytes_current);
}

/// How far p50, p95 and p99 are off at most, of those fingerprints that were counted from their
/// beginning, and how many these are.
fn worst(picked: &[(u32, u64)], shown: &[FingerprintStats], texts: &[String]) -> (f64, usize) {
    let mut times: Vec<Vec<u64>> = vec![Vec::new(); FINGERPRINTS];
    picked.iter().for_each(|(fingerprint, nanos)| times[*fingerprint as usize].push(*nanos));
    let (mut worst, mut compared) = (0.0_f64, 0);
    for (text, times) in texts.iter().zip(&mut times).filter(|(_, it)| it.len() >= CALLS_MIN) {
        let id = Fingerprint::new(text, Dialect::Sqlite).id();
        let Some(stats) = shown.iter().find(|it| it.id == id) else { continue };
        if stats.time.count != times.len() as u64 {
            continue;
        }
        compared += 1;
        times.sort_unstable();
        for (q, found) in [(0.5, stats.time.p50), (0.95, stats.time.p95), (0.99, stats.time.p99)] {
            let rank = ((times.len() as f64 * q).ceil() as usize).max(1);
            let exact = times[rank - 1] as f64;
            worst = worst.max((found.as_nanos() as f64 - exact).abs() / exact);
        }
    }
    (worst, compared)
}
