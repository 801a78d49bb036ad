//! The table of records beside a plain list of everything that was counted.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::sql::Bypass;

const LIMITS: SlowLimits = SlowLimits { after: None };

fn visit(ended: Instant, nanos: u64, rows: u64) -> Visit {
    let (spent, wait) = (Duration::from_nanos(nanos), Duration::from_nanos(nanos / 2));
    Visit { ended, spent, wait, rows, bytes: rows * 8, failed: false }
}

fn text(n: usize) -> String {
    format!("SELECT c{n} FROM t")
}

#[test]
fn the_heaviest_stay_apart_when_all_is_full() {
    let fingerprints = Fingerprints::new(Dialect::Sqlite, LIMITS);
    let now = Instant::now();
    for n in 0..3 * SHOWN_MAX {
        let record = fingerprints.of(&text(n));
        record.miss();
        // Every tenth takes long, wherever it comes.
        let nanos = if n % 10 == 0 { 1_000_000 } else { 1_000 };
        fingerprints.note(&record, &visit(now, nanos, 1));
    }
    let shown = fingerprints.shown(now);
    assert!(shown.len() <= SHOWN_MAX + 1, "{}", shown.len());
    let stats: Vec<_> = shown.iter().map(|it| fingerprints.snapshot(it, now)).collect();
    let heavy = stats.iter().filter(|it| it.id != 0 && it.time.total.as_millis() > 0).count();
    assert_eq!(heavy, 3 * SHOWN_MAX / 10);
    let sum = |of: fn(&FingerprintStats) -> u64| stats.iter().map(of).sum::<u64>();
    assert_eq!(sum(|it| it.calls), 3 * SHOWN_MAX as u64);
    assert_eq!((sum(|it| it.rows), sum(|it| it.time.count)), (15_000, 15_000));
    assert_eq!(fingerprints.folded(), 3 * SHOWN_MAX as u64 - (shown.len() as u64 - 1));
}

#[test]
fn a_condemned_one_is_never_forgotten() {
    let bounds = Bounds { shown_max: 8, records_max: 16 };
    let fingerprints = Fingerprints::bounded(Dialect::Sqlite, LIMITS, bounds);
    fingerprints.of(&text(0)).set_condemned(true);
    (1..100).for_each(|n| _ = fingerprints.of(&text(n)).miss());
    assert!(fingerprints.of(&text(0)).is_condemned());
    assert!(fingerprints.folded() > 80);
}

#[test]
fn where_nobody_lets_go_the_bound_holds_all_the_same() {
    let bounds = Bounds { shown_max: 8, records_max: 16 };
    let fingerprints = Fingerprints::bounded(Dialect::Sqlite, LIMITS, bounds);
    let held: Vec<_> = (0..100).map(|n| fingerprints.of(&text(n))).collect();
    held.iter().for_each(|record| _ = record.miss());
    let now = Instant::now();
    let count = || {
        let shown = fingerprints.shown(now);
        let calls: u64 = shown.iter().map(|it| fingerprints.snapshot(it, now).calls).sum();
        (fingerprints.table().records.len(), shown.len(), calls)
    };
    assert_eq!(count(), (16, 9, 100));
    // Once they do, there is room again.
    drop(held);
    (100..110).for_each(|n| _ = fingerprints.of(&text(n)).miss());
    let (records, _, calls) = count();
    assert!(records < 16, "{records}");
    assert_eq!(calls, 110);
}

/// What may be done, in any order.
#[derive(Clone, Debug)]
enum Step {
    /// Takes the record of a text, to be held in a place.
    Take {
        text: usize,
        place: usize,
    },
    Drop {
        place: usize,
    },
    Miss {
        place: usize,
    },
    Hit {
        place: usize,
        times: usize,
    },
    Bypass {
        place: usize,
    },
    Visit {
        place: usize,
        micros: u64,
        rows: u64,
        second: u64,
    },
    Store {
        place: usize,
        bytes: usize,
    },
    Roll {
        second: u64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let place = 0usize..6;
    prop_oneof![
        8 => (0usize..60, place.clone()).prop_map(|(text, place)| Step::Take { text, place }),
        2 => place.clone().prop_map(|place| Step::Drop { place }),
        3 => place.clone().prop_map(|place| Step::Miss { place }),
        3 => (place.clone(), 1usize..5).prop_map(|(place, times)| Step::Hit { place, times }),
        1 => place.clone().prop_map(|place| Step::Bypass { place }),
        6 => (place.clone(), 1u64..9_000, 0u64..9, 0u64..200).prop_map(
            |(place, micros, rows, second)| Step::Visit { place, micros, rows, second },
        ),
        2 => (place, 1usize..999).prop_map(|(place, bytes)| Step::Store { place, bytes }),
        1 => (0u64..200).prop_map(|second| Step::Roll { second }),
    ]
}

/// Everything counted, whosever it was.
#[derive(Debug, Default, PartialEq, Eq)]
struct Totals {
    calls: u64,
    hits: u64,
    misses: u64,
    visits: u64,
    nanos: u64,
    rows: u64,
    bytes: u64,
    wait: u64,
    longest: u64,
    entries: u64,
    resident: u64,
    lately: u64,
}

fn totals(fingerprints: &Fingerprints, now: Instant) -> Totals {
    let mut sum = Totals::default();
    for record in fingerprints.shown(now) {
        let stats = fingerprints.snapshot(&record, now);
        sum.calls += stats.calls;
        sum.hits += stats.hits;
        sum.misses += stats.misses;
        sum.visits += stats.time.count;
        sum.nanos += stats.time.total.as_nanos() as u64;
        sum.rows += stats.rows;
        sum.bytes += stats.bytes_read;
        sum.wait += stats.pool_wait.as_nanos() as u64;
        sum.longest = sum.longest.max(stats.time.max.as_nanos() as u64);
        sum.entries += stats.entries;
        sum.resident += stats.bytes;
        sum.lately += stats.hour.calls;
        assert_eq!(stats.origin_time, stats.time.total);
    }
    sum
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None,
                                        ..ProptestConfig::default() })]

    #[test]
    fn sums_are_exact_whatever_is_folded(steps in prop::collection::vec(step(), 1..200)) {
        let bounds = Bounds { shown_max: 8, records_max: 12 };
        let fingerprints = Fingerprints::bounded(Dialect::Sqlite, LIMITS, bounds);
        let began = Instant::now();
        let mut held: Vec<Option<Arc<Record>>> = vec![None; 6];
        // Entries hold their record for as long as they are resident.
        let mut entries: Vec<Arc<Record>> = Vec::new();
        let (mut model, mut now) = (Totals::default(), began);
        for step in steps {
            match step {
                Step::Take { text: n, place } => held[place] = Some(fingerprints.of(&text(n))),
                Step::Drop { place } => held[place] = None,
                Step::Roll { second } => {
                    now = now.max(began + Duration::from_secs(second));
                    fingerprints.roll(now);
                }
                Step::Miss { place } | Step::Hit { place, .. } | Step::Bypass { place }
                | Step::Visit { place, .. } | Step::Store { place, .. } => {
                    let Some(record) = &held[place] else { continue };
                    match step {
                        Step::Miss { .. } => {
                            record.miss();
                            (model.calls, model.misses) = (model.calls + 1, model.misses + 1);
                        }
                        Step::Hit { times, .. } => {
                            (0..times).for_each(|_| _ = record.hit());
                            model.calls += times as u64;
                            model.hits += times as u64;
                            model.lately += times as u64;
                        }
                        Step::Bypass { .. } => {
                            record.bypass(Bypass::Transaction);
                            model.calls += 1;
                        }
                        Step::Visit { micros, rows, second, .. } => {
                            now = now.max(began + Duration::from_secs(second));
                            let nanos = micros * 1_000;
                            fingerprints.note(record, &visit(now, nanos, rows));
                            model.visits += 1;
                            model.lately += 1;
                            model.nanos += nanos;
                            model.wait += nanos / 2;
                            model.rows += rows;
                            model.bytes += rows * 8;
                            model.longest = model.longest.max(nanos);
                        }
                        Step::Store { bytes, .. } => {
                            record.stored(bytes);
                            entries.push(record.clone());
                            model.entries += 1;
                            model.resident += bytes as u64;
                        }
                        _ => {}
                    }
                }
            }
            prop_assert_eq!(&totals(&fingerprints, now), &model);
            prop_assert!(fingerprints.shown(now).len() <= 9);
            prop_assert!(fingerprints.table().records.len() <= 12);
        }
    }
}

/// A fingerprint stays within 2.5 KiB beside its texts, whatever its times are.
#[test]
fn a_fingerprint_takes_so_many_bytes() {
    let fingerprints = Fingerprints::new(Dialect::Sqlite, LIMITS);
    let now = Instant::now();
    let mut random = fastrand::Rng::with_seed(3);
    let of = |name: &str, spread: &mut dyn FnMut() -> u64, has_hits: bool| {
        let counted = allocation_counter::measure(|| {
            let record = fingerprints.of(&format!("SELECT {name} FROM t"));
            for _ in 0..20_000 {
                fingerprints.note(&record, &visit(now, spread(), 1));
            }
            if has_hits {
                (0..1_000).for_each(|n| {
                    record.hit();
                    record.hit_took(Duration::from_nanos(80 + n % 300));
                });
            }
        });
        println!("{name}: {} bytes", counted.bytes_current);
        counted.bytes_current
    };
    // The table itself grows in steps: not in what is measured.
    (0..40).for_each(|n| _ = fingerprints.of(&text(n)));
    let mut usual = || 20_000 + random.u64(..60_000);
    assert!(of("usual", &mut usual, false) <= 1_800);
    assert!(of("usual_with_hits", &mut usual, true) <= 2_560);
    let mut wide = || 1_000 << fastrand::u32(..27);
    assert!(of("as_wide_as_can_be", &mut wide, false) <= 2_560);
}
