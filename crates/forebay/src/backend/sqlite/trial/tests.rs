//! The copy, and what is shown on it.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use super::*;
use crate::value::Value;

const SCRIPT: &str = "
    CREATE TABLE t (id INTEGER PRIMARY KEY, a INT, b TEXT, c TEXT COLLATE NOCASE, d REAL);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 6000)
    INSERT INTO t SELECT i, i * 7919 % 400, CASE WHEN i % 50 = 0 THEN 'rare' ELSE 'often' END,
        'Name ' || (i * 104729 % 6007), i * 31 % 1000 FROM n;
    CREATE INDEX old ON t (d);";

struct Made {
    _folder: tempfile::TempDir,
    trial: Trial,
}

fn made(more: &str, run_max: Duration) -> Made {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("any.db");
    let bare = rusqlite::Connection::open(&path).unwrap();
    bare.execute_batch(SCRIPT).unwrap();
    bare.execute_batch(more).unwrap();
    let place: PathBuf = folder.path().to_owned();
    let stop = crate::guard::Stop::at(None);
    let bounds = Bounds { bytes_max: 1 << 30, folder: place, run_max, stop };
    let trial = Trial::copy(&path, &bounds).unwrap();
    Made { _folder: folder, trial }
}

const LONG: Duration = Duration::from_secs(60);

fn names(of: &[&str]) -> BTreeSet<String> {
    of.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn indexes_are_hidden_and_shown() {
    for numbers in ["", "ANALYZE"] {
        let mut made = made(numbers, LONG);
        let trial = &mut made.trial;
        let sql = "SELECT count(*) FROM t WHERE a = 7";
        let bytes = trial.build("one", "CREATE INDEX one ON t (a)").unwrap();
        assert!(bytes > 20_000 && bytes < 1 << 20, "{bytes}");
        let hidden = trial.run(sql, &[]).unwrap();
        assert!(trial.plan(sql, &[]).unwrap()[0].starts_with("SCAN"));
        let all = names(&["one", "old"]);
        trial.show(&all, &names(&["one"])).unwrap();
        let shown = trial.run(sql, &[]).unwrap();
        assert!(trial.plan(sql, &[]).unwrap()[0].contains("INDEX one"));
        assert_eq!((hidden.rows, hidden.digest), (shown.rows, shown.digest));
        assert!(shown.steps * 20 < hidden.steps, "{shown:?} {hidden:?}");
        // The one that was there before can be hidden, too.
        let by_old = "SELECT id FROM t WHERE d = 31";
        assert!(trial.plan(by_old, &[]).unwrap()[0].starts_with("SCAN"));
        trial.show(&all, &names(&["old"])).unwrap();
        assert!(trial.plan(by_old, &[]).unwrap()[0].contains("INDEX old"));
        assert!(trial.plan(sql, &[]).unwrap()[0].starts_with("SCAN"));
    }
}

#[test]
fn writes_are_rolled_back() {
    let made = made("", LONG);
    let check = |sql: &str, params: &[Value], rows: u64| {
        assert_eq!(made.trial.run(sql, params).unwrap().rows, rows, "{sql}");
    };
    check("DELETE FROM t WHERE a < ?", &[Value::from(10)], 150);
    check("UPDATE t SET d = 1 RETURNING id", &[], 6_000);
    check("INSERT INTO t (a) VALUES (1), (2)", &[], 2);
    check("SELECT id FROM t", &[], 6_000);
    assert!(made.trial.run("SELECT ?", &[]).unwrap_err().is_usage());
    assert!(made.trial.run("INSERT INTO t (id) VALUES (1)", &[]).is_err());
    check("SELECT id FROM t", &[], 6_000);
}

#[test]
fn rows_that_others_refer_to_can_be_taken_out_for_a_trial() {
    let made = made("CREATE TABLE u (t REFERENCES t); INSERT INTO u VALUES (5)", LONG);
    let delete = "DELETE FROM t WHERE id = 5";
    for _ in 0..2 {
        assert!(made.trial.run(delete, &[]).is_err());
        let ran = made.trial.without_references(|trial| trial.run(delete, &[])).unwrap();
        assert_eq!(ran.unwrap().rows, 1);
    }
}

#[test]
fn what_takes_too_long_is_ended() {
    let made = made("", Duration::from_millis(30));
    let ran = made.trial.run("SELECT count(*) FROM t, t AS u, t AS v", &[]).unwrap();
    assert!(ran.is_cut && ran.steps > 0, "{ran:?}");
    assert!(!made.trial.run("SELECT 1", &[]).unwrap().is_cut);
}

#[test]
fn samples_tell_how_values_spread() {
    let made = made("", LONG);
    let near = |found: f64, expect: f64| {
        assert!((found - expect).abs() <= expect * 0.3, "{found} and not {expect}");
    };
    let distinct = |key: &str| made.trial.distinct("t", key).unwrap();
    near(distinct("\"a\""), 400.0);
    near(distinct("\"b\""), 2.0);
    near(distinct("\"c\""), 6_000.0);
    near(distinct("lower(\"b\")"), 2.0);
    near(made.trial.share("t", "\"b\" = 'rare'").unwrap(), 0.02);
    near(made.trial.share("t", "\"a\" < 100").unwrap(), 0.25);
    assert_eq!(made.trial.values("t", "\"b\"", 3).unwrap().len(), 3);
}

/// The planner does with what is imagined what it does with what is built.
#[test]
fn imagined_plans_are_those_of_built_ones() {
    let cases: [(&[&str], Option<&str>, &[&str]); 6] = [
        (&["\"a\""], None, &["SELECT * FROM t WHERE a = 5", "SELECT * FROM t WHERE a > 300"]),
        (
            &["\"b\""],
            None,
            &["SELECT * FROM t WHERE b = 'rare'", "SELECT * FROM t WHERE b = 'often'"],
        ),
        (&["\"a\"", "\"d\""], None, &["SELECT * FROM t WHERE a = 5 ORDER BY d LIMIT 2"]),
        (
            &["\"c\" COLLATE NOCASE"],
            None,
            &["SELECT * FROM t WHERE c = 'name 7'", "SELECT c FROM t"],
        ),
        (&["\"d\""], Some("\"b\" = 'rare'"), &["SELECT * FROM t WHERE b = 'rare' AND d > 990"]),
        (&["lower(\"c\")"], None, &["SELECT * FROM t WHERE lower(c) = 'name 7'"]),
    ];
    for numbers in ["", "ANALYZE"] {
        let mut made = made(numbers, LONG);
        let trial = &mut made.trial;
        for (number, (keys, condition, queries)) in cases.iter().enumerate() {
            let filter = condition.map(|it| format!(" WHERE {it}")).unwrap_or_default();
            let name = format!("x{number}");
            let sql = format!("CREATE INDEX {name} ON t ({}){filter}", keys.join(", "));
            let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
            let all = names(&[&name]);
            let it =
                Imagined { name: &name, table: "t", sql: &sql, keys: &keys, condition: *condition };
            trial.imagine(&it).unwrap();
            trial.show(&all, &all).unwrap();
            let plans = |trial: &Trial| -> Vec<Vec<String>> {
                queries.iter().map(|sql| trial.plan(sql, &[]).unwrap()).collect()
            };
            let imagined = plans(trial);
            trial.show(&all, &BTreeSet::new()).unwrap();
            trial.forget(&name);
            trial.build(&name, &sql).unwrap();
            trial.show(&all, &all).unwrap();
            assert_eq!(imagined, plans(trial), "{sql} {numbers}");
            trial.show(&all, &BTreeSet::new()).unwrap();
        }
    }
}
