//! The judge against simulated loads: what a statement costs in all, judged, is never much more
//! than the better of keeping always and never.

use std::collections::{HashMap, VecDeque};

use super::*;

/// Nanoseconds per call of each kind.
#[derive(Clone, Copy)]
struct Costs {
    origin: u64,
    keep: u64,
    hit: u64,
}

const POINT: Costs = Costs { origin: 30_000, keep: 10_000, hit: 2_000 };
const REPORT: Costs = Costs { origin: 2_000_000, keep: 4_000, hit: 300 };
/// Keeping costs more than reading again, and a hit as much.
const TRIFLE: Costs = Costs { origin: 7_000, keep: 15_000, hit: 6_500 };

/// A cache of so many answers, each of which a write drops with this chance after each call.
struct Load {
    costs: Costs,
    calls: u64,
    resident_max: usize,
    key: fn(u64, &mut fastrand::Rng) -> u64,
    /// Calls between two writes that drop everything; 0 for none.
    flush_every: u64,
}

#[derive(Clone, Copy, PartialEq)]
enum Policy {
    Always,
    Never,
    Judged,
}

struct Run {
    nanos: u64,
    fills: u64,
    hits: u64,
    /// Times that a rest began, and how long the last was.
    rests: u64,
    rest: u64,
    verdict: Verdict,
}

fn run(load: &Load, policy: Policy) -> Run {
    let mut random = fastrand::Rng::with_seed(7);
    let (mut resident, mut order) = (HashMap::new(), VecDeque::new());
    let mut judge = Judge::new();
    let start = Instant::now();
    let (mut nanos, mut hits, mut fills, mut rests) = (0u64, 0u64, 0u64, 0u64);
    let mut rest = 0;
    for call in 0..load.calls {
        if load.flush_every > 0 && call % load.flush_every == load.flush_every - 1 {
            resident.clear();
            order.clear();
        }
        let key = (load.key)(call, &mut random);
        // Costs waver, and sometimes the thread is put to sleep.
        let wavering = |cost: u64, random: &mut fastrand::Rng| {
            cost * random.u64(70..130) / 100 + if random.u32(..2_000) == 0 { 10_000_000 } else { 0 }
        };
        if resident.contains_key(&key) {
            hits += 1;
            let spent = wavering(load.costs.hit, &mut random);
            nanos += spent;
            if hits % 1_024 == 511 {
                judge.note(Cost::Hit, Duration::from_nanos(spent));
            }
            continue;
        }
        let spent = wavering(load.costs.origin, &mut random);
        nanos += spent;
        judge.note(Cost::Origin, Duration::from_nanos(spent));
        let now = start + Duration::from_nanos(nanos);
        let keeps = match policy {
            Policy::Always => true,
            Policy::Never => false,
            Policy::Judged => judge.admits(now, hits, fills),
        };
        if !keeps {
            continue;
        }
        fills += 1;
        let spent = wavering(load.costs.keep, &mut random);
        nanos += spent;
        judge.note(Cost::Keep, Duration::from_nanos(spent));
        resident.insert(key, ());
        order.push_back(key);
        if order.len() > load.resident_max
            && let Some(oldest) = order.pop_front()
        {
            resident.remove(&oldest);
        }
        if policy == Policy::Judged && fills >= judge.window_end() {
            judge.decide(now, hits, fills);
            if let Verdict::Rests(until) = judge.verdict {
                rests += 1;
                rest = (until - now).as_nanos() as u64;
            }
        }
    }
    Run { nanos, fills, hits, rests, rest, verdict: judge.verdict }
}

fn unique(call: u64, _: &mut fastrand::Rng) -> u64 {
    call
}

fn uniform<const N: u64>(_: u64, random: &mut fastrand::Rng) -> u64 {
    random.u64(..N)
}

/// A tenth of all calls to ten keys, the others to a new one each.
fn mostly_unique(call: u64, random: &mut fastrand::Rng) -> u64 {
    if random.u32(..10) == 0 { random.u64(..10) } else { 1_000 + call }
}

/// A scan first, then few keys.
fn turns_good(call: u64, random: &mut fastrand::Rng) -> u64 {
    if call < 100_000 { 1_000 + call } else { random.u64(..100) }
}

/// Few keys first, then a scan.
fn turns_bad(call: u64, random: &mut fastrand::Rng) -> u64 {
    if call < 100_000 { random.u64(..100) } else { 1_000 + call }
}

fn load(costs: Costs, key: fn(u64, &mut fastrand::Rng) -> u64) -> Load {
    Load { costs, calls: 250_000, resident_max: 1_000_000, key, flush_every: 0 }
}

/// Judging costs at most what trials keep in vain, the length of the last rest, in which a load
/// may have begun to pay, and the lesser hits of a load that warmed up in several trials.
#[test]
fn never_much_worse_than_the_better_of_always_and_never() {
    let check = |name: &str, load: Load| {
        let [always, never, judged] =
            [Policy::Always, Policy::Never, Policy::Judged].map(|policy| run(&load, policy));
        let best = always.nanos.min(never.nanos);
        let bound = best / 50 + 2 * WINDOW_MAX * load.costs.keep + judged.rest;
        assert!(
            judged.nanos <= best + bound,
            "{name}: judged {} ms, always {} ms, never {} ms, {} fills, {} hits, {} rests, {:?}",
            judged.nanos / 1_000_000,
            always.nanos / 1_000_000,
            never.nanos / 1_000_000,
            judged.fills,
            judged.hits,
            judged.rests,
            judged.verdict
        );
        judged
    };
    let scan = check("a scan of unique keys", load(POINT, unique));
    assert!(scan.fills < 20_000 && matches!(scan.verdict, Verdict::Rests(_)), "{}", scan.fills);
    check("few keys", load(POINT, uniform::<100>));
    let warm = check("as many keys as a burst of cold reads", load(POINT, uniform::<10_000>));
    assert_eq!((warm.rests, warm.verdict), (0, Verdict::Pays), "no rest while it warms up");
    check("mostly unique, cheap", load(POINT, mostly_unique));
    let dear = check("mostly unique, dear", load(REPORT, mostly_unique));
    assert_eq!(dear.rests, 0, "a tenth of hits is much when a read takes long");
    check("a hit that saves nothing", load(TRIFLE, uniform::<100>));
    let thrash = Load { resident_max: 1_000, ..load(POINT, uniform::<100_000>) };
    check("far more keys than fit", thrash);
    let flushed = Load { flush_every: 50, ..load(POINT, uniform::<10_000>) };
    let flushed = check("dropped before it is asked for again", flushed);
    assert!(flushed.rests > 0);
    let flushed = Load { flush_every: 20_000, ..load(POINT, uniform::<1_000>) };
    let flushed = check("emptied now and then", flushed);
    assert_eq!(flushed.rests, 0, "the cold reads after each do not count against it");
    check("a scan, then few keys", load(POINT, turns_good));
    check("few keys, then a scan", load(POINT, turns_bad));
}

/// A cache that takes long to warm up is given up again and again, ever later, but every trial
/// finds more answers in it than the one before.
#[test]
fn a_large_working_set_is_kept_in_the_end() {
    let load = Load { calls: 1_500_000, ..load(POINT, uniform::<200_000>) };
    let [never, judged] = [Policy::Never, Policy::Judged].map(|policy| run(&load, policy));
    assert_eq!(judged.verdict, Verdict::Pays);
    assert!(judged.nanos < never.nanos / 2, "{} of {}", judged.nanos, never.nanos);
}

#[test]
fn rests_grow_to_their_bound_and_success_makes_them_short_again() {
    let mut judge = Judge::new();
    judge.note(Cost::Origin, Duration::from_nanos(3_000));
    judge.note(Cost::Keep, Duration::from_nanos(1_000));
    let (mut now, mut misses) = (Instant::now(), 0);
    let mut rests = Vec::new();
    for _ in 0..8 {
        while !matches!(judge.verdict, Verdict::Rests(_)) {
            misses = judge.window_end();
            judge.decide(now, 0, misses);
        }
        let Verdict::Rests(until) = judge.verdict else { unreachable!() };
        rests.push((until - now).as_secs());
        assert!(!judge.admits(until - Duration::from_nanos(1), 0, misses));
        assert_eq!(judge.window_end(), u64::MAX);
        now = until;
        assert!(judge.admits(now, 0, misses), "the rest is over");
        assert_eq!(judge.verdict, Verdict::Trial);
    }
    assert_eq!(rests, [1, 2, 4, 8, 16, 32, 60, 60]);
    let mut hits = 0;
    for expect in [60, 60, 1] {
        assert_eq!(judge.rest.as_secs(), expect, "one lucky window is not enough");
        hits += 10_000;
        misses = judge.window_end();
        judge.decide(now, hits, misses);
    }
    // Two bad windows in a row, and no sooner, end it.
    for expect in [true, false] {
        misses = judge.window_end();
        judge.decide(now, hits, misses);
        assert_eq!(judge.verdict == Verdict::Doubtful, expect);
    }
    assert!(matches!(judge.verdict, Verdict::Rests(_)));
}

#[test]
fn the_hit_ratio_needed_follows_from_the_costs() {
    let check = |origin, keep, ticket, hit, expect: f64| {
        let mut judge = Judge::new();
        for (cost, nanos) in
            [(Cost::Origin, origin), (Cost::Keep, keep), (Cost::Ticket, ticket), (Cost::Hit, hit)]
        {
            judge.note(cost, Duration::from_nanos(nanos));
        }
        let needed = judge.needed().unwrap();
        assert!((needed - expect).abs() < 1e-9 || needed == expect, "{needed}, not {expect}");
    };
    check(3_000, 800, 200, 250, 1_000.0 / 3_750.0);
    check(100_000, 1_000, 0, 0, 1_000.0 / 101_000.0);
    check(500, 1_000, 0, 500, 1.0);
    check(500, 1_000, 0, 1_600, f64::INFINITY);
    assert_eq!(Judge::new().needed(), None, "nothing is decided before costs are known");
}

#[test]
fn one_sleep_does_not_spoil_a_mean() {
    let mut mean = Mean::default();
    (0..100).for_each(|_| mean.note(1_000.0));
    mean.note(10_000_000.0);
    assert!(mean.nanos < 1_600.0, "{}", mean.nanos);
    // What really costs more now is learned.
    (0..200).for_each(|_| mean.note(50_000.0));
    assert!(mean.nanos > 40_000.0, "{}", mean.nanos);
}
