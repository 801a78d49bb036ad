//! `forebay health` and `forebay stats`: what they say and how they end, and that they change
//! nothing.

use serde_json::Value;

use crate::process::{ended, run, stdout};

#[test]
fn says_what_is_wrong_and_ends_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.db");
    let bare = rusqlite::Connection::open(&path).unwrap();
    let script = "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
        CREATE INDEX users_name ON users (name);
        INSERT INTO users VALUES (1, 'Ada'), (2, 'Grace')";
    bare.execute_batch(script).unwrap();
    let before = std::fs::read(&path).unwrap();
    let page = run(folder.path(), &["health", "app.db", "--deep"]);
    ended(&page, 4, "");
    assert!(stdout(&page).starts_with("degraded: score 0.85, confidence 1.00"), "{page:?}");
    assert!(stdout(&page).contains("-> PRAGMA journal_mode = wal;"), "{page:?}");
    let wanted = ["health", "app.db", "--json", "--expect-index", "users_email"];
    let json = run(folder.path(), &wanted);
    ended(&json, 4, "");
    let said: Value = serde_json::from_str(&stdout(&json)).unwrap();
    assert_eq!(
        (&said["status"], &said["checks"][0]["name"]),
        (&"degraded".into(), &"expected_indexes".into())
    );
    assert_eq!(std::fs::read(&path).unwrap(), before);
    bare.execute_batch("PRAGMA journal_mode = wal; PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    ended(&run(folder.path(), &["health", "sqlite:app.db"]), 0, "");
    let sizes = run(folder.path(), &["stats", "app.db", "--json"]);
    ended(&sizes, 0, "");
    let said: Value = serde_json::from_str(&stdout(&sizes)).unwrap();
    let table = &said["tables"][0];
    assert_eq!((&table["name"], &table["rows"]), (&"users".into(), &2.into()), "{said}");
    assert_eq!(table["indexes"][0]["name"], "users_name", "{said}");
}

#[test]
fn what_cannot_be_looked_at_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("text.db"),
        "not a database, but long enough to be one".repeat(200),
    )
    .unwrap();
    for command in ["health", "stats"] {
        ended(&run(folder.path(), &[command, "missing.db"]), 1, "does not exist");
        ended(&run(folder.path(), &[command, "text.db"]), 1, "not a database");
    }
}

/// What a file is, with all that lies beside it: names, bytes of small ones, and when they changed.
fn state(folder: &std::path::Path) -> Vec<(String, u64, std::time::SystemTime)> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| {
        let entry = entry.unwrap();
        let about = entry.metadata().unwrap();
        (entry.file_name().into_string().unwrap(), about.len(), about.modified().unwrap())
    });
    let mut all: Vec<_> = entries.collect();
    all.sort();
    all
}

/// Whatever a file is, there is a finding or an error, and it stays as it is.
#[test]
fn odd_files_are_looked_at_and_left_alone() {
    let make = |script: &str| {
        let folder = tempfile::tempdir().unwrap();
        let bare = rusqlite::Connection::open(folder.path().join("app.db")).unwrap();
        bare.execute_batch(script).unwrap();
        folder
    };
    let check = |what: &str, folder: &tempfile::TempDir, args: &[&str], code: i32, says: &str| {
        let before = state(folder.path());
        for command in ["health", "stats"] {
            let args = if command == "health" { args } else { &[] };
            let output = run(folder.path(), &[&[command, "app.db"], args].concat());
            let said = format!("{}{}", stdout(&output), crate::process::stderr(&output));
            assert!(!said.contains("panicked"), "{what}: {said}");
            if command == "health" {
                assert_eq!(output.status.code(), Some(code), "{what}: {said}");
                assert!(said.contains(says), "{what}: {said}");
            }
        }
        assert_eq!(state(folder.path()), before, "{what}: it changes nothing");
    };
    let rows = "CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT); CREATE INDEX tx ON t (x);
        WITH n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 1500)
            INSERT INTO t SELECT n, 'x' || n FROM n;";
    let wal = format!("PRAGMA journal_mode = wal; {rows}");
    check("in WAL mode", &make(&wal), &["--deep"], 0, "healthy");
    check("empty schema", &make("PRAGMA journal_mode = wal; VACUUM"), &["--deep"], 0, "healthy");
    let empty = tempfile::tempdir().unwrap();
    std::fs::write(empty.path().join("app.db"), "").unwrap();
    check("an empty file", &empty, &["--deep"], 4, "contents: 0 bytes");
    let short = tempfile::tempdir().unwrap();
    std::fs::write(short.path().join("app.db"), "SQLite format 3\0").unwrap();
    check("the first bytes alone", &short, &[], 1, "not a database");
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("app.db")).unwrap();
    check("a directory", &directory, &[], 1, "directory");
    let pipe = tempfile::tempdir().unwrap();
    let made = std::process::Command::new("mkfifo").arg(pipe.path().join("app.db")).status();
    if made.is_ok_and(|made| made.success()) {
        check("a pipe", &pipe, &[], 1, "a pipe");
    }
    // Of a program that has modules, collations and functions of its own.
    let foreign = format!(
        "{rows} CREATE TABLE u (y); PRAGMA writable_schema = on;
        INSERT INTO sqlite_schema VALUES
            ('table', 'odd', 'odd', 0, 'CREATE VIRTUAL TABLE odd USING nosuch(a)');
        UPDATE sqlite_schema SET sql = 'CREATE INDEX tx ON t (x COLLATE nosuch)' WHERE name = 'tx';
        INSERT INTO sqlite_schema VALUES
            ('view', 'v', 'v', 0, 'CREATE VIEW v AS SELECT nosuch(y) FROM u');"
    );
    check("of another program", &make(&foreign), &[], 4, "journal_mode");
    let huge = make(rows);
    let path = huge.path().join("app.db");
    let pages: u32 = 5 << 18;
    let mut head = std::fs::read(&path).unwrap();
    head[28..32].copy_from_slice(&pages.to_be_bytes());
    std::fs::write(&path, &head).unwrap();
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(u64::from(pages) * 4096).unwrap();
    let before = state(huge.path());
    let output = run(huge.path(), &["health", "app.db"]);
    ended(&output, 4, "");
    assert_eq!(state(huge.path()), before);
    let locked = make(rows);
    let holder = rusqlite::Connection::open(locked.path().join("app.db")).unwrap();
    holder.execute_batch("BEGIN EXCLUSIVE").unwrap();
    ended(&run(locked.path(), &["health", "app.db"]), 1, "locked");
}
