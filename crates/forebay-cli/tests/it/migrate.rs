//! `forebay migrate`: what it runs, what it says, and how it ends.

use serde_json::Value;

use crate::process::{ended, run, stdout};

#[test]
fn a_directory_is_run_once() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    std::fs::create_dir(here.join("m")).unwrap();
    let write = |name: &str, text: &str| std::fs::write(here.join("m").join(name), text).unwrap();
    write("001_users.sql", "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);\n");
    write(
        "V2__index.sql",
        "CREATE INDEX users_name ON users (name);\nINSERT INTO users VALUES (1, 'Ada');",
    );
    ended(&run(here, &["migrate", "app.db", "m", "--dry-run"]), 1, "does not exist");
    let done = run(here, &["migrate", "app.db", "m"]);
    ended(&done, 0, "");
    assert!(stdout(&done).starts_with("applied 001_users.sql (1 statement, "), "{done:?}");
    assert!(stdout(&done).contains("applied V2__index.sql (2 statements, "), "{done:?}");
    assert!(stdout(&run(here, &["migrate", "app.db", "m"])).starts_with("nothing to do"));
    write("003_x.sql", "CREATE TABLE x (a);\n\nINSERT INTO none VALUES ('secret');");
    let dry = run(here, &["migrate", "app.db", "m", "--dry-run"]);
    ended(&dry, 0, "");
    assert!(
        stdout(&dry).starts_with("-- would apply 003_x.sql (2 statements)\nCREATE TABLE x (a);\n")
    );
    let failed = run(here, &["migrate", "app.db", "m", "--json"]);
    ended(&failed, 1, "003_x.sql, line 3, of which nothing was kept: no such table: none");
    assert!(!String::from_utf8_lossy(&failed.stderr).contains("secret"));
    let status = run(here, &["migrate", "app.db", "m", "status", "--json"]);
    ended(&status, 1, "");
    let said: Value = serde_json::from_str(&stdout(&status)).unwrap();
    let states: Vec<&str> = said["migrations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["state"].as_str().unwrap())
        .collect();
    assert_eq!(states, ["applied", "applied", "pending"]);
    write("003_x.sql", "CREATE TABLE x (a)");
    ended(&run(here, &["migrate", "app.db", "m", "--only", "3"]), 0, "");
    let table = run(here, &["migrate", "app.db", "m", "status"]);
    ended(&table, 0, "");
    assert!(stdout(&table).contains("users"), "{table:?}");
    write("001_users.sql", "CREATE TABLE users (id INTEGER PRIMARY KEY)");
    ended(&run(here, &["migrate", "app.db", "m"]), 1, "001_users.sql; restore these files");
    ended(&run(here, &["migrate", "app.db", "none"]), 1, "no such directory");
    ended(&run(here, &["migrate", "app.db", "m", "--to", "x"]), 1, "is no version");
}
