use forebay::{Db, Error, Value};
use rust_decimal::Decimal;
use serde::Deserialize;
use uuid::Uuid;

use crate::place::{ms, on_each};

#[derive(Debug, Deserialize, PartialEq)]
struct Everything {
    b: bool,
    s: i16,
    i: i32,
    l: i64,
    f: f32,
    d: f64,
    n: Decimal,
    v: String,
    x: Option<String>,
    u: Uuid,
    da: chrono::NaiveDate,
    ts: chrono::DateTime<chrono::Utc>,
    j: serde_json::Value,
    a: Vec<Option<i32>>,
}

#[test]
fn common_types_go_in_and_come_out() {
    on_each("common_types_go_in_and_come_out", async |place| {
        let db = place
            .open(
                "CREATE TABLE t (b bool, s smallint, i int, l bigint, f real, d float8,
                    n numeric(12, 3), v varchar(20), x text, u uuid, da date, ts timestamptz,
                    j jsonb, a int[], y bytea)",
            )
            .await;
        let insert = "INSERT INTO t VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13,
            $14, $15)";
        let id = "67e55044-10b1-426f-9247-bb680e5fe0c8";
        let outcome = db
            .execute(insert)
            .bind(true)
            .bind(-7i16)
            .bind(i32::MIN)
            .bind(i64::MAX)
            .bind(1.5f32)
            .bind(-0.1f64)
            .bind("123456789.125")
            .bind("Künstler")
            .bind(Option::<&str>::None)
            .bind(id)
            .bind("2024-02-29")
            .bind("2024-02-29T12:30:00.123456Z")
            .bind(r#"{"k": [1, null, "ä"]}"#)
            .bind("[1, null, -3]")
            .bind(&b"\0\x01\xff"[..])
            .await
            .unwrap();
        assert_eq!(outcome.rows_affected, 1);
        let columns = "b, s, i, l, f, d, n, v, x, u, da, ts, j, a";
        let select = format!("SELECT {columns} FROM t WHERE s = $1");
        let row: Everything = db.query(&select).bind(-7).one().await.unwrap();
        let expect = Everything {
            b: true,
            s: -7,
            i: i32::MIN,
            l: i64::MAX,
            f: 1.5,
            d: -0.1,
            n: "123456789.125".parse().unwrap(),
            v: "Künstler".into(),
            x: None,
            u: id.parse().unwrap(),
            da: "2024-02-29".parse().unwrap(),
            ts: "2024-02-29T12:30:00.123456Z".parse().unwrap(),
            j: serde_json::json!({ "k": [1, null, "ä"] }),
            a: vec![Some(1), None, Some(-3)],
        };
        assert_eq!(row, expect);
        let rows = db.query("SELECT y, b, l, x FROM t").fetch().await.unwrap().rows;
        let values = [
            Value::Blob(b"\0\x01\xff"[..].into()),
            Value::Integer(1),
            Value::Integer(i64::MAX),
            Value::Null,
        ];
        assert_eq!(rows.values(0), values);
        // What the server itself has of it.
        let said = place.psql("SELECT b, s, l, n, x IS NULL, a, encode(y, 'hex') FROM t");
        assert_eq!(said, format!("t|-7|{}|123456789.125|t|{{1,NULL,-3}}|0001ff", i64::MAX));
    });
}

#[test]
fn rows_are_taken_in_every_way() {
    on_each("rows_are_taken_in_every_way", async |place| {
        let db = place.open("CREATE TABLE t (id int PRIMARY KEY, name text)").await;
        let insert = db.execute("INSERT INTO t SELECT n, 'n' || n FROM generate_series(1, 5) n");
        assert_eq!(insert.await.unwrap().rows_affected, 5);
        let some = "SELECT id, name FROM t WHERE id > $1 ORDER BY id";
        let all: Vec<(i32, String)> = db.query(some).bind(3).all().await.unwrap();
        assert_eq!(all, [(4, "n4".into()), (5, "n5".into())]);
        let shared = db.query(some).bind(3).shared::<(i32, String)>().await.unwrap();
        assert_eq!(*shared, all);
        assert_eq!(db.query(some).bind(4).one::<(i32, String)>().await.unwrap().0, 5);
        let none = db.query(some).bind(5).optional::<(i32, String)>().await.unwrap();
        assert_eq!(none, None);
        assert!(db.query(some).bind(5).one::<(i32, String)>().await.unwrap_err().is_not_found());
        let count: i64 = db.query("SELECT count(*) FROM t").scalar().await.unwrap();
        assert_eq!(count, 5);
        let nothing = db.query("SELECT id FROM t WHERE false").scalar::<i32>().await;
        assert!(nothing.unwrap_err().is_not_found());
        let prepared = db.prepare(some);
        for id in [2, 3] {
            let rows = prepared.query().bind(id).all::<(i32, String)>().await.unwrap();
            assert_eq!(rows.len(), 5 - id as usize);
        }
        // Statements without rows, with rows that they changed, and with none at all.
        let returning = "UPDATE t SET name = $1 WHERE id <= $2 RETURNING id";
        let outcome = db.query(returning).bind("x").bind(2).fetch().await.unwrap();
        assert_eq!((outcome.rows_affected, outcome.rows.len()), (2, 2));
        let returned = db.query("DELETE FROM t WHERE id = 1 RETURNING name");
        assert_eq!(returned.scalar::<String>().await.unwrap(), "x");
        assert_eq!(db.execute("DELETE FROM t WHERE id = 1").await.unwrap().rows_affected, 0);
        let outcome = db.query("SELECT 1 WHERE false").fetch().await.unwrap();
        assert_eq!((outcome.rows.columns().len(), outcome.rows.len()), (1, 0));
        let outcome = db.query("SELECT FROM t").fetch().await.unwrap();
        assert_eq!((outcome.rows.columns().len(), outcome.cached), (0, false));
        db.ping().await.unwrap();
    });
}

type Predicate = fn(&Error) -> bool;

async fn check(db: &Db, sql: &str, predicate: Predicate, code: Option<&str>, says: &str) {
    let error = db.query(sql).fetch().await.unwrap_err();
    assert!(predicate(&error), "{sql}: {error:?}");
    assert_eq!(error.code(), code, "{sql}: {error:?}");
    assert!(error.to_string().contains(says), "{sql}: {error}");
}

#[test]
fn errors_have_their_predicate_and_code() {
    on_each("errors_have_their_predicate_and_code", async |place| {
        let db = place
            .open(
                "CREATE TABLE p (id int PRIMARY KEY);
                 CREATE TABLE t (id int PRIMARY KEY, n int NOT NULL CHECK (n > 0),
                    p int REFERENCES p, r int4range, EXCLUDE USING gist (r WITH &&));
                 INSERT INTO p VALUES (1);
                 INSERT INTO t VALUES (1, 1, 1, '[1,5)')",
            )
            .await;
        let cases: [(&str, Predicate, &str, &str); 17] = [
            ("INSERT INTO t VALUES (1, 1)", Error::is_unique_violation, "23505", "t_pkey"),
            (
                "INSERT INTO t VALUES (2, 1, 9)",
                Error::is_foreign_key_violation,
                "23503",
                "t_p_fkey",
            ),
            ("DELETE FROM p", Error::is_foreign_key_violation, "23503", "t_p_fkey"),
            ("INSERT INTO t VALUES (2, NULL)", Error::is_not_null_violation, "23502", "column"),
            ("INSERT INTO t VALUES (2, 0)", Error::is_check_violation, "23514", "t_n_check"),
            (
                "INSERT INTO t VALUES (2, 1, 1, '[4,8)')",
                Error::is_constraint_violation,
                "23P01",
                "t_r_excl",
            ),
            ("SELEC 1", Error::is_usage, "42601", "syntax error"),
            ("SELECT 1; SELECT 2", Error::is_usage, "42601", "multiple commands"),
            ("SELECT * FROM missing", Error::is_usage, "42P01", "missing"),
            ("SELECT missing FROM t", Error::is_usage, "42703", "missing"),
            ("SELECT missing(1)", Error::is_usage, "42883", "missing"),
            ("SELECT 1 / 0", Error::is_usage, "22012", "division by zero"),
            ("SELECT 'x'::int", Error::is_usage, "22P02", "integer"),
            ("SELECT id = 'a'::text FROM t", Error::is_usage, "42883", "operator"),
            ("CREATE TABLE t (id int)", Error::is_usage, "42P07", "already exists"),
            ("VACUUM missing", Error::is_usage, "42P01", "missing"),
            ("COPY t FROM STDIN", Error::is_usage, "", "INSERT"),
        ];
        for (sql, predicate, code, says) in cases {
            let code = Some(code).filter(|code| !code.is_empty());
            check(&db, sql, predicate, code, says).await;
        }
        let raised = "DO $$ BEGIN RAISE EXCEPTION 'by hand' USING ERRCODE = 'AB123'; END $$";
        check(&db, raised, |error| !error.is_usage(), None, "AB123").await;
        // Each of them left the connections as they were.
        place.until_no_session("state <> 'idle'").await;
        assert_eq!(db.query("SELECT count(*) FROM t").scalar::<i64>().await.unwrap(), 1);
    });
}

#[test]
fn parameters_are_numbered_and_counted() {
    on_each("parameters_are_numbered_and_counted", async |place| {
        let db = place.open("CREATE TABLE t (id int, name text)").await;
        let error = db.query("SELECT $1::int").fetch().await.unwrap_err();
        assert!(error.is_usage() && error.message().contains("1 parameter"), "{error}");
        let error = db.query("SELECT 1").bind(1).bind(2).fetch().await.unwrap_err();
        assert!(error.is_usage() && error.message().contains("2 were"), "{error}");
        let error = db.query("SELECT $1::int").bind_named(":id", 1).fetch().await.unwrap_err();
        assert!(error.is_usage() && error.message().contains("$1"), "{error}");
        // The placeholders of SQLite are no parameters here, and the error says where.
        for sql in ["SELECT ?::int", "SELECT :id::int", "SELECT @id"] {
            let error = db.query(sql).bind(1).fetch().await.unwrap_err();
            assert!(error.is_usage(), "{sql}: {error:?}");
        }
        let error = db.query("SELECT * FROM t WHERE id = $1").bind("geheim").fetch().await;
        let error = error.unwrap_err();
        assert!(error.is_usage() && !format!("{error:?}").contains("geheim"), "{error:?}");
        let many: i64 = db
            .query("SELECT count(*) FROM unnest($1::int[]) n")
            .bind(format!("[{}]", vec!["7"; 100_000].join(",")))
            .scalar()
            .await
            .unwrap();
        assert_eq!(many, 100_000);
        let places: Vec<String> = (1..=10_000).map(|n| format!("(${n}::int)")).collect();
        let sql = format!("SELECT sum(a) FROM (VALUES {}) v(a)", places.join(","));
        let query = (1..=10_000i64).fold(db.query(&sql), |query, n| query.bind(n));
        assert_eq!(query.scalar::<i64>().await.unwrap(), 50_005_000);
        // More than the protocol can count.
        let query = (0..70_000).fold(db.query("SELECT $1::int"), |query, n| query.bind(n));
        assert!(query.fetch().await.unwrap_err().is_usage());
        db.ping().await.unwrap();
    });
}

#[test]
fn no_value_is_in_an_error() {
    on_each("no_value_is_in_an_error", async |place| {
        let db = place
            .open(
                "CREATE TABLE t (id text PRIMARY KEY, n int CHECK (n < 10), d date);
                 INSERT INTO t VALUES ('geheim', 1)",
            )
            .await;
        let values = ["geheim", "geheim", "424242"];
        for (sql, count) in [
            ("INSERT INTO t (id) VALUES ($1)", 1),
            ("INSERT INTO t (id, n) VALUES ($1 || $2, $3::text::int)", 3),
            ("SELECT $1::text::int", 1),
            ("SELECT $1::text::date", 1),
            ("SELECT $1::text::json", 1),
            ("INSERT INTO t (id, d) VALUES ($1 || 1, $2::text::date)", 2),
        ] {
            let query =
                values[..count].iter().fold(db.query(sql), |query, value| query.bind(*value));
            let error = query.fetch().await.unwrap_err();
            let all = format!("{error} {error:?}");
            assert!(!all.contains("geheim") && !all.contains("424242"), "{sql}: {all}");
        }
        // Literals are values, too, however they are written.
        for sql in [
            "INSERT INTO t (id) VALUES ('geheim')",
            "INSERT INTO t (id) VALUES ($$geheim$$)",
            "INSERT INTO t (id) VALUES ($q$geheim$q$) /* geheim */",
            r"INSERT INTO t (id) VALUES (E'\x67eheim')",
            r"INSERT INTO t (id, n) VALUES (E'\'geheim', 77)",
            "SELECT 'geheim'::int -- geheim",
            "SELECT id FROM t WHERE id = 'geheim' AND 1 / (n - 1) > 0",
        ] {
            let error = db.query(sql).fetch().await.unwrap_err();
            let all = format!("{error} {error:?}");
            assert!(!all.contains("geheim") && !all.contains("eheim"), "{sql}: {all}");
        }
    });
}

#[test]
fn answers_have_limits_and_large_ones_pass() {
    on_each("answers_have_limits_and_large_ones_pass", async |place| {
        let db =
            place.builder().max_result_rows(1_000).max_result_bytes(20 << 20).open().await.unwrap();
        let rows = "SELECT generate_series(1, $1::int)";
        assert_eq!(db.query(rows).bind(1_000).all::<i32>().await.unwrap().len(), 1_000);
        let error = db.query(rows).bind(1_001).all::<i32>().await.unwrap_err();
        assert!(error.is_too_large(), "{error:?}");
        let error = db.query(rows).bind(8).max_rows(7).all::<i32>().await.unwrap_err();
        assert!(error.is_too_large(), "{error:?}");
        // One long value, near to the limit and beyond it.
        let long = "SELECT repeat('x', $1::int)";
        let text: String = db.query(long).bind(16 << 20).scalar().await.unwrap();
        assert_eq!(text.len(), 16 << 20);
        let error = db.query(long).bind(30 << 20).fetch().await.unwrap_err();
        assert!(error.is_too_large(), "{error:?}");
        let error = db.query(long).bind(5_000).max_bytes(1_000).fetch().await.unwrap_err();
        assert!(error.is_too_large(), "{error:?}");
        // Endless answers are stopped at the server, and a write says that it has happened.
        let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
            SELECT i FROM n";
        assert!(db.query(endless).fetch().await.unwrap_err().is_too_large());
        place.until_no_session("state = 'active'").await;
        db.execute_batch("CREATE TABLE t (id int)").await.unwrap();
        let insert = "INSERT INTO t SELECT generate_series(1, 5) RETURNING id";
        let error = db.query(insert).max_rows(3).fetch().await.unwrap_err();
        assert!(error.is_too_large(), "{error:?}");
        // It may have been stopped before its end; the error says what has happened.
        let kept = place.psql("SELECT count(*) FROM t");
        assert_eq!(kept == "5", error.message().contains("changed 5 rows"), "{kept}: {error}");
        // A value that goes in.
        let sent: i64 = db
            .query("SELECT length($1::text) + length($2::bytea)")
            .bind("ä".repeat(4 << 20))
            .bind(vec![7u8; 4 << 20])
            .scalar()
            .await
            .unwrap();
        assert_eq!(sent, 8 << 20);
    });
}

#[test]
fn what_changes_a_connection_is_refused_on_a_shared_one() {
    on_each("what_changes_a_connection_is_refused_on_a_shared_one", async |place| {
        let db = place.open("CREATE TABLE t (id int); CREATE SEQUENCE s").await;
        for (sql, says) in [
            ("SET work_mem = '1MB'", "session"),
            ("RESET ALL", "session"),
            ("LISTEN a", "session"),
            ("UNLISTEN *", "session"),
            ("CREATE TEMP TABLE x (a int)", "session"),
            ("SELECT 1 INTO TEMP x", "session"),
            ("SELECT set_config('work_mem', '1MB', false)", "session"),
            ("SELECT pg_advisory_lock(1)", "session"),
            ("SELECT pg_try_advisory_lock_shared(1)", "session"),
            ("PREPARE p AS SELECT 1", "session"),
            ("DEALLOCATE ALL", "session"),
            ("DISCARD ALL", "session"),
            ("DECLARE c CURSOR WITH HOLD FOR SELECT 1", "session"),
            ("BEGIN", "transaction"),
            ("/* a */ start transaction", "transaction"),
            ("COMMIT", "transaction"),
            ("ROLLBACK", "transaction"),
            ("SAVEPOINT a", "transaction"),
            ("PREPARE TRANSACTION 'x'", "transaction"),
            ("SELECT lastval()", "transaction"),
            ("SELECT currval('s')", "transaction"),
        ] {
            let refused = [
                db.query(sql).fetch().await.map(|_| ()),
                db.execute(sql).await.map(|_| ()),
                db.query(sql).stream::<Value>().await.map(|_| ()),
            ];
            for error in refused.map(Result::unwrap_err) {
                assert!(error.is_usage() && error.message().contains(says), "{sql}: {error:?}");
            }
        }
        // What is like it and leaves nothing behind is not.
        for sql in [
            "SELECT pg_advisory_xact_lock(1)",
            "SELECT 'set_config', 'lastval()'",
            "SHOW work_mem",
            "NOTIFY a",
            "SELECT id FROM t FOR UPDATE",
            "SELECT nextval('s')",
        ] {
            db.query(sql).fetch().await.unwrap();
        }
    });
}

#[test]
fn plans_and_descriptions() {
    on_each("plans_and_descriptions", async |place| {
        let db = place.open("CREATE TABLE t (id int PRIMARY KEY, name text)").await;
        let plan: Vec<String> = db.query("EXPLAIN SELECT * FROM t").all().await.unwrap();
        assert!(plan[0].contains("Seq Scan on t"), "{plan:?}");
        let described = db.describe("SELECT id, name FROM t WHERE id = $1").await.unwrap();
        assert_eq!(described.params, [Some("$1".to_owned())]);
        let columns: Vec<&str> = described.columns.iter().map(|column| &*column.name).collect();
        assert_eq!(columns, ["id", "name"]);
        assert!(described.is_readonly && !described.is_explain);
        let described = db.describe("INSERT INTO t VALUES ($1, $2)").await.unwrap();
        assert!(!described.is_readonly && described.columns.is_empty());
        assert_eq!(described.params.len(), 2);
        assert!(db.describe("EXPLAIN DELETE FROM t").await.unwrap().is_explain);
        let error = db.describe("SELECT * FROM missing").await.unwrap_err();
        assert_eq!(error.code(), Some("42P01"));
        let explained = db.explain("SELECT name FROM t WHERE id = 7").await.unwrap();
        assert_eq!((explained.effect, explained.cacheable), ("read", false));
        assert!(explained.plan.iter().any(|line| line.contains("t_pkey")), "{explained}");
        assert!(!explained.statement.contains('7'), "{explained}");
        let explained = db.explain("DELETE FROM t WHERE id = 7").await.unwrap();
        assert_eq!(explained.effect, "write");
        assert!(explained.plan[0].contains("Delete on t"), "{explained}");
        assert_eq!(
            place.psql(
                "SELECT count(*) FROM pg_locks WHERE mode LIKE 'RowExcl%'
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            ),
            "0"
        );
        // The generic plan, where the server can show it.
        let explained = db.explain("SELECT name FROM t WHERE id = $1").await.unwrap();
        let has_plan = place.cluster().version().major >= 16;
        assert_eq!(!explained.plan.is_empty(), has_plan, "{explained}");
        // Nothing of that is run.
        db.explain("INSERT INTO t VALUES (1, 'a')").await.unwrap();
        assert_eq!(place.psql("SELECT count(*) FROM t"), "0");
        assert!(db.explain("SELEC").await.is_err());
    });
}

#[test]
fn a_schema_that_changes_is_followed() {
    on_each("a_schema_that_changes_is_followed", async |place| {
        let db = place.open("CREATE TABLE t (a int); INSERT INTO t VALUES (1)").await;
        let star = "SELECT * FROM t";
        assert_eq!(db.query(star).one::<i32>().await.unwrap(), 1);
        // By somebody else: what each connection has prepared does not fit any more.
        place.psql("ALTER TABLE t ADD b text DEFAULT 'x'");
        for _ in 0..4 {
            assert_eq!(db.query(star).one::<(i32, String)>().await.unwrap(), (1, "x".into()));
        }
        place.psql("ALTER TABLE t ALTER a TYPE text");
        assert_eq!(
            db.query(star).one::<(String, String)>().await.unwrap(),
            ("1".into(), "x".into())
        );
        // A parameter's type, too.
        let by = "SELECT b FROM t WHERE a = $1";
        assert_eq!(db.query(by).bind("1").one::<String>().await.unwrap(), "x");
        place.psql("ALTER TABLE t ALTER a TYPE int USING a::int");
        assert_eq!(db.query(by).bind(1).one::<String>().await.unwrap(), "x");
        place.psql("DROP TABLE t");
        assert_eq!(db.query(star).fetch().await.unwrap_err().code(), Some("42P01"));
        tokio::time::timeout(ms(30_000), db.close()).await.unwrap();
    });
}
