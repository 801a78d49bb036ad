//! `forebay index`: what it shows, makes, drops and refuses.

use serde_json::Value;

use crate::process::{ended, run, run_with_input, stdout};

#[test]
fn indexes_come_and_go() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let script = "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT UNIQUE, team INT);
        CREATE TABLE note (of TEXT REFERENCES users (name));
        INSERT INTO users VALUES (1, 'Ada', 1), (2, 'Grace', 1)";
    for name in ["a.db", "b.db"] {
        rusqlite::Connection::open(here.join(name)).unwrap().execute_batch(script).unwrap();
    }
    std::fs::write(here.join("i.sql"), "-- by team\ncreate index users_team on users (team);")
        .unwrap();
    let before = std::fs::read(here.join("a.db")).unwrap();
    let dry = run(here, &["index", "apply", "i.sql", "a.db", "--dry-run"]);
    ended(&dry, 0, "");
    assert!(
        stdout(&dry).contains("would run: CREATE INDEX IF NOT EXISTS users_team ON users (team);")
    );
    ended(&run(here, &["index", "list", "a.db"]), 0, "");
    assert_eq!(std::fs::read(here.join("a.db")).unwrap(), before);
    let made = run(here, &["index", "apply", "i.sql", "a.db", "missing.db", "b.db"]);
    ended(&made, 1, "");
    let said = stdout(&made);
    assert!(
        said.contains("missing.db\nfailed: ") && said.matches("done: ANALYZE users;").count() == 2
    );
    assert!(said.contains("-- to undo it:\nDROP INDEX IF EXISTS users_team;"), "{said}");
    let again = run(here, &["index", "apply", "i.sql", "a.db"]);
    assert!(stdout(&again).starts_with("users_team is there already\nnothing to do"), "{again:?}");
    let list = run(here, &["index", "list", "a.db", "--json"]);
    let said: Value = serde_json::from_str(&stdout(&list)).unwrap();
    let indexes = said["databases"][0]["indexes"].as_array().unwrap();
    assert_eq!((indexes.len(), &indexes[1]["name"]), (2, &Value::from("users_team")));
    assert_eq!(
        (&indexes[1]["columns"][0], &indexes[1]["scans"]),
        (&Value::from("\"team\""), &Value::Null)
    );
    let unused = run(here, &["index", "unused", "a.db"]);
    assert!(stdout(&unused).starts_with("SQLite does not count"), "{unused:?}");
    let refused = run_with_input(
        here,
        &["index", "apply", "-", "a.db"],
        "CREATE INDEX x ON users (id);\nDROP TABLE users",
    );
    ended(&refused, 1, "");
    assert!(stdout(&refused).contains("line 2 is no CREATE INDEX"), "{refused:?}");
    let constraint = run(here, &["index", "drop", "--index", "sqlite_autoindex_users_1", "a.db"]);
    ended(&constraint, 1, "");
    assert!(stdout(&constraint).contains("belongs to a primary key or another constraint"));
    let dropped = run(here, &["index", "drop", "--index", "users_team", "a.db", "b.db"]);
    ended(&dropped, 0, "");
    assert!(stdout(&dropped).contains("-- to undo it:\nCREATE INDEX users_team ON users (team);"));
    ended(&run(here, &["index", "drop", "--index", "users_team", "a.db"]), 1, "");
}

#[test]
fn what_a_foreign_key_refers_to_stays() {
    let folder = tempfile::tempdir().unwrap();
    let bare = rusqlite::Connection::open(folder.path().join("a.db")).unwrap();
    let script = "CREATE TABLE p (a, b);
        CREATE UNIQUE INDEX p_ab ON p (a, b); CREATE UNIQUE INDEX p_b ON p (b);
        CREATE TABLE c (x, y, FOREIGN KEY (x, y) REFERENCES p (a, b))";
    bare.execute_batch(script).unwrap();
    let drop = |name: &str| run(folder.path(), &["index", "drop", "--index", name, "a.db"]);
    let refused = drop("p_ab");
    ended(&refused, 1, "");
    assert!(stdout(&refused).contains("a foreign key refers to"), "{refused:?}");
    ended(&drop("p_b"), 0, "");
}
