use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use forebay::{Db, Isolation, Result, TransactionOptions};
use tokio::sync::Barrier;

use crate::place::{ms, on_each};

const TABLE: &str = "CREATE TABLE t (id int PRIMARY KEY, n int NOT NULL DEFAULT 0)";
const IN_TRANSACTION: &str = "state LIKE 'idle in transaction%'";

async fn ids(db: &Db) -> Vec<i32> {
    db.query("SELECT id FROM t ORDER BY id").all().await.unwrap()
}

#[test]
fn commits_and_rolls_back() {
    on_each("commits_and_rolls_back", async |place| {
        let db = place.open(TABLE).await;
        let seen: i64 = db
            .transaction(|tx| async move {
                tx.execute("INSERT INTO t VALUES ($1)").bind(1).await?;
                tx.execute_batch("INSERT INTO t VALUES (2); INSERT INTO t VALUES (3)").await?;
                tx.query("SELECT count(*) FROM t").scalar().await
            })
            .await
            .unwrap();
        assert_eq!(seen, 3);
        let failed: Result<()> = db
            .transaction(|tx| async move {
                tx.execute("INSERT INTO t VALUES (4)").await?;
                tx.execute("INSERT INTO t VALUES (4)").await?;
                Ok(())
            })
            .await;
        assert!(failed.unwrap_err().is_unique_violation());
        let failed: Result<()> = db
            .transaction(|tx| async move {
                tx.execute("INSERT INTO t VALUES (5)").await?;
                // The error is not passed on, so that it would be committed.
                let lost = tx.execute("INSERT INTO t VALUES (5)").await;
                assert!(lost.unwrap_err().is_unique_violation());
                let after = tx.query("SELECT 1").fetch().await.unwrap_err();
                assert_eq!(after.code(), Some("25P02"));
                assert!(after.message().contains("roll it back"), "{after}");
                Ok(())
            })
            .await;
        let error = failed.unwrap_err();
        assert!(error.is_closed() && error.message().contains("rolled back"), "{error:?}");
        assert_eq!(ids(&db).await, [1, 2, 3]);
        // A constraint that is looked at with the commit.
        db.execute_batch("CREATE TABLE d (a int UNIQUE DEFERRABLE INITIALLY DEFERRED)")
            .await
            .unwrap();
        let failed = db
            .transaction(
                |tx| async move { tx.execute("INSERT INTO d VALUES (1), (1)").await.map(drop) },
            )
            .await;
        assert!(failed.unwrap_err().is_unique_violation());
        assert_eq!(place.psql("SELECT count(*) FROM d"), "0");
        place.until_no_session(IN_TRANSACTION).await;
    });
}

#[test]
fn savepoints_are_kept_or_undone() {
    on_each("savepoints_are_kept_or_undone", async |place| {
        let db = place.open(TABLE).await;
        db.transaction(|tx| async move {
            tx.execute("INSERT INTO t VALUES (1)").await?;
            let undone: Result<()> = tx
                .savepoint(|inner| async move {
                    inner.execute("INSERT INTO t VALUES (2)").await?;
                    inner.execute("INSERT INTO t VALUES (1)").await.map(drop)
                })
                .await;
            assert!(undone.unwrap_err().is_unique_violation());
            tx.savepoint(|inner| async move {
                inner.execute("INSERT INTO t VALUES (3)").await?;
                let undone: Result<()> = inner
                    .savepoint(|innermost| async move {
                        innermost.execute("INSERT INTO t VALUES (4)").await?;
                        innermost.query("SELECT 1 / 0").fetch().await.map(drop)
                    })
                    .await;
                assert_eq!(undone.unwrap_err().code(), Some("22012"));
                inner
                    .savepoint(|it| async move {
                        it.execute("INSERT INTO t VALUES (5)").await.map(drop)
                    })
                    .await
            })
            .await
        })
        .await
        .unwrap();
        assert_eq!(ids(&db).await, [1, 3, 5]);
        // One that fails without its error being passed on cannot be kept.
        let kept: Result<()> = db
            .transaction(|tx| async move {
                tx.savepoint(|inner| async move {
                    inner.execute("INSERT INTO t VALUES (6)").await?;
                    let _ = inner.query("SELECT 1 / 0").fetch().await;
                    Ok(())
                })
                .await
            })
            .await;
        assert!(kept.is_err());
        assert_eq!(ids(&db).await, [1, 3, 5]);
    });
}

#[test]
fn options_are_in_force() {
    on_each("options_are_in_force", async |place| {
        let db = place.open(TABLE).await;
        let new = TransactionOptions::new;
        let settings = "SELECT current_setting('transaction_isolation'),
            current_setting('transaction_read_only'), current_setting('transaction_deferrable')";
        for (options, expect) in [
            (new(), ("read committed", "off", "off")),
            (new().isolation(Isolation::ReadCommitted), ("read committed", "off", "off")),
            (new().isolation(Isolation::RepeatableRead), ("repeatable read", "off", "off")),
            (new().isolation(Isolation::Serializable), ("serializable", "off", "off")),
            (new().read_only(), ("read committed", "on", "off")),
            (new().deferrable(), ("serializable", "on", "on")),
        ] {
            let found: (String, String, String) = db
                .transaction_with(options, |tx| async move { tx.query(settings).one().await })
                .await
                .unwrap();
            assert_eq!((&*found.0, &*found.1, &*found.2), expect);
        }
        let write = |tx: forebay::Transaction| async move {
            tx.execute("INSERT INTO t VALUES (1)").await.map(drop)
        };
        let error = db.transaction_with(new().read_only(), write).await.unwrap_err();
        assert!(error.is_read_only() && error.code() == Some("25006"), "{error:?}");
        assert_eq!(ids(&db).await, [0; 0]);
    });
}

/// Reads, thinks, and writes what it has read and one more.
async fn increment(db: &Db, options: TransactionOptions, tries: &AtomicU32) -> Result<()> {
    db.transaction_with(options, |tx| {
        tries.fetch_add(1, Ordering::Relaxed);
        async move {
            let n: i32 = tx.query("SELECT n FROM t WHERE id = 1").scalar().await?;
            tokio::time::sleep(ms(3)).await;
            tx.execute("UPDATE t SET n = $1 WHERE id = 1").bind(n + 1).await.map(drop)
        }
    })
    .await
}

#[test]
fn what_cannot_be_put_in_order_is_tried_again() {
    on_each("what_cannot_be_put_in_order_is_tried_again", async |place| {
        let db = place.open(TABLE).await;
        db.execute("INSERT INTO t VALUES (1)").await.unwrap();
        for (isolation, expect) in [(Isolation::RepeatableRead, 24), (Isolation::Serializable, 48)]
        {
            let tries = Arc::new(AtomicU32::new(0));
            let tasks: Vec<_> = (0..6)
                .map(|_| {
                    let (db, tries) = (db.clone(), tries.clone());
                    let options = TransactionOptions::new().isolation(isolation).retries(200);
                    tokio::spawn(async move {
                        for _ in 0..4 {
                            increment(&db, options.clone(), &tries).await.unwrap();
                        }
                    })
                })
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
            assert_eq!(place.psql("SELECT n FROM t"), expect.to_string());
            assert!(tries.load(Ordering::Relaxed) > 24, "nobody met");
        }
        // Without retries, whoever comes second is told.
        let barrier = Arc::new(Barrier::new(2));
        let options = TransactionOptions::new().isolation(Isolation::RepeatableRead);
        let meet = |tx: forebay::Transaction| {
            let barrier = barrier.clone();
            async move {
                let n: i32 = tx.query("SELECT n FROM t").scalar().await?;
                barrier.wait().await;
                tx.execute("UPDATE t SET n = $1").bind(n + 1).await.map(drop)
            }
        };
        let (one, two) = tokio::join!(
            db.transaction_with(options.clone(), meet),
            db.transaction_with(options, meet)
        );
        let errors: Vec<_> = [one, two].into_iter().filter_map(Result::err).collect();
        assert_eq!(errors.len(), 1);
        assert!(errors[0].is_serialization_failure() && errors[0].code() == Some("40001"));
    });
}

#[test]
fn a_deadlock_is_tried_again() {
    on_each("a_deadlock_is_tried_again", async |place| {
        let db = place.open(TABLE).await;
        db.execute("INSERT INTO t VALUES (1), (2)").await.unwrap();
        let barrier = Barrier::new(2);
        let tries = AtomicU32::new(0);
        let crosswise = async |first: i32, second: i32| {
            let met = AtomicU32::new(0);
            let options = TransactionOptions::new().retries(5);
            db.transaction_with(options, |tx| {
                tries.fetch_add(1, Ordering::Relaxed);
                let is_first = met.fetch_add(1, Ordering::Relaxed) == 0;
                let barrier = &barrier;
                async move {
                    let add = "UPDATE t SET n = n + 1 WHERE id = $1";
                    tx.execute(add).bind(first).await?;
                    if is_first {
                        barrier.wait().await;
                    }
                    tx.execute(add).bind(second).await.map(drop)
                }
            })
            .await
        };
        let (one, two) = tokio::join!(crosswise(1, 2), crosswise(2, 1));
        one.unwrap();
        two.unwrap();
        assert_eq!(place.psql("SELECT string_agg(n::text, ',') FROM t"), "2,2");
        assert!(tries.load(Ordering::Relaxed) >= 3, "one of them is tried again");
    });
}

#[test]
fn limits_of_time_roll_back() {
    on_each("limits_of_time_roll_back", async |place| {
        place.psql(TABLE);
        let db = place
            .builder()
            .transaction_idle_timeout(ms(300))
            .transaction_timeout(ms(1_500))
            .open()
            .await
            .unwrap();
        let idle: Result<()> = db
            .transaction(|tx| async move {
                tx.execute("INSERT INTO t VALUES (1)").await?;
                tokio::time::sleep(ms(1_000)).await;
                place.until_no_session(IN_TRANSACTION).await;
                tx.execute("INSERT INTO t VALUES (2)").await.map(drop)
            })
            .await;
        let error = idle.unwrap_err();
        assert!(error.is_timeout() && error.message().contains("idle"), "{error:?}");
        for sql in ["SELECT pg_sleep(0.1)", "SELECT pg_sleep(60)"] {
            let late: Result<()> = db
                .transaction(|tx| async move {
                    tx.execute("INSERT INTO t VALUES (3)").await?;
                    loop {
                        tx.query(sql).fetch().await?;
                    }
                })
                .await;
            assert!(late.as_ref().unwrap_err().is_timeout(), "{late:?}");
        }
        place.until_no_session("state <> 'idle'").await;
        assert_eq!(ids(&db).await, [0; 0]);
    });
}

#[test]
fn a_future_that_is_dropped_rolls_back() {
    on_each("a_future_that_is_dropped_rolls_back", async |place| {
        let db = place.open(TABLE).await;
        for then in ["", "SELECT pg_sleep(60)"] {
            let work = db.transaction(|tx| async move {
                tx.execute("INSERT INTO t VALUES (1)").await?;
                match then {
                    "" => std::future::pending().await,
                    sql => tx.query(sql).fetch().await.map(drop),
                }
            });
            assert!(tokio::time::timeout(ms(500), work).await.is_err());
            place.until_no_session("state <> 'idle'").await;
            assert_eq!(ids(&db).await, [0; 0]);
        }
        // In a savepoint, all of it.
        let work = db.transaction(|tx| async move {
            tx.execute("INSERT INTO t VALUES (1)").await?;
            let within = tx.savepoint(|inner| async move {
                inner.execute("INSERT INTO t VALUES (2)").await?;
                std::future::pending::<Result<()>>().await
            });
            assert!(tokio::time::timeout(ms(300), within).await.is_err());
            tx.execute("INSERT INTO t VALUES (3)").await.map(drop)
        });
        assert!(work.await.unwrap_err().is_closed());
        // A panic, too.
        let (inner, panicking) = (db.clone(), TABLE.len() > 1);
        let panicked = tokio::spawn(async move {
            inner
                .transaction(|tx| async move {
                    tx.execute("INSERT INTO t VALUES (4)").await?;
                    assert!(!panicking, "on purpose");
                    Ok(())
                })
                .await
        });
        assert!(panicked.await.unwrap_err().is_panic());
        place.until_no_session("state <> 'idle'").await;
        assert_eq!(ids(&db).await, [0; 0]);
    });
}

#[test]
fn nobody_ends_it_from_within() {
    on_each("nobody_ends_it_from_within", async |place| {
        let db = place.open(TABLE).await;
        db.transaction(|tx| async move {
            tx.execute("INSERT INTO t VALUES (1)").await?;
            for sql in ["COMMIT", "ROLLBACK", "END", "BEGIN", "SAVEPOINT a", "commit and chain"] {
                let error = tx.execute(sql).await.unwrap_err();
                assert!(error.is_usage(), "{sql}: {error:?}");
            }
            Ok(())
        })
        .await
        .unwrap();
        let in_a_block: Result<()> = db
            .transaction(|tx| async move {
                tx.execute("INSERT INTO t VALUES (2)").await?;
                tx.execute("DO $$ BEGIN COMMIT; END $$").await.map(drop)
            })
            .await;
        assert_eq!(in_a_block.unwrap_err().code(), Some("2D000"));
        assert_eq!(ids(&db).await, [1]);
        // A script cannot be kept from it; it is an error that says so.
        for (id, script) in [(3, "COMMIT"), (4, "COMMIT; BEGIN"), (5, "COMMIT AND CHAIN")] {
            let ended = db
                .transaction(|tx| async move {
                    tx.execute("INSERT INTO t VALUES ($1)").bind(id).await?;
                    tx.execute_batch(script).await
                })
                .await;
            let error = ended.unwrap_err();
            assert!(error.message().contains("has ended the transaction"), "{script}: {error:?}");
            assert_eq!(place.psql(&format!("SELECT count(*) FROM t WHERE id = {id}")), "1");
        }
        place.until_no_session(IN_TRANSACTION).await;
    });
}

#[test]
fn a_batch_is_all_or_nothing() {
    on_each("a_batch_is_all_or_nothing", async |place| {
        let db = place.open(TABLE).await;
        let failed = db.execute_batch("INSERT INTO t VALUES (1); INSERT INTO t VALUES (1)").await;
        assert!(failed.unwrap_err().is_unique_violation());
        let failed = db.execute_batch("INSERT INTO t VALUES (1); SELEC 1").await;
        assert!(failed.unwrap_err().is_usage());
        db.execute_batch("INSERT INTO t VALUES (1); /* ; */ INSERT INTO t VALUES (2);")
            .await
            .unwrap();
        db.execute_batch("").await.unwrap();
        let body =
            "CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT 2; END;
            DO $$ BEGIN PERFORM 1; END $$";
        db.execute_batch(body).await.unwrap();
        assert_eq!(db.query("SELECT f()").scalar::<i32>().await.unwrap(), 2);
        assert_eq!(ids(&db).await, [1, 2]);
        // Its own use within a transaction would wait for itself.
        let nested = db
            .transaction(|_| {
                let db = db.clone();
                async move { db.execute("INSERT INTO t VALUES (9)").await.map(drop) }
            })
            .await;
        assert!(nested.unwrap_err().is_usage());
    });
}
