//! Migrations on files: each once, whole or not at all, whoever runs them.

use std::path::Path;
use std::time::Duration;

use forebay::{MigrationReport, MigrationState, Migrations};

use crate::place::{Place, ask, assert_alive, child, child_path, truth};

const USERS: (&str, &str) =
    ("001_users.sql", "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL);");
const TRIGGER: (&str, &str) = (
    "V2__seen.sql",
    "-- Who was seen; and when.
     CREATE TABLE seen (id INT, at TEXT DEFAULT ';');
     CREATE TRIGGER note AFTER INSERT ON users BEGIN
         INSERT INTO seen (id) VALUES (new.id);
         UPDATE seen SET at = CASE new.id WHEN 1 THEN 'first' ELSE ';' END WHERE id = new.id;
     END;
     INSERT INTO users VALUES (1, 'Ada');",
);

fn files(folder: &Path, files: &[(&str, &str)]) {
    std::fs::create_dir_all(folder).unwrap();
    for (name, text) in files {
        std::fs::write(folder.join(name), text).unwrap();
    }
}

fn names(report: &MigrationReport) -> Vec<&str> {
    report.applied.iter().map(|it| it.file.as_str()).collect()
}

async fn states(db: &forebay::Db, migrations: impl Into<Migrations>) -> Vec<MigrationState> {
    let status = db.migrate(migrations).status().await.unwrap();
    status.into_iter().map(|it| it.state).collect()
}

#[tokio::test]
async fn files_are_run_once_and_in_order() {
    use MigrationState::{Applied, Changed, Missing, OutOfOrder, Pending};
    let place = Place::new();
    let folder = place.path().with_file_name("migrations");
    files(&folder, &[USERS, TRIGGER, ("README.md", "none")]);
    let db = place.open("").await;
    let dry = db.migrate(&folder).dry_run().await.unwrap();
    assert_eq!(names(&dry), ["001_users.sql", "V2__seen.sql"]);
    let lines: Vec<usize> = dry.applied[1].statements.iter().map(|it| it.line).collect();
    assert_eq!(lines, [2, 3, 7]);
    assert_eq!(states(&db, &folder).await, [Pending, Pending]);
    let tables = "SELECT count(*) FROM sqlite_schema";
    assert_eq!(db.query(tables).scalar::<i64>().await.unwrap(), 0, "nothing is made");
    let mut heard = Vec::new();
    let report = db.migrate(&folder).on_each(|it| heard.push(it.version.clone())).await.unwrap();
    assert_eq!((names(&report).len(), heard), (2, vec!["1".to_owned(), "2".to_owned()]));
    let at: String = db.query("SELECT at FROM seen").scalar().await.unwrap();
    assert_eq!(at, "first");
    assert_eq!(names(&db.migrate(&folder).await.unwrap()), Vec::<&str>::new());
    files(&folder, &[("003_email.sql", "ALTER TABLE users ADD email TEXT"), ("4.sql", "")]);
    assert_eq!(names(&db.migrate(&folder).to(3).await.unwrap()), ["003_email.sql"]);
    assert_eq!(names(&db.migrate(&folder).only("4").await.unwrap()), ["4.sql"]);
    files(&folder, &[("2.1_late.sql", "SELECT 1"), USERS, ("V2__seen.sql", "SELECT 2")]);
    std::fs::remove_file(folder.join("003_email.sql")).unwrap();
    assert!(db.migrate(&folder).await.unwrap_err().is_usage(), "2.1 has no name of its own");
    std::fs::rename(folder.join("2.1_late.sql"), folder.join("V2.1__late.sql")).unwrap();
    assert_eq!(states(&db, &folder).await, [Applied, Changed, OutOfOrder, Missing, Applied]);
    let error = db.migrate(&folder).await.unwrap_err();
    assert!(error.message().contains("3 (email)"), "{error}");
    let error = db.migrate(&folder).allow_missing(true).await.unwrap_err();
    assert!(error.message().contains("V2__seen.sql"), "{error}");
    files(&folder, &[TRIGGER]);
    let late = db.migrate(&folder).allow_missing(true).out_of_order(true).await.unwrap();
    assert_eq!(names(&late), ["V2.1__late.sql"]);
    assert!(db.migrate(&folder).to("one").await.unwrap_err().is_usage());
    assert_alive(&db).await;
}

#[tokio::test]
async fn answers_in_the_cache_are_those_after_it() {
    let place = Place::new();
    let db = place.open("CREATE TABLE t (a); INSERT INTO t VALUES (1)").await;
    let sql = "SELECT * FROM t";
    ask(&db, sql).await;
    assert!(ask(&db, sql).await.1, "it is cached");
    let change =
        "ALTER TABLE t ADD b DEFAULT 7; UPDATE t SET a = 2; CREATE VIEW v AS SELECT b FROM t";
    db.migrate([("1_b.sql", change)]).await.unwrap();
    assert_eq!(ask(&db, sql).await.0, truth(&db, sql).await);
    assert_eq!(ask(&db, sql).await.0[0].len(), 2);
    let views = "SELECT b FROM v";
    ask(&db, views).await;
    assert!(ask(&db, views).await.1);
    let again = [("1_b.sql", change), ("2_v.sql", "DROP VIEW v; CREATE VIEW v AS SELECT 8 AS b")];
    db.migrate(again).await.unwrap();
    assert_eq!(ask(&db, views).await.0, [[forebay::Value::Integer(8)]]);
}

#[tokio::test]
async fn of_a_file_that_fails_nothing_is_kept() {
    let place = Place::new();
    let db = place.open("CREATE TABLE t (a PRIMARY KEY)").await;
    for (text, line, says) in [
        ("CREATE TABLE x (a);\n\nINSERT INTO t VALUES (1), (1);", 3, "UNIQUE"),
        ("CREATE TABLE x (a);\nCREATE TABLE y (a;", 2, "incomplete input"),
        ("CREATE TABLE x (a);\nVACUUM", 2, "-- no-transaction"),
        ("CREATE TABLE x (a);\n-- why\nINSERT INTO none VALUES (1)", 3, "no such table"),
        ("CREATE TABLE x (a);\nBEGIN; INSERT INTO t VALUES (1)", 2, "BEGIN stands in a file"),
        ("CREATE TABLE x (a);\nCOMMIT", 2, "COMMIT stands in a file"),
        ("CREATE TABLE x (a); PRAGMA foreign_keys = off", 1, "does nothing within a transaction"),
        ("CREATE TABLE x (a); SELECT ?", 1, "no parameters"),
        ("CREATE TABLE x (a); SELECT 'never ends", 1, "1_x.sql"),
        (
            "CREATE TABLE parent (id INTEGER PRIMARY KEY);
          CREATE TABLE child (p REFERENCES parent DEFERRABLE INITIALLY DEFERRED);
          INSERT INTO child VALUES (9)",
            0,
            "could not be committed",
        ),
    ] {
        let error = db.migrate([("1_x.sql", text)]).await.unwrap_err();
        let message = error.to_string();
        let place = format!("line {line}");
        let is_there = line == 0 || message.contains(&place);
        assert!(message.contains("1_x.sql") && is_there && message.contains(says), "{message}");
        let tables: Vec<String> =
            db.query("SELECT name FROM sqlite_schema WHERE type = 'table'").all().await.unwrap();
        assert_eq!(tables, ["t"], "{text}");
    }
    let two = [USERS, ("2_x.sql", "INSERT INTO none VALUES (1)")];
    assert!(db.migrate(two).await.is_err());
    assert_eq!(states(&db, two).await, [MigrationState::Applied, MigrationState::Pending]);
    assert_alive(&db).await;
}

#[tokio::test]
async fn outside_a_transaction_it_is_gone_on_with() {
    let place = Place::new();
    let db = place.open("CREATE TABLE t (a PRIMARY KEY); CREATE TABLE c (t REFERENCES t)").await;
    let rebuild = "-- no-transaction
        PRAGMA foreign_keys = off;
        BEGIN;
        CREATE TABLE u (a PRIMARY KEY, b);
        INSERT INTO u SELECT a, 1 FROM t;
        DROP TABLE t;
        ALTER TABLE u RENAME TO t;
        COMMIT;
        PRAGMA foreign_keys = on;
        VACUUM;";
    let first = ("1_rebuild.sql", rebuild);
    db.migrate([first]).await.unwrap();
    assert_eq!(db.query("SELECT count(b) FROM t").scalar::<i64>().await.unwrap(), 0);
    let broken =
        "-- no-transaction\nINSERT INTO t VALUES (1, 1);\nINSERT INTO t VALUES (1, 2);\nVACUUM;";
    let error = db.migrate([first, ("2_x.sql", broken)]).await.unwrap_err();
    let message = error.to_string();
    assert!(message.contains("2_x.sql, line 3, after 1 of its 3 statements"), "{message}");
    assert!(message.contains("UNIQUE") && message.contains("resume"), "{message}");
    let status = db.migrate([first, ("2_x.sql", broken)]).status().await.unwrap();
    assert_eq!(status[1].state, MigrationState::HalfWay(1));
    let mended = broken.replace("(1, 2)", "(2, 2)");
    let again = || db.migrate([first, ("2_x.sql", &mended)].map(|(a, b)| (a, b.to_owned())));
    let error = again().wait(Duration::ZERO).await.unwrap_err();
    assert!(error.is_busy() || error.message().contains("1 of its 3 statements"), "{error}");
    let other = mended.replace("(1, 1)", "(7, 7)");
    let changed = db.migrate([("1_rebuild.sql", rebuild.to_owned()), ("2_x.sql", other)]);
    assert!(changed.resume(true).await.unwrap_err().message().contains("were changed since"));
    let report = again().resume(true).await.unwrap();
    assert_eq!(report.applied[0].statements.len(), 2, "those that had not run");
    assert_eq!(db.query("SELECT group_concat(a) FROM t").scalar::<String>().await.unwrap(), "1,2");
    let keys: i64 = db.query("PRAGMA foreign_keys").scalar().await.unwrap();
    assert_eq!(keys, 1, "no connection keeps what was set in it");
    assert_alive(&db).await;
}

/// A table that others refer to, built anew: what was set before the failure is in force after it.
#[tokio::test]
async fn what_was_set_is_set_again() {
    let place = Place::new();
    let script = "CREATE TABLE t (a PRIMARY KEY); INSERT INTO t VALUES (1);
        CREATE TABLE c (t REFERENCES t ON DELETE CASCADE); INSERT INTO c VALUES (1)";
    let db = place.open(script).await;
    let rebuild = "-- no-transaction
        PRAGMA foreign_keys = off;
        BEGIN;
        CREATE TABLE u (a PRIMARY KEY, b);
        INSERT INTO u SELECT a, nosuch FROM t;
        DROP TABLE t;
        ALTER TABLE u RENAME TO t;
        COMMIT;";
    let error = db.migrate([("1_x.sql", rebuild)]).await.unwrap_err().to_string();
    assert!(error.contains("kept but for those of its open transaction"), "{error}");
    let status = db.migrate([("1_x.sql", rebuild)]).status().await.unwrap();
    assert_eq!(status[0].state, MigrationState::HalfWay(1), "what was rolled back has not run");
    let mended = rebuild.replace("nosuch", "7");
    db.migrate([("1_x.sql", mended)]).resume(true).await.unwrap();
    assert_eq!(db.query("SELECT count(*) FROM c").scalar::<i64>().await.unwrap(), 1, "no cascade");
    assert_eq!(db.query("SELECT b FROM t").scalar::<i64>().await.unwrap(), 7);
    let open = [("2_x.sql", "-- no-transaction\nBEGIN; INSERT INTO t VALUES (2, 2)")];
    let error = db.migrate(open).allow_missing(true).await.unwrap_err().to_string();
    assert!(error.contains("does not end it"), "{error}");
    assert_alive(&db).await;
}

/// What another process does: it runs the same files, and is killed at any moment.
#[tokio::test]
async fn several_runners_are_one_after_another() {
    let many = || {
        let make = "CREATE TABLE n (a INTEGER PRIMARY KEY)".to_owned();
        let mut files = vec![("0_n.sql".to_owned(), make)];
        files.extend((1..40).map(|n| {
            let sql = format!("INSERT INTO n VALUES ({n}); CREATE TABLE t{n} (a)");
            (format!("{n}_n.sql"), sql)
        }));
        Migrations::from_iter(files)
    };
    if let Some(path) = child_path() {
        let db = forebay::open(path.to_str().unwrap()).await.unwrap();
        db.migrate(many()).await.unwrap();
        return;
    }
    let place = Place::new();
    let db = place.open("").await;
    let test = "migrate::several_runners_are_one_after_another";
    let mut killed = child(&[], test, &place.path()).spawn().unwrap();
    let applied = "SELECT count(*) FROM sqlite_schema WHERE name GLOB 't[0-9]*'";
    while killed.try_wait().unwrap().is_none() {
        if db.query(applied).scalar::<i64>().await.unwrap() > 5 {
            killed.kill().unwrap();
        }
    }
    let other = place.builder().open().await.unwrap();
    let mut beside = child(&[], test, &place.path()).spawn().unwrap();
    let (one, two) = tokio::join!(db.migrate(many()), other.migrate(many()));
    let beside = tokio::task::spawn_blocking(move || beside.wait().unwrap()).await.unwrap();
    assert!(beside.success());
    let here = one.unwrap().applied.len() + two.unwrap().applied.len();
    assert!(here <= 40 && db.migrate(many()).await.unwrap().applied.is_empty());
    let bare = place.bare();
    let count = |sql: &str| bare.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!((count("SELECT sum(a) FROM n"), count(applied)), (780, 39));
    assert_eq!(count("SELECT count(*) FROM forebay_migrations WHERE state = 'done'"), 40);
}

#[tokio::test]
async fn a_run_that_is_given_up_leaves_nothing() {
    let place = Place::new();
    let db = place.open("CREATE TABLE t (a)").await;
    let endless = "INSERT INTO t VALUES (1);
        WITH RECURSIVE n (a) AS (SELECT 1 UNION ALL SELECT a + 1 FROM n) SELECT sum(a) FROM n";
    let run = db.migrate([("1_x.sql", endless)]).into_future();
    assert!(tokio::time::timeout(Duration::from_millis(100), run).await.is_err());
    assert_alive(&db).await;
    assert_eq!(db.query("SELECT count(*) FROM t").scalar::<i64>().await.unwrap(), 0);
    db.migrate([("1_x.sql", "INSERT INTO t VALUES (1)")]).await.unwrap();
}

#[tokio::test]
async fn databases_that_cannot_be_migrated_and_those_that_need_not_be() {
    let place = Place::new();
    let db = place.open("").await;
    db.migrate([USERS]).await.unwrap();
    db.close().await;
    let only = place.builder().read_only(true).open().await.unwrap();
    assert!(only.migrate([USERS]).await.unwrap().applied.is_empty(), "there is nothing to do");
    assert_eq!(states(&only, [USERS, TRIGGER]).await.len(), 2);
    assert!(only.migrate([USERS, TRIGGER]).await.unwrap_err().is_read_only());
    let other = Place::new();
    let db = other.open("CREATE TABLE forebay_migrations (a)").await;
    let error = db.migrate([USERS]).await.unwrap_err();
    assert!(error.message().contains("history"), "{error}");
    let memory = forebay::open("sqlite::memory:").await.unwrap();
    memory.migrate([USERS, TRIGGER]).await.unwrap();
    assert_eq!(memory.query("SELECT count(*) FROM seen").scalar::<i64>().await.unwrap(), 1);
    let inside = memory.transaction(|_| async { memory.migrate([USERS]).await.map(drop) }).await;
    assert!(inside.unwrap_err().is_usage());
}

#[cfg(feature = "macros")]
#[tokio::test]
async fn files_in_the_program() {
    let place = Place::new();
    let db = place.open("").await;
    let embedded = || forebay::migrations!("tests/it/migrations");
    let report = db.migrate(embedded()).await.unwrap();
    assert_eq!(names(&report), ["001_users.sql", "V2__vacuum.sql"]);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/migrations");
    assert!(db.migrate(folder).await.unwrap().applied.is_empty(), "they are the same");
}
