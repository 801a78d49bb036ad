use std::time::{Duration, Instant};

use crate::place::{Place, assert_alive};

/// Takes about as long as `ms` says on any machine: it waits in a stream.
const ENDLESS: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
    SELECT i FROM n";

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

#[tokio::test]
async fn exhaustion_is_an_error() {
    let place = Place::new();
    let db = place
        .builder()
        .max_size(1)
        .max_overflow(1)
        .min_idle(0)
        .max_sessions(1)
        .acquire_timeout(ms(100))
        .open()
        .await
        .unwrap();
    db.execute_batch("CREATE TABLE t (a)").await.unwrap();
    let session = db.session();
    session.execute("BEGIN IMMEDIATE").await.unwrap();
    let held = [
        db.query(ENDLESS).stream::<i64>().await.unwrap(),
        db.query(ENDLESS).stream::<i64>().await.unwrap(),
    ];
    let began = Instant::now();
    let other = db.session();
    for error in [
        db.query("SELECT a FROM t").fetch().await.unwrap_err(),
        db.ping().await.unwrap_err(),
        db.explain("SELECT a FROM t").await.unwrap_err(),
        other.execute_batch("BEGIN").await.unwrap_err(),
    ] {
        assert!(error.is_pool_exhausted(), "{error:?}");
        assert!(error.message().contains("max_size"), "{error}");
        assert!(error.message().contains("pool.rs"), "it names the holder: {error}");
    }
    assert!(began.elapsed() < Duration::from_secs(2));
    assert!(db.stats().readers.timeouts >= 3);
    drop(held);
    drop(session);
    assert_alive(&db).await;
    // The writer's queue too.
    db.transaction(|_| {
        let db = db.clone();
        async move {
            let error = tokio::spawn(async move { db.execute("DELETE FROM t").await })
                .await
                .unwrap()
                .unwrap_err();
            assert!(error.is_pool_exhausted(), "{error:?}");
            Ok(())
        }
    })
    .await
    .unwrap();
    assert_alive(&db).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_readers_at_once() {
    let place = Place::new();
    let db = place.builder().max_size(4).max_overflow(8).min_idle(2).open().await.unwrap();
    db.execute_batch(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v INT);
        INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 1000)
            SELECT i, i * i FROM n;",
    )
    .await
    .unwrap();
    let asked: Vec<_> = (0..1_000i64)
        .map(|n| {
            let db = db.clone();
            tokio::spawn(async move {
                let query = db.query("SELECT v FROM t WHERE id = ? OR v = -1").bind(n + 1);
                let query = if n % 2 == 0 { query.no_cache() } else { query };
                assert_eq!(query.scalar::<i64>().await.unwrap(), (n + 1) * (n + 1));
            })
        })
        .collect();
    for asked in asked {
        asked.await.unwrap();
    }
    let stats = db.stats().readers;
    assert!(stats.size <= 12 && stats.max == 12, "{stats:?}");
    let began = Instant::now();
    // One whose snapshot is being ended is in use as well.
    while db.stats().readers.size > 4 || db.stats().readers.in_use > 0 {
        assert!(
            began.elapsed() < Duration::from_secs(3),
            "overflow stays: {:?}",
            db.stats().readers
        );
        tokio::time::sleep(ms(10)).await;
    }
    assert_alive(&db).await;
}

#[tokio::test]
async fn closing_waits_for_what_is_in_flight() {
    let place = Place::new();
    let db = place.builder().open().await.unwrap();
    db.execute_batch("CREATE TABLE t (a)").await.unwrap();
    let writing = tokio::spawn({
        let db = db.clone();
        async move {
            db.transaction(|tx| async move {
                for n in 0..20 {
                    tx.execute("INSERT INTO t VALUES (?)").bind(n).await?;
                    tokio::time::sleep(ms(10)).await;
                }
                Ok(())
            })
            .await
        }
    });
    tokio::time::sleep(ms(50)).await;
    db.close().await;
    assert!(writing.is_finished(), "it did not wait");
    writing.await.unwrap().unwrap();
    let bare = place.bare();
    let count: i64 = bare.query_row("SELECT count(*) FROM t", [], |row| row.get(0)).unwrap();
    assert_eq!(count, 20);
    assert!(db.query("SELECT 1").fetch().await.unwrap_err().is_closed());
    // Closing twice is closing once.
    db.close().await;
    let stats = db.stats();
    assert_eq!((stats.readers.size, stats.writer.size, stats.sessions.size), (0, 0, 0));
    assert_eq!(stats.cache.entries, 0);
}
