use std::sync::Arc;

use forebay::{Access, Db, Error, Outcome, Value};
use serde::Deserialize;

use crate::place::{Place, assert_alive, child, child_path};

const SCHEMA: &str = "
    CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,
        age INT CHECK (age < 200));
    CREATE TABLE posts (id INTEGER PRIMARY KEY, author INT REFERENCES users, title TEXT);
    INSERT INTO users VALUES (1, 'Ada', 36), (2, 'Grace', 85);
";

async fn memory(script: &str) -> Db {
    let db = forebay::open("sqlite::memory:").await.unwrap();
    db.execute_batch(script).await.unwrap();
    db
}

fn rows(outcome: &Outcome) -> Vec<Vec<Value>> {
    outcome.rows.iter().map(|row| row.values().to_vec()).collect()
}

/// Which predicates of an error hold.
fn kinds(error: &Error) -> Vec<&'static str> {
    [
        ("usage", error.is_usage()),
        ("denied", error.is_denied()),
        ("not_found", error.is_not_found()),
        ("decode", error.is_decode()),
        ("timeout", error.is_timeout()),
        ("pool_exhausted", error.is_pool_exhausted()),
        ("busy", error.is_busy()),
        ("read_only", error.is_read_only()),
        ("full", error.is_full()),
        ("corrupt", error.is_corrupt()),
        ("open", error.is_open()),
        ("too_large", error.is_too_large()),
        ("constraint", error.is_constraint_violation()),
        ("unique", error.is_unique_violation()),
        ("foreign_key", error.is_foreign_key_violation()),
        ("not_null", error.is_not_null_violation()),
        ("check", error.is_check_violation()),
        ("cancelled", error.is_cancelled()),
        ("closed", error.is_closed()),
    ]
    .into_iter()
    .filter_map(|(name, holds)| holds.then_some(name))
    .collect()
}

#[tokio::test]
async fn every_value_comes_back_as_it_went() {
    let db = memory("CREATE TABLE t (v)").await;
    let large = "ü".repeat(70_000);
    let values: Vec<(Value, &str)> = vec![
        (().into(), "null"),
        (None::<i64>.into(), "null"),
        (Some("x").into(), "text"),
        (true.into(), "integer"),
        (false.into(), "integer"),
        (i8::MIN.into(), "integer"),
        (i16::MAX.into(), "integer"),
        (i32::MIN.into(), "integer"),
        (i64::MAX.into(), "integer"),
        (i64::MIN.into(), "integer"),
        (u8::MAX.into(), "integer"),
        (u16::MAX.into(), "integer"),
        (u32::MAX.into(), "integer"),
        (u64::try_from(i64::MAX).unwrap().try_into().unwrap(), "integer"),
        (usize::MIN.try_into().unwrap(), "integer"),
        (i128::from(i64::MIN).try_into().unwrap(), "integer"),
        (0.1f64.into(), "real"),
        ((-0.0f64).into(), "real"),
        (f64::MAX.into(), "real"),
        (f64::MIN_POSITIVE.into(), "real"),
        (f64::INFINITY.into(), "real"),
        (f64::NEG_INFINITY.into(), "real"),
        (0.5f32.into(), "real"),
        ("".into(), "text"),
        ("a\0b".into(), "text"),
        ("\0".into(), "text"),
        ("größe 日本語 🦀 \u{feff}".into(), "text"),
        (large.as_str().into(), "text"),
        (String::from("owned").into(), "text"),
        (Value::from(&String::from("by reference")), "text"),
        ('ß'.into(), "text"),
        (b"".into(), "blob"),
        (b"\0\xff\xfe".into(), "blob"),
        ([1u8, 2, 3].as_slice().into(), "blob"),
        (vec![0u8; 100_000].into(), "blob"),
    ];
    for (value, storage) in values {
        db.execute("DELETE FROM t").await.unwrap();
        let direct: (Value2, String) =
            db.query("SELECT ?1, typeof(?1)").bind(&value).one().await.unwrap();
        db.execute("INSERT INTO t VALUES (?)").bind(&value).await.unwrap();
        for cached in [false, true] {
            let outcome = db.query("SELECT v, typeof(v) FROM t").fetch().await.unwrap();
            assert_eq!(outcome.cached, cached);
            assert_eq!(outcome.rows.values(0)[0], value, "{storage}");
            assert_eq!(outcome.rows.values(0)[1], Value::from(storage));
        }
        assert_eq!(direct.1, storage);
    }
}

/// Takes any value, for columns that are compared undecoded.
#[derive(Debug, Deserialize)]
struct Value2(#[allow(dead_code)] serde::de::IgnoredAny);

#[tokio::test]
async fn not_a_number_is_null() {
    let db = memory("CREATE TABLE t (v)").await;
    db.execute("INSERT INTO t VALUES (?)").bind(f64::NAN).await.unwrap();
    let found: Option<f64> = db.query("SELECT v FROM t").scalar().await.unwrap();
    assert_eq!(found, None, "SQLite has no NaN and stores NULL");
    for _ in 0..2 {
        let found: Option<f64> = db.query("SELECT ?").bind(f64::NAN).scalar().await.unwrap();
        assert_eq!(found, None);
    }
}

#[tokio::test]
async fn numbers_that_do_not_fit_are_refused() {
    let db = memory("CREATE TABLE t (v)").await;
    for query in [
        db.execute("INSERT INTO t VALUES (?)").bind(u64::MAX),
        db.execute("INSERT INTO t VALUES (?)").bind(1u64 << 63),
        db.execute("INSERT INTO t VALUES (?)").bind(i128::MAX),
        db.execute("INSERT INTO t VALUES (:v)").bind_named("v", u128::MAX),
    ] {
        let error = query.await.unwrap_err();
        assert_eq!(kinds(&error), ["usage"], "{error}");
        assert!(error.message().contains("64-bit"), "{error}");
    }
    let error = db.query("SELECT abs(?)").bind(i64::MIN).fetch().await.unwrap_err();
    assert!(error.message().contains("integer overflow"), "{error}");
    let error = db
        .query("SELECT sum(v) FROM (SELECT 9223372036854775807 AS v UNION ALL SELECT 1)")
        .fetch()
        .await
        .unwrap_err();
    assert!(error.message().contains("integer overflow"), "{error}");
    let sum: f64 = db.query("SELECT 9223372036854775807 + 1").scalar().await.unwrap();
    assert_eq!(sum, 9_223_372_036_854_775_808.0);
    let error = db.query("SELECT 300").scalar::<u8>().await.unwrap_err();
    assert_eq!(kinds(&error), ["decode"], "{error}");
    let error = db.query("SELECT -1").scalar::<u64>().await.unwrap_err();
    assert_eq!(kinds(&error), ["decode"], "{error}");
    assert_eq!(db.query("SELECT count(*) FROM t").scalar::<i64>().await.unwrap(), 0);
}

type Bound = (&'static str, i64);

/// `positional`, then `named` are bound to `sql`; the answer is one row, or an error that says
/// `expect`.
async fn check_bind(sql: &str, positional: &[i64], named: &[Bound], expect: Result<&[i64], &str>) {
    let db = memory("").await;
    for session in [false, true] {
        let session_handle = db.session();
        let mut query = if session { session_handle.query(sql) } else { db.query(sql) };
        for value in positional {
            query = query.bind(*value);
        }
        for (name, value) in named {
            query = query.bind_named(name, *value);
        }
        match (query.fetch().await, expect) {
            (Ok(outcome), Ok(expect)) => {
                let expect: Vec<Value> = expect.iter().map(|n| Value::from(*n)).collect();
                assert_eq!(rows(&outcome), [expect], "{sql}");
            }
            (Err(error), Err(says)) => {
                assert_eq!(kinds(&error), ["usage"], "{sql}: {error}");
                assert!(error.message().contains(says), "{sql}: {error}");
            }
            (found, expect) => panic!("{sql}: {found:?}, not {expect:?}"),
        }
        assert_eq!(db.query("SELECT 1").scalar::<i64>().await.unwrap(), 1);
    }
}

#[tokio::test]
async fn parameters() {
    let none: &[Bound] = &[];
    for (sql, positional, named, expect) in [
        ("SELECT ?, ?", &[1, 2][..], none, Ok(&[1, 2][..])),
        ("SELECT ?2, ?1", &[1, 2], none, Ok(&[2, 1])),
        ("SELECT ?1, ?1", &[7], none, Ok(&[7, 7])),
        ("SELECT ?5", &[1, 2, 3, 4, 5], none, Ok(&[5])),
        ("SELECT ?5", &[1], none, Err("takes 5 parameters, but 1 was bound")),
        ("SELECT ?", &[], none, Err("takes 1 parameter, but 0 were bound")),
        ("SELECT 1", &[1], none, Err("takes 0 parameters, but 1 was bound")),
        ("SELECT ?, ?", &[1], none, Err("takes 2 parameters")),
        ("SELECT ?", &[1, 2], none, Err("takes 1 parameter, but 2 were bound")),
        // Positional values take named places in order.
        ("SELECT :a, @b, $c", &[1, 2, 3], none, Ok(&[1, 2, 3])),
        ("SELECT :a, @b, $c", &[], &[("a", 1), ("b", 2), ("c", 3)], Ok(&[1, 2, 3])),
        ("SELECT :a, @b, $c", &[], &[("$c", 3), ("@b", 2), (":a", 1)], Ok(&[1, 2, 3])),
        ("SELECT :a, @a, $a", &[], &[("$a", 3), ("@a", 2), (":a", 1)], Ok(&[1, 2, 3])),
        ("SELECT :a, :a", &[], &[("a", 4)], Ok(&[4, 4])),
        ("SELECT :a", &[], &[("a", 4), ("a", 5)], Ok(&[5])),
        ("SELECT ?, :a", &[1], &[("a", 4)], Ok(&[1, 4])),
        ("SELECT ?1, ?2", &[], &[("?1", 3), ("?2", 4)], Ok(&[3, 4])),
        ("SELECT :größe", &[], &[("größe", 4)], Ok(&[4])),
        ("SELECT :a, :b", &[], &[("a", 1)], Err("no value is bound to parameter 2 (:b)")),
        ("SELECT :a", &[], &[("b", 1)], Err("no parameter called \"b\"")),
        ("SELECT :a", &[], &[("@a", 1)], Err("no parameter called \"@a\"")),
        ("SELECT :a", &[], &[("A", 1)], Err("no parameter called \"A\"")),
        ("SELECT :a", &[], &[("a\0", 1)], Err("no parameter called")),
        ("SELECT :a", &[], &[("", 1)], Err("empty")),
        ("SELECT 1", &[], &[("a", 1)], Err("no parameter called")),
        ("SELECT ?, :a", &[], &[("a", 4)], Err("no value is bound to parameter 1")),
        ("SELECT ?32766", &[1], none, Err("takes 32766 parameters")),
        ("SELECT ?32767", &[1], none, Err("variable number must be between")),
        ("SELECT ?0", &[1], none, Err("variable number must be between")),
    ] {
        check_bind(sql, positional, named, expect).await;
    }
}

#[tokio::test]
async fn malformed_texts() {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    let session = db.session();
    for (sql, says) in [
        ("", "no statement"),
        ("  \n\t", "no statement"),
        (";", "no statement"),
        (";;;", "no statement"),
        ("-- a comment", "no statement"),
        ("/* never closed", "no statement"),
        ("/**/ ; -- x", "no statement"),
        ("SELEC 1", "syntax error"),
        ("SELECT", "incomplete input"),
        ("SELECT 'never closed", "unrecognized token"),
        ("SELECT * FROM nowhere", "no such table"),
        ("SELECT nonsense FROM users", "no such column"),
        ("SELECT nonsense()", "no such function"),
        ("SELECT 1; SELECT 2", "more than one statement"),
        ("SELECT 1; DELETE FROM users", "more than one statement"),
        ("DELETE FROM users; DELETE FROM posts", "more than one statement"),
        ("SELECT 1; nonsense", "more than one statement"),
        ("SELECT 1\0", "NUL"),
        ("SELECT 1 -- \0", "NUL"),
        ("\0", "NUL"),
        ("INSERT INTO users VALUES (1)", "has 3 columns but 1 values"),
        ("\u{1f980}", "no such column"),
        ("ROLLBACK TO nowhere", "no such savepoint"),
    ] {
        for shared in [true, false] {
            if shared && sql.starts_with("ROLLBACK") {
                continue;
            }
            let done = match shared {
                true => db.query(sql).fetch().await,
                false => session.query(sql).fetch().await,
            };
            let Err(error) = done else { panic!("{sql:?} succeeded") };
            if sql != "\u{1f980}" {
                assert!(error.message().contains(says), "{sql:?}: {error}");
            }
            assert_eq!(kinds(&error), ["usage"], "{sql:?}: {error}");
        }
    }
    for sql in
        ["SELECT 1;", "SELECT 1 ; -- the end", " ;SELECT 1", "SELECT 1;;", "/**/SELECT 1/**/"]
    {
        assert_eq!(db.query(sql).scalar::<i64>().await.unwrap(), 1, "{sql:?}");
    }
    assert_eq!(db.query("SELECT count(*) FROM users").scalar::<i64>().await.unwrap(), 2);
    assert_alive(&db).await;
}

#[tokio::test]
async fn texts_of_any_size() {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    // Many statements must not be taken apart by recursion.
    let many = "SELECT 1; ".repeat(100_000);
    let error = db.query(&many).fetch().await.unwrap_err();
    assert_eq!(kinds(&error), ["usage"], "{error}");
    assert!(error.to_string().len() < 2_000, "an error does not repeat the whole text");
    let deep = format!("SELECT {}1{}", "(".repeat(5_000), ")".repeat(5_000));
    // Versions of SQLite differ in how deep they go.
    match db.query(&deep).scalar::<i64>().await {
        Ok(n) => assert_eq!(n, 1),
        Err(error) => assert_eq!(kinds(&error), ["usage"], "{error}"),
    }
    let long = format!("SELECT '{}'", "x".repeat(2_000_000));
    assert_eq!(db.query(&long).scalar::<String>().await.unwrap().len(), 2_000_000);
    let wide = format!("SELECT {}1", "1,".repeat(3_000));
    let error = db.query(&wide).fetch().await.unwrap_err();
    assert_eq!(kinds(&error), ["usage"], "{error}");
    assert_alive(&db).await;
}

#[tokio::test]
async fn long_texts_are_not_hoarded() {
    let place = Place::new();
    if child_path().is_none() {
        // In a process of its own, where nothing else takes memory.
        let test = "statement::long_texts_are_not_hoarded";
        let output = child(&[], test, &place.path()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        return;
    }
    let db = place.open(SCHEMA).await;
    let before = resident();
    for n in 0..400 {
        let sql = format!("SELECT {n}, '{}'", "x".repeat(1_000_000));
        db.query(&sql).no_cache().fetch().await.unwrap();
    }
    let grown = resident().saturating_sub(before) >> 20;
    assert!(grown < 200, "400 MB of texts have left {grown} MiB behind");
}

/// Bytes of this process in memory; 0 where that is not known.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = status.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok());
    pages.unwrap_or(0) * 4_096
}

#[tokio::test]
async fn a_hundred_megabytes() {
    let place = Place::new();
    let db = place.open("CREATE TABLE t (v BLOB)").await;
    let size = 100_000_000;
    let mut blob = vec![7u8; size];
    blob[size - 1] = 9;
    db.execute("INSERT INTO t VALUES (?)").bind(blob).await.unwrap();
    for _ in 0..2 {
        let outcome = db.query("SELECT v FROM t").fetch().await.unwrap();
        let Value::Blob(found) = &outcome.rows.values(0)[0] else { panic!("a blob") };
        assert!(found.len() == size && found[0] == 7 && found[size - 1] == 9);
    }
    let stats = db.stats().cache;
    assert!(stats.bytes <= stats.bytes_max, "{stats:?}");
    let error = db.query("SELECT v FROM t").max_bytes(1_000_000).fetch().await.unwrap_err();
    assert_eq!(kinds(&error), ["too_large"], "{error}");
    assert_eq!(db.query("SELECT length(v) FROM t").scalar::<usize>().await.unwrap(), size);
    assert_alive(&db).await;
}

#[tokio::test]
async fn values_beyond_the_limit_of_the_database() {
    let place = Place::new();
    let db = place.open("CREATE TABLE t (v BLOB)").await;
    let error = db.query("SELECT zeroblob(1000000001)").fetch().await.unwrap_err();
    assert_eq!(kinds(&error), ["too_large"], "{error}");
    let blob = vec![0u8; 1_000_000_001];
    let error = db.execute("INSERT INTO t VALUES (?)").bind(blob).await.unwrap_err();
    assert_eq!(kinds(&error), ["too_large"], "{error}");
    // Rows add up.
    let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
        SELECT zeroblob(50000000) FROM n";
    let error = db.query(sql).fetch().await.unwrap_err();
    assert_eq!(kinds(&error), ["too_large"], "{error}");
    assert_eq!(db.query("SELECT count(*) FROM t").scalar::<i64>().await.unwrap(), 0);
    assert_alive(&db).await;
}

#[tokio::test]
async fn limits_hold_for_cached_answers_as_for_others() {
    let db = memory(
        "CREATE TABLE a_table (a_long_column_name TEXT);
        INSERT INTO a_table VALUES ('first'), ('second'), ('third')",
    )
    .await;
    let sql = "SELECT a_long_column_name FROM a_table";
    for bytes in 0..400 {
        let origin = db.query(sql).no_cache().max_bytes(bytes).fetch().await;
        db.query(sql).fetch().await.unwrap();
        let cached = db.query(sql).max_bytes(bytes).fetch().await;
        assert_eq!(origin.is_ok(), cached.is_ok(), "{bytes} bytes");
        assert!(cached.map_or_else(|error| error.is_too_large(), |outcome| outcome.cached));
    }
    for (limit, fits) in [(0, false), (2, false), (3, true), (usize::MAX, true)] {
        for cached in [false, true] {
            let query = db.query(sql).max_rows(limit);
            let done = if cached { query } else { query.no_cache() }.fetch().await;
            assert_eq!(done.is_ok(), fits, "{limit} rows");
        }
        let shared = db.query(sql).max_rows(limit).shared::<String>().await;
        assert_eq!(shared.is_ok(), fits, "{limit} rows, shared");
    }
}

#[tokio::test]
async fn text_that_is_not_unicode() {
    let place = Place::new();
    let db = place.open("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)").await;
    let bare = place.bare();
    bare.execute_batch("INSERT INTO t VALUES (1, CAST(x'6162ff' AS TEXT)), (2, 'fine')").unwrap();
    let error = db.query("SELECT v FROM t WHERE id = 1").scalar::<String>().await.unwrap_err();
    assert_eq!(kinds(&error), ["decode"], "{error}");
    assert!(error.message().contains("CAST(v AS BLOB)"), "{error}");
    let bytes: Value = db
        .query("SELECT CAST(v AS BLOB) FROM t WHERE id = 1")
        .fetch()
        .await
        .unwrap()
        .rows
        .values(0)[0]
        .clone();
    assert_eq!(bytes, Value::from(b"ab\xff"));
    assert_eq!(db.query("SELECT v FROM t WHERE id = 2").scalar::<String>().await.unwrap(), "fine");
    // Refused while it is answered: then it was not written either.
    let error = db.query("UPDATE t SET id = id + 10 RETURNING v").fetch().await.unwrap_err();
    assert_eq!(kinds(&error), ["decode"], "{error}");
    assert_eq!(db.query("SELECT max(id) FROM t").scalar::<i64>().await.unwrap(), 2);
    // Names that are not Unicode can only be made by others.
    bare.execute_batch(
        "CREATE TABLE u (cx, d); INSERT INTO u VALUES (1, 2); PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = CAST(replace(CAST(sql AS BLOB), 'cx', x'63ff') AS TEXT)
             WHERE name = 'u';
         PRAGMA schema_version = 77;",
    )
    .unwrap();
    let error = db.query("SELECT * FROM u").fetch().await.unwrap_err();
    assert!(error.message().contains("AS"), "{error}");
    assert_eq!(db.query("SELECT d FROM u").scalar::<i64>().await.unwrap(), 2);
    assert_alive(&db).await;
}

/// To SQLite, everything beyond ASCII belongs to a name, also what looks like a blank.
#[tokio::test]
async fn only_blanks_are_cut_off() {
    let place = Place::new();
    let schema = "CREATE TABLE t (a); INSERT INTO t VALUES (1);
                  CREATE TABLE \"t\u{a0}\" (a); INSERT INTO \"t\u{a0}\" VALUES (2);";
    let db = place.open(schema).await;
    for (sql, expect) in [("SELECT a FROM t \t\n\x0c\r", 1), ("\r\n SELECT a FROM t\u{a0};", 2)] {
        for _ in 0..2 {
            assert_eq!(db.query(sql).scalar::<i64>().await.unwrap(), expect, "{sql:?}");
            assert_eq!(db.prepare(sql).query().scalar::<i64>().await.unwrap(), expect, "{sql:?}");
        }
    }
    for blank in ["\u{85}", "\u{1680}", "\u{2028}", "\u{3000}", "\x0b"] {
        for sql in [format!("DELETE FROM t{blank}"), format!("{blank}DELETE FROM t")] {
            let error = db.execute(&sql).await.unwrap_err();
            assert_eq!(kinds(&error), ["usage"], "{blank:?}: {error}");
        }
    }
    assert_eq!(db.query("SELECT count(*) FROM t").scalar::<i64>().await.unwrap(), 1);
}

#[tokio::test]
async fn constraints() {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    for (sql, expect) in [
        ("INSERT INTO users VALUES (1, 'x', 1)", &["constraint", "unique"][..]),
        ("INSERT INTO users VALUES (9, 'Ada', 1)", &["constraint", "unique"]),
        ("INSERT INTO users VALUES (9, NULL, 1)", &["constraint", "not_null"]),
        ("INSERT INTO users VALUES (9, 'x', 200)", &["constraint", "check"]),
        ("INSERT INTO posts VALUES (1, 77, 'x')", &["constraint", "foreign_key"]),
        ("INSERT INTO users VALUES ('x', 'x', 1)", &["usage"]),
        ("UPDATE users SET name = 'Ada'", &["constraint", "unique"]),
        ("INSERT OR ABORT INTO users VALUES (8, 'x', 1), (9, 'Ada', 1)", &["constraint", "unique"]),
        (
            "INSERT OR ROLLBACK INTO users VALUES (8, 'x', 1), (9, 'Ada', 1)",
            &["constraint", "unique"],
        ),
        (
            "INSERT INTO users VALUES (8, 'x', 1), (9, 'Ada', 1) RETURNING id",
            &["constraint", "unique"],
        ),
        (
            "INSERT OR ROLLBACK INTO users VALUES (8, 'x', 1), (9, 'Ada', 1) RETURNING id",
            &["constraint", "unique"],
        ),
    ] {
        let error = db.execute(sql).await.unwrap_err();
        assert_eq!(kinds(&error), expect, "{sql}: {error}");
        assert!(!error.message().is_empty() && error.code().is_some(), "{sql}: {error:?}");
        let count: i64 = db.query("SELECT count(*) FROM users").scalar().await.unwrap();
        assert_eq!(count, 2, "{sql}");
    }
    assert_alive(&db).await;
}

#[tokio::test]
async fn or_fail_keeps_what_came_before() {
    for returning in ["", " RETURNING id"] {
        let place = Place::new();
        let db = place.open(SCHEMA).await;
        let read = "SELECT id FROM users ORDER BY id";
        assert_eq!(db.query(read).all::<i64>().await.unwrap(), [1, 2]);
        let sql = format!("INSERT OR FAIL INTO users VALUES (8, 'x', 1), (9, 'Ada', 1){returning}");
        let error = db.execute(&sql).await.unwrap_err();
        assert!(error.is_unique_violation(), "{error}");
        assert_eq!(db.query(read).all::<i64>().await.unwrap(), [1, 2, 8], "as in SQLite: {sql}");
        assert_alive(&db).await;
    }
}

#[tokio::test]
async fn outcomes_of_writes() {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    for (sql, affected, id) in [
        ("INSERT INTO users (name) VALUES ('A'), ('B')", 2, Some(4)),
        ("INSERT OR IGNORE INTO users (id, name) VALUES (1, 'A')", 0, None),
        ("UPDATE users SET age = 1 WHERE id > 2", 2, None),
        ("UPDATE users SET age = 1 WHERE id > 99", 0, None),
        ("REPLACE INTO users (id, name) VALUES (4, 'C')", 1, Some(4)),
        (
            "INSERT INTO users (id, name) VALUES (4, 'D') ON CONFLICT DO UPDATE SET name = 'E'",
            1,
            None,
        ),
        ("WITH n AS (SELECT 4 AS id) DELETE FROM users WHERE id IN (SELECT id FROM n)", 1, None),
        ("INSERT INTO posts SELECT 5, 1, 'five'", 1, Some(5)),
        ("DELETE FROM posts", 1, None),
        ("CREATE TABLE extra (a)", 0, None),
        ("PRAGMA user_version = 7", 0, None),
        ("SELECT 1", 0, None),
    ] {
        let outcome = db.execute(sql).await.unwrap();
        assert_eq!((outcome.rows_affected, outcome.last_insert_id), (affected, id), "{sql}");
    }
    let outcome = db
        .query("UPDATE users SET age = age + 1 WHERE id <= 2 RETURNING name, age")
        .fetch()
        .await
        .unwrap();
    assert_eq!(outcome.rows_affected, 2);
    let expect = [("Ada", 37), ("Grace", 86)];
    let expect = expect.map(|(name, age)| vec![Value::from(name), Value::from(age)]);
    assert_eq!(rows(&outcome), expect);
    let id: i64 =
        db.query("INSERT INTO users (name) VALUES ('Z') RETURNING id").scalar().await.unwrap();
    assert_eq!(
        db.query("SELECT name FROM users WHERE id = ?").bind(id).scalar::<String>().await.unwrap(),
        "Z"
    );
}

#[tokio::test]
async fn an_answer_that_is_too_large_writes_nothing() {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    let count = "SELECT count(*) FROM users";
    assert_eq!(db.query(count).scalar::<i64>().await.unwrap(), 2);
    let sql = "INSERT INTO users (name)
        SELECT 'n' || value FROM generate RETURNING name";
    db.execute_batch(
        "CREATE TABLE generate AS WITH RECURSIVE n(value) AS
            (SELECT 1 UNION ALL SELECT value + 1 FROM n LIMIT 1000) SELECT value FROM n",
    )
    .await
    .unwrap();
    let session = db.session();
    for error in [
        db.query(sql).max_bytes(500).fetch().await.unwrap_err(),
        db.query(sql).max_rows(10).fetch().await.unwrap_err(),
        session.query(sql).max_rows(10).fetch().await.unwrap_err(),
    ] {
        assert_eq!(kinds(&error), ["too_large"], "{error}");
        assert_eq!(db.query(count).scalar::<i64>().await.unwrap(), 2);
    }
    // In a transaction only the statement is undone.
    db.transaction(|tx| async move {
        tx.execute("INSERT INTO users (name) VALUES ('kept')").await?;
        let error = tx.query(sql).max_rows(10).fetch().await.unwrap_err();
        assert_eq!(kinds(&error), ["too_large"], "{error}");
        assert_eq!(tx.query(count).scalar::<i64>().await?, 3);
        Ok(())
    })
    .await
    .unwrap();
    assert_eq!(db.query(count).scalar::<i64>().await.unwrap(), 3);
    assert_eq!(db.query(sql).all::<String>().await.unwrap().len(), 1_000);
    assert_alive(&db).await;
}

#[tokio::test]
async fn decoding() {
    #[derive(Debug, Deserialize)]
    #[allow(dead_code)]
    struct User {
        id: i64,
        name: String,
        age: u8,
    }
    let db = memory(SCHEMA).await;
    let ada: User = db.query("SELECT * FROM users WHERE id = 1").one().await.unwrap();
    assert_eq!((ada.id, ada.name.as_str(), ada.age), (1, "Ada", 36));
    for (sql, says) in [
        ("SELECT id, name FROM users", "age"),
        ("SELECT id, age AS name, age FROM users", "name"),
        ("SELECT id, name, NULL AS age FROM users", "age"),
        ("SELECT id, name, 300 AS age FROM users", "age"),
        ("SELECT id, name, 'x' AS age FROM users", "age"),
        ("SELECT id, name, x'00' AS age FROM users", "age"),
    ] {
        for _ in 0..2 {
            let error = db.query(sql).one::<User>().await.unwrap_err();
            assert_eq!(kinds(&error), ["decode"], "{sql}: {error}");
            assert!(error.message().contains(says), "{sql}: {error}");
            let error = db.query(sql).shared::<User>().await.unwrap_err();
            assert_eq!(kinds(&error), ["decode"], "{sql}: {error}");
        }
    }
    let none = "SELECT id FROM users WHERE id = 77";
    assert_eq!(kinds(&db.query(none).one::<i64>().await.unwrap_err()), ["not_found"]);
    assert_eq!(kinds(&db.query(none).scalar::<i64>().await.unwrap_err()), ["not_found"]);
    assert_eq!(db.query(none).optional::<i64>().await.unwrap(), None);
    assert_eq!(db.query(none).all::<i64>().await.unwrap(), [0i64; 0]);
    assert!(db.query(none).shared::<i64>().await.unwrap().is_empty());
    assert_eq!(
        kinds(&db.query("DELETE FROM posts").scalar::<i64>().await.unwrap_err()),
        ["not_found"]
    );
}

#[tokio::test]
async fn scripts_are_all_or_nothing() {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    for (script, expect) in [
        (
            "INSERT INTO users (name) VALUES ('X'); CREATE TABLE extra (a); \
                INSERT INTO users VALUES (1, 'Y', 1)",
            &["constraint", "unique"][..],
        ),
        ("DELETE FROM users; DELETE FROM posts; nonsense", &["usage"]),
        ("DELETE FROM users; SELECT * FROM nothing", &["usage"]),
        ("DELETE FROM users; COMMIT; SELECT 1", &["usage"]),
        ("DELETE FROM users; ROLLBACK", &["usage"]),
        ("BEGIN; DELETE FROM users; COMMIT", &["usage"]),
        ("DELETE FROM users; VACUUM", &["usage"]),
        (
            "DELETE FROM users; INSERT OR ROLLBACK INTO users VALUES (7, NULL, 1); \
                DELETE FROM posts",
            &["constraint", "not_null"],
        ),
        ("DELETE FROM users; SELECT ?", &["usage"]),
        ("DELETE FROM users; SELECT 1\0", &["usage"]),
        ("INSERT INTO posts VALUES (1, 77, 'x'); SELECT 1", &["constraint", "foreign_key"]),
    ] {
        let error = db.execute_batch(script).await.unwrap_err();
        assert_eq!(kinds(&error), expect, "{script}: {error}");
        let names: Vec<String> =
            db.query("SELECT name FROM users ORDER BY id").all().await.unwrap();
        assert_eq!(names, ["Ada", "Grace"], "{script}");
        let error = db.query("SELECT * FROM extra").fetch().await.unwrap_err();
        assert!(error.is_usage(), "{script}");
    }
    db.execute_batch(
        "CREATE TABLE log (what); -- a comment; with a semicolon
        CREATE TRIGGER noted AFTER INSERT ON users BEGIN
            INSERT INTO log VALUES ('a;b'); INSERT INTO log VALUES (new.name);
        END;
        INSERT INTO users (name) VALUES ('semi;colon');",
    )
    .await
    .unwrap();
    let log: Vec<String> = db.query("SELECT what FROM log").all().await.unwrap();
    assert_eq!(log, ["a;b", "semi;colon"]);
    for blank in ["", " ", ";;", "-- nothing"] {
        db.execute_batch(blank).await.unwrap();
    }
    assert_alive(&db).await;
}

#[tokio::test]
async fn what_a_connection_did_is_not_asked_of_shared_ones() {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    for sql in [
        "SELECT changes()",
        "SELECT last_insert_rowid()",
        "SELECT TOTAL_CHANGES() + 1",
        "SELECT * FROM users WHERE id = last_insert_rowid()",
    ] {
        let error = db.query(sql).fetch().await.unwrap_err();
        assert_eq!(kinds(&error), ["usage"], "{sql}: {error}");
        let stream = db.query(sql).stream::<i64>().await.err();
        assert!(stream.is_some_and(|error| error.is_usage()), "{sql}");
    }
    db.transaction(|tx| async move {
        tx.execute("INSERT INTO users (name) VALUES ('X'), ('Y')").await?;
        let seen: (i64, i64) = tx.query("SELECT changes(), last_insert_rowid()").one().await?;
        assert_eq!(seen, (2, 4));
        Ok(())
    })
    .await
    .unwrap();
    // Nor where somebody else wrote with the connection before.
    let ask = "SELECT last_insert_rowid()";
    let error =
        db.transaction(|tx| async move { tx.query(ask).scalar::<i64>().await }).await.unwrap_err();
    assert_eq!(kinds(&error), ["usage"], "{error}");
    let session = db.session();
    session.execute("BEGIN").await.unwrap();
    session.execute("INSERT INTO users (name) VALUES ('Z')").await.unwrap();
    assert_eq!(session.query(ask).scalar::<i64>().await.unwrap(), 5);
    session.execute("COMMIT").await.unwrap();
    drop(session);
    let session = db.session();
    session.execute("BEGIN").await.unwrap();
    let error = session.query(ask).fetch().await.unwrap_err();
    assert_eq!(kinds(&error), ["usage"], "{error}");
    // A write does not store it either.
    let write = "INSERT INTO posts (title) VALUES (last_insert_rowid()) RETURNING title";
    for error in [
        session.execute(write).await.unwrap_err(),
        db.execute(write).await.unwrap_err(),
        db.execute_batch(write).await.unwrap_err(),
    ] {
        assert_eq!(kinds(&error), ["usage"], "{error}");
    }
    // Nor after a write that has inserted nothing.
    session.execute("DELETE FROM users WHERE id = -5").await.unwrap();
    assert_eq!(session.query("SELECT changes()").scalar::<i64>().await.unwrap(), 0);
    let error = session.query(ask).fetch().await.unwrap_err();
    assert_eq!(kinds(&error), ["usage"], "{error}");
    drop(session);
    // A write that has failed and kept its rows counts, and equal numbers are no confusion.
    db.transaction(|tx| async move {
        tx.execute_batch(
            "CREATE TABLE p (id INTEGER PRIMARY KEY, u UNIQUE); CREATE TABLE q (p INT)",
        )
        .await?;
        let or_fail = "INSERT OR FAIL INTO p (u) VALUES ('a'), ('b'), ('a')";
        tx.execute(or_fail).await.unwrap_err();
        tx.query("SELECT changes()").scalar::<i64>().await?;
        let last = tx.query("SELECT last_insert_rowid()").scalar::<i64>().await?;
        assert_eq!(last, 2);
        tx.execute("INSERT INTO q VALUES (0)").await?;
        let child = tx.execute("INSERT INTO q VALUES (last_insert_rowid())").await?;
        assert_eq!(child.last_insert_id, Some(2));
        assert_eq!(tx.query("SELECT max(p) FROM q").scalar::<i64>().await?, 1);
        Ok(())
    })
    .await
    .unwrap();
    // In a trigger it is the statement's own.
    db.execute_batch(
        "CREATE TABLE a (id INTEGER PRIMARY KEY, x INT); CREATE TABLE b (a INT, y INT);
         CREATE VIEW v AS SELECT x, y FROM a JOIN b ON b.a = a.id;
         CREATE TRIGGER v_new INSTEAD OF INSERT ON v BEGIN
             INSERT INTO a (x) VALUES (new.x); INSERT INTO b VALUES (last_insert_rowid(), new.y);
         END;",
    )
    .await
    .unwrap();
    let insert = "INSERT INTO v VALUES (1, 2)";
    db.execute(insert).await.unwrap();
    db.execute_batch(insert).await.unwrap();
    db.transaction(|tx| async move { tx.execute(insert).await.map(drop) }).await.unwrap();
    assert_eq!(db.query("SELECT count(*) FROM v").scalar::<i64>().await.unwrap(), 3);
    db.execute_batch(&format!("INSERT INTO users (name) VALUES ('Q'); {write}")).await.unwrap();
    let title: String = db.query("SELECT max(title) FROM posts").scalar().await.unwrap();
    let id: i64 = db.query("SELECT id FROM users WHERE name = 'Q'").scalar().await.unwrap();
    assert_eq!(title, id.to_string());
}

#[tokio::test]
async fn what_changes_a_connection_needs_a_session() {
    for memory in [false, true] {
        let place = Place::new();
        let db = match memory {
            true => forebay::open("sqlite::memory:").await.unwrap(),
            false => place.builder().open().await.unwrap(),
        };
        db.execute_batch(SCHEMA).await.unwrap();
        let other = place.path().with_file_name("other.db");
        let attach = format!("ATTACH '{}' AS other", other.display());
        for sql in [
            "BEGIN",
            "BEGIN IMMEDIATE",
            "COMMIT",
            "END",
            "ROLLBACK",
            "SAVEPOINT s",
            "RELEASE s",
            "PRAGMA foreign_keys = OFF",
            "PRAGMA case_sensitive_like = ON",
            "EXPLAIN PRAGMA case_sensitive_like = ON",
            "PRAGMA journal_mode = DELETE",
            "PRAGMA locking_mode = EXCLUSIVE",
            "PRAGMA writable_schema = ON",
            "PRAGMA query_only = OFF",
            "PRAGMA cache_size = 7",
            "PRAGMA wal_autocheckpoint = 1",
            "PRAGMA schema_version = 77",
            "PRAGMA temp_store_directory = '/'",
            "SELECT * FROM pragma_cache_size(7)",
            "CREATE TEMP TABLE t (a)",
            "CREATE TEMP VIEW v AS SELECT 1",
            "CREATE TEMP TRIGGER t AFTER INSERT ON users BEGIN SELECT 1; END",
            "ATTACH ':memory:' AS m",
            "ATTACH '' AS m",
            attach.as_str(),
        ] {
            for batch in [false, true] {
                let done = match batch {
                    true => db.execute_batch(sql).await,
                    false => db.execute(sql).await.map(|_| ()),
                };
                let Err(error) = done else { panic!("{sql} was allowed") };
                if sql.contains("pragma_cache_size") {
                    continue;
                }
                assert!(error.is_usage() || error.is_denied(), "{sql}: {error:?}");
                assert!(error.message().contains("session"), "{sql}: no hint in {error}");
            }
        }
        // None has left a trace, on any connection.
        for _ in 0..20 {
            let like: bool = db.query("SELECT 'a' LIKE 'A'").no_cache().scalar().await.unwrap();
            assert!(like, "case_sensitive_like took effect");
        }
        let like: bool = db
            .query("UPDATE users SET age = 1 WHERE id = 1 RETURNING 'a' LIKE 'A'")
            .scalar()
            .await
            .unwrap();
        assert!(like);
        assert!(!other.exists());
        let keys: i64 = db.query("PRAGMA foreign_keys").scalar().await.unwrap();
        assert_eq!(keys, 1);
        assert_alive(&db).await;
        assert_eq!(db.query("SELECT count(*) FROM users").scalar::<i64>().await.unwrap(), 2);
    }
}

#[tokio::test]
async fn memory_outlives_everything_but_its_handle() {
    let db = memory(SCHEMA).await;
    let count = || async {
        db.query("SELECT count(*) FROM users")
            .no_cache()
            .scalar::<i64>()
            .await
            .map_err(|e| e.to_string())
    };
    for sql in [
        "VACUUM",
        "CREATE TEMP TABLE t (a)",
        "ATTACH ':memory:' AS m",
        "DETACH m",
        "PRAGMA foreign_keys = OFF",
        "REINDEX",
        "ANALYZE",
        "PRAGMA optimize",
        "BEGIN",
        "SELECT * FROM nothing",
    ] {
        let _ = db.execute(sql).await;
        assert_eq!(count().await, Ok(2), "after {sql}");
        let session = db.session();
        let _ = session.execute(sql).await;
        drop(session);
        assert_eq!(count().await, Ok(2), "after {sql} in a session");
        let _ = db.execute_batch(sql).await;
        assert_eq!(count().await, Ok(2), "after {sql} in a script");
        let _ = db.transaction(|tx| async move { tx.execute(sql).await.map(|_| ()) }).await;
        assert_eq!(count().await, Ok(2), "after {sql} in a transaction");
    }
    // Dropped at any point, a transaction is rolled back and the database is still there.
    for n in 0..300 {
        let work = db.transaction(|tx| async move {
            tx.execute("DELETE FROM users").await?;
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            Ok(())
        });
        let _ = tokio::time::timeout(std::time::Duration::from_micros(n * 5), work).await;
        assert_eq!(count().await, Ok(2), "round {n}");
    }
    assert_alive(&db).await;
}

#[tokio::test]
async fn remote_clients_stay_inside_the_database() {
    let place = Place::new();
    let db = place.builder().access(Access::Remote).open().await.unwrap();
    db.execute_batch(SCHEMA).await.unwrap();
    let dir = place.path().parent().unwrap().display().to_string();
    let session = db.session();
    let attach = format!("ATTACH '{dir}/other.db' AS other");
    let attach_expression = format!("ATTACH '{dir}' || '/other.db' AS other");
    let into = format!("VACUUM INTO '{dir}/copy.db'");
    let into_expression = format!("VACUUM INTO ('{dir}' || '/copy.db')");
    let directory = format!("PRAGMA temp_store_directory = '{dir}'");
    for sql in [
        attach.as_str(),
        attach_expression.as_str(),
        into.as_str(),
        into_expression.as_str(),
        directory.as_str(),
        "ATTACH ':memory:' AS m",
        "ATTACH '' AS m",
        "DETACH nothing",
        "SELECT load_extension('evil')",
        "SELECT writefile('evil', 'x')",
        "SELECT readfile('/etc/passwd')",
        "PRAGMA writable_schema = ON",
        "PRAGMA main.writable_schema = ON",
        "PRAGMA journal_mode = DELETE",
        "PRAGMA journal_mode(off)",
        "PRAGMA locking_mode = EXCLUSIVE",
        "PRAGMA query_only = OFF",
        "PRAGMA trusted_schema = ON",
        "PRAGMA mmap_size = 1000000000",
        "PRAGMA cache_size = 1000000000",
        "PRAGMA hard_heap_limit = 1",
        "PRAGMA soft_heap_limit = 1",
        "PRAGMA wal_checkpoint(TRUNCATE)",
        "PRAGMA synchronous = OFF",
        "PRAGMA threads = 8",
        "PRAGMA schema_version = 1",
        "SELECT * FROM pragma_hard_heap_limit(1)",
        "SELECT * FROM pragma_writable_schema",
        "UPDATE sqlite_schema SET sql = ''",
        "DELETE FROM sqlite_master",
        "INSERT INTO sqlite_schema VALUES ('table', 'x', 'x', 0, '')",
    ] {
        let in_session = session.query(sql).fetch().await;
        let shared = db.query(sql).fetch().await;
        if sql.contains("pragma_writable_schema") {
            continue;
        }
        let (Err(error), Err(_)) = (&in_session, &shared) else {
            panic!("{sql} was allowed: {in_session:?} {shared:?}")
        };
        assert!(error.is_denied() || error.is_usage(), "{sql}: {error:?}");
        assert!(session.execute_batch(sql).await.is_err(), "{sql} in a script");
    }
    let files: Vec<_> =
        std::fs::read_dir(&dir).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert!(files.iter().all(|file| file.to_string_lossy().starts_with("app.db")), "{files:?}");
    // What stays inside works.
    for sql in [
        "VACUUM",
        "PRAGMA foreign_keys = OFF",
        "PRAGMA foreign_keys = ON",
        "PRAGMA table_info(users)",
        "PRAGMA user_version = 4",
        "CREATE TEMP TABLE mine (a)",
        "INSERT INTO mine VALUES (1)",
        "CREATE TABLE extra (a)",
        "ANALYZE",
        "BEGIN",
        "COMMIT",
    ] {
        session.query(sql).fetch().await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
    drop(session);
    assert_alive(&db).await;
}

#[tokio::test]
async fn settings_of_a_session_end_with_it() {
    let place = Place::new();
    let db = place.builder().max_sessions(1).open().await.unwrap();
    db.execute_batch(SCHEMA).await.unwrap();
    let other = place.path().with_file_name("other.db");
    let attach = format!("ATTACH '{}' AS other", other.display());
    for (set, ask, expect) in [
        ("PRAGMA foreign_keys = OFF", "PRAGMA foreign_keys", 0),
        ("PRAGMA case_sensitive_like = ON", "SELECT 'a' LIKE 'A'", 0),
        ("EXPLAIN PRAGMA case_sensitive_like = ON", "SELECT 'a' LIKE 'A'", 0),
        ("PRAGMA cache_size = 7", "PRAGMA cache_size", 7),
        ("CREATE TEMP TABLE users AS SELECT 7 AS id", "SELECT id FROM users", 7),
        ("CREATE TEMP VIEW users AS SELECT 8 AS id", "SELECT id FROM users", 8),
        ("ATTACH ':memory:' AS other", "SELECT count(*) FROM other.sqlite_schema", 0),
        (attach.as_str(), "SELECT count(*) FROM other.sqlite_schema", 0),
    ] {
        let before: i64 = db.query("SELECT id FROM users LIMIT 1").scalar().await.unwrap();
        let session = db.session();
        session.query(set).fetch().await.unwrap_or_else(|error| panic!("{set}: {error}"));
        for _ in 0..2 {
            let outcome = session.query(ask).fetch().await.unwrap();
            assert_eq!(rows(&outcome), [[Value::from(expect)]], "{set}");
            assert!(!outcome.cached);
        }
        assert_eq!(db.query("SELECT id FROM users LIMIT 1").scalar::<i64>().await.unwrap(), before);
        drop(session);
        let fresh = db.session();
        // On a session connection, which the transaction makes sure of.
        fresh.execute("BEGIN").await.unwrap();
        match fresh.query(ask).fetch().await {
            Ok(outcome) => {
                assert_ne!(rows(&outcome), [[Value::from(expect)]], "{set} was handed on");
            }
            Err(error) => assert!(error.is_usage(), "{set}: {error}"),
        }
        fresh.execute("COMMIT").await.unwrap();
    }
    assert_alive(&db).await;
}

#[tokio::test]
async fn writes_reach_what_rests_on_them() {
    let place = Place::new();
    let db = place
        .open(
            "CREATE TABLE parent (id INTEGER PRIMARY KEY, code TEXT UNIQUE);
            CREATE TABLE child (id INTEGER PRIMARY KEY, parent INT REFERENCES parent
                ON DELETE CASCADE ON UPDATE CASCADE);
            CREATE TABLE weak (id INTEGER PRIMARY KEY, code TEXT REFERENCES parent (code)
                ON DELETE SET NULL ON UPDATE CASCADE);
            CREATE TABLE counted (n INT);
            CREATE VIEW face AS SELECT id, code FROM parent;
            CREATE TRIGGER into_face INSTEAD OF INSERT ON face BEGIN
                INSERT INTO parent VALUES (new.id, new.code);
            END;
            CREATE TRIGGER counting AFTER DELETE ON child BEGIN
                UPDATE counted SET n = n + 1;
            END;
            INSERT INTO counted VALUES (0);",
        )
        .await;
    let reads = ["parent", "child", "weak", "counted", "face"];
    let bare = place.bare();
    for write in [
        "INSERT INTO face VALUES (1, 'a'), (2, 'b'), (3, 'c')",
        "INSERT INTO child VALUES (1, 1), (2, 2), (3, 3)",
        "INSERT INTO weak VALUES (1, 'a'), (2, 'b'), (3, 'c')",
        "UPDATE parent SET id = 10 WHERE id = 1",
        "UPDATE parent SET code = 'z' WHERE id = 2",
        "REPLACE INTO parent VALUES (3, 'd')",
        "REPLACE INTO parent VALUES (30, 'z')",
        "DELETE FROM parent",
        "ALTER TABLE counted ADD COLUMN m DEFAULT 5",
        "DROP TABLE child",
    ] {
        for read in reads {
            let _ = db.query(&format!("SELECT * FROM {read} ORDER BY 1")).fetch().await;
        }
        db.execute(write).await.unwrap_or_else(|error| panic!("{write}: {error}"));
        for read in reads {
            let sql = format!("SELECT * FROM {read} ORDER BY 1");
            let Ok(outcome) = db.query(&sql).fetch().await else {
                assert!(bare.prepare(&sql).is_err(), "{sql} after {write}");
                continue;
            };
            let mut statement = bare.prepare(&sql).unwrap();
            let width = statement.column_count();
            let truth: Vec<Vec<String>> = statement
                .query_map([], |row| {
                    (0..width).map(|i| row.get_ref(i).map(|value| format!("{value:?}"))).collect()
                })
                .unwrap()
                .collect::<Result<_, _>>()
                .unwrap();
            assert_eq!(outcome.rows.len(), truth.len(), "{sql} after {write}");
            for (found, truth) in outcome.rows.iter().zip(&truth) {
                assert_eq!(found.values().len(), truth.len(), "{sql} after {write}");
                for (found, truth) in found.values().iter().zip(truth) {
                    let found = match found {
                        Value::Null => "Null".to_owned(),
                        Value::Integer(n) => format!("Integer({n})"),
                        Value::Text(text) => format!("Text({:?})", text.as_bytes()),
                        other => panic!("{other:?}"),
                    };
                    assert_eq!(&found, truth, "{sql} after {write}");
                }
            }
        }
    }
}

#[tokio::test]
async fn the_same_text_at_once() {
    let place = Place::new();
    let db = Arc::new(place.open(SCHEMA).await);
    let asked: Vec<_> = (0..200)
        .map(|n| {
            let db = db.clone();
            tokio::spawn(async move {
                let sql = "SELECT name FROM users WHERE id = ?";
                db.query(sql).bind(n % 3).optional::<String>().await.unwrap()
            })
        })
        .collect();
    for (n, asked) in asked.into_iter().enumerate() {
        let expect = [None, Some("Ada"), Some("Grace")][n % 3].map(str::to_owned);
        assert_eq!(asked.await.unwrap(), expect);
    }
}
