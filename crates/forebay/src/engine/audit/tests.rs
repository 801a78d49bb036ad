//! Audits and shadow reads on a real database, with wrong answers put into the store.

use std::sync::atomic::AtomicU32;

use super::*;
use crate::builder::Builder;
use crate::cache::{Key, Shape};
use crate::db::Db;
use crate::depend::Part;
use crate::engine::origin::Purpose;
use crate::mode::CacheMode;
use crate::stats::Stats;
use crate::value::Value;

const SQL: &str = "SELECT id, name FROM users WHERE id = ?";

/// A database in a directory of its own.
struct Place {
    db: Db,
    _directory: tempfile::TempDir,
}

impl Place {
    async fn open(set: impl FnOnce(Builder) -> Builder) -> Place {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", directory.path().join("a.db").display());
        let db = set(Builder::new(url)).open().await.unwrap();
        db.execute_batch(
            "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, score REAL);
             INSERT INTO users VALUES (1, 'Ada', 0.1), (2, 'Grace', 0.2);",
        )
        .await
        .unwrap();
        Place { db, _directory: directory }
    }

    async fn name(&self, id: i64) -> (String, bool) {
        let outcome = self.db.query(SQL).bind(id).fetch().await.unwrap();
        let Value::Text(name) = &outcome.rows.values(0)[1] else { panic!("{outcome:?}") };
        (name.to_string(), outcome.cached)
    }

    /// Puts another name into the entry of `id`, as if a write had been missed.
    async fn corrupt(&self, id: i64, name: &str) {
        let engine = self.db.engine();
        let query = self.db.query(SQL).bind(id);
        let call = query.into_call();
        let entry = engine.peek(&call, Shape::rows()).expect("it has been asked for");
        let Payload::Rows(rows) = &entry.payload else { panic!("rows") };
        let wrong = Rows::new(rows.columns_arc(), vec![Value::Integer(id), name.into()]);
        let key =
            Key { text: call.text.to_text(), params: call.params.clone(), shape: Shape::rows() };
        let (ticket, record) = (entry.ticket.clone(), entry.record.clone());
        engine.store.insert(key, Entry::new(Payload::Rows(wrong), 100, ticket, record));
    }

    /// Waits until the counters are as wanted.
    async fn until(&self, wanted: impl Fn(&Stats) -> bool) -> Stats {
        for _ in 0..2_000 {
            let stats = self.db.stats();
            if wanted(&stats) {
                return stats;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("it did not happen: {:?}", self.db.stats().cache);
    }
}

/// The reasons for which audits were skipped.
fn skipped(stats: &Stats) -> Vec<(&'static str, u64)> {
    stats.cache.audit.skipped.iter().copied().filter(|(_, count)| *count > 0).collect()
}

#[test]
fn one_hit_in_so_many_is_picked() {
    for one_in in [0, 1, 2, 3, 7, 10, 999, 1_000, 4_096] {
        let audit = Audit::new(one_in);
        let picked: Vec<u64> = (0..20_000).filter(|hits| audit.picks(*hits)).collect();
        let expect: Vec<u64> = (0..20_000u64)
            .filter(|hits| one_in > 0 && (hits + u64::from(one_in) / 2) % u64::from(one_in) == 0)
            .collect();
        assert_eq!(picked, expect, "{one_in}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_answer_sounds_the_alarm() {
    let place = Place::open(|builder| builder.audit_one_in(1)).await;
    place.name(1).await;
    place.name(2).await;
    assert_eq!(place.name(1).await, ("Ada".to_owned(), true));
    let stats = place.until(|stats| stats.cache.audit.compared == 1).await;
    assert_eq!((stats.cache.audit.differing, stats.cache.differences.len()), (0, 0));

    place.corrupt(1, "Eve").await;
    assert_eq!(place.name(1).await.0, "Eve", "the first time, it is served");
    let stats = place.until(|stats| !stats.cache.differences.is_empty()).await;
    assert_eq!((stats.cache.audit.differing, stats.cache.entries), (1, 0), "all is dropped");
    let difference = &stats.cache.differences[0];
    assert_eq!(difference.statement, "select id, name from users where id = ?");
    assert_eq!((difference.found_by, &difference.params), ("audit", &None));
    for _ in 0..3 {
        assert_eq!(place.name(1).await, ("Ada".to_owned(), false));
        assert_eq!(place.name(2).await, ("Grace".to_owned(), false), "the statement is off");
    }
    let other = "SELECT count(*) FROM users";
    for cached in [false, true] {
        let outcome = place.db.query(other).fetch().await.unwrap();
        assert_eq!(outcome.cached, cached, "other statements are not");
    }
    let stats = place.db.stats();
    let condemned = stats.fingerprints.iter().find(|it| it.id == difference.fingerprint).unwrap();
    assert!(condemned.is_condemned && condemned.mode == CacheMode::Off);
    assert_eq!(condemned.bypasses, [("audit", 6)]);
    let explanation = place.db.explain(SQL).await.unwrap();
    assert!(explanation.switch.contains("differed"), "{}", explanation.switch);
    place.db.cache().set_query_mode(difference.fingerprint, CacheMode::On).unwrap();
    for cached in [false, true] {
        assert_eq!(place.name(1).await, ("Ada".to_owned(), cached), "let in again");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_typed_answer_is_found_by_its_digest() {
    let place = Place::open(|builder| builder.audit_one_in(1).audit_parameters(true)).await;
    let engine = place.db.engine();
    let ask = || place.db.query(SQL).bind(1).shared::<(i64, String)>();
    ask().await.unwrap();
    ask().await.unwrap();
    place.until(|stats| stats.cache.audit.compared == 1).await;
    let call = place.db.query(SQL).bind(1).into_call();
    let rows = engine.peek(&call, Shape::rows()).unwrap();
    let Payload::Rows(right) = &rows.payload else { panic!("rows") };
    let wrong = Rows::new(right.columns_arc(), vec![Value::Integer(1), "Eve".into()]);
    let typed = Arc::new(vec![(1_i64, "Eve".to_owned())]);
    let source = Part { ticket: rows.ticket.clone(), record: rows.record.clone() };
    engine.keep_typed(&call, typed, &wrong, source);
    assert_eq!(ask().await.unwrap()[0].1, "Eve");
    let stats = place.until(|stats| !stats.cache.differences.is_empty()).await;
    assert_eq!(stats.cache.differences[0].params.as_deref(), Some("1"));
    assert_eq!(ask().await.unwrap()[0].1, "Ada");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_waits_for_nobody_and_makes_nobody_wait() {
    let place =
        Place::open(|builder| builder.audit_one_in(1).max_size(1).max_overflow(0).min_idle(1))
            .await;
    place.name(1).await;
    let engine = place.db.engine();
    let held = engine
        .origin
        .acquire(Purpose::Read, place.db.query(SQL).into_call().holder(None))
        .await
        .unwrap();
    assert_eq!(place.name(1).await, ("Ada".to_owned(), true));
    let stats = place.db.stats();
    assert_eq!(skipped(&stats), [("no_reader", 1)]);
    drop(held);
    assert_eq!(place.name(1).await, ("Ada".to_owned(), true));
    place.until(|stats| stats.cache.audit.compared == 1).await;
    let turn = engine.trust.audit.begin();
    assert!(place.name(1).await.1);
    let stats = place.db.stats();
    assert_eq!(skipped(&stats), [("busy", 1), ("no_reader", 1)]);
    drop(turn);
    // Every other audit has to be followed by a rest.
    let audit = Audit::new(1_000);
    assert!(audit.begin().is_some());
    audit.rest(Duration::from_secs(1));
    assert!(audit.begin().is_none());
}

/// Answers that are right are never taken for wrong, whatever is written meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_alarm_without_a_reason() {
    let place = Place::open(|builder| builder.audit_one_in(1)).await;
    let statements = [
        "SELECT id, name FROM users WHERE id = ?",
        "SELECT id, name FROM users WHERE id >= ? ORDER BY score LIMIT 3",
        "SELECT name, count(*), sum(score) FROM users WHERE id > ? GROUP BY name",
        "SELECT count(*) FROM users WHERE score < ?",
        "SELECT * FROM users ORDER BY id + ?",
    ];
    let until = Instant::now() + Duration::from_millis(1_500);
    let writes = Arc::new(AtomicU32::new(0));
    let writer = {
        let (db, writes) = (place.db.clone(), writes.clone());
        tokio::spawn(async move {
            let mut n = 0_i64;
            while Instant::now() < until {
                n += 1;
                let sql = match n % 4 {
                    0 => "UPDATE users SET name = name || 'x' WHERE id = 1 + ? % 2",
                    1 => "UPDATE users SET score = score + 0.1 WHERE id = 1 + ? % 3",
                    2 => "INSERT OR REPLACE INTO users VALUES (3 + ?1 % 5, 'n', 0.7)",
                    _ => "DELETE FROM users WHERE id = 3 + ? % 5",
                };
                db.execute(sql).bind(n).await.unwrap();
                writes.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_micros(500)).await;
            }
        })
    };
    let readers: Vec<_> = (0..3)
        .map(|reader| {
            let db = place.db.clone();
            tokio::spawn(async move {
                let mut n = reader;
                while Instant::now() < until {
                    n += 1;
                    let sql = statements[n % statements.len()];
                    db.query(sql).bind((n % 3) as i64).fetch().await.unwrap();
                    if n.is_multiple_of(20) {
                        tokio::task::yield_now().await;
                    }
                }
            })
        })
        .collect();
    for task in readers.into_iter().chain([writer]) {
        task.await.unwrap();
    }
    let stats = place.db.stats();
    let audit = &stats.cache.audit;
    assert_eq!((audit.differing, stats.cache.differences.len()), (0, 0), "{:?}", stats.cache);
    assert!(audit.compared > 20, "{audit:?}");
    assert!(writes.load(Ordering::Relaxed) > 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn shadow_serves_the_database_and_finds_differences() {
    let place = Place::open(|builder| builder.cache(CacheMode::Shadow).audit_one_in(1)).await;
    for _ in 0..3 {
        assert_eq!(place.name(1).await, ("Ada".to_owned(), false));
    }
    place.corrupt(1, "Eve").await;
    assert_eq!(place.name(1).await, ("Ada".to_owned(), false), "never served");
    assert_eq!(place.name(1).await, ("Ada".to_owned(), false), "kept anew");
    place.db.execute("UPDATE users SET name = 'A.' WHERE id = 1").await.unwrap();
    place.db.execute("UPDATE users SET name = 'G.' WHERE id = 2").await.unwrap();
    assert_eq!(place.name(1).await, ("A.".to_owned(), false));
    let stats = place.db.stats();
    let shadow = &stats.cache.shadow;
    assert_eq!((shadow.hits, shadow.misses), (3, 3), "{shadow:?}");
    assert_eq!((shadow.compared, shadow.differing, shadow.skipped), (3, 1, 0));
    assert!(shadow.saved > Duration::ZERO);
    assert_eq!(shadow.hit_ratio(), Some(0.5));
    assert_eq!((stats.cache.hits, stats.cache.misses), (0, 0));
    assert_eq!(stats.cache.bypasses, [("shadow", 6)]);
    assert_eq!(stats.cache.differences[0].found_by, "shadow");
    let drops: Vec<(&str, u64)> =
        stats.cache.drops.iter().map(|drop| (&*drop.cause, drop.count)).collect();
    assert_eq!(drops, [("update users set name = ? where id = ?", 1)]);
}
