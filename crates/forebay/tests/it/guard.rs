//! Limiters, breakers and bulkheads before a database: what they see, and what passes them by.

use std::time::Duration;

use forebay::{Breaker, BreakerState, Bulkhead, Db, Error, Limiter, Outcome, Quota, Result};

use crate::place::{Place, ask, assert_alive};

const SCHEMA: &str = "
    CREATE TABLE t (id INTEGER PRIMARY KEY, n INT);
    INSERT INTO t VALUES (1, 1), (2, 2);
";
const ONE: &str = "SELECT n FROM t WHERE id = 1";
const TWO: &str = "SELECT n FROM t WHERE id = 2";
const WRITE: &str = "UPDATE t SET n = n + 1 WHERE id = 2";

/// Runs until it is stopped.
const ENDLESS: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
    SELECT count(*) FROM n";

/// The same row by row.
const ROWS: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
    SELECT i FROM n";

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Nothing comes back while a test runs.
fn limiter(burst: u32) -> Limiter {
    Limiter::new(Quota::per_hour(1).burst(burst))
}

async fn until(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..1_000 {
        if is_so() {
            return;
        }
        tokio::time::sleep(ms(10)).await;
    }
    panic!("in 10 s it did not come to pass that {what}");
}

async fn read(db: &Db, sql: &str) -> Result<Outcome> {
    db.query(sql).fetch().await
}

#[tokio::test]
async fn an_open_breaker_lets_pass_what_the_cache_answers() {
    let place = Place::new();
    let breaker = Breaker::builder().named("main").build();
    place.open(SCHEMA).await.close().await;
    let db = place.builder().breaker(&breaker).open().await.unwrap();
    assert!(!ask(&db, ONE).await.1);
    let before = breaker.stats().admitted;
    assert!(before >= 1);
    breaker.force_open();
    for _ in 0..3 {
        assert!(ask(&db, ONE).await.1, "a hit");
        assert_eq!(db.query(ONE).shared::<i64>().await.unwrap()[..], [1]);
    }
    assert_eq!(breaker.stats().admitted, before);
    let session = db.session();
    let refused = [
        read(&db, TWO).await.unwrap_err(),
        db.query(ONE).no_cache().fetch().await.unwrap_err(),
        db.execute(WRITE).await.unwrap_err(),
        db.execute_batch(WRITE).await.unwrap_err(),
        db.transaction(|_| async { Ok(()) }).await.unwrap_err(),
        db.query(ROWS).stream::<i64>().await.map(drop).unwrap_err(),
        session.execute("BEGIN").await.unwrap_err(),
        read(&db, "SELECT a text that nobody has seen").await.unwrap_err(),
    ];
    for error in refused {
        assert!(error.is_circuit_open() && error.message().contains("`main`"), "{error:?}");
    }
    assert_eq!(session.query(ONE).fetch().await.unwrap().rows.len(), 1, "a hit in a session");
    db.ping().await.unwrap();
    breaker.reset();
    assert_alive(&db).await;
}

#[tokio::test]
async fn what_is_refused_may_be_answered_with_what_is_old() {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    let breaker = Breaker::builder().build();
    let limiter = limiter(1);
    let hour = Duration::from_secs(3_600);
    let asked = || db.query(TWO).ttl(ms(1)).stale_if_error(hour).breaker(&breaker);
    assert_eq!(asked().scalar::<i64>().await.unwrap(), 2);
    tokio::time::sleep(ms(5)).await;
    breaker.force_open();
    assert_eq!(asked().scalar::<i64>().await.unwrap(), 2, "it is too old, and may be given");
    assert!(db.query(TWO).ttl(ms(1)).breaker(&breaker).fetch().await.is_err());
    breaker.reset();
    let asked = || db.query(ONE).ttl(ms(1)).stale_if_error(hour).limit(&limiter, "a");
    assert_eq!(asked().scalar::<i64>().await.unwrap(), 1);
    tokio::time::sleep(ms(5)).await;
    assert_eq!(asked().scalar::<i64>().await.unwrap(), 1);
    assert_eq!(limiter.stats().refused, 1);
}

#[tokio::test]
async fn what_a_caller_does_wrong_is_no_failure() {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    let breaker = Breaker::builder().calls_min(1).failure_rate(0.0).build();
    for sql in [
        "SELECT nonsense",
        "SELEKT 1",
        "SELECT * FROM nowhere",
        "INSERT INTO t VALUES (1, 1)",
        "SELECT abs(-9223372036854775808)",
        "SELECT ?",
        "BEGIN",
    ] {
        let error = db.query(sql).breaker(&breaker).fetch().await.unwrap_err();
        assert!(!error.is_circuit_open(), "{sql}: {error:?}");
    }
    assert!(db.query(ONE).max_rows(0).breaker(&breaker).fetch().await.unwrap_err().is_too_large());
    let none = db.query("SELECT n FROM t WHERE id = 0").breaker(&breaker).one::<i64>().await;
    assert!(none.unwrap_err().is_not_found());
    assert_eq!(breaker.state(), BreakerState::Closed);
    assert_eq!(breaker.stats().failed, 0);
    let late = db.query(ENDLESS).timeout(ms(30)).breaker(&breaker).fetch().await.unwrap_err();
    assert!(late.is_timeout(), "{late:?}");
    assert_eq!(breaker.state(), BreakerState::Open, "a time-out is one");
}

#[tokio::test]
async fn a_breaker_opens_while_the_database_is_locked_and_closes_again() {
    let place = Place::new();
    let db = place.builder().busy_timeout(ms(20)).open().await.unwrap();
    db.execute_batch(SCHEMA).await.unwrap();
    ask(&db, ONE).await;
    let breaker = Breaker::builder().calls_min(3).open_for(ms(30)).half_open(1).build();
    let write = async || db.execute(WRITE).breaker(&breaker).await;
    let bare = place.bare();
    bare.execute_batch("BEGIN IMMEDIATE").unwrap();
    for _ in 0..3 {
        assert!(write().await.unwrap_err().is_busy());
    }
    let error = write().await.unwrap_err();
    assert!(error.is_circuit_open() && error.is_transient(), "{error:?}");
    assert!(error.retry_after().is_some());
    assert!(ask(&db, ONE).await.1, "reads go on");
    until("it tries", || breaker.state() == BreakerState::HalfOpen).await;
    assert!(write().await.unwrap_err().is_busy());
    assert_eq!((breaker.state(), breaker.stats().opened), (BreakerState::Open, 2));
    bare.execute_batch("ROLLBACK").unwrap();
    until("it tries", || breaker.state() == BreakerState::HalfOpen).await;
    write().await.unwrap();
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[tokio::test]
async fn a_limiter_counts_what_reaches_the_database() {
    let place = Place::new();
    place.open(SCHEMA).await.close().await;
    let limiter = limiter(1_000);
    let db = place.builder().limit(&limiter, "app.db").open().await.unwrap();
    for (what, count, sql) in [
        ("a miss", 1, ONE),
        ("a hit", 0, ONE),
        ("a write", 1, WRITE),
        ("a hit after it", 0, ONE),
        ("a read past the cache", 1, "SELECT random()"),
    ] {
        let before = limiter.stats().admitted;
        read(&db, sql).await.unwrap();
        assert_eq!(limiter.stats().admitted - before, count, "{what}");
    }
    let before = limiter.stats().admitted;
    db.execute_batch("UPDATE t SET n = 5; UPDATE t SET n = 6").await.unwrap();
    assert_eq!(limiter.stats().admitted - before, 1, "a script");
    db.transaction(|tx| async move {
        tx.execute(WRITE).await?;
        tx.execute(WRITE).await.map(drop)
    })
    .await
    .unwrap();
    assert_eq!(limiter.stats().admitted - before, 2, "a transaction");
    let mut rows = db.query(TWO).stream::<i64>().await.unwrap();
    assert_eq!(rows.next().await.unwrap().unwrap(), 8);
    assert_eq!(limiter.stats().admitted - before, 3, "a stream");
    let session = db.session();
    for sql in ["BEGIN", WRITE, WRITE, "COMMIT"] {
        session.execute(sql).await.unwrap();
    }
    assert_eq!(limiter.stats().admitted - before, 4, "a session's connection");
    db.ping().await.unwrap();
    db.explain(ONE).await.unwrap();
    assert_eq!(limiter.stats().admitted - before, 4, "neither asks for anybody's data");
}

#[tokio::test]
async fn each_key_has_a_limit_of_its_own() {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    let limiter = limiter(2);
    let ask =
        async |user: &str| db.query(ONE).no_cache().limit(&limiter, user).fetch().await.map(drop);
    for user in ["ada", "grace"] {
        ask(user).await.unwrap();
        ask(user).await.unwrap();
        let error = ask(user).await.unwrap_err();
        assert!(error.is_rate_limited() && error.retry_after().is_some(), "{error:?}");
    }
    db.query(ONE).fetch().await.unwrap();
    let hit = db.query(ONE).limit(&limiter, "ada").fetch().await.unwrap();
    assert!(hit.cached, "a hit needs no place");
    assert!(db.execute(WRITE).limit(&limiter, "ada").await.unwrap_err().is_rate_limited());
    db.transaction(|tx| {
        let limiter = limiter.clone();
        async move {
            let query = || tx.query(ONE).limit(&limiter, "ada");
            assert!(query().fetch().await.unwrap_err().is_rate_limited(), "also in a transaction");
            assert!(query().stream::<i64>().await.map(drop).unwrap_err().is_rate_limited());
            tx.execute(WRITE).await.map(drop)
        }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn an_open_breaker_uses_up_nothing_of_a_limit() {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    let (limiter, breaker) = (limiter(1), Breaker::builder().build());
    breaker.force_open();
    let ask = async || {
        db.query(ONE).no_cache().limit(&limiter, "k").breaker(&breaker).fetch().await.map(drop)
    };
    for _ in 0..3 {
        assert!(ask().await.unwrap_err().is_circuit_open());
    }
    breaker.reset();
    ask().await.unwrap();
    assert!(ask().await.unwrap_err().is_rate_limited());
    let stats = breaker.stats();
    assert_eq!((stats.admitted, stats.given_up), (1, 0));
}

/// Long enough that others come while it runs.
const SLOW: &str = "SELECT count(*) FROM t, (WITH RECURSIVE n(i) AS
    (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) SELECT i FROM n)";

/// The one who leads waits for a place and is refused; the others have no guard.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn callers_who_wait_for_one_who_is_refused_read_once() {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    let bulkhead = Bulkhead::builder(1, 1).wait_max(ms(500)).build();
    let held = bulkhead.enter().await.unwrap();
    let refused = tokio::spawn({
        let (db, bulkhead) = (db.clone(), bulkhead.clone());
        async move { db.query(SLOW).bulkhead(&bulkhead).scalar::<i64>().await }
    });
    until("it waits", || bulkhead.stats().waiting == 1).await;
    let others: Vec<_> = (0..6)
        .map(|_| {
            let db = db.clone();
            tokio::spawn(async move { db.query(SLOW).scalar::<i64>().await })
        })
        .collect();
    assert!(refused.await.unwrap().unwrap_err().is_overloaded());
    for other in others {
        assert_eq!(other.await.unwrap().unwrap(), 600_000);
    }
    assert_eq!(db.stats().cache.misses, 2, "that of the refused one, and one");
    drop(held);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn callers_of_one_answer_count_once() {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    let limiter = limiter(1);
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let (db, limiter) = (db.clone(), limiter.clone());
            tokio::spawn(async move { db.query(SLOW).limit(&limiter, "k").scalar::<i64>().await })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap().unwrap(), 600_000);
    }
    assert_eq!(limiter.stats().admitted, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_bulkhead_bounds_what_is_at_work() {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    let reports = Bulkhead::new(1, 0);
    ask(&db, ONE).await;
    let running = tokio::spawn({
        let (db, reports) = (db.clone(), reports.clone());
        async move { db.query(ENDLESS).bulkhead(&reports).fetch().await.map(drop) }
    });
    until("it runs", || reports.stats().running == 1).await;
    let error = db.query(TWO).bulkhead(&reports).fetch().await.unwrap_err();
    assert!(error.is_overloaded() && error.is_transient(), "{error:?}");
    assert!(db.query(ONE).bulkhead(&reports).fetch().await.unwrap().cached, "a hit takes none");
    db.query(TWO).fetch().await.expect("others are not held up");
    running.abort();
    assert!(running.await.unwrap_err().is_cancelled());
    assert_eq!(reports.stats().running, 0, "a future that is dropped leaves its place");
    let mut rows = db.query(ROWS).bulkhead(&reports).stream::<i64>().await.unwrap();
    rows.next().await.unwrap().unwrap();
    assert_eq!(reports.stats().running, 1, "a stream has its place until its end");
    drop(rows);
    assert_eq!(reports.stats().running, 0);
    let mut short = db.query("SELECT n FROM t").bulkhead(&reports).stream::<i64>().await.unwrap();
    while short.next().await.is_some() {}
    assert_eq!(reports.stats().running, 0, "which may come before it is dropped");
}

#[tokio::test]
async fn a_transaction_has_one_place_for_all_that_is_within_it() {
    let place = Place::new();
    place.open(SCHEMA).await.close().await;
    let bulkhead = Bulkhead::new(1, 0);
    let db = place.builder().bulkhead(&bulkhead).open().await.unwrap();
    db.transaction(|tx| {
        let (db, bulkhead) = (db.clone(), bulkhead.clone());
        async move {
            tx.execute(WRITE).await?;
            assert_eq!(bulkhead.stats().running, 1);
            read(&db, ONE).await.expect("a read beside it waits for no place");
            let nested = db.execute(WRITE).await.unwrap_err();
            assert!(nested.is_usage(), "{nested:?}");
            let other = tokio::spawn(async move { read(&db, TWO).await.map(drop) });
            assert!(other.await.unwrap().unwrap_err().is_overloaded());
            Ok(())
        }
    })
    .await
    .unwrap();
    assert_eq!(bulkhead.stats().running, 0);
    let failed: Result<(), Error> =
        db.transaction(|tx| async move { tx.execute("SELEKT").await.map(drop) }).await;
    assert!(failed.is_err());
    assert_eq!(bulkhead.stats().running, 0);
    assert_alive(&db).await;
}

#[tokio::test]
async fn a_statement_that_is_given_up_loses_no_permit() {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    let breaker = Breaker::builder().calls_min(1).open_for(ms(1)).half_open(1).build();
    breaker.permit().unwrap().failed();
    until("it tries", || breaker.state() == BreakerState::HalfOpen).await;
    let endless = db.query(ENDLESS).breaker(&breaker).fetch();
    assert!(tokio::time::timeout(ms(50), endless).await.is_err());
    assert_eq!(breaker.stats().given_up, 1);
    db.query(TWO).breaker(&breaker).fetch().await.unwrap();
    assert_eq!(breaker.state(), BreakerState::Closed);
}
