//! Schemas with odd names, and statements that come to mean something else although the schema
//! cookie does not say so.

use std::time::Duration;

use forebay::{Capture, Value};

use crate::place::{Place, ask, truth};

/// Cached before the write; right after it.
async fn check(schema: &str, read: &str, write: &str) {
    let place = Place::new();
    let db = place.open(schema).await;
    ask(&db, read).await;
    let (before, is_cached) = ask(&db, read).await;
    assert!(is_cached, "{read} is not cached");
    db.execute(write).await.unwrap();
    assert_eq!(ask(&db, read).await.0, truth(&db, read).await, "{schema}\n{read}\n{write}");
    assert_ne!(before, truth(&db, read).await, "nothing to see: {read}");
}

#[tokio::test]
async fn a_column_without_a_name() {
    let schema = "CREATE TABLE t (id INTEGER PRIMARY KEY, \"\" INT, z INT);
                  INSERT INTO t VALUES (1, 1, 1);";
    let write = "UPDATE t SET \"\" = 2 WHERE id = 1";
    for read in [
        "SELECT * FROM t WHERE id = 1",
        "SELECT t.\"\" FROM t",
        "SELECT b.z FROM t a LEFT JOIN t b ON a.\"\" = b.id WHERE a.z = 1",
        "SELECT id FROM t WHERE EXISTS (SELECT 1 FROM t u WHERE u.\"\" = t.id)",
    ] {
        check(schema, read, write).await;
    }
}

#[tokio::test]
async fn quotes_within_a_name_belong_to_it() {
    let quoted = "CREATE TABLE t (id INTEGER PRIMARY KEY, \"\"\"a\"\"\" INT);
                  CREATE TABLE u (a INT); INSERT INTO u VALUES (1);
                  CREATE VIEW v AS SELECT * FROM t;";
    let outer = "SELECT count(*) FROM u WHERE EXISTS (SELECT 1 FROM t WHERE a = 1)";
    check(quoted, outer, "INSERT INTO t VALUES (1, 7)").await;
    let outer = "SELECT count(*) FROM u WHERE EXISTS (SELECT 1 FROM v WHERE a = 1)";
    check(quoted, outer, "INSERT INTO t VALUES (1, 7)").await;
    let rowid = "CREATE TABLE t (id INTEGER PRIMARY KEY, \"[rowid]\" INT)";
    let read = "SELECT * FROM t WHERE _rowid_ = 1 AND rowid = 1";
    check(rowid, read, "INSERT INTO t VALUES (1, 7)").await;
    let rowid = "CREATE TABLE t (id INTEGER PRIMARY KEY, \"'rowid'\" INT)";
    check(rowid, "SELECT id FROM t WHERE rowid = 1", "INSERT INTO t VALUES (1, 7)").await;
    let page = "CREATE TABLE t (id INTEGER PRIMARY KEY, \"[x]\" INT);
                INSERT INTO t VALUES (1, 1), (2, 5);";
    let read = "SELECT *, -\"[x]\" AS x FROM t ORDER BY x LIMIT 1";
    check(page, read, "INSERT INTO t VALUES (3, 9)").await;
}

/// A star gives a column called TRUE or FALSE another name, which may be that of a later one.
#[tokio::test]
async fn columns_called_true_and_false() {
    let schema = "CREATE TABLE t (id INTEGER PRIMARY KEY, \"true\" INT, column2 INT);
                  CREATE VIEW v AS SELECT * FROM t;
                  INSERT INTO t VALUES (1, 5, 7), (2, 7, 5);";
    for read in [
        "SELECT id FROM (SELECT * FROM t) s WHERE s.column2 = 5",
        "WITH s AS (SELECT x.* FROM t x) SELECT id FROM s WHERE column2 = 5",
        "SELECT id FROM v WHERE column2 IN (5, 6)",
    ] {
        check(schema, read, "INSERT INTO t VALUES (3, 5, 9)").await;
    }
    let empty = "CREATE TABLE t (id INTEGER PRIMARY KEY, \"false\" INT, column2 INT);
                 INSERT INTO t VALUES (1, 1, 1);";
    let read = "SELECT column2, id FROM (SELECT * FROM t) ORDER BY column2 LIMIT 1";
    check(empty, read, "INSERT INTO t VALUES (2, 0, 9)").await;
}

/// The first statement on a connection that names a table of FTS3 or FTS4 makes the module run
/// a PRAGMA. It is none itself.
#[tokio::test]
async fn what_an_extension_runs_is_not_the_statement() {
    for capture in [Capture::Auto, Capture::Reread, Capture::Tables] {
        let place = Place::new();
        place
            .bare()
            .execute_batch(
                "PRAGMA journal_mode = WAL;
                 CREATE TABLE t (id INTEGER PRIMARY KEY, a); INSERT INTO t VALUES (1, 1), (2, 2);
                 CREATE TABLE l (x); CREATE VIRTUAL TABLE f USING fts4 (body);
                 CREATE TRIGGER one AFTER INSERT ON l BEGIN DELETE FROM t; END;
                 CREATE TRIGGER two AFTER INSERT ON l WHEN new.x > 100 BEGIN
                     INSERT INTO f VALUES (new.x);
                 END;",
            )
            .unwrap();
        let db = place.builder().capture(capture).open().await.unwrap();
        let reads = ["SELECT * FROM t", "SELECT a FROM t WHERE id = 1", "SELECT count(*) FROM t"];
        for _ in 0..2 {
            for read in reads {
                ask(&db, read).await;
                assert!(ask(&db, read).await.1, "{read}");
            }
            db.execute("INSERT INTO l VALUES (7)").await.unwrap();
            for read in reads {
                assert_eq!(ask(&db, read).await.0, truth(&db, read).await, "{capture:?}: {read}");
            }
            db.execute("INSERT INTO t VALUES (1, 1)").await.unwrap();
        }
    }
}

/// What is known of tables under a schema that is rolled back does not outlive it, though
/// another one gets the same cookie later in the same script.
#[tokio::test]
async fn a_schema_that_a_script_rolls_back() {
    const WAIT: &str = "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c \
                        WHERE i < 1000000) SELECT count(*) FROM c;";
    let place = Place::new();
    let schema = "CREATE TABLE d (a INT, b TEXT); CREATE TABLE s (a INT, b TEXT);
                  INSERT INTO s VALUES (1, 'x'), (2, 'y');";
    let db = place.open(schema).await;
    let session = db.session();
    let script = format!(
        "BEGIN; CREATE TABLE z1 (x); CREATE TABLE z2 (x); INSERT INTO d SELECT * FROM s; ROLLBACK;
         ALTER TABLE s ADD COLUMN e INT DEFAULT 5; ALTER TABLE d ADD COLUMN e INT DEFAULT 5;
         {WAIT} INSERT INTO d SELECT * FROM s;"
    );
    let read = "SELECT count(*) FROM d WHERE e = 5";
    let run = tokio::spawn(async move { session.execute_batch(&script).await });
    let mut is_cached = false;
    while !run.is_finished() {
        is_cached |= db.query(read).fetch().await.is_ok_and(|outcome| outcome.cached);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    run.await.unwrap().unwrap();
    assert!(is_cached, "it was not asked in between");
    assert_eq!(ask(&db, read).await.0, [[Value::from(2)]]);
}

/// A read may change the schema, too. When that is rolled back, its cookie comes back with
/// another meaning.
#[tokio::test]
async fn a_schema_that_a_read_changes() {
    for capture in [Capture::Auto, Capture::Reread, Capture::Tables] {
        let place = Place::new();
        let bare = place.bare();
        bare.execute_batch(
            "PRAGMA journal_mode = WAL; CREATE TABLE t (a INT); CREATE INDEX by_a ON t (a);
             INSERT INTO t VALUES (5), (6), (7); CREATE TABLE u (id INTEGER PRIMARY KEY, v INT);",
        )
        .unwrap();
        let db = place.builder().capture(capture).open().await.unwrap();
        let cookie = || bare.query_row("PRAGMA schema_version", [], |row| row.get::<_, i64>(0));
        let before = cookie().unwrap();
        let session = db.session();
        let insert = async || session.execute("INSERT INTO t VALUES (?)").bind(1).await.unwrap();
        session.execute("BEGIN").await.unwrap();
        session.query("SELECT * FROM pragma_optimize(0x10002)").fetch().await.unwrap();
        let changed: i64 = session.query("PRAGMA schema_version").scalar().await.unwrap();
        insert().await;
        session.execute("ROLLBACK").await.unwrap();
        bare.execute_batch(
            "CREATE TRIGGER more AFTER INSERT ON t BEGIN INSERT INTO u (v) VALUES (7); END",
        )
        .unwrap();
        assert_eq!((changed, cookie().unwrap()), (before + 1, before + 1));
        let read = "SELECT sum(v) FROM u";
        ask(&db, read).await;
        assert!(ask(&db, read).await.1);
        session.execute("BEGIN").await.unwrap();
        insert().await;
        session.execute("COMMIT").await.unwrap();
        assert_eq!(ask(&db, read).await.0, [[Value::from(7)]], "{capture:?}");
    }
}

/// Settings take effect when a PRAGMA is prepared, be it to be explained or described, or in a
/// text that is refused.
#[tokio::test]
async fn settings_that_take_effect_on_the_way() {
    for capture in [Capture::Auto, Capture::Reread, Capture::Tables] {
        for way in ["plain", "explain", "describe", "refused"] {
            let place = Place::new();
            let db = place.builder().capture(capture).open().await.unwrap();
            db.execute_batch(
                "CREATE TABLE p (k TEXT PRIMARY KEY); INSERT INTO p VALUES ('a1');
                 CREATE TABLE c (id INTEGER PRIMARY KEY, r TEXT REFERENCES p ON UPDATE CASCADE);
                 INSERT INTO c VALUES (1, 'a1'), (2, 'a1');",
            )
            .await
            .unwrap();
            let session = db.session();
            let set = async |value: &str| {
                let pragma = format!("PRAGMA foreign_keys = {value}");
                match way {
                    "plain" => drop(session.execute(&pragma).await.unwrap()),
                    "explain" => {
                        drop(session.query(&format!("EXPLAIN {pragma}")).fetch().await.unwrap());
                    }
                    "describe" => drop(session.describe(&pragma).await.unwrap()),
                    _ => {
                        let both = format!("{pragma}; SELECT 1");
                        session.query(&both).fetch().await.unwrap_err();
                    }
                }
                session.query("PRAGMA foreign_keys").scalar::<bool>().await.unwrap()
            };
            session.execute("PRAGMA foreign_keys = ON").await.unwrap();
            let write = async |like: &str| {
                let update = "UPDATE p SET k = 'z' WHERE k = ?";
                session.execute(update).bind(like).await.unwrap().rows_affected
            };
            assert!(!set("OFF").await);
            assert_eq!(write("none").await, 0);
            assert!(set("ON").await);
            let read = "SELECT min(r) FROM c";
            ask(&db, read).await;
            assert!(ask(&db, read).await.1);
            assert_eq!(write("a1").await, 1);
            assert_eq!(ask(&db, read).await.0, [[Value::from("z")]], "{capture:?}, {way}");
        }
    }
}

/// A write works and is seen, by every means of learning what it changes, and an answer of
/// another table stays.
async fn check_written(place: &Place, table: &str) {
    for capture in [Capture::Auto, Capture::Reread, Capture::Tables] {
        let db = place.builder().capture(capture).open().await.unwrap();
        let (read, other) = (format!("SELECT id FROM {table} ORDER BY id"), "SELECT a FROM other");
        for sql in [&read, other] {
            ask(&db, sql).await;
            assert!(ask(&db, sql).await.1, "{sql} is not cached, {capture:?}");
        }
        for write in [
            format!("INSERT INTO {table} (id) SELECT 1 + coalesce(max(id), 0) FROM {table}"),
            format!("UPDATE {table} SET id = id + 10"),
            format!("INSERT OR REPLACE INTO {table} (id) VALUES (11)"),
            format!("DELETE FROM {table} WHERE id = 11"),
            format!("DELETE FROM {table}"),
        ] {
            db.execute(&write).await.unwrap();
            assert_eq!(ask(&db, &read).await.0, truth(&db, &read).await, "{write}, {capture:?}");
        }
        assert!(ask(&db, other).await.1, "{capture:?}");
        assert_eq!(db.stats().cache.capture_gaps, 0, "{capture:?}");
        db.close().await;
    }
}

#[tokio::test]
async fn names_of_the_functions_that_list_columns_may_be_taken() {
    for taken in [
        "CREATE TABLE pragma_table_list (id INTEGER PRIMARY KEY, a INT)",
        "CREATE TABLE pragma_table_xinfo (id INTEGER PRIMARY KEY)",
        "CREATE VIEW pragma_index_list AS SELECT 1 AS name",
        "CREATE VIEW pragma_index_xinfo AS SELECT a FROM other",
    ] {
        let place = Place::new();
        let schema = "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT UNIQUE ON CONFLICT REPLACE);
                      CREATE TABLE other (a INT); INSERT INTO other VALUES (1);";
        place.open(schema).await.execute_batch(taken).await.unwrap();
        check_written(&place, "t").await;
    }
}

#[tokio::test]
async fn a_column_may_have_a_name_that_is_not_utf8() {
    let place = Place::new();
    let schema = "CREATE TABLE t (id INTEGER PRIMARY KEY, axb INT);
                  CREATE TABLE other (a INT); INSERT INTO other VALUES (1);";
    place.open(schema).await.close().await;
    let bare = place.bare();
    bare.execute_batch(
        "PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = CAST(replace(hex(sql), '617862', '61FF62') AS TEXT)
         WHERE name = 't';
         UPDATE sqlite_schema SET sql = CAST(unhex(sql) AS TEXT) WHERE name = 't';
         PRAGMA writable_schema = OFF; PRAGMA schema_version = 77;",
    )
    .unwrap();
    drop(bare);
    check_written(&place, "t").await;
}
