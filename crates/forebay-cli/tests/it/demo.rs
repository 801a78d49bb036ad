//! `forebay demo`: the table, the JSON, the files, and an early end.

use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::process::{ended, forebay, run, signal, stdout};

/// A short demo with a small database.
const SHORT: [&str; 7] = ["demo", "--seconds", "1", "--rows", "5000", "--clients", "4"];

fn demo(folder: &Path, args: &[&str]) -> Output {
    run(folder, &[&SHORT, args].concat())
}

fn is_empty(folder: &Path) -> bool {
    std::fs::read_dir(folder).unwrap().next().is_none()
}

#[test]
fn measures_three_ways_and_finds_nothing_stale() {
    let folder = tempfile::tempdir().unwrap();
    let output = demo(folder.path(), &["--json", "--outside-writes", "20"]);
    ended(&output, 0, "");
    let report: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(report["rows"], 5_000);
    assert_eq!(report["stale_reads"], 0, "{report}");
    let runs = report["runs"].as_array().unwrap();
    let ways: Vec<_> = runs.iter().map(|run| run["way"].as_str().unwrap()).collect();
    assert_eq!(ways, ["bare", "cache_off", "forebay"]);
    for run in runs {
        for positive in ["reads_per_second", "writes_per_second", "outside_writes"] {
            assert!(run[positive].as_f64().unwrap() > 0.0, "{positive}: {run}");
        }
        assert_eq!(run["failed_statements"], 0, "{run}");
        assert!(run["reads_compared_by_value"].as_u64().unwrap() > 100, "{run}");
        assert!(run["read_us"]["p50"].as_f64() <= run["read_us"]["p99"].as_f64(), "{run}");
    }
    assert_eq!(runs[0]["hit_ratio"], 0.0);
    assert_eq!(runs[1]["hit_ratio"], 0.0, "the cache was off");
    assert!(runs[2]["hit_ratio"].as_f64().unwrap() > 0.1, "{}", runs[2]);
    assert!(is_empty(folder.path()), "temporary files are gone");
}

#[test]
fn the_report_fits_a_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let output = demo(folder.path(), &[]);
    ended(&output, 0, "");
    let text = stdout(&output);
    for part in ["bare SQLite", "cache off", "stale reads", "read p99", "users (karma)"] {
        assert!(text.contains(part), "expected {part:?} in:\n{text}");
    }
    let widest = text.lines().map(|line| line.chars().count()).max().unwrap();
    assert!(widest <= 80, "{widest} columns:\n{text}");
    assert!(text.lines().count() <= 40, "more than a screen:\n{text}");
    assert!(!text.contains('\u{1b}'), "no escapes where there is no terminal:\n{text}");
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "", "nor a progress bar");
}

#[test]
fn a_named_file_is_kept_and_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("site.db");
    ended(&demo(folder.path(), &["--path", "site.db"]), 0, "");
    let bare = rusqlite::Connection::open(&path).unwrap();
    let count = |table: &str| {
        let sql = format!("SELECT count(*) FROM {table}");
        bare.query_one(&sql, [], |row| row.get::<_, i64>(0)).unwrap()
    };
    let tables = ["users", "stories", "story_tags", "tags", "comments", "votes"];
    assert_eq!(tables.map(count).iter().sum::<i64>(), 5_000);
    drop(bare);
    let before = std::fs::read(&path).unwrap();
    ended(&demo(folder.path(), &["--path", "site.db"]), 1, "exists already");
    assert_eq!(std::fs::read(&path).unwrap(), before);
    let files = std::fs::read_dir(folder.path()).unwrap();
    assert_eq!(files.count(), 1, "nothing but the file is left");
}

#[test]
fn keep_keeps_the_temporary_file() {
    let folder = tempfile::tempdir().unwrap();
    let output = demo(folder.path(), &["--json", "--keep"]);
    ended(&output, 0, "");
    let report: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let kept = Path::new(report["kept"].as_str().unwrap());
    assert!(kept.starts_with(folder.path()) && kept.exists(), "{kept:?}");
    assert_eq!(std::fs::read_dir(kept.parent().unwrap()).unwrap().count(), 1, "no copies");
}

#[test]
fn ctrl_c_ends_it_early_with_a_report() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = forebay(folder.path());
    command.args(["demo", "--seconds", "60", "--rows", "5000", "--json"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(1_500));
    signal(&child, "INT");
    let output = child.wait_with_output().unwrap();
    ended(&output, 130, "");
    let report: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(report["interrupted"], true);
    assert!(report["runs"][0]["reads_per_second"].as_f64().unwrap() > 0.0, "{report}");
    assert!(is_empty(folder.path()), "temporary files are gone");
}

#[test]
fn bad_input_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let check = |args: &[&str], code: i32, says: &str| {
        ended(&run(folder.path(), &[&["demo"], args].concat()), code, says);
    };
    check(&["--seconds", "0"], 2, "--seconds");
    check(&["--seconds", "1.5"], 2, "--seconds");
    check(&["--rows", "10"], 2, "--rows");
    check(&["--rows", "99999999999"], 2, "20000000");
    check(&["--clients", "0"], 2, "--clients");
    check(&["--write-percent", "101"], 2, "--write-percent");
    check(&["--path", "no/such/folder/site.db"], 1, "no/such/folder");
    check(&["--path", "."], 1, "exists already");
    assert!(is_empty(folder.path()), "nothing was created");
}

#[test]
fn the_extremes_of_the_mix_work() {
    let folder = tempfile::tempdir().unwrap();
    for percent in ["0", "100"] {
        ended(&demo(folder.path(), &["--write-percent", percent]), 0, "");
    }
}
