//! Traces of applications, harmful and harmless, beside what is found in them, and beside what the
//! rules of others find in the same run.
//!
//! `REPEATS_TRIALS` says how often each kind is run, with other sizes each time.

/// What the watch costs.
mod cost;
mod face;
mod harmful;
mod harmless;
mod kind;
mod rules;
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use forebay::{RepeatFinding, RepeatKind};

use self::kind::{Class, Kind, Scoped};
use self::world::{SCHEMA, Trace};
use crate::place::Place;

/// For a turn among all kinds at once, on a machine that does other things.
const PATIENCE: Duration = Duration::from_secs(60);

/// What one way of looking has found.
#[derive(Default)]
struct Score {
    right: usize,
    wrong: usize,
    /// Expected of it.
    found: usize,
    missed: usize,
    /// The kinds in which it was wrong, or missed something.
    amiss: BTreeSet<&'static str>,
}

impl Score {
    fn add<T: Ord>(&mut self, kind: &Kind, found: &BTreeSet<T>, expect: &BTreeSet<T>) {
        let right = found.intersection(expect).count();
        self.right += right;
        self.wrong += found.len() - right;
        self.found += right;
        self.missed += expect.len() - right;
        if found != expect {
            self.amiss.insert(kind.name);
        }
    }

    fn precision(&self) -> f64 {
        ratio(self.right, self.wrong)
    }

    fn recall(&self) -> f64 {
        ratio(self.found, self.missed)
    }
}

fn ratio(good: usize, bad: usize) -> f64 {
    if good + bad == 0 { f64::NAN } else { good as f64 / (good + bad) as f64 }
}

fn kinds() -> impl Iterator<Item = &'static Kind> {
    harmful::KINDS.iter().chain(harmless::KINDS)
}

async fn prepared() -> Place {
    let place = Place::new();
    place.builder().open().await.unwrap().close().await;
    place.bare().execute_batch(SCHEMA).unwrap();
    place
}

async fn run(kind: &Kind, trace: &Arc<Trace>) {
    match kind.scoped {
        Scoped::Itself => {
            trace.next_request();
            (kind.run)(trace.clone()).await;
        }
        Scoped::Around(times) => {
            for _ in 0..times {
                trace.next_request();
                forebay::scope(kind.name).run((kind.run)(trace.clone())).await;
            }
        }
    }
}

fn of_kinds(findings: &[RepeatFinding], kinds: &[RepeatKind]) -> BTreeSet<u64> {
    let of_kind = findings.iter().filter(|it| kinds.contains(&it.kind));
    of_kind.map(|it| it.fingerprint).collect()
}

fn show(scores: &BTreeMap<&str, Score>) {
    println!("\n{:<24} precision  recall  right wrong missed  amiss in", "rule");
    for (name, score) in scores {
        let amiss: Vec<&str> = score.amiss.iter().copied().collect();
        println!(
            "{name:<24} {:>9.3} {:>7.3} {:>6} {:>5} {:>6}  {} kinds: {}",
            score.precision(),
            score.recall(),
            score.right,
            score.wrong,
            score.missed,
            amiss.len(),
            amiss.join(", ")
        );
    }
}

/// The goals: of what is called proven 98 % is, and 95 % of what can be proven is found; of all
/// that is harmful 95 % is found.
#[tokio::test]
async fn findings_are_right_and_complete() {
    let trials: u64 = std::env::var("REPEATS_TRIALS").map_or(1, |it| it.parse().unwrap());
    let place = prepared().await;
    let mut scores: BTreeMap<&str, Score> = BTreeMap::new();
    let mut lines = BTreeMap::new();
    for (number, kind) in kinds().enumerate() {
        for trial in 0..trials {
            let db = place.builder().open().await.unwrap();
            let trace = Arc::new(Trace::new(db.clone(), trial * 1_000 + number as u64));
            run(kind, &trace).await;
            let findings = db.repeats().await;
            let mut expect = BTreeSet::new();
            for sql in kind.expect {
                expect.insert(db.explain(sql).await.unwrap().fingerprint);
            }
            let nothing = BTreeSet::new();
            let mut score = |name, kinds: &[RepeatKind], expect: &BTreeSet<u64>| {
                let found = of_kinds(&findings, kinds);
                scores.entry(name).or_default().add(kind, &found, expect);
            };
            let is = |class| if kind.class == class { &expect } else { &nothing };
            let reads = if is(Class::Linked).is_empty() { is(Class::Unlinked) } else { &expect };
            let proven = match kind.class {
                // To prove it is more than is expected.
                Class::Unlinked => &of_kinds(&findings, &[RepeatKind::Proven]) & &expect,
                _ => is(Class::Linked).clone(),
            };
            score("proven", &[RepeatKind::Proven], &proven);
            score("proven or likely", &[RepeatKind::Proven, RepeatKind::Likely], reads);
            score("writes", &[RepeatKind::Writes], is(Class::Writes));
            if kind.class == Class::Duplicate {
                score("duplicate", &[RepeatKind::Duplicate], is(Class::Duplicate));
            }
            let log = std::mem::take(&mut *trace.log.lock().unwrap());
            if matches!(kind.class, Class::Linked | Class::Unlinked | Class::Harmless) {
                let expect = kind.expect.iter().map(|sql| rules::shape(sql)).collect();
                for (name, rule) in rules::RULES {
                    scores.entry(name).or_default().add(kind, &rule(&log), &expect);
                }
            }
            let shown = findings.iter().map(|it| it.kind.name()).collect::<Vec<_>>().join(" ");
            lines.insert(
                number,
                format!("{:<32} {:<10} {shown}", kind.name, format!("{:?}", kind.class)),
            );
        }
    }
    lines.values().for_each(|line| println!("{line}"));
    show(&scores);
    let check = |name: &str, precision: f64, recall: f64| {
        let score = &scores[name];
        let is_met = score.precision() >= precision && score.recall() >= recall;
        assert!(is_met, "{name}: {:?}", score.amiss);
    };
    check("proven", 0.98, 0.95);
    check("proven or likely", 0.90, 0.95);
    check("writes", 1.0, 1.0);
    check("duplicate", 1.0, 1.0);
}

/// All of them at once on one database: scopes are kept apart.
#[tokio::test]
async fn scopes_at_once_are_kept_apart() {
    let place = prepared().await;
    let db = place.builder().max_overflow(100).acquire_timeout(PATIENCE).open().await.unwrap();
    let runs = kinds().enumerate().map(|(number, kind)| {
        let trace = Arc::new(Trace::new(db.clone(), number as u64));
        async move { run(kind, &trace).await }
    });
    futures_util::future::join_all(runs).await;
    let findings = db.repeats().await;
    let mut expect = BTreeMap::new();
    for kind in kinds().filter(|kind| kind.class == Class::Linked) {
        for sql in kind.expect {
            expect.insert(db.explain(sql).await.unwrap().fingerprint, *sql);
        }
    }
    let proven = of_kinds(&findings, &[RepeatKind::Proven]);
    for (fingerprint, sql) in &expect {
        assert!(proven.contains(fingerprint), "not found: {sql}");
    }
    for finding in findings.iter().filter(|it| it.kind == RepeatKind::Proven) {
        let is_right = expect.contains_key(&finding.fingerprint)
            || finding.statement.contains("legacy_invoices");
        assert!(is_right, "{finding}");
    }
}
