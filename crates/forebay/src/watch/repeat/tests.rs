//! Trails, cases and findings, without a database: what the schema says is said by the tests.

use std::collections::BTreeSet;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::row::{Column, ColumnKind, Rows};
use crate::sql::Dialect;
use crate::value::Value;
use crate::watch::Record;

struct World {
    ledger: Arc<RepeatLedger>,
}

fn world() -> World {
    let settings = RepeatSettings { watch: RepeatWatch::Scopes, threshold: 5 };
    World { ledger: Arc::new(RepeatLedger::new(settings, Dialect::Sqlite)) }
}

fn record(id: u64, text: &str) -> Arc<Record> {
    Arc::new(Record::new(id, text.into()))
}

fn rows(columns: usize, values: Vec<Value>) -> Rows {
    let column = |at: usize| Column {
        name: format!("c{at}").into(),
        declared: None,
        kind: ColumnKind::Plain,
    };
    Rows::new((0..columns).map(column).collect(), values)
}

impl World {
    fn run(&self, scope: &Scope, record: &Arc<Record>, params: &[Value], answer: &Rows, hit: bool) {
        let digests: Vec<Digest> = params.iter().map(|it| self.ledger.digester.of(it)).collect();
        let told = Told {
            record,
            operands: &digests,
            rows: answer.len() as u64,
            affected: 0,
            spent: (!hit).then_some(Duration::from_millis(1)),
            caller: Location::caller(),
        };
        let sample = || Sample {
            text: record.text().clone(),
            names: Box::new([]),
            is_literal: false,
            comment: None,
        };
        scope.note(&self.ledger, &told, Some(answer), &sample);
    }

    /// A list of these keys, and a lookup for each.
    fn list_and_lookups(&self, scope: &Scope, keys: std::ops::Range<i64>, hits: bool) {
        let list = record(1, "select id from users");
        let lookup = record(2, "select total from orders where user_id = ?");
        self.run(scope, &list, &[], &rows(1, keys.clone().map(Value::from).collect()), hits);
        for key in keys {
            self.run(scope, &lookup, &[key.into()], &rows(1, vec![0.5.into()]), hits);
        }
    }

    /// Answers every question of every case.
    fn learn(&self, is_linked: bool) {
        for case in self.ledger.take_waiting() {
            let (from, to) = ("users.id".into(), "orders.user_id".into());
            let ends = Ends { from, to, ..Ends::default() };
            let link = || if is_linked { Link::Linked(ends.clone()) } else { Link::Unlinked(None) };
            case.learn(case.questions().iter().map(|it| (it.origin, link())).collect());
        }
    }

    fn kinds(&self) -> Vec<RepeatKind> {
        self.ledger.findings().iter().map(|it| it.kind).collect()
    }
}

#[test]
fn a_key_of_the_schema_proves_it() {
    let check = |keys: i64, is_linked: bool, expect: &[RepeatKind]| {
        let world = world();
        world.list_and_lookups(&Scope::alone("test"), 0..keys, false);
        world.learn(is_linked);
        assert_eq!(world.kinds(), expect, "{keys}, {is_linked}");
    };
    check(2, true, &[]);
    check(3, true, &[RepeatKind::Proven]);
    check(3, false, &[]);
    check(4, false, &[]);
    check(5, false, &[RepeatKind::Likely]);
    check(100, true, &[RepeatKind::Proven]);
}

/// Without a key in the schema, it takes three scopes with other keys each time.
#[test]
fn chance_is_out_of_the_question() {
    let check = |scopes: &[std::ops::Range<i64>], expect: RepeatKind| {
        let world = world();
        for keys in scopes {
            world.list_and_lookups(&Scope::alone("test"), keys.clone(), false);
            world.learn(false);
        }
        assert_eq!(world.kinds(), [expect], "{scopes:?}");
    };
    check(&[0..8, 5..13], RepeatKind::Likely);
    check(&[0..8, 5..13, 20..30], RepeatKind::Proven);
    check(&[0..8, 0..8, 0..8, 0..8], RepeatKind::Likely);
}

#[test]
fn one_record_for_a_pair_and_its_cost() {
    let world = world();
    for _ in 0..3 {
        world.list_and_lookups(&Scope::alone("test"), 0..10, false);
        world.learn(true);
    }
    world.list_and_lookups(&Scope::alone("other"), 0..20, true);
    let findings = world.ledger.findings();
    let [found] = findings.as_slice() else { panic!("{findings:?}") };
    assert_eq!((found.scopes, found.executions, found.from_memory, found.most), (4, 50, 20, 20));
    assert_eq!(found.entry_points, ["test", "other"]);
    assert_eq!(found.database_time, Duration::from_millis(30));
    // Thirty trips, of which one in each of four scopes was needed.
    assert_eq!(found.time_lost.as_millis(), 26);
}

/// It is told once, and not before the schema has been asked, nor if memory answered it all.
#[test]
fn news_are_told_once() {
    let world = world();
    world.list_and_lookups(&Scope::alone("test"), 0..10, true);
    assert!(world.ledger.takes_news() && !world.ledger.takes_news());
    assert!(world.ledger.news().is_empty(), "the schema has not been asked");
    world.learn(true);
    assert!(world.ledger.news().is_empty(), "it took no time");
    world.list_and_lookups(&Scope::alone("test"), 0..10, false);
    assert_eq!(world.ledger.news().len(), 1);
    world.list_and_lookups(&Scope::alone("test"), 0..10, false);
    assert!(world.ledger.news().is_empty());
}

/// The column that is connected is the origin, whichever else held the same values.
#[test]
fn of_several_columns_the_connected_one_counts() {
    let world = world();
    let both = record(1, "select line, user_id from lines");
    let lookup = record(2, "select total from orders where user_id = ?");
    for _ in 0..2 {
        let scope = Scope::alone("test");
        let values = (0..6).flat_map(|n| [Value::from(n), Value::from(n)]).collect();
        world.run(&scope, &both, &[], &rows(2, values), false);
        for key in 0..6 {
            world.run(&scope, &lookup, &[key.into()], &rows(1, vec![0.5.into()]), false);
        }
        for case in world.ledger.take_waiting() {
            let ends = Ends { from: "lines.user_id".into(), ..Ends::default() };
            let link = |column| match column {
                1 => Link::Linked(ends.clone()),
                _ => Link::Unlinked(None),
            };
            let questions = case.questions();
            assert_eq!(questions.len(), 2);
            case.learn(questions.iter().map(|it| (it.origin, link(it.origin.column))).collect());
        }
    }
    let findings = world.ledger.findings();
    let [found] = findings.as_slice() else { panic!("{findings:?}") };
    assert_eq!((found.kind, found.scopes, found.executions), (RepeatKind::Proven, 2, 12));
    assert_eq!(found.source.as_ref().unwrap().column, "lines.user_id");
}

/// After many scopes of one name only some are looked at closely; what is known is counted in all,
/// and what is not known gets attention again.
#[test]
fn little_is_done_where_nothing_is_new() {
    let world = world();
    for _ in 0..1_000 {
        world.list_and_lookups(&Scope::alone("busy"), 0..10, false);
        world.learn(true);
    }
    let findings = world.ledger.findings();
    assert_eq!((findings[0].scopes, findings[0].executions), (1_000, 10_000));
    let new = record(3, "select bio from profiles where user_id = ?");
    let mut scopes = 0;
    while world.ledger.findings().len() < 2 {
        let scope = Scope::alone("busy");
        for key in 0..10 {
            world.run(&scope, &new, &[key.into()], &rows(1, vec![0.5.into()]), false);
        }
        scopes += 1;
        assert!(scopes < 30, "it is never seen");
    }
}

#[test]
fn bounded() {
    let world = world();
    let scope = Scope::alone("test");
    for id in 0..2_000u64 {
        let lookup = record(id + 10, &format!("select c{id} from t where id = ?"));
        let fresh = Scope::alone("fresh");
        for key in 0..6 {
            let answer = rows(1, (0..300).map(|n| Value::from(n + key)).collect());
            world.run(&scope, &lookup, &[key.into()], &answer, false);
            world.run(&fresh, &lookup, &[key.into()], &rows(1, vec![1.into()]), false);
        }
    }
    assert_eq!(world.ledger.cases().len(), 1_000);
    let (scopes, left_out) = world.ledger.counts();
    assert!(scopes == 2_001 && left_out > 0);
    let report = scope.report();
    assert_eq!(report.statements, 12_000);
    assert_eq!(report.repeated.len(), 50);
}

/// One step of a random scope.
#[derive(Clone, Debug)]
struct Step {
    statement: usize,
    param: i64,
    answer: Vec<(i64, i64)>,
    /// From memory, where answers are not looked at at once.
    hit: bool,
}

fn step() -> impl Strategy<Value = Step> {
    let row = (0i64..12, 0i64..30);
    let answer = prop::collection::vec(row, 0..8);
    (0usize..4, 0i64..14, answer, any::<bool>()).prop_map(|(statement, param, answer, hit)| Step {
        statement,
        param,
        answer,
        hit,
    })
}

/// The columns, as statement and number, that held four of five of a statement's parameters before
/// they were used: by going through everything that has happened.
fn held(steps: &[Step], statement: usize) -> BTreeSet<(u64, u16)> {
    let mut used: Vec<(i64, usize)> = Vec::new();
    for (at, step) in steps.iter().enumerate().filter(|(_, it)| it.statement == statement) {
        if !used.iter().any(|(known, _)| *known == step.param) {
            used.push((step.param, at));
        }
    }
    let mut found = BTreeSet::new();
    for source in 0..4 {
        let of_source: Vec<&Step> = steps.iter().filter(|it| it.statement == source).collect();
        let rows: usize = of_source.iter().map(|it| it.answer.len()).sum();
        let is_single = of_source.len() > 1 && rows <= of_source.len();
        if is_single && used.len() < 5 && source != statement {
            continue;
        }
        for column in 0..2u16 {
            let of_column = |(a, b): &(i64, i64)| if column == 0 { *a } else { *b };
            let had = |value: i64, before: usize| {
                let earlier = steps[..before].iter().filter(|it| it.statement == source);
                earlier.flat_map(|it| &it.answer).any(|row| of_column(row) == value)
            };
            let all = of_source.iter().flat_map(|it| &it.answer);
            let all: BTreeSet<i64> = all.map(of_column).collect();
            let count = used.iter().filter(|(value, at)| had(*value, *at)).count();
            let is_few = used.len() < 5 && used.len() * 2 < all.len() && source != statement;
            if used.len() >= 3 && count * 5 >= used.len() * 4 && !is_few {
                found.insert((source as u64, column));
            }
        }
    }
    found
}

proptest! {
    /// Beside a model that keeps all values and looks through all of them.
    #[test]
    fn origins_are_those_of_a_model(steps in prop::collection::vec(step(), 0..60)) {
        let world = world();
        let scope = Scope::alone("test");
        let records: Vec<_> =
            (0..4).map(|id| record(id, &format!("select a, b from t{id} where c = ?"))).collect();
        for step in &steps {
            let values = step.answer.iter().flat_map(|(a, b)| [Value::from(*a), Value::from(*b)]);
            let answer = rows(2, values.collect());
            let record = &records[step.statement];
            world.run(&scope, record, &[step.param.into()], &answer, step.hit);
        }
        drop(scope);
        let cases = world.ledger.cases();
        for statement in 0..4 {
            let case = cases.iter().find(|case| case.id() == statement as u64);
            let asked: BTreeSet<(u64, u16)> = case
                .map(|case| case.questions())
                .unwrap_or_default()
                .iter()
                .map(|it| (it.origin.source, it.origin.column))
                .collect();
            let at_end = held(&steps, statement);
            prop_assert!(asked.is_superset(&at_end), "{:?} of {:?}", asked, at_end);
            let ever: BTreeSet<(u64, u16)> =
                (0..=steps.len()).flat_map(|end| held(&steps[..end], statement)).collect();
            prop_assert!(asked.is_subset(&ever), "{:?} of {:?}", asked, ever);
        }
    }
}

/// What telling costs: `REPEATS_COST`, in an optimised build.
#[test]
fn cost() {
    if std::env::var_os("REPEATS_COST").is_none() {
        println!("skipped: REPEATS_COST is not set");
        return;
    }
    let one = rows(3, vec![1.into(), "name".into(), 7.into()]);
    let many = rows(3, (0..600).map(Value::from).collect());
    let lookup = record(2, "select id, name, team from users where id = ?");
    let row = |n: i64| [n.into(), format!("user {n}").as_str().into(), (n % 7).into()];
    let list = rows(3, (0..40).flat_map(row).collect());
    // With one key only nothing is ever found, and scopes are looked at closely again and again.
    for (name, answer, hit, keys) in [
        ("one row", &one, false, 100),
        ("200 rows", &many, false, 100),
        ("one row from memory", &one, true, 100),
        ("40 rows from memory", &list, true, 1),
    ] {
        for per_scope in [1i64, 5, 50] {
            let world = world();
            let mut least = Duration::MAX;
            for _ in 0..200 {
                let began = std::time::Instant::now();
                for _ in 0..20 {
                    let scope = Scope::alone("cost");
                    for key in 0..per_scope {
                        world.run(&scope, &lookup, &[(key % keys).into()], answer, hit);
                    }
                }
                least = least.min(began.elapsed());
            }
            let each = least / (20 * per_scope as u32);
            println!("{name}, {per_scope} of a scope: {each:?} each");
        }
    }
}
