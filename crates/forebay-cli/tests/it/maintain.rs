//! `forebay maintain`: what it does, what it says, and how it ends.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::process::{Service, ended, run, stdout};

/// How long the service may take to do what is due.
const WAIT: Duration = Duration::from_secs(30);

#[test]
fn tasks_by_hand() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let go = |rest: &[&str]| {
        let mut args = vec!["maintain", "app.db", "--task"];
        args.extend(rest);
        run(here, &args)
    };
    ended(&go(&["optimize"]), 1, "does not exist");
    let bare = rusqlite::Connection::open(here.join("app.db")).unwrap();
    bare.execute_batch(
        "PRAGMA journal_mode = wal;
         CREATE TABLE t (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, v TEXT);
         INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n LIMIT 3000)
         SELECT i, unixepoch('now') - i * 3600, hex(zeroblob(100)) FROM n",
    )
    .unwrap();
    ended(&go(&["retain"]), 2, "--table");
    let rule = ["retain", "--table", "t", "--column", "at", "--older-than", "30d"];
    let dry = go(&[&rule[..], &["--dry-run"]].concat());
    ended(&dry, 0, "");
    assert!(stdout(&dry).contains("would delete 2"), "{dry:?}");
    let done = go(&[&rule[..], &["--json", "--pause", "0ms"]].concat());
    ended(&done, 0, "");
    let said: Value = serde_json::from_str(&stdout(&done)).unwrap();
    assert_eq!((&said["task"], &said["outcome"]), (&"retain t".into(), &"done".into()));
    let left =
        || -> i64 { bare.query_row("SELECT count(*) FROM t", [], |row| row.get(0)).unwrap() };
    assert!((720..=721).contains(&left()), "{}", left());
    let archived = go(&[&rule[..5], &["--older-than", "10d", "--archive", "old.db"]].concat());
    ended(&archived, 0, "");
    assert!((240..=241).contains(&left()), "{}", left());
    let vacuum = go(&["vacuum"]);
    ended(&vacuum, 0, "");
    assert!(stdout(&vacuum).starts_with("vacuum: done in "), "{vacuum:?}");
    assert!(stdout(&go(&["checkpoint"])).contains("no more than"));
    let unused = go(&["drop-indexes", "--name", "t_at"]);
    assert!(stdout(&unused).contains("skipped"), "{unused:?}");
    ended(&go(&["reindex", "--name", "none"]), 1, "");
    ended(&go(&["reindex"]), 0, "");
    ended(&go(&["fly"]), 2, "possible values");
}

/// Rows that `serve` deletes by its configuration, and what it refuses.
#[test]
fn a_service_maintains_its_database() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let file = |text: &str| std::fs::write(here.join("forebay.toml"), text).unwrap();
    file(
        "[maintenance]
         keep_table = true
         webhook = \"http://127.0.0.1:1/hook?key=hidden\"
         [[maintenance.task]]
         schedule = \"every 1s\"
         [[maintenance.task]]
         run = \"retain\"
         schedule = \"every 1s\"
         table = \"t\"
         column = \"at\"
         older_than_days = 30
         pause = \"0ms\"
         [[maintenance.task]]
         run = \"vacuum\"
         schedule = \"0 3 * * sun\"
         window = \"02:00-05:00\"",
    );
    let printed = run(here, &["config", "print", "--config", "forebay.toml"]);
    ended(&printed, 0, "");
    let said = stdout(&printed);
    assert!(said.contains("older_than_days = 30") && !said.contains("hidden"), "{said}");
    std::fs::write(here.join("printed.toml"), &said).unwrap();
    let bare = rusqlite::Connection::open(here.join("app.db")).unwrap();
    bare.execute_batch(
        "PRAGMA journal_mode = wal; CREATE TABLE t (id INTEGER PRIMARY KEY, at INT);
         INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n LIMIT 3000)
         SELECT i, unixepoch('now') - i * 3600 FROM n",
    )
    .unwrap();
    let service = Service::start(here, &["app.db", "--config", "forebay.toml"]);
    let ask = |sql: &str| -> i64 { bare.query_row(sql, [], |row| row.get(0)).unwrap_or(-1) };
    let began = Instant::now();
    while ask("SELECT count(DISTINCT task) FROM forebay_maintenance WHERE outcome = 'done'") < 2 {
        assert!(began.elapsed() < WAIT, "nothing was done");
        std::thread::sleep(Duration::from_millis(20));
    }
    let left = ask("SELECT count(*) FROM t");
    assert!((720..=721).contains(&left), "{left}");
    let (code, _, said) = service.stop("TERM");
    assert_eq!(code, Some(0), "{said}");
    assert!(!said.contains("hidden"), "{said}");
    let check = |text: &str, says: &str| {
        file(&format!("[[maintenance.task]]\n{text}"));
        ended(&run(here, &["config", "check", "--config", "forebay.toml"]), 2, says);
    };
    check("schedule = \"every 5x\"", "maintenance.task[0]");
    check("run = \"retain\"", "older_than_days");
    check("run = \"fly\"", "must be the name of a task");
    check("window = \"2-5\"", "02:00-05:00");
    check("batch = 0", "from 1 to 100,000");
}
