use std::time::Duration;

use forebay::{Conflict, Db, Error, TryStreamed, Value};
use futures_util::{StreamExt as _, stream};
use serde_json::json;

use crate::bulk_loop;
use crate::place::{Place, on_each};
use crate::ready::{caught_up, follow, is_hit, keep};

const SCRIPT: &str = "
    CREATE TYPE mood AS ENUM ('sad', 'ok');
    CREATE DOMAIN short AS varchar(5);
    CREATE TABLE \"Every Type\" (id serial PRIMARY KEY, b bool, i2 int2, i4 int4, i8 int8,
        f4 float4, f8 float8, num numeric(12, 2), t text, v varchar(5), c char(3), bytes bytea,
        d date, ts timestamp, tz timestamptz, tm time, iv interval, u uuid, j json, jb jsonb,
        m mood, s short, ints int[], texts text[], ip inet);
    CREATE TABLE calls (id int PRIMARY KEY, model text NOT NULL, cost float8, n int DEFAULT 3);
    CREATE TABLE other (id int PRIMARY KEY, n int); INSERT INTO other VALUES (1, 1);
    CREATE TABLE child (id serial PRIMARY KEY, call int REFERENCES calls ON DELETE CASCADE);
    CREATE TABLE always (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, t text,
        twice text GENERATED ALWAYS AS (t || t) STORED);
    CREATE TABLE filled (id int PRIMARY KEY, t text NOT NULL);
    CREATE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN NEW.t := COALESCE(NEW.t, 'filled'); RETURN NEW; END $$;
    CREATE TRIGGER fill BEFORE INSERT ON filled FOR EACH ROW EXECUTE FUNCTION fill();
    CREATE TABLE parted (id int, t text, PRIMARY KEY (id)) PARTITION BY RANGE (id);
    CREATE TABLE low PARTITION OF parted FOR VALUES FROM (0) TO (500);
    CREATE TABLE high PARTITION OF parted FOR VALUES FROM (500) TO (10000);
    CREATE TABLE leaf (id serial, of int REFERENCES parted ON DELETE CASCADE)";

fn calls(count: i64) -> impl Iterator<Item = serde_json::Value> {
    (0..count).map(|id| json!({"id": id, "model": format!("m{}", id % 7), "cost": id as f64 / 4.0}))
}

async fn count(db: &Db, table: &str) -> usize {
    let sql = format!("SELECT count(*) FROM {table}");
    db.query(&sql).no_cache().scalar().await.unwrap()
}

fn refused(error: &Error, row: Option<u64>, words: &[&str]) {
    assert_eq!(error.row(), row, "{error}");
    for word in words {
        assert!(error.message().contains(word), "{word:?} in {error}");
    }
}

/// A value of every type is what a single statement would have made of it.
#[test]
fn every_type_is_as_in_a_single_statement() {
    let cases: &[(&str, serde_json::Value)] = &[
        ("b", json!(true)),
        ("i2", json!(-7)),
        ("i4", json!(2.0)),
        ("i8", json!(i64::MAX)),
        ("f4", json!(0.1)),
        ("f8", json!(1e300)),
        ("num", json!("12345.675")),
        ("num", json!(1.5)),
        ("t", json!("{\"a\",NULL}\\")),
        ("t", json!("[1,2]")),
        ("v", json!("abcde")),
        ("v", json!("abcdef")),
        ("c", json!("ab")),
        ("c", json!("abcd")),
        ("bytes", json!("\\x00ff")),
        ("d", json!("2024-02-29")),
        ("ts", json!("2024-02-29T10:30:00.5")),
        ("tz", json!("2024-02-29T10:30:00Z")),
        ("tm", json!("10:30")),
        ("iv", json!("P1DT2H")),
        ("u", json!("550e8400-e29b-41d4-a716-446655440000")),
        ("j", json!({"a": [1, "x, y"]})),
        ("jb", json!("{\"b\": null}")),
        ("jb", json!("1,2")),
        ("m", json!("ok")),
        ("m", json!("happy")),
        ("s", json!("abc")),
        ("s", json!("abcdef")),
        ("ints", json!([1, null, 3])),
        ("ints", json!([])),
        ("texts", json!(["a,b", "\"", null])),
        ("ip", json!("10.0.0.1/8")),
        ("i2", json!(40_000)),
        ("i4", json!(2.5)),
        ("i4", json!("x")),
        ("b", json!(2)),
        ("d", json!(5)),
    ];
    on_each("every_type_is_as_in_a_single_statement", async |place: &Place| {
        let db = place.open(SCRIPT).await;
        for (column, field) in cases {
            let row = serde_json::Map::from_iter([((*column).to_owned(), field.clone())]);
            let bulk = db.bulk("Every Type").insert_returning::<i64, _>([&row, &row]).await;
            let sql = format!("INSERT INTO \"Every Type\" (\"{column}\") VALUES ($1) RETURNING id");
            let value = match field {
                serde_json::Value::Array(_) | serde_json::Value::Object(_) => {
                    Value::from(field.to_string())
                }
                scalar => serde_json::from_value(scalar.clone()).unwrap(),
            };
            let single = db.query(&sql).bind(&value).scalar::<i64>().await;
            assert_eq!(bulk.is_ok(), single.is_ok(), "{column} {field}: {bulk:?} {single:?}");
            // By COPY, and by a statement with arrays.
            let copied = db.bulk("Every Type").insert([&row]).await;
            assert_eq!(copied.is_ok(), single.is_ok(), "{column} {field}: {copied:?} {single:?}");
            let (Ok(mut ids), Ok(id)) = (bulk, single) else { continue };
            ids.push(db.query("SELECT max(id) FROM \"Every Type\"").scalar().await.unwrap());
            let sql = format!(
                "SELECT count(DISTINCT to_jsonb(e) - 'id')::int FROM \"Every Type\" e \
                 WHERE id IN ({id}, {}, {}, {})",
                ids[0], ids[1], ids[2]
            );
            assert_eq!(db.query(&sql).scalar::<i64>().await.unwrap(), 1, "{column} {field}");
        }
        let bytes = [(vec![0_u8, 255],)];
        db.bulk("Every Type").columns("bytes").insert(&bytes).await.unwrap();
        let error = db.bulk("Every Type").columns("t").insert(&bytes).await.unwrap_err();
        refused(&error, Some(0), &["column \"t\"", "bytea"]);
        let error = db.bulk("Every Type").columns("t").insert([("a\0",)]).await.unwrap_err();
        refused(&error, Some(0), &["U+0000"]);
    });
}

#[test]
fn what_is_wrong_is_named_and_nothing_written() {
    on_each("what_is_wrong_is_named_and_nothing_written", async |place: &Place| {
        let db = place.open(SCRIPT).await;
        let error = db.bulk("Calls").insert(calls(1)).await.unwrap_err();
        refused(&error, None, &["\"Calls\"", "spelling"]);
        let error = db.bulk("calls").insert([json!({"id": 1, "modell": 1})]).await.unwrap_err();
        refused(&error, Some(0), &["\"modell\""]);
        let null = calls(3).chain([json!({"id": 9, "model": null, "cost": null})]);
        let error = db.bulk("calls").insert(null).await.unwrap_err();
        refused(&error, Some(3), &["row 3, column \"model\"", "NULL"]);
        assert!(error.is_not_null_violation());
        let error = db.bulk("calls").insert(calls(1_200).chain(calls(1))).await.unwrap_err();
        refused(&error, Some(1_200), &["row 1200: ", "calls_pkey"]);
        assert!(error.is_unique_violation());
        let bulk = db.bulk("calls").upsert(Conflict::on("id").do_nothing(), calls(9)).await;
        assert_eq!(bulk.unwrap().affected, 9);
        let bulk = db.bulk("calls").returning("id");
        let error = bulk.insert_returning::<i64, _>(calls(9)).await.unwrap_err();
        refused(&error, None, &["rows 0 to 8", "calls_pkey"]);
        db.bulk("calls").delete("id", 0..9).await.unwrap();
        let failing = stream::iter(calls(1_100).map(Ok).chain([Err("gone")]));
        db.bulk("calls").insert(TryStreamed(failing)).await.unwrap_err();
        assert_eq!(count(&db, "calls").await, 0);
        let bulk = db.bulk("calls").commit_per_chunk().chunk_rows(500);
        let error = bulk.insert(calls(1_200).chain(calls(1))).await.unwrap_err();
        assert_eq!((error.rows_committed(), count(&db, "calls").await), (1_000, 1_000));
        let null = [json!({"id": 1, "model": "x"}), json!({"id": 2, "model": null})];
        let error = db.bulk("calls").update("id", &null).await.unwrap_err();
        refused(&error, Some(1), &["row 1, column \"model\""]);
        // Keys that only the server takes for the same.
        let twice = [json!({"id": "2", "cost": 1}), json!({"id": 2, "cost": 2})];
        let error = db.bulk("calls").update("id", &twice).await.unwrap_err();
        refused(&error, Some(1), &["row 1, column \"id\"", "row 0"]);
        let error = db.bulk("calls").upsert("id", &twice).await.unwrap_err();
        assert!(!error.is_transient(), "{error}");
        // A trigger puts something in the place of NULL.
        db.bulk("filled").columns(["id", "t"]).insert([(1, None::<&str>)]).await.unwrap();
        let error = db.bulk("always").columns("twice").insert([("x",)]).await.unwrap_err();
        refused(&error, Some(0), &["computed"]);
        let ids: Vec<i64> =
            db.bulk("always").columns("t").insert_returning([("b",), ("a",)]).await.unwrap();
        assert_eq!(ids, [1, 2]);
        db.transaction(|tx| async move {
            tx.bulk("calls").insert(calls(1)).await.unwrap_err();
            tx.bulk("calls").delete("id", 0..10).await?;
            tx.bulk("calls").insert(calls(10)).await.map(|_| ())
        })
        .await
        .unwrap();
        assert_eq!(count(&db, "calls").await, 1_000);
        let session = db.session();
        session.execute("SET search_path = public").await.unwrap();
        session.bulk("calls").insert(calls(1_010).skip(1_000)).await.unwrap();
        assert_eq!(count(&db, "calls").await, 1_010);
    });
}

#[test]
fn what_goes_with_deleted_rows_is_told() {
    on_each("what_goes_with_deleted_rows_is_told", async |place: &Place| {
        let db = place.open(SCRIPT).await;
        db.bulk("calls").insert(calls(100)).await.unwrap();
        db.bulk("child").columns("call").insert((0..100).map(|n| (n / 2,))).await.unwrap();
        let gone = db.bulk("calls").chunk_rows(7).delete("id", 0..20).await.unwrap();
        assert_eq!(gone.rows, 20);
        assert_eq!(gone.cascaded, Some([("child".to_owned(), 40)].into()));
        db.bulk("parted").columns("id").insert((0..1_000).map(|n| (n,))).await.unwrap();
        db.bulk("leaf").columns("of").insert([(499,), (500,)]).await.unwrap();
        let gone = db.bulk("parted").delete("id", 490..510).await.unwrap();
        assert_eq!(gone.rows, 20);
        assert_eq!(gone.cascaded, Some([("leaf".to_owned(), 2)].into()));
    });
}

#[test]
fn rows_are_fetched_in_the_order_of_their_keys() {
    on_each("rows_are_fetched_in_the_order_of_their_keys", async |place: &Place| {
        let db = place.open(SCRIPT).await;
        db.bulk("calls").insert(calls(1_200)).await.unwrap();
        let ids = [5, 9_999, 0, 5].into_iter().chain(100..1_100);
        let found: Vec<Option<(i64, String, f64, i64)>> =
            db.bulk("calls").fetch_by("id", ids.clone()).await.unwrap();
        let found: Vec<Option<i64>> = found.into_iter().map(|row| row.map(|row| row.0)).collect();
        assert_eq!(found, ids.map(|id| Some(id).filter(|id| *id < 1_200)).collect::<Vec<_>>());
    });
}

/// An answer in the cache is exact right after a bulk write, and others stay: the fence is around
/// the table, and not around everything.
#[test]
fn the_cache_is_exact_right_after_a_bulk_write() {
    const COST: &str = "SELECT sum(cost) FROM calls";
    const CHILD: &str = "SELECT count(*) FROM child";
    const OTHER: &str = "SELECT n FROM other WHERE id = 1";
    on_each("the_cache_is_exact_right_after_a_bulk_write", async |place: &Place| {
        let db = follow(place, SCRIPT).await;
        let changed = |by: f64| (0..50).map(move |id| json!({"id": id, "cost": by, "model": "x"}));
        for round in 0..6 {
            caught_up(&db).await;
            for sql in [COST, CHILD, OTHER] {
                keep(&db, sql).await;
            }
            let by = f64::from(round);
            match round {
                0 => assert!(db.bulk("calls").insert(changed(by)).await.unwrap().affected > 0),
                1 => {
                    assert!(db.bulk("calls").update("id", changed(by)).await.unwrap().affected > 0);
                }
                2 => {
                    let add = Conflict::on("id").set("cost", "calls.cost + excluded.cost");
                    assert!(db.bulk("calls").upsert(add, changed(by)).await.unwrap().affected > 0);
                }
                3 => assert_eq!(
                    db.bulk("calls").set("id", 0..9, json!({"cost": by})).await.unwrap(),
                    9
                ),
                4 => {
                    let sql = "UPDATE calls SET cost = $2 WHERE id = $1";
                    let rows = (0..9).map(|id| (id, by));
                    assert!(db.bulk("calls").execute_many(sql, rows).await.unwrap().affected > 0);
                }
                _ => {
                    db.bulk("child").columns("call").insert([(1,)]).await.unwrap();
                    keep(&db, CHILD).await;
                    assert_eq!(db.bulk("calls").delete("id", 0..9).await.unwrap().rows, 9);
                }
            }
            assert!(is_hit(&db, OTHER).await, "round {round} drops what it has not changed");
            // Each compares with what the database says.
            for sql in [COST, CHILD] {
                is_hit(&db, sql).await;
            }
        }
    });
}

/// Dropped half-way, nothing of it stays, and the connection is of use to others.
#[test]
fn what_is_given_up_leaves_nothing() {
    on_each("what_is_given_up_leaves_nothing", async |place: &Place| {
        let db = place.open(SCRIPT).await;
        let endless = stream::iter(calls(i64::MAX)).then(async |call| {
            if call["id"] == json!(2_500) {
                std::future::pending::<()>().await;
            }
            call
        });
        let insert = db.bulk("calls").insert(forebay::Streamed(endless));
        assert!(tokio::time::timeout(Duration::from_millis(300), insert).await.is_err());
        place.until_no_session("state = 'idle in transaction'").await;
        assert_eq!(count(&db, "calls").await, 0);
        db.bulk("calls").insert(calls(10)).await.unwrap();
    });
}

/// A seed in `FOREBAY_SEED` replays a run; `FOREBAY_STEPS` makes it longer.
#[test]
fn every_operation_equals_its_loop() {
    let set = |name: &str| std::env::var(name).ok().map(|value| value.parse().unwrap());
    let seed = set("FOREBAY_SEED").unwrap_or_else(|| fastrand::u64(..));
    let steps = set("FOREBAY_STEPS").unwrap_or(150) as usize;
    println!("FOREBAY_SEED={seed}");
    on_each("every_operation_equals_its_loop", async |place: &Place| {
        let db = place.open(&bulk_loop::schema("BYTEA")).await;
        let rng = fastrand::Rng::with_seed(seed);
        bulk_loop::Test { db, rng, mark: '$', is_by_row: false }.run(steps).await;
    });
}
