use crate::place::{ms, on_each};

const ENDLESS: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
    SELECT i FROM n";

#[test]
fn many_rows_come_in_order() {
    on_each("many_rows_come_in_order", async |place| {
        let db = place.builder().max_result_rows(10).open().await.unwrap();
        let sql = "SELECT n, 'row ' || n FROM generate_series($1::int, $2::int) n";
        let mut stream =
            db.query(sql).bind(1).bind(100_000).stream::<(i32, String)>().await.unwrap();
        assert_eq!(stream.columns().len(), 2);
        let mut count = 0;
        while let Some(row) = stream.next().await {
            let (n, text) = row.unwrap();
            count += 1;
            assert_eq!((n, text), (count, format!("row {count}")));
        }
        assert_eq!(count, 100_000);
        assert!(stream.next().await.is_none());
        let mut none = db.query(sql).bind(1).bind(0).stream::<(i32, String)>().await.unwrap();
        assert_eq!(none.columns().len(), 2);
        assert!(none.next().await.is_none());
        drop((stream, none));
        place.until_no_session("state <> 'idle'").await;
        // A write is run to its end first.
        db.execute_batch("CREATE TABLE t (a int)").await.unwrap();
        let insert = "INSERT INTO t SELECT generate_series(1, 5) RETURNING a";
        drop(db.query(insert).stream::<i32>().await.unwrap());
        assert_eq!(place.psql("SELECT count(*) FROM t"), "5");
    });
}

#[test]
fn a_slow_reader_holds_the_server_back_and_loses_nothing() {
    on_each("a_slow_reader_holds_the_server_back_and_loses_nothing", async |place| {
        let db = place.single().open().await.unwrap();
        let sql = "SELECT n, repeat('x', 2000) FROM generate_series(1, 30000) n";
        let mut stream = db.query(sql).stream::<(i32, String)>().await.unwrap();
        for n in 1..=30_000 {
            let row = stream.next().await.unwrap().unwrap();
            assert_eq!((row.0, row.1.len()), (n, 2_000));
            if n % 10_000 == 0 {
                // What is not read stays at the server, which waits for its client.
                tokio::time::sleep(ms(300)).await;
            }
            if n == 10_000 {
                place.until_some_session("wait_event = 'ClientWrite'").await;
            }
        }
        assert!(stream.next().await.is_none());
        assert_eq!(db.query("SELECT 1").scalar::<i32>().await.unwrap(), 1);
    });
}

#[test]
fn one_that_is_dropped_is_stopped() {
    on_each("one_that_is_dropped_is_stopped", async |place| {
        let db = place.single().open().await.unwrap();
        for rows in [0, 1, 5_000] {
            let mut stream = db.query(ENDLESS).stream::<i32>().await.unwrap();
            for _ in 0..rows {
                stream.next().await.unwrap().unwrap();
            }
            place.until_some_session("state = 'active'").await;
            drop(stream);
            place.until_no_session("state <> 'idle'").await;
            // The one connection there is goes on.
            assert_eq!(db.query("SELECT 1").scalar::<i32>().await.unwrap(), 1);
        }
        let opening = db.query("SELECT pg_sleep(60)").stream::<String>();
        assert!(tokio::time::timeout(ms(300), opening).await.is_err());
        place.until_no_session("state <> 'idle'").await;
        assert_eq!(place.sessions("true"), "1");
        assert_eq!(db.stats().readers.opened, 1);
    });
}

#[test]
fn an_error_half_way_comes_after_the_rows() {
    on_each("an_error_half_way_comes_after_the_rows", async |place| {
        let db = place.builder().open().await.unwrap();
        let sql = "SELECT 1 / (n - 50000), n FROM generate_series(1, 100000) n";
        let mut stream = db.query(sql).stream::<(i32, i32)>().await.unwrap();
        let mut last = 0;
        let error = loop {
            match stream.next().await.unwrap() {
                Ok((_, n)) => last = n,
                Err(error) => break error,
            }
        };
        assert_eq!(error.code(), Some("22012"));
        assert!((1..50_000).contains(&last), "{last}");
        assert!(stream.next().await.is_none());
        // At once, it is an error of the call.
        let error = db.query("SELECT 1 / 0").stream::<i32>().await.err().unwrap();
        assert_eq!(error.code(), Some("22012"));
        let error = db.query("SELEC").stream::<i32>().await.err().unwrap();
        assert_eq!(error.code(), Some("42601"));
        let late = "SELECT n, CASE WHEN n > 1000 THEN pg_sleep(60)::text END
            FROM generate_series(1, 100000) n";
        let mut stream =
            db.query(late).timeout(ms(3_000)).stream::<(i32, Option<String>)>().await.unwrap();
        let error = loop {
            if let Err(error) = stream.next().await.unwrap() {
                break error;
            }
        };
        assert!(error.is_timeout(), "{error:?}");
        place.until_no_session("state <> 'idle'").await;
    });
}

#[test]
fn in_a_transaction_and_a_session() {
    on_each("in_a_transaction_and_a_session", async |place| {
        let db = place.open("CREATE TABLE t (a int)").await;
        let count: i32 = db
            .transaction(|tx| async move {
                tx.execute("INSERT INTO t SELECT generate_series(1, 2000)").await?;
                let mut stream = tx.query("SELECT a FROM t ORDER BY a").stream::<i32>().await?;
                let mut count = 0;
                while let Some(row) = stream.next().await {
                    count += 1;
                    assert_eq!(row?, count);
                }
                // One that is given up half-way leaves the transaction able to be rolled back.
                Ok(count)
            })
            .await
            .unwrap();
        assert_eq!(count, 2_000);
        let after = db
            .transaction(|tx| async move {
                tx.execute("INSERT INTO t VALUES (0)").await?;
                let mut stream = tx.query(ENDLESS).stream::<i32>().await?;
                stream.next().await.unwrap()?;
                drop(stream);
                tx.query("SELECT count(*) FROM t").scalar::<i64>().await
            })
            .await;
        // The server ends a transaction of which a statement was stopped.
        let error = after.unwrap_err();
        assert_eq!(error.code(), Some("25P02"), "{error:?}");
        place.until_no_session("state <> 'idle'").await;
        let session = db.session();
        session.execute("BEGIN").await.unwrap();
        session.execute("DELETE FROM t WHERE a > 10").await.unwrap();
        let mut stream = session.query("SELECT a FROM t").stream::<i32>().await.unwrap();
        let mut count = 0;
        while let Some(row) = stream.next().await {
            row.unwrap();
            count += 1;
        }
        assert_eq!(count, 10);
        session.execute("ROLLBACK").await.unwrap();
        assert_eq!(place.psql("SELECT count(*) FROM t"), "2000");
    });
}
