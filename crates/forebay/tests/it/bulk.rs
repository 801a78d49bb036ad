use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use forebay::{Conflict, Db, Error, Streamed, TryStreamed, Value};
use futures_util::{StreamExt as _, stream};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::bulk_loop;
use crate::place::{Place, assert_alive, truth};

const SCHEMA: &str = "
    CREATE TABLE calls (id INTEGER PRIMARY KEY, model TEXT NOT NULL, cost REAL, note TEXT);
    CREATE TABLE words (word TEXT PRIMARY KEY, uses INT NOT NULL DEFAULT 1, seen TEXT);
    CREATE TABLE anything (v);
    CREATE TABLE computed (a INT, b INT GENERATED ALWAYS AS (a * 2));
";

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Call {
    id: i64,
    model: String,
    cost: Option<f64>,
}

fn calls(count: i64) -> impl Iterator<Item = Call> {
    (0..count).map(|id| Call { id, model: format!("m{}", id % 7), cost: Some(id as f64) })
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

#[tokio::test]
async fn rows_of_every_kind_are_written() {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    let report = db.bulk("calls").insert(calls(3)).await.unwrap();
    assert_eq!((report.rows, report.affected, report.chunks), (3, 3, 1));
    let maps = [
        json!({"id": 10, "model": "map", "cost": null}),
        json!({"model": "m", "id": 11, "cost": 1.5}),
    ];
    db.bulk("calls").insert(&maps).await.unwrap();
    db.bulk("calls").columns(["model", "id"]).insert([("tuple", 20), ("t", 21)]).await.unwrap();
    let streamed = Streamed(stream::iter(calls(40).skip(30)));
    db.bulk("calls").insert(streamed).await.unwrap();
    let tried = TryStreamed(stream::iter(calls(60).skip(50)).map(Ok::<_, Error>));
    db.bulk("main.calls").insert(tried).await.unwrap();
    // Only what is named is taken of a struct.
    db.bulk("calls").columns(["id", "model"]).insert(calls(71).skip(70)).await.unwrap();
    let expect: Vec<i64> =
        [0, 1, 2, 10, 11, 20, 21].into_iter().chain(30..40).chain(50..60).chain([70]).collect();
    let ids: Vec<i64> = db.query("SELECT id FROM calls ORDER BY id").all().await.unwrap();
    assert_eq!(ids, expect);
    let sql = "SELECT model, cost FROM calls WHERE id IN (10, 11, 20, 31, 70) ORDER BY id";
    let some: Vec<(String, Option<f64>)> = db.query(sql).all().await.unwrap();
    let expect =
        [("map", None), ("m", Some(1.5)), ("tuple", None), ("m3", Some(31.0)), ("m0", None)];
    assert_eq!(some, expect.map(|(model, cost)| (model.to_owned(), cost)));
}

#[derive(Serialize)]
enum Kind {
    Plain,
    Holding(u8),
}

#[derive(Serialize)]
struct Inner {
    list: Vec<Option<i32>>,
    of: BTreeMap<u8, f32>,
    raw: Box<serde_json::value::RawValue>,
}

/// One column that takes anything, and what SQLite then has.
#[tokio::test]
async fn fields_become_values() {
    async fn check(db: &Db, field: impl Serialize + Send + Sync, expect: impl Into<Value>) {
        db.execute("DELETE FROM anything").await.unwrap();
        db.bulk("anything").columns("v").insert([(field,)]).await.unwrap();
        assert_eq!(truth(db, "SELECT v FROM anything").await, [[expect.into()]]);
    }
    let place = Place::new();
    let db = &place.open(SCHEMA).await;
    check(db, true, 1).await;
    check(db, i64::MIN, i64::MIN).await;
    check(db, 7_u64, 7).await;
    check(db, 0.1_f32, f64::from(0.1_f32)).await;
    check(db, 'ä', "ä").await;
    check(db, "a\0b'", "a\0b'").await;
    check(db, None::<String>, ()).await;
    check(db, Some("x"), "x").await;
    check(db, (), ()).await;
    check(db, vec![1_u8, 2, 255], &[1_u8, 2, 255]).await;
    check(db, [9_u8; 2], &[9_u8; 2]).await;
    check(db, Vec::<u8>::new(), "[]").await;
    check(db, (1_u8, 2_u16), "[1,2]").await;
    check(db, vec![1, 2], "[1,2]").await;
    check(db, vec![Some(1_u8), None], "[1,null]").await;
    check(db, vec![vec![1_u8]], "[[1]]").await;
    check(db, Kind::Plain, "Plain").await;
    check(db, Kind::Holding(3), r#"{"Holding":3}"#).await;
    check(db, uuid::Uuid::nil(), "00000000-0000-0000-0000-000000000000").await;
    check(db, json!({"a": [1.0, "x\"y"], "b": {}}), r#"{"a":[1.0,"x\"y"],"b":{}}"#).await;
    let of = [(1, 0.1), (2, f32::NAN)].into();
    let raw = serde_json::value::RawValue::from_string(r#"{"as": "is"}"#.to_owned()).unwrap();
    let inner = Inner { list: vec![Some(1), None], of, raw };
    let expect = r#"{"list":[1,null],"of":{"1":0.1,"2":null},"raw":{"as": "is"}}"#;
    check(db, inner, expect).await;
    check(db, Value::from(vec![0_u8]), &[0_u8]).await;
    for wide in [json!(u64::MAX)] {
        let error = db.bulk("anything").columns("v").insert([(wide,)]).await.unwrap_err();
        refused(&error, Some(0), &["column \"v\"", "64-bit"]);
    }
}

/// Every refusal names the row and the column, and nothing was written.
#[tokio::test]
async fn what_is_wrong_is_named_and_nothing_written() {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    let of = |json| {
        let rows: Vec<serde_json::Value> = serde_json::from_value(json).unwrap();
        rows
    };
    let insert = async |json| db.bulk("calls").insert(of(json)).await.unwrap_err();
    let error = insert(json!([{"id": 1, "modell": "x"}])).await;
    refused(&error, Some(0), &["row 0", "\"modell\"", "model"]);
    let error = insert(json!([{"id": 1, "model": "x"}, {"id": 2}])).await;
    refused(&error, Some(1), &["row 1, column \"model\""]);
    let error = insert(json!([{"id": 1, "model": "x"}, {"id": 2, "model": "x", "cost": 1}])).await;
    refused(&error, Some(1), &["row 1, column \"cost\""]);
    let error = insert(json!([{"id": 1, "model": "x"}, {"id": 2, "model": null}])).await;
    refused(&error, Some(1), &["row 1", "NOT NULL", "calls.model"]);
    assert!(error.is_not_null_violation());
    let error = insert(json!([{"id": 1, "model": "x"}, {"id": 1, "model": "y"}])).await;
    refused(&error, Some(1), &["row 1", "UNIQUE", "calls.id"]);
    assert!(error.is_unique_violation());
    let error = insert(json!([{}])).await;
    refused(&error, Some(0), &["no columns"]);
    let error = db.bulk("calls").insert([(1, "x")]).await.unwrap_err();
    refused(&error, Some(0), &["`columns`"]);
    let error = db.bulk("calls").columns("id").insert([(1, "x")]).await.unwrap_err();
    refused(&error, Some(0), &["more values"]);
    let error = db.bulk("calls").insert([1]).await.unwrap_err();
    refused(&error, Some(0), &["struct"]);
    let error = db.bulk("calls").columns(["id", "ID"]).insert([(1, 2)]).await.unwrap_err();
    refused(&error, Some(0), &["twice"]);
    let error = db.bulk("computed").columns(["a", "b"]).insert([(1, 2)]).await.unwrap_err();
    refused(&error, Some(0), &["\"b\"", "computed"]);
    let error = db.bulk("no such").insert(calls(1)).await.unwrap_err();
    refused(&error, None, &["\"no such\"", "create"]);
    let twice = of(json!([{"id": 4, "note": "a"}, {"id": 5, "note": "b"}, {"id": 4, "note": "c"}]));
    let error = db.bulk("calls").update("id", &twice).await.unwrap_err();
    refused(&error, Some(2), &["row 2, column \"id\"", "row 0"]);
    let error = db.bulk("calls").upsert("id", &twice).await.unwrap_err();
    refused(&error, Some(2), &["row 2, column \"id\"", "row 0"]);
    let error = db.bulk("calls").update("model", &twice).await.unwrap_err();
    refused(&error, Some(0), &["column \"model\"", "key"]);
    let error = db.bulk("calls").update("nothing", &twice).await.unwrap_err();
    refused(&error, None, &["no column \"nothing\""]);
    let error = db.bulk("calls").update("id", [json!({"id": 1})]).await.unwrap_err();
    refused(&error, None, &["nothing but the key"]);
    let error = db.bulk("").execute_many("SELECT ?", [(1,)]).await.unwrap_err();
    refused(&error, None, &["INSERT"]);
    let error = db.bulk("").execute_many("DELETE FROM calls", [(1,)]).await.unwrap_err();
    refused(&error, None, &["0 parameters"]);
    let failing = stream::iter([Ok(json!({"id": 1, "model": "x"})), Err("the disk is gone")]);
    let error = db.bulk("calls").insert(TryStreamed(failing)).await.unwrap_err();
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "the disk is gone");
    assert_eq!(count(&db, "calls").await, 0);
    assert_alive(&db).await;
}

#[tokio::test]
async fn chunks_end_where_they_should() {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    let mut total = 0;
    for (rows, chunks) in [(0, 0), (1, 1), (999, 1), (1000, 1), (1001, 2), (2500, 3)] {
        let mut told = Vec::new();
        let rows_of = calls(total + rows).skip(usize::try_from(total).unwrap());
        let bulk = db.bulk("calls").on_progress(|progress| told.push(*progress));
        let report = bulk.insert(rows_of).await.unwrap();
        let rows = u64::try_from(rows).unwrap();
        assert_eq!((report.rows, report.affected, report.chunks), (rows, rows, chunks));
        assert_eq!(told.len() as u64, chunks);
        assert!(told.iter().all(|told| !told.is_committed));
        assert_eq!(told.last().map_or(0, |told| told.rows), rows);
        total += i64::try_from(rows).unwrap();
        assert_eq!(count(&db, "calls").await as i64, total);
    }
    // By bytes: each of these is larger than a chunk.
    let large = (0..5).map(|n| (n.to_string(), "x".repeat(3 << 20)));
    let bulk = db.bulk("words").columns(["word", "seen"]).chunk_bytes(1 << 20);
    assert_eq!(bulk.insert(large).await.unwrap().chunks, 5);
    let sql = "SELECT sum(length(seen)) FROM words";
    assert_eq!(db.query(sql).scalar::<i64>().await.unwrap(), 15 << 20);
}

#[tokio::test]
async fn a_failure_in_a_later_chunk_leaves_what_was_promised() {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    let rows = || calls(1300).chain(calls(1));
    let error = db.bulk("calls").insert(rows()).await.unwrap_err();
    refused(&error, Some(1300), &["row 1300"]);
    assert_eq!((count(&db, "calls").await, error.rows_committed()), (0, 0));
    let mut committed = 0;
    let bulk = db.bulk("calls").chunk_rows(500).commit_per_chunk();
    let bulk = bulk.on_progress(|told| committed = if told.is_committed { told.rows } else { 0 });
    let error = bulk.insert(rows()).await.unwrap_err();
    refused(&error, Some(1300), &["row 1300", "first 1000 rows", "2 chunks"]);
    assert_eq!((error.rows_committed(), committed), (1000, 1000));
    assert!(error.is_unique_violation());
    assert_eq!(count(&db, "calls").await, 1000);
    // Within a transaction it is undone alone.
    db.transaction(|tx| async move {
        tx.execute("DELETE FROM calls WHERE id >= 10").await?;
        let error = tx.bulk("calls").insert(rows()).await.unwrap_err();
        assert_eq!(error.row(), Some(0));
        let error = tx.bulk("calls").commit_per_chunk().insert(calls(1)).await.unwrap_err();
        assert!(error.is_usage(), "{error}");
        tx.bulk("calls").insert(calls(1200).skip(10)).await.map(|_| ())
    })
    .await
    .unwrap();
    assert_eq!(count(&db, "calls").await, 1200);
    let session = db.session();
    session.bulk("calls").insert(calls(1300).skip(1200)).await.unwrap();
    session.execute("BEGIN").await.unwrap();
    session.bulk("calls").insert(calls(1400).skip(1300)).await.unwrap();
    session.bulk("calls").insert(rows()).await.unwrap_err();
    session.execute("ROLLBACK").await.unwrap();
    assert_eq!(count(&db, "calls").await, 1300);
    session.execute("PRAGMA cache_size = 100").await.unwrap();
    session.bulk("calls").insert(calls(1400).skip(1300)).await.unwrap();
    assert!(session.is_autocommit().await);
    assert_eq!(count(&db, "calls").await, 1400);
    drop(session);
    assert_alive(&db).await;
}

#[tokio::test]
async fn what_is_given_up_or_panics_leaves_nothing() {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    let taken = AtomicUsize::new(0);
    let endless = Streamed(stream::iter(calls(i64::MAX)).then(async |call| {
        // Past the first chunk, so that the transaction is open.
        if taken.fetch_add(1, Ordering::Relaxed) == 1_500 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        call
    }));
    let insert = Box::pin(db.bulk("calls").insert(endless));
    let waiting = async {
        while taken.load(Ordering::Relaxed) <= 1_500 {
            tokio::task::yield_now().await;
        }
    };
    futures_util::future::select(insert, Box::pin(waiting)).await;
    assert_eq!(count(&db, "calls").await, 0);
    let panicking = db.clone();
    let panicked = tokio::spawn(async move {
        let rows =
            calls(2_000).map(|call| if call.id == 1_500 { panic!("on purpose") } else { call });
        panicking.bulk("calls").insert(rows).await
    });
    assert!(panicked.await.unwrap_err().is_panic());
    assert_eq!(count(&db, "calls").await, 0);
    // The source may not use what it is written with.
    let source = db.clone();
    let nested = stream::iter(calls(1_001)).then(move |call| {
        let source = source.clone();
        async move {
            match call.id {
                1_000 => source.execute("DELETE FROM calls").await.map(|_| call),
                _ => Ok(call),
            }
        }
    });
    let error = db.bulk("calls").insert(TryStreamed(nested)).await.unwrap_err();
    assert!(error.is_usage() && error.message().contains("handle"), "{error}");
    let session = db.session();
    let own = &session;
    let nested = stream::iter(calls(1_001)).then(|call| async move {
        match call.id {
            1_000 => own.execute("DELETE FROM calls").await.map(|_| call),
            _ => Ok(call),
        }
    });
    let error = session.bulk("calls").insert(TryStreamed(nested)).await.unwrap_err();
    assert!(error.is_usage() && error.message().contains("session"), "{error}");
    assert_alive(&db).await;
    assert_eq!(count(&db, "calls").await, 0);
}

#[tokio::test]
async fn ids_come_in_the_order_of_the_rows() {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    db.bulk("calls").insert(calls(5)).await.unwrap();
    let models = (0..1_500).map(|n| (format!("m{n}"),));
    let ids: Vec<i64> = db.bulk("calls").columns("model").insert_returning(models).await.unwrap();
    assert_eq!(ids, (5..1_505).collect::<Vec<_>>());
    let words = [("b", 1), ("a", 2)];
    let bulk = db.bulk("words").columns(["word", "uses"]);
    assert_eq!(bulk.insert_returning::<String, _>(words).await.unwrap(), ["b", "a"]);
    let words = [("d",), ("c",)];
    let bulk = db.bulk("words").columns("word").returning(["uses", "word"]);
    let some: Vec<(i64, String)> = bulk.insert_returning(words).await.unwrap();
    assert_eq!(some, [(1, "d".to_owned()), (1, "c".to_owned())]);
    let rowids: Vec<i64> =
        db.bulk("anything").columns("v").insert_returning([(1,), (1,)]).await.unwrap();
    assert_eq!(rowids, [1, 2]);
}

#[tokio::test]
async fn rows_are_changed_replaced_and_left() {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    let words = |list: &'static [(&str, i64)]| list;
    let bulk = || db.bulk("words").columns(["word", "uses"]);
    bulk().insert(words(&[("a", 1), ("b", 2), ("c", 3)])).await.unwrap();
    let report = bulk().update("word", words(&[("c", 30), ("x", 9), ("a", 10)])).await.unwrap();
    assert_eq!((report.rows, report.affected), (3, 2));
    let all = async || -> Vec<(String, i64)> {
        db.query("SELECT word, uses FROM words ORDER BY word").all().await.unwrap()
    };
    let is = |list: &[(&str, i64)]| -> Vec<(String, i64)> {
        list.iter().map(|(word, uses)| ((*word).to_owned(), *uses)).collect()
    };
    assert_eq!(all().await, is(&[("a", 10), ("b", 2), ("c", 30)]));
    let new = words(&[("a", 100), ("d", 4)]);
    let left = bulk().upsert(Conflict::on("word").do_nothing(), new).await.unwrap();
    assert_eq!((left.affected, all().await.len()), (1, 4));
    bulk().upsert("word", new).await.unwrap();
    assert_eq!(all().await, is(&[("a", 100), ("b", 2), ("c", 30), ("d", 4)]));
    let count = Conflict::on("word").set("uses", "words.uses + excluded.uses");
    bulk().upsert(count, words(&[("a", 1), ("e", 5)])).await.unwrap();
    assert_eq!(all().await, is(&[("a", 101), ("b", 2), ("c", 30), ("d", 4), ("e", 5)]));
    // The first of two holds where nothing is done about the second.
    let twice = words(&[("f", 1), ("f", 2)]);
    let left = bulk().upsert(Conflict::on("word").do_nothing(), twice).await.unwrap();
    assert_eq!((left.rows, left.affected), (2, 1));
    let ids = ["a", "b", "zz", "a"];
    let set = db.bulk("words").set("word", ids, json!({"uses": 0, "seen": "now"})).await.unwrap();
    assert_eq!(set, 2);
    let gone = db.bulk("words").delete("word", ["c", "d", "e", "c"]).await.unwrap();
    assert_eq!(gone.rows, 3);
    assert_eq!(all().await, is(&[("a", 0), ("b", 0), ("f", 1)]));
    let rows = [("f", 7), ("a", 8)];
    let sql = "UPDATE words SET uses = ?2 WHERE word = ?1";
    assert_eq!(db.bulk("").execute_many(sql, rows).await.unwrap().affected, 2);
    let sql = "UPDATE words SET uses = :uses WHERE word = :word";
    let named = [json!({"uses": 9, "word": "a"}), json!({"word": "b", "uses": 9})];
    assert_eq!(db.bulk("").execute_many(sql, named).await.unwrap().affected, 2);
    assert_eq!(all().await, is(&[("a", 9), ("b", 9), ("f", 7)]));
    for nothing in [json!({}), json!(7)] {
        let error = db.bulk("words").set("word", ["a"], nothing).await.unwrap_err();
        assert!(error.is_usage(), "{error}");
    }
}

#[tokio::test]
async fn rows_are_fetched_in_the_order_of_their_keys() {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    db.bulk("calls").insert(calls(1_200)).await.unwrap();
    let ids = [5, 9_999, 0, 5].into_iter().chain(100..1_100);
    let found: Vec<Option<Call>> = db.bulk("calls").fetch_by("id", ids.clone()).await.unwrap();
    let found: Vec<Option<i64>> = found.into_iter().map(|call| call.map(|call| call.id)).collect();
    let expect: Vec<_> = ids.map(|id| Some(id).filter(|id| *id < 1_200)).collect();
    assert_eq!(found, expect);
    let none: Vec<Option<Call>> = db.bulk("calls").fetch_by("id", [(); 2]).await.unwrap();
    assert_eq!(none, [None, None]);
    let none: Vec<Option<Call>> = db.bulk("calls").fetch_by("id", [0; 0]).await.unwrap();
    assert_eq!(none, []);
    let error = db.bulk("calls").fetch_by::<Call, _>("model", ["m1"]).await.unwrap_err();
    refused(&error, Some(0), &["several"]);
    db.transaction(|tx| async move {
        tx.execute("DELETE FROM calls WHERE id = 5").await?;
        let found: Vec<Option<Call>> = tx.bulk("calls").fetch_by("id", [5, 6]).await?;
        assert!(found[0].is_none() && found[1].is_some());
        Ok(())
    })
    .await
    .unwrap();
}

/// What a bulk write changes is dropped from the cache, and nothing else.
#[tokio::test]
async fn the_cache_is_exact_by_rows() {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    db.bulk("calls").insert(calls(100)).await.unwrap();
    let ask = async |id: i64| {
        let query = db.query("SELECT cost FROM calls WHERE id = ?").bind(id);
        let outcome = query.fetch().await.unwrap();
        (outcome.rows.values(0)[0].clone(), outcome.cached)
    };
    for id in [1, 50] {
        ask(id).await;
        assert!(ask(id).await.1);
    }
    let changed = (0..10).map(|id| json!({"id": id, "cost": -1.0}));
    db.bulk("calls").update("id", changed).await.unwrap();
    assert_eq!(ask(1).await, (Value::from(-1.0), false));
    assert_eq!(ask(50).await, (Value::from(50.0), true));
}

/// The future may run on any thread of a runtime.
#[tokio::test]
async fn it_can_be_spawned() {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    let own = db.clone();
    let insert = tokio::spawn(async move {
        let rows = Streamed(stream::iter(calls(10)));
        let bulk = own.bulk("calls").commit_per_chunk().on_progress(|_| {});
        bulk.insert(rows).await.map(|_| ())?;
        own.bulk("calls").fetch_by::<Call, _>("id", [1]).await
    });
    assert_eq!(insert.await.unwrap().unwrap().len(), 1);
}

/// A seed in `FOREBAY_SEED` replays a run; `FOREBAY_STEPS` makes it longer.
#[tokio::test]
async fn every_operation_equals_its_loop() {
    let set = |name: &str| std::env::var(name).ok().map(|value| value.parse().unwrap());
    let seed = set("FOREBAY_SEED").unwrap_or_else(|| fastrand::u64(..));
    let steps = set("FOREBAY_STEPS").unwrap_or(400) as usize;
    println!("FOREBAY_SEED={seed}");
    let place = Place::new();
    let db = place.open(&bulk_loop::schema("BLOB")).await;
    let rng = fastrand::Rng::with_seed(seed);
    bulk_loop::Test { db, rng, mark: '?', is_by_row: true }.run(steps).await;
}
