//! `forebay archive`: what it moves, what it says, and what it refuses.

use std::path::Path;

use serde_json::Value;

use crate::process::{ended, run, stdout};

fn database(folder: &Path) {
    let bare = rusqlite::Connection::open(folder.join("app.db")).unwrap();
    bare.execute_batch(
        "CREATE TABLE calls (id INTEGER PRIMARY KEY, day TEXT, cost REAL);
         INSERT INTO calls WITH RECURSIVE s (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s \
         WHERE n < 100) SELECT n, printf('2024-%02d-01', 1 + n % 10), n / 2.0 FROM s;",
    )
    .unwrap();
}

fn archive(folder: &Path, more: &[&str]) -> std::process::Output {
    let args = ["archive", "app.db", "--to", "old.db", "--table", "calls", "--column", "day"];
    run(folder, &[&args, more].concat())
}

fn count(folder: &Path, name: &str) -> i64 {
    let bare = rusqlite::Connection::open(folder.join(name)).unwrap();
    bare.query_row("SELECT count(*) FROM calls", [], |row| row.get(0)).unwrap()
}

#[test]
fn moves_old_rows() {
    let folder = tempfile::tempdir().unwrap();
    database(folder.path());
    let before = ["--before", "2024-04-15", "--batch", "7"];
    let dry = archive(folder.path(), &[&before[..], &["--dry-run"]].concat());
    ended(&dry, 0, "");
    assert!(stdout(&dry).contains("would move 40 rows of calls"), "{}", stdout(&dry));
    assert!(!folder.path().join("old.db").exists(), "a dry run makes nothing");
    let moved = archive(folder.path(), &before);
    ended(&moved, 0, "");
    assert!(stdout(&moved).contains("moved 40 rows of calls in 4 steps"), "{}", stdout(&moved));
    assert_eq!((count(folder.path(), "app.db"), count(folder.path(), "old.db")), (60, 40));
    let again = archive(folder.path(), &["--before", "2024-05-15", "--json"]);
    let again: Value = serde_json::from_str(&stdout(&again)).unwrap();
    assert_eq!((&again["moved"], &again["strays"]), (&Value::from(10), &Value::from(0)));
}

#[test]
fn refuses_what_would_lose_something() {
    let folder = tempfile::tempdir().unwrap();
    database(folder.path());
    let bare = rusqlite::Connection::open(folder.path().join("app.db")).unwrap();
    bare.execute_batch("CREATE TABLE parts (call INT REFERENCES calls ON DELETE CASCADE)").unwrap();
    let refused = archive(folder.path(), &["--before", "2024-04-15"]);
    ended(&refused, 1, "parts refers to calls by a foreign key");
    ended(&archive(folder.path(), &[]), 2, "--before");
    ended(&archive(folder.path(), &["--before", "x", "--batch", "0"]), 2, "--batch");
}

/// The same between two databases of a server.
#[cfg(unix)]
#[test]
fn moves_old_rows_between_servers() {
    cluster::for_each_version("moves_old_rows_between_servers", |version| {
        let [live, old] = [(); 2].map(|()| cluster::Database::create(version).unwrap());
        live.psql(
            "CREATE TABLE calls (id int PRIMARY KEY, day date, cost float8);
             INSERT INTO calls SELECT n, '2024-01-01'::date + n % 10, n
             FROM generate_series(1, 100) n",
        )
        .unwrap();
        let folder = tempfile::tempdir().unwrap();
        let (url, to) = (live.url(), old.url());
        let archive = |more: &[&str]| {
            let args = ["archive", &url, "--to", &to, "--table", "calls", "--column", "day"];
            run(folder.path(), &[&args, more].concat())
        };
        let before = ["--before", "2024-01-05", "--batch", "7"];
        let dry = archive(&[&before[..], &["--dry-run"]].concat());
        ended(&dry, 0, "");
        assert!(stdout(&dry).contains("would move 40 rows of calls"), "{}", stdout(&dry));
        let moved = archive(&before);
        ended(&moved, 0, "");
        assert!(stdout(&moved).contains("moved 40 rows of calls in 4 steps"), "{}", stdout(&moved));
        let count = "SELECT count(*) FROM calls";
        let left = [&live, &old].map(|database| database.psql(count).unwrap());
        assert_eq!(left, ["60", "40"]);
        ended(&archive(&["--before", "tomorrow"]), 1, "a bound of a range is not of the type");
    });
}
