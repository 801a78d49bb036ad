//! `forebay explain`: what it says, and that it changes nothing.

use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};

use crate::process::{ended, run, run_with_input, stdout};

/// A database in rollback-journal mode, as SQLite makes it by default.
fn database(folder: &Path) {
    let bare = rusqlite::Connection::open(folder.join("app.db")).unwrap();
    bare.execute_batch(
        "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, karma INTEGER);
         CREATE VIEW names AS SELECT name FROM users;
         INSERT INTO users VALUES (1, 'Ada', 3), (2, 'Grace', 5);",
    )
    .unwrap();
}

fn explain(folder: &Path, sql: &str) -> Output {
    run(folder, &["explain", "sqlite:app.db", sql])
}

fn explain_json(folder: &Path, sql: &str) -> Value {
    let output = run(folder, &["explain", "app.db", sql, "--json"]);
    ended(&output, 0, "");
    serde_json::from_str(&stdout(&output)).unwrap()
}

#[test]
fn says_whether_and_why() {
    let folder = tempfile::tempdir().unwrap();
    database(folder.path());
    let check = |sql: &str, effect: &str, cacheable: bool, reads: &[&str], writes: &[&str]| {
        let said = explain_json(folder.path(), sql);
        assert_eq!(said["effect"], effect, "{sql}: {said}");
        assert_eq!(said["cacheable"], cacheable, "{sql}: {said}");
        assert_eq!(said["reasons"].as_array().unwrap().is_empty(), cacheable, "{sql}: {said}");
        assert_eq!(said["reads"], json!(reads), "{sql}: {said}");
        assert_eq!(said["writes"], json!(writes), "{sql}: {said}");
    };
    check("SELECT random()", "read", false, &[], &[]);
    check("UPDATE users SET karma = 1 WHERE id = 1", "write", false, &["users"], &["users"]);
    let said = explain_json(folder.path(), "SELECT name FROM names WHERE name > 'B'");
    assert!(said["reads"].to_string().contains("users"), "a view is seen through: {said}");
    assert!(said["plan"].to_string().contains("SCAN users"), "{said}");
    assert!(!said["statement"].to_string().contains("'B'"), "literals are removed: {said}");
}

#[test]
fn speaks_plainly() {
    let folder = tempfile::tempdir().unwrap();
    database(folder.path());
    let output = explain(folder.path(), "SELECT name FROM users WHERE id = ?");
    ended(&output, 0, "");
    let text = stdout(&output);
    for part in ["users", "SEARCH users"] {
        assert!(text.contains(part), "expected {part:?} in:\n{text}");
    }
    let piped = run_with_input(
        folder.path(),
        &["explain", "app.db", "-"],
        "SELECT name FROM users WHERE id = ?\n",
    );
    assert_eq!(stdout(&piped), text);
    ended(&run_with_input(folder.path(), &["explain", "app.db", "-"], " \n"), 1, "no statement");
}

#[test]
fn changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    database(folder.path());
    let before = std::fs::read(folder.path().join("app.db")).unwrap();
    for sql in ["SELECT * FROM users", "DELETE FROM users", "DROP TABLE users"] {
        ended(&explain(folder.path(), sql), 0, "");
    }
    assert_eq!(std::fs::read(folder.path().join("app.db")).unwrap(), before);
    let files = std::fs::read_dir(folder.path()).unwrap();
    let names: Vec<_> = files.map(|file| file.unwrap().file_name()).collect();
    assert_eq!(names, ["app.db"], "no journal, no WAL, nothing beside it");
}

#[test]
fn what_cannot_be_explained_ends_with_1() {
    let folder = tempfile::tempdir().unwrap();
    database(folder.path());
    ended(&explain(folder.path(), "SELEC 1"), 1, "SELEC");
    ended(&explain(folder.path(), "SELECT * FROM missing"), 1, "missing");
    ended(&explain(folder.path(), ""), 1, "");
    ended(&run(folder.path(), &["explain", "nowhere.db", "SELECT 1"]), 1, "nowhere.db");
    ended(&run(folder.path(), &["explain", ".", "SELECT 1"]), 1, "");
    assert!(!folder.path().join("nowhere.db").exists());
    ended(&run(folder.path(), &["explain", "app.db"]), 2, "");
}
