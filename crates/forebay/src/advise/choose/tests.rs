//! Choosing, over costs that are written down.

use super::*;

/// Statements with what they cost: for each set that helps, so much; the least that is there
/// counts, as a planner would have it that never errs. `bad` sets make a planner err.
#[derive(Clone, Debug, Default)]
struct Table {
    costs: Vec<(f64, Vec<(Set, f64)>)>,
    bad: Vec<(usize, Set, f64)>,
    entries: Vec<(usize, f64)>,
}

impl Bench for Table {
    fn cost(&mut self, query: usize, set: &Set) -> Result<f64> {
        let (base, known) = &self.costs[query];
        if let Some((.., cost)) = self.bad.iter().find(|it| it.0 == query && it.1.is_subset(set)) {
            return Ok(*cost);
        }
        let there = known.iter().filter(|(wanted, _)| wanted.is_subset(set));
        let cost = there.map(|(_, cost)| *cost).fold(*base, f64::min);
        let writes = self.entries.iter().filter(|it| it.0 == query);
        Ok(cost + writes.map(|it| it.1 * set.len() as f64).sum::<f64>())
    }

    fn is_over(&self) -> bool {
        false
    }
}

fn set(of: &[usize]) -> Set {
    of.iter().copied().collect()
}

/// A task over `count` candidates in which each concerns every statement.
fn task(count: usize, calls: &[(f64, bool)], moves: &[&[usize]]) -> Task {
    let all: Set = (0..count).collect();
    let query = |(calls, is_read): &(f64, bool)| Weighed {
        calls: *calls,
        is_read: *is_read,
        candidates: all.clone(),
    };
    Task {
        queries: calls.iter().map(query).collect(),
        bytes: vec![1; count],
        moves: moves.iter().map(|it| set(it)).collect(),
        narrower: vec![Vec::new(); count],
        covered: vec![Vec::new(); count],
        limits: Limits::default(),
    }
}

fn chosen(task: &Task, table: &Table) -> Set {
    choose(task, &mut table.clone()).unwrap().set
}

#[test]
fn what_helps_is_chosen() {
    let table = Table {
        costs: vec![
            (10_000.0, vec![(set(&[0]), 100.0)]),
            (10_000.0, vec![(set(&[1]), 9_000.0)]),
            (10_000.0, vec![(set(&[2, 3]), 50.0)]),
        ],
        ..Table::default()
    };
    let reads = [(1.0, true), (1.0, true), (1.0, true)];
    // Little is not enough, and a pair is taken as one.
    let mut task = task(4, &reads, &[&[0], &[1], &[2], &[3], &[2, 3]]);
    assert_eq!(chosen(&task, &table), set(&[0, 2, 3]));
    task.limits.count_max = 2;
    assert_eq!(chosen(&task, &table), set(&[2, 3]));
    task.limits.bytes_max = 1;
    assert_eq!(chosen(&task, &table), set(&[0]));
}

#[test]
fn what_harms_is_not() {
    let table = Table {
        costs: vec![(10_000.0, vec![(set(&[0]), 100.0)]), (1_000.0, vec![])],
        bad: vec![(1, set(&[0]), 4_000.0)],
        ..Table::default()
    };
    let task = task(1, &[(1.0, true), (1.0, true)], &[&[0]]);
    let choice = choose(&task, &mut table.clone()).unwrap();
    assert_eq!(choice.set, set(&[]));
    assert_eq!(choice.refused, [(0, Why::Worse { query: 1, factor: 4.0 })]);
}

#[test]
fn a_wider_one_stands_in_where_the_narrow_one_harms() {
    // 1 is 0 with more keys, with which the planner does not err.
    let check = |wide: f64, expect: &[usize]| {
        let known = vec![(set(&[0]), 100.0), (set(&[1]), 90.0)];
        let table = Table {
            costs: vec![(10_000.0, known), (1_000.0, vec![])],
            bad: vec![(1, set(&[0]), 4_000.0), (1, set(&[1]), wide)],
            ..Table::default()
        };
        let mut task = task(2, &[(1.0, true), (1.0, true)], &[&[0], &[1]]);
        (task.narrower[1], task.covered[1]) = (vec![0], vec![0]);
        assert_eq!(chosen(&task, &table), set(expect), "{wide}");
    };
    check(1_000.0, &[1]);
    check(2_000.0, &[]);
}

#[test]
fn of_wider_ones_the_smallest_stands_in() {
    let check = |bytes: &[u64], expect: &[usize]| {
        let known = (0..3).map(|it| (set(&[it]), 100.0 - it as f64)).collect();
        let table = Table {
            costs: vec![(10_000.0, known), (1_000.0, vec![])],
            bad: vec![(1, set(&[0]), 4_000.0)],
            ..Table::default()
        };
        let mut task = task(3, &[(1.0, true), (1.0, true)], &[&[0]]);
        task.bytes = bytes.to_vec();
        for wider in [1, 2] {
            (task.narrower[wider], task.covered[wider]) = (vec![0], vec![0]);
        }
        assert_eq!(chosen(&task, &table), set(expect), "{bytes:?}");
    };
    check(&[10, 30, 20], &[2]);
    check(&[10, 20, 30], &[1]);
}

#[test]
fn a_fat_one_has_to_spare_more() {
    let check = |bytes: u64, expect: &[usize]| {
        let known = vec![(set(&[0]), 1_000.0), (set(&[1]), 600.0)];
        let table = Table { costs: vec![(10_000.0, known)], ..Table::default() };
        let mut task = task(2, &[(1.0, true)], &[&[0], &[1]]);
        (task.narrower[1], task.covered[1]) = (vec![0], vec![0]);
        task.bytes = vec![10, bytes];
        assert_eq!(chosen(&task, &table), set(expect), "{bytes} bytes");
    };
    check(20, &[1]);
    check(21, &[0]);
}

#[test]
fn writes_are_deducted() {
    let table = Table {
        costs: vec![(10_000.0, vec![(set(&[0]), 100.0)]), (10.0, vec![])],
        entries: vec![(1, 400.0)],
        ..Table::default()
    };
    let check = |writes: f64, expect: &[usize]| {
        let task = task(1, &[(1.0, true), (writes, false)], &[&[0]]);
        assert_eq!(chosen(&task, &table), set(expect), "{writes} writes");
    };
    check(0.0, &[0]);
    // A fifth has to be left of the 10,000.
    check(19.0, &[0]);
    check(20.0, &[]);
}

#[test]
fn the_narrow_one_is_taken_where_it_does() {
    // 1 is 0 with more keys.
    let check = |wide: f64, expect: &[usize]| {
        let known = vec![(set(&[0]), 1_000.0), (set(&[1]), wide)];
        let table = Table { costs: vec![(10_000.0, known)], ..Table::default() };
        let mut task = task(2, &[(1.0, true)], &[&[0], &[1]]);
        (task.narrower[1], task.covered[1]) = (vec![0], vec![0]);
        assert_eq!(chosen(&task, &table), set(expect), "{wide}");
    };
    check(900.0, &[0]);
    check(300.0, &[1]);
}

/// The least that statements can cost with any set that harms none.
fn best(task: &Task, table: &Table, count: usize) -> f64 {
    let mut table = table.clone();
    let mut total = |set: &Set| {
        let cost = |query: usize| table.cost(query, set).unwrap() * task.queries[query].calls;
        (0..task.queries.len()).map(cost).sum::<f64>()
    };
    (0u32..1 << count)
        .map(|bits| total(&(0..count).filter(|it| bits & (1 << it) != 0).collect()))
        .fold(f64::INFINITY, f64::min)
}

/// Random costs: nothing that is chosen is needless or does harm, and what is chosen is not far
/// from the best that there is.
#[test]
fn random_costs() {
    let mut random = fastrand::Rng::with_seed(11);
    let (mut saved, mut possible) = (0.0, 0.0);
    for _ in 0..300 {
        let count = random.usize(1..6);
        let queries = random.usize(1..5);
        let any = |random: &mut fastrand::Rng| -> Set {
            let wanted = random.usize(1..3);
            (0..wanted).map(|_| random.usize(..count)).collect()
        };
        let mut table = Table::default();
        let mut moves: Vec<Set> = (0..count).map(|it| set(&[it])).collect();
        for query in 0..queries {
            let base = 1_000.0 + random.f64() * 100_000.0;
            let known: Vec<(Set, f64)> =
                (0..random.usize(..4)).map(|_| (any(&mut random), base * random.f64())).collect();
            moves.extend(known.iter().map(|(set, _)| set.clone()));
            table.costs.push((base, known));
            if random.u8(..5) == 0 {
                table.bad.push((query, any(&mut random), base * 3.0));
            }
        }
        let calls: Vec<(f64, bool)> =
            (0..queries).map(|_| (1.0 + random.f64() * 100.0, true)).collect();
        let moves: Vec<Vec<usize>> = moves.into_iter().map(|it| it.into_iter().collect()).collect();
        let moves: Vec<&[usize]> = moves.iter().map(Vec::as_slice).collect();
        let task = task(count, &calls, &moves);
        let choice = chosen(&task, &table);
        let mut bench = table.clone();
        let (mut before, mut after) = (0.0, 0.0);
        for (query, (calls, _)) in calls.iter().enumerate() {
            let base = bench.cost(query, &Set::new()).unwrap();
            let cost = bench.cost(query, &choice).unwrap();
            assert!(cost <= base * 1.1 + 200.0, "{task:?} {table:?} {choice:?}");
            before += base * calls;
            after += cost * calls;
        }
        saved += before - after;
        possible += before - best(&task, &table, count);
    }
    assert!(saved >= possible * 0.85, "{saved} of {possible}");
}
