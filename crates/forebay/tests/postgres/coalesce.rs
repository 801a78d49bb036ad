use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use fastrand::Rng;
use forebay::{Db, Value};

use crate::place::on_each;
use crate::ready::follow;

const SCHEMA: &str = "
    CREATE COLLATION same (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
    CREATE TABLE t (id int PRIMARY KEY, big bigint, word text COLLATE same, code varchar(9), u uuid,
        n numeric);
    INSERT INTO t SELECT i, i % 13, chr(ascii('A') + i % 7 + 32 * (i % 2)), 'c' || i % 11,
        ('00000000-0000-0000-0000-0000000000' || lpad((i % 20)::text, 2, '0'))::uuid, i % 5
        FROM generate_series(1, 200) i;
    INSERT INTO t (id, word) VALUES (1000, E'a,\"b{}\\\\'), (1001, 'NULL'), (1002, '');
    CREATE INDEX ON t (big); CREATE INDEX ON t (word); ANALYZE t;";

/// Each with what explain says of it.
const STATEMENTS: [(&str, &str); 11] = [
    ("SELECT * FROM t WHERE id = $1", "yes"),
    ("SELECT id, word FROM t WHERE big = $1 ORDER BY id DESC", "yes"),
    ("SELECT id FROM t WHERE word = $1 ORDER BY code, id LIMIT 3 OFFSET 1", "yes"),
    ("SELECT code, id FROM t WHERE code = $1 ORDER BY 2", "yes"),
    ("SELECT id, u FROM t WHERE u = $1 ORDER BY id", "yes"),
    ("SELECT count(*), sum(big), max(word) FROM t WHERE id > $1", "yes"),
    ("SELECT 100 / (id - 5) AS q FROM t WHERE id = $1", "yes"),
    (
        "WITH a AS (SELECT * FROM t WHERE big = $1) SELECT a.id, b.id FROM a JOIN t b USING (code) \
      ORDER BY 1, 2",
        "yes",
    ),
    ("SELECT id FROM t WHERE n = $1 ORDER BY id", "no: the statement has a parameter of another"),
    ("SELECT id FROM t WHERE id = $1 OR big = $1 ORDER BY id", "no: the statement uses its"),
    ("SELECT id FROM t ORDER BY id LIMIT $1", "yes"),
];

fn value(rng: &mut Rng) -> Value {
    let words = ["a", "A", "B", "b", "g", "a,\"b{}\\", "NULL", "", "ä", "c3", "c10", "7", "a\0"];
    match rng.u8(..10) {
        0 => Value::Null,
        1 => Value::Real(rng.i64(-1..8) as f64),
        2 => Value::Integer(i64::from(i32::MAX) + 1),
        3..6 => Value::Integer(rng.i64(-3..210)),
        6 => format!("00000000-0000-0000-0000-0000000000{:02}", rng.u8(..25)).into(),
        _ => words[rng.usize(..words.len())].into(),
    }
}

type Answer = Result<Vec<Vec<Value>>, Option<&'static str>>;

async fn answer(db: &Db, sql: &str, value: &Value, coalesces: bool) -> Answer {
    let query = db.query(sql).bind(value);
    let query = if coalesces { query.coalesce() } else { query };
    match query.fetch().await {
        Ok(outcome) => Ok(outcome.rows.iter().map(|row| row.values().to_vec()).collect()),
        Err(error) => Err(error.code()),
    }
}

/// Runs each statement with many values at once, and compares with each alone. How many were
/// answered together, and by how many statements.
async fn compare(db: &Db, seed: u64) -> (u64, u64) {
    let mut rng = Rng::with_seed(seed);
    let (mut calls, mut statements) = (0, 0);
    for (sql, expect) in STATEMENTS {
        let values: Vec<Value> = (0..120).map(|_| value(&mut rng)).collect();
        let tasks = values.iter().cloned().map(|value| {
            let db = db.clone();
            tokio::spawn(async move { answer(&db, sql, &value, true).await })
        });
        let tasks: Vec<_> = tasks.collect();
        for (task, value) in tasks.into_iter().zip(&values) {
            let alone = answer(db, sql, value, false).await;
            assert_eq!(task.await.unwrap(), alone, "{sql} with {value:?}, seed {seed}");
        }
        let explained = db.query(sql).coalesce().explain().await.unwrap().coalesces;
        let is_limit = sql.contains("LIMIT $1");
        assert!(explained.starts_with(expect) || is_limit, "{sql}: {explained}");
        let numbers: Vec<u64> = explained.split(' ').filter_map(|word| word.parse().ok()).collect();
        if let [of_calls, of_statements] = numbers[..] {
            (calls, statements) = (calls + of_calls, statements + of_statements);
        }
    }
    (calls, statements)
}

#[test]
fn answers_together_are_those_of_each_alone() {
    on_each("answers_together_are_those_of_each_alone", async |place| {
        let db = place.builder().cache(false).open().await.unwrap();
        db.execute_batch(SCHEMA).await.unwrap();
        let (calls, statements) = compare(&db, 1).await;
        assert!(calls > 100 && statements * 4 < calls, "{calls} by {statements}");
        // A transaction has a connection of its own.
        let within = db.transaction(|tx| async move {
            tx.query("SELECT id FROM t WHERE id = $1").bind(7).coalesce().scalar::<i64>().await
        });
        assert_eq!(within.await.unwrap(), 7);
    });
}

#[test]
fn answers_together_are_kept_each_by_itself() {
    on_each("answers_together_are_kept_each_by_itself", async |place| {
        let db = follow(place, SCHEMA).await;
        let (calls, statements) = compare(&db, 2).await;
        assert!(calls > 100 && statements * 4 < calls, "{calls} by {statements}");
        let sql = "SELECT id, word FROM t WHERE id = $1";
        let ask = async |id: i64| {
            let outcome = db.query(sql).bind(id).coalesce().fetch().await.unwrap();
            (outcome.rows.values(0)[1].clone(), outcome.cached)
        };
        let together = async |ids: std::ops::Range<i64>| {
            let tasks: Vec<_> = ids
                .map(|id| {
                    let db = db.clone();
                    tokio::spawn(
                        async move { db.query(sql).bind(id).coalesce().fetch().await.unwrap() },
                    )
                })
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
        };
        // A draft taken while the stream catches up may be refused, so that it takes another read.
        let mut tries = 0;
        let mut are_kept = false;
        while !are_kept {
            tries += 1;
            assert!(tries < 1_000, "not all are kept");
            together(1..40).await;
            are_kept = true;
            for id in 1..40 {
                are_kept &= ask(id).await.1;
            }
        }
        db.execute("UPDATE t SET word = 'new' WHERE id = 7").await.unwrap();
        assert_eq!(ask(7).await.0, Value::from("new"));
        assert!(ask(8).await.1, "of another row");
    });
}

const KEYS: usize = 12;

/// Each task writes a row of its own and reads those of all: nobody reads what is older than what
/// was acknowledged before it asked, or newer than what was sent.
#[test]
fn nobody_is_given_what_was_read_before_it_asked() {
    on_each("nobody_is_given_what_was_read_before_it_asked", async |place| {
        let script = "CREATE TABLE c (id int PRIMARY KEY, v bigint NOT NULL);
                      INSERT INTO c SELECT i, 0 FROM generate_series(0, 11) i;";
        let db = follow(place, script).await;
        let numbers = || Arc::new((0..KEYS).map(|_| AtomicI64::new(0)).collect::<Vec<_>>());
        let (sent, acknowledged) = (numbers(), numbers());
        let tasks: Vec<_> = (0..KEYS)
            .map(|own| {
                let (db, sent, acknowledged) = (db.clone(), sent.clone(), acknowledged.clone());
                tokio::spawn(async move {
                    let mut rng = Rng::with_seed(own as u64);
                    let mut seen = [0; KEYS];
                    for step in 1..=60 {
                        if step % 4 == 0 {
                            sent[own].store(step, Ordering::SeqCst);
                            let write = "UPDATE c SET v = $1 WHERE id = $2";
                            db.execute(write).bind(step).bind(own as i64).await.unwrap();
                            acknowledged[own].store(step, Ordering::SeqCst);
                        }
                        let key = if rng.bool() { own } else { rng.usize(..KEYS) };
                        let least = acknowledged[key].load(Ordering::SeqCst).max(seen[key]);
                        let read = db.query("SELECT v FROM c WHERE id = $1").bind(key as i64);
                        let v: i64 = read.coalesce().scalar().await.unwrap();
                        let most = sent[key].load(Ordering::SeqCst);
                        assert!((least..=most).contains(&v), "{least} <= {v} <= {most}");
                        seen[key] = v;
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        let explained = db.query("SELECT v FROM c WHERE id = $1").coalesce().explain().await;
        let explained = explained.unwrap().coalesces;
        assert!(!explained.starts_with("yes: 0 calls"), "{explained}");
    });
}
