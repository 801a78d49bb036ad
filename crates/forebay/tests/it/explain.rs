//! What `explain` says, held against what writes then drop.

use forebay::{Builder, Capture, Db};

use crate::place::Place;

const SCHEMA: &str = "
    CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, karma INT, age INT);
    CREATE TABLE keyed (k TEXT PRIMARY KEY, v INT) WITHOUT ROWID;
    CREATE VIRTUAL TABLE words USING fts5 (body);
    INSERT INTO users VALUES (1, 'Ada', 1, 36), (2, 'Grace', 2, 85), (900, 'Alan', 3, 41);
";

async fn is_cached(db: &Db, sql: &str) -> bool {
    db.query(sql).fetch().await.unwrap().cached
}

#[tokio::test]
async fn conditions_that_are_left_out_are_named() {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    let list = |count: u32| (1..=count).map(|n| n.to_string()).collect::<Vec<_>>().join(", ");
    // A write of user 900, who is in no list, drops the answer if the list was left out.
    let check = async |condition: &str, left: Option<&str>| {
        let sql = format!("SELECT name FROM users WHERE {condition}");
        let said = db.explain(&sql).await.unwrap().rests_on.join("\n");
        match left {
            Some(left) => {
                let note = format!("(not used, because there are too many: {left})");
                assert!(said.ends_with(&note), "{condition}: {said}");
            }
            None => assert!(!said.contains("not used"), "{condition}: {said}"),
        }
        is_cached(&db, &sql).await;
        assert!(is_cached(&db, &sql).await, "{condition}");
        db.execute("UPDATE users SET name = name || 'x' WHERE id = 900").await.unwrap();
        assert_eq!(is_cached(&db, &sql).await, left.is_none(), "{condition}: {said}");
    };
    check(&format!("id IN ({})", list(128)), None).await;
    check(&format!("id IN ({})", list(129)), Some("id")).await;
    check(&format!("id IN ({}) AND karma IN ({})", list(40), list(4)), Some("id")).await;
    check(&format!("id IN ({}) AND karma IN ({})", list(4), list(3)), None).await;
    // Each combination has a window of its own.
    check(&format!("id IN ({}) AND karma > 0", list(16)), None).await;
    check(&format!("id IN ({}) AND karma > 0", list(17)), Some("id")).await;
    check("karma > 0 AND age > 0 AND id < 100", Some("id")).await;
    check("karma > 5 AND age > 0", None).await;
}

#[tokio::test]
async fn a_write_says_what_it_drops() {
    let by_rows = "users: what rests on the rows it changes";
    let all = [Capture::Hook, Capture::Reread, Capture::Tables];
    for capture in all {
        let place = Place::new();
        let builder = |builder: Builder| builder.capture(capture);
        // Not every build has the hook.
        let Ok(db) = builder(place.builder()).open().await else { continue };
        db.execute_batch(SCHEMA).await.unwrap();
        let check = async |sql: &str, expect: [&str; 3]| {
            let said = db.explain(sql).await.unwrap().drops.join("\n");
            let expect = expect[all.iter().position(|it| *it == capture).unwrap()];
            assert_eq!(said, expect, "{capture:?}: {sql}");
        };
        let whole = "users: every answer";
        check("SELECT name FROM users", [""; 3]).await;
        check("UPDATE users SET name = 'x' WHERE id = 1", [by_rows, by_rows, whole]).await;
        let cleared = "users: every answer, because all rows are deleted at once";
        check("DELETE FROM users", [cleared, cleared, whole]).await;
        let untold = "users: every answer, because SQLite does not tell which rows it changes";
        check("UPDATE users SET id = 7 WHERE id = 1", [by_rows, untold, whole]).await;
        let keyed = "keyed: every answer, because SQLite does not tell which rows it changes";
        let rows = "keyed: what rests on the rows it changes";
        check("UPDATE keyed SET v = 1", [rows, keyed, "keyed: every answer"]).await;
        let schema = "every answer: it changes the schema";
        check("CREATE TABLE more (a)", [schema; 3]).await;
        check("VACUUM", ["every answer: it works on the file as a whole"; 3]).await;
        let untold = "every answer: what is written through a virtual table is not told";
        let words = "words: what rests on the rows it changes";
        check("INSERT INTO words VALUES ('a')", [words, untold, untold]).await;
    }
}

#[tokio::test]
async fn reads_of_sqlite_are_run_alone() {
    let place = Place::new();
    let db = place.open("CREATE TABLE t (id INTEGER PRIMARY KEY)").await;
    let query = || db.query("SELECT id FROM t WHERE id = ?");
    assert_eq!(query().explain().await.unwrap().coalesces, "");
    let explained = query().coalesce().explain().await.unwrap();
    assert!(explained.coalesces.starts_with("no: a read of SQLite"), "{explained}");
    assert_eq!(query().bind(1).coalesce().optional::<i64>().await.unwrap(), None);
}
