use std::time::Duration;

use forebay::{Db, Row};

use crate::place::{Place, assert_alive};

const SCHEMA: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT);
    INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 20000)
        SELECT i, 'row ' || i FROM n;";

async fn idle(db: &Db) {
    for _ in 0..1_000 {
        let stats = db.stats();
        if stats.readers.in_use + stats.writer.in_use + stats.sessions.in_use == 0 {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
        tokio::task::yield_now().await;
    }
    panic!("a connection is still held: {:?}", db.stats());
}

#[tokio::test]
async fn every_row_comes_once_and_in_order() {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    for limit in [0, 1, 255, 256, 257, 511, 512, 513, 20_000] {
        let sql = "SELECT id, v FROM t ORDER BY id LIMIT ?";
        for warm in [false, true] {
            if warm {
                db.query(sql).bind(limit).fetch().await.unwrap();
            }
            let mut rows = db.query(sql).bind(limit).stream::<(i64, String)>().await.unwrap();
            assert_eq!(rows.columns().len(), 2);
            let mut n = 0;
            while let Some(row) = rows.next().await {
                n += 1;
                assert_eq!(row.unwrap(), (n, format!("row {n}")));
            }
            assert_eq!(n, limit);
            assert!(rows.next().await.is_none(), "it stays at its end");
            assert_eq!(rows.columns().len(), 2);
        }
    }
    idle(&db).await;
    assert_alive(&db).await;
}

#[tokio::test]
async fn errors_come_where_they_happen() {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    let bare = place.bare();
    bare.execute("UPDATE t SET v = CAST(x'ff' AS TEXT) WHERE id = 10000", []).unwrap();
    for (sql, good) in [
        ("SELECT v FROM t ORDER BY id", 9_999),
        (
            "SELECT abs(iif(id = 5000, -9223372036854775807 - 1, id)) || '' FROM t ORDER BY id",
            4_999,
        ),
        ("SELECT iif(id = 700, NULL, 'x') FROM t ORDER BY id", 699),
    ] {
        let mut rows = db.query(sql).stream::<String>().await.unwrap();
        let mut seen = 0;
        let error = loop {
            match rows.next().await {
                Some(Ok(_)) => seen += 1,
                Some(Err(error)) => break error,
                None => panic!("{sql}: the error was swallowed"),
            }
        };
        assert!(error.is_decode() || error.is_usage(), "{sql}: {error}");
        assert!(seen == good || !error.is_decode() || sql.contains("v FROM"), "{sql}: {seen}");
        assert!(seen <= good, "{sql}: {seen}");
    }
    for sql in ["nonsense", "SELECT * FROM nowhere", "SELECT ?", "BEGIN", "SELECT 1; SELECT 2"] {
        assert!(db.query(sql).stream::<i64>().await.err().is_some_and(|e| e.is_usage()), "{sql}");
    }
    idle(&db).await;
    assert_alive(&db).await;
}

#[tokio::test]
async fn dropped_streams_hold_nothing() {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    for take in [0, 1, 300, 5_000] {
        let mut rows = db.query("SELECT * FROM t").stream::<Row>().await.unwrap();
        for _ in 0..take {
            rows.next().await.unwrap().unwrap();
        }
        drop(rows);
        idle(&db).await;
        // In a transaction the next statement follows at once.
        db.transaction(|tx| async move {
            let mut rows = tx.query("SELECT * FROM t").stream::<Row>().await?;
            for _ in 0..take {
                rows.next().await.unwrap()?;
            }
            drop(rows);
            tx.execute("UPDATE t SET v = v WHERE id = 1").await.map(|_| ())
        })
        .await
        .unwrap();
    }
    assert_alive(&db).await;
}

#[tokio::test]
async fn a_stream_that_writes_has_written() {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    let rows = db.query("UPDATE t SET v = 'x' RETURNING id").stream::<i64>().await.unwrap();
    drop(rows);
    let changed: i64 = db.query("SELECT count(*) FROM t WHERE v = 'x'").scalar().await.unwrap();
    assert_eq!(changed, 20_000);
    // On a connection of its own it is over when it has been read, and undone when it is not.
    for (read, expect) in [(true, 20_000), (false, 0)] {
        let value = if read { "read" } else { "dropped" };
        let sql = format!("UPDATE t SET v = '{value}' RETURNING id");
        let outcome = db
            .transaction(|tx| async move {
                let mut rows = tx.query(&sql).stream::<i64>().await?;
                while read && rows.next().await.transpose()?.is_some() {}
                Ok(())
            })
            .await;
        // SQLite undoes the transaction as a whole if the statement was stopped while it ran, and
        // only the statement if it waited to be read; both are told.
        assert!(outcome.is_ok() || !read, "{outcome:?}");
        let sql = format!("SELECT count(*) FROM t WHERE v = '{value}'");
        let changed: i64 = db.query(&sql).scalar().await.unwrap();
        assert_eq!(changed, expect);
    }
    assert_alive(&db).await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_not_read_is_ended_and_says_so() {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    let mut rows = db.query("SELECT id FROM t ORDER BY id").stream::<i64>().await.unwrap();
    // The worker fills the queue and waits; then time goes by, in two steps of more than 30 s.
    for _ in 0..2 {
        for _ in 0..50 {
            std::thread::sleep(Duration::from_millis(2));
            tokio::task::yield_now().await;
        }
        tokio::time::advance(Duration::from_secs(31)).await;
    }
    idle(&db).await;
    let mut seen = 0;
    let error = loop {
        match rows.next().await {
            Some(Ok(row)) => {
                seen += 1;
                assert_eq!(row, seen);
            }
            Some(Err(error)) => break error,
            None => panic!("{seen} of 20,000 rows were passed off as all of them"),
        }
    };
    assert!(error.is_cancelled() && error.message().contains("30 s"), "{error}");
    assert!(rows.next().await.is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_and_writes_at_once() {
    let place = Place::new();
    let db = place.builder().max_size(4).max_overflow(4).open().await.unwrap();
    db.execute_batch(SCHEMA).await.unwrap();
    let readers: Vec<_> = (0..16)
        .map(|_| {
            let db = db.clone();
            tokio::spawn(async move {
                let mut rows =
                    db.query("SELECT sum(id) OVER () FROM t").stream::<i64>().await.unwrap();
                let (mut first, mut count) = (None, 0);
                while let Some(row) = rows.next().await {
                    let row = row.unwrap();
                    assert_eq!(*first.get_or_insert(row), row, "a stream is one snapshot");
                    count += 1;
                }
                count
            })
        })
        .collect();
    for n in 0..50 {
        db.execute("UPDATE t SET v = ? WHERE id = 1").bind(n).await.unwrap();
    }
    for reader in readers {
        assert_eq!(reader.await.unwrap(), 20_000);
    }
    assert_alive(&db).await;
}
