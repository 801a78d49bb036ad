use std::time::{Duration, Instant};

use forebay::{Db, Error, Transaction};

use crate::place::{Place, assert_alive};

const SCHEMA: &str = "
    CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
    CREATE TABLE posts (id INTEGER PRIMARY KEY,
        author INT REFERENCES users DEFERRABLE INITIALLY DEFERRED);
    CREATE TABLE counter (n INT);
    INSERT INTO users VALUES (1, 'Ada');
    INSERT INTO counter VALUES (0);
";

/// Never ends by itself.
const ENDLESS: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
    SELECT count(*) FROM n";
const ENDLESS_WRITE: &str = "INSERT INTO counter
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n";

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

async fn names(db: &Db) -> Vec<String> {
    db.query("SELECT name FROM users ORDER BY id").all().await.unwrap()
}

async fn insert(tx: &Transaction, name: &str) -> Result<(), Error> {
    tx.execute("INSERT INTO users (name) VALUES (?)").bind(name).await.map(|_| ())
}

#[tokio::test]
async fn a_nested_use_is_an_error_and_not_a_hang() {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    let began = Instant::now();
    let inner = db.clone();
    db.transaction(|tx| async move {
        for error in [
            inner.execute("DELETE FROM users").await.unwrap_err(),
            inner.execute_batch("DELETE FROM users").await.unwrap_err(),
            inner.transaction(|_| async { Ok(()) }).await.unwrap_err(),
            inner.session().execute("DELETE FROM users").await.unwrap_err(),
            inner.query("DELETE FROM users RETURNING id").fetch().await.unwrap_err(),
            inner.query("DELETE FROM users RETURNING id").stream::<i64>().await.err().unwrap(),
        ] {
            assert!(error.is_usage(), "{error}");
            assert!(error.message().contains("handle"), "{error}");
        }
        // A read has a connection of its own.
        assert_eq!(names(&inner).await, ["Ada"]);
        insert(&tx, "Grace").await
    })
    .await
    .unwrap();
    assert!(began.elapsed() < Duration::from_secs(2));
    assert_eq!(names(&db).await, ["Ada", "Grace"]);
    let memory = forebay::open("sqlite::memory:").await.unwrap();
    let inner = memory.clone();
    memory
        .transaction(|_| async move {
            let error = inner.query("SELECT 1").fetch().await.unwrap_err();
            assert!(error.is_usage(), "{error}");
            Ok(())
        })
        .await
        .unwrap();
    // Beside a transaction, and not inside of it, a write waits for its turn.
    let (first, second) = tokio::join!(
        db.transaction(|tx| async move { insert(&tx, "A").await }),
        db.execute("INSERT INTO users (name) VALUES ('B')")
    );
    assert!(first.is_ok() && second.is_ok());
    assert_alive(&db).await;
}

#[tokio::test]
async fn a_transaction_that_lies_idle_is_ended() {
    let place = Place::new();
    let db = place.builder().transaction_idle_timeout(ms(100)).open().await.unwrap();
    db.execute_batch(SCHEMA).await.unwrap();
    let done: Result<(), _> = db
        .transaction(|tx| async move {
            insert(&tx, "lost").await?;
            tokio::time::sleep(ms(400)).await;
            insert(&tx, "lost too").await
        })
        .await;
    let error = done.unwrap_err();
    assert!(error.is_timeout() && error.message().contains("idle"), "{error}");
    // Nobody is told that it was committed, also when the end is all that follows.
    let done: Result<(), _> = db
        .transaction(|tx| async move {
            insert(&tx, "lost").await?;
            tokio::time::sleep(ms(400)).await;
            Ok(())
        })
        .await;
    assert!(done.unwrap_err().is_timeout());
    // Nor when the error has been swallowed.
    let done: Result<(), _> = db
        .transaction(|tx| async move {
            insert(&tx, "lost").await?;
            tokio::time::sleep(ms(400)).await;
            let _ = insert(&tx, "lost").await;
            let _ = insert(&tx, "lost").await;
            Ok(())
        })
        .await;
    assert!(done.unwrap_err().is_closed());
    // While it lies idle others can write as soon as it is ended.
    let session = db.session();
    session.execute("BEGIN IMMEDIATE").await.unwrap();
    session.execute("INSERT INTO users (name) VALUES ('lost')").await.unwrap();
    let began = Instant::now();
    db.execute("INSERT INTO users (name) VALUES ('Grace')").await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert!(!session.is_autocommit().await, "not reported yet");
    let error = session.execute("COMMIT").await.unwrap_err();
    assert!(error.is_timeout(), "{error}");
    assert!(session.is_autocommit().await);
    session.execute("INSERT INTO users (name) VALUES ('Edsger')").await.unwrap();
    assert_eq!(names(&db).await, ["Ada", "Grace", "Edsger"]);
    assert_alive(&db).await;
}

#[tokio::test]
async fn a_transaction_that_lasts_too_long_is_ended() {
    let place = Place::new();
    let db = place.builder().transaction_timeout(ms(300)).open().await.unwrap();
    db.execute_batch(SCHEMA).await.unwrap();
    let began = Instant::now();
    let done: Result<(), _> = db
        .transaction(|tx| async move {
            for n in 0.. {
                insert(&tx, &n.to_string()).await?;
                tokio::time::sleep(ms(5)).await;
            }
            Ok(())
        })
        .await;
    assert!(done.unwrap_err().is_timeout());
    // Also in the middle of a statement.
    let done: Result<(), _> =
        db.transaction(|tx| async move { tx.execute(ENDLESS_WRITE).await.map(|_| ()) }).await;
    assert!(done.unwrap_err().is_timeout());
    let session = db.session();
    session.execute("BEGIN").await.unwrap();
    assert!(session.execute_batch(ENDLESS_WRITE).await.unwrap_err().is_timeout());
    drop(session);
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    assert_eq!(names(&db).await, ["Ada"]);
    assert_alive(&db).await;
}

/// Whatever `work` does, nothing of it is kept, and the database works on.
async fn check_lost<F, Fut>(what: &str, work: F)
where
    F: FnOnce(Transaction) -> Fut,
    Fut: Future<Output = Result<(), Error>>,
{
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    assert_eq!(names(&db).await, ["Ada"]);
    let done = tokio::time::timeout(Duration::from_secs(5), db.transaction(work)).await;
    assert!(!matches!(done, Ok(Ok(()))), "{what}: it was reported as committed");
    assert_alive(&db).await;
    assert_eq!(names(&db).await, ["Ada"], "{what}");
    let count: i64 = db.query("SELECT count(*) FROM counter").scalar().await.unwrap();
    assert_eq!(count, 1, "{what}");
}

#[tokio::test]
async fn nothing_of_a_failed_transaction_is_kept() {
    check_lost("an error", |tx| async move {
        insert(&tx, "lost").await?;
        insert(&tx, "Ada").await
    })
    .await;
    check_lost("OR ROLLBACK, and on as if nothing had happened", |tx| async move {
        insert(&tx, "lost").await?;
        let failed = tx.execute("INSERT OR ROLLBACK INTO users (name) VALUES ('Ada')").await;
        assert!(failed.unwrap_err().is_unique_violation());
        let failed = insert(&tx, "half of the batch").await.unwrap_err();
        assert!(failed.is_closed(), "{failed}");
        let failed = tx.execute_batch("INSERT INTO users (name) VALUES ('x')").await;
        assert!(failed.unwrap_err().is_closed());
        let failed = tx.savepoint(|sp| async move { insert(&sp, "x").await }).await;
        assert!(failed.unwrap_err().is_closed());
        Ok(())
    })
    .await;
    check_lost("a statement that ran too long", |tx| async move {
        insert(&tx, "lost").await?;
        let failed = tx.execute(ENDLESS_WRITE).timeout(ms(50)).await;
        assert!(failed.unwrap_err().is_timeout());
        let failed = insert(&tx, "half of the batch").await.unwrap_err();
        assert!(failed.is_closed(), "{failed}");
        Ok(())
    })
    .await;
    check_lost("a statement that was dropped", |tx| async move {
        insert(&tx, "lost").await?;
        let _ = tokio::time::timeout(ms(50), tx.execute(ENDLESS_WRITE).into_future()).await;
        let failed = insert(&tx, "half of the batch").await.unwrap_err();
        assert!(failed.is_closed(), "{failed}");
        Ok(())
    })
    .await;
    check_lost("a savepoint that was dropped", |tx| async move {
        let half = tx.savepoint(|sp| async move {
            insert(&sp, "half").await?;
            tokio::time::sleep(Duration::from_secs(5)).await;
            insert(&sp, "other half").await
        });
        assert!(tokio::time::timeout(ms(100), half).await.is_err());
        let _ = insert(&tx, "more").await;
        Ok(())
    })
    .await;
    check_lost("a deferred foreign key", |tx| async move {
        insert(&tx, "lost").await?;
        tx.execute("INSERT INTO posts VALUES (1, 77)").await.map(|_| ())
    })
    .await;
    check_lost("an end of its own", |tx| async move {
        insert(&tx, "lost").await?;
        for sql in ["COMMIT", "END", "ROLLBACK", "BEGIN", "SAVEPOINT x", "RELEASE x"] {
            assert!(tx.execute(sql).await.unwrap_err().is_usage(), "{sql}");
            assert!(tx.execute_batch(sql).await.unwrap_err().is_usage(), "{sql}");
        }
        Err(tx.query("SELECT nonsense").fetch().await.unwrap_err())
    })
    .await;
}

use std::future::{Future, IntoFuture};

#[tokio::test]
async fn what_a_failed_commit_says() {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    let done = db
        .transaction(|tx| async move {
            tx.execute("INSERT INTO posts VALUES (1, 77)").await.map(|_| ())
        })
        .await;
    let error = done.unwrap_err();
    assert!(error.is_foreign_key_violation(), "{error}");
    // A session stays in its transaction, as with SQLite itself.
    let session = db.session();
    session.execute("BEGIN").await.unwrap();
    session.execute("INSERT INTO posts VALUES (1, 77)").await.unwrap();
    let error = session.execute("COMMIT").await.unwrap_err();
    assert!(error.is_foreign_key_violation(), "{error}");
    assert!(!session.is_autocommit().await);
    session.execute("DELETE FROM posts").await.unwrap();
    session.execute("COMMIT").await.unwrap();
    assert!(session.is_autocommit().await);
    assert_alive(&db).await;
}

#[tokio::test]
async fn dropped_or_panicking() {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    for delay in [0, 1, 5, 20, 80] {
        let work = db.transaction(|tx| async move {
            insert(&tx, "lost").await?;
            tx.execute(ENDLESS_WRITE).await.map(|_| ())
        });
        assert!(tokio::time::timeout(ms(delay), work).await.is_err());
        let began = Instant::now();
        db.execute("UPDATE counter SET n = n + 1").await.unwrap();
        assert!(began.elapsed() < ms(500), "{:?} after a drop", began.elapsed());
        assert_eq!(names(&db).await, ["Ada"]);
    }
    for at in 0..3 {
        let panicking = db.clone();
        let done = tokio::spawn(async move {
            panicking
                .transaction(|tx| async move {
                    assert!(at != 0, "on purpose");
                    insert(&tx, "lost").await?;
                    assert!(at != 1, "on purpose");
                    tx.savepoint(|sp| async move {
                        insert(&sp, "lost too").await?;
                        panic!("on purpose")
                    })
                    .await
                })
                .await as Result<(), Error>
        })
        .await;
        assert!(done.unwrap_err().is_panic());
        assert_alive(&db).await;
        assert_eq!(names(&db).await, ["Ada"]);
    }
}

#[tokio::test]
async fn a_handle_that_outlives_its_transaction() {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    for fails in [false, true] {
        let leaked = std::sync::Mutex::new(None);
        let keep = &leaked;
        let _ = db
            .transaction(|tx| async move {
                *keep.lock().unwrap() = Some(tx.clone());
                match fails {
                    true => tx.execute("nonsense").await.map(|_| ()),
                    false => Ok(()),
                }
            })
            .await;
        let tx = leaked.into_inner().unwrap().unwrap();
        assert!(insert(&tx, "ghost").await.unwrap_err().is_closed());
        assert!(tx.query("SELECT 1").fetch().await.unwrap_err().is_closed());
        assert!(tx.query("SELECT 1").stream::<i64>().await.err().unwrap().is_closed());
        assert!(tx.execute_batch("SELECT 1").await.unwrap_err().is_closed());
        let savepoint = tx.savepoint(|_| async { Ok(()) }).await;
        assert!(savepoint.unwrap_err().is_closed());
        assert_alive(&db).await;
    }
    assert_eq!(names(&db).await, ["Ada"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_among_many() {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    let read = "SELECT n FROM counter";
    let added: Vec<_> = (0..50)
        .map(|_| {
            let db = db.clone();
            tokio::spawn(async move {
                db.transaction(|tx| async move {
                    let n: i64 = tx.query(read).scalar().await?;
                    tokio::task::yield_now().await;
                    tx.execute("UPDATE counter SET n = ?").bind(n + 1).await.map(|_| ())
                })
                .await
            })
        })
        .collect();
    for added in added {
        added.await.unwrap().unwrap();
    }
    assert_eq!(db.query(read).scalar::<i64>().await.unwrap(), 50);
    // Sessions are arbitrated by SQLite; one that is refused tries again.
    let added: Vec<_> = (0..8)
        .map(|_| {
            let db = db.clone();
            tokio::spawn(async move {
                for _ in 0..5 {
                    let session = db.session();
                    session.execute("BEGIN IMMEDIATE").await.unwrap();
                    let n: i64 = session.query(read).scalar().await.unwrap();
                    session.execute("UPDATE counter SET n = ?").bind(n + 1).await.unwrap();
                    session.execute("COMMIT").await.unwrap();
                }
            })
        })
        .collect();
    for added in added {
        added.await.unwrap();
    }
    assert_eq!(db.query(read).scalar::<i64>().await.unwrap(), 90);
    assert_alive(&db).await;
}

#[tokio::test]
async fn savepoints_in_savepoints() {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    db.transaction(|tx| async move {
        insert(&tx, "kept 1").await?;
        let outer: Result<(), _> = tx
            .savepoint(|sp| async move {
                insert(&sp, "undone 1").await?;
                sp.savepoint(|inner| async move { insert(&inner, "undone 2").await }).await?;
                insert(&sp, "Ada").await
            })
            .await;
        assert!(outer.unwrap_err().is_unique_violation());
        tx.savepoint(|sp| async move {
            insert(&sp, "kept 2").await?;
            let inner: Result<(), _> =
                sp.savepoint(|inner| async move { insert(&inner, "Ada").await }).await;
            assert!(inner.unwrap_err().is_unique_violation());
            insert(&sp, "kept 3").await
        })
        .await
    })
    .await
    .unwrap();
    assert_eq!(names(&db).await, ["Ada", "kept 1", "kept 2", "kept 3"]);
    assert_alive(&db).await;
}

#[tokio::test]
async fn deferred_sessions_may_be_told_to_try_again() {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    let session = db.session();
    session.execute("BEGIN DEFERRED").await.unwrap();
    assert_eq!(session.query("SELECT n FROM counter").scalar::<i64>().await.unwrap(), 0);
    db.execute("UPDATE counter SET n = 1").await.unwrap();
    assert_eq!(session.query("SELECT n FROM counter").scalar::<i64>().await.unwrap(), 0);
    assert_eq!(db.query("SELECT n FROM counter").scalar::<i64>().await.unwrap(), 1);
    let began = Instant::now();
    let error = session.execute("UPDATE counter SET n = n + 1").await.unwrap_err();
    assert!(error.is_busy(), "{error}");
    assert_eq!(error.code(), Some("SQLITE_BUSY_SNAPSHOT"));
    assert!(error.message().contains("BEGIN IMMEDIATE"), "{error}");
    assert!(began.elapsed() < ms(500), "waiting would not help");
    session.execute("ROLLBACK").await.unwrap();
    session.execute("UPDATE counter SET n = n + 1").await.unwrap();
    assert_eq!(db.query("SELECT n FROM counter").scalar::<i64>().await.unwrap(), 2);
    assert_alive(&db).await;
}

/// Gives `work` up after `delay`; the database answers at once.
async fn check_given_up<F: Future>(db: &Db, delay: Duration, work: F) {
    assert!(tokio::time::timeout(delay, work).await.is_err(), "it never ends by itself");
    let dropped = Instant::now();
    while db.stats().readers.in_use + db.stats().writer.in_use + db.stats().sessions.in_use > 0 {
        // It takes a few milliseconds; the rest is for a machine busy with other tests.
        assert!(dropped.elapsed() < ms(250), "a given up statement holds its connection");
        tokio::time::sleep(ms(1)).await;
    }
    assert_alive(db).await;
    assert!(dropped.elapsed() < Duration::from_secs(1));
}

#[tokio::test]
async fn given_up_statements_end_at_once() {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    let many = "INSERT INTO counter VALUES (1); ".repeat(400_000);
    let returning = format!("{ENDLESS_WRITE} RETURNING n");
    for delay in [0, 10, 60] {
        let delay = ms(delay);
        check_given_up(&db, delay, db.query(ENDLESS).fetch()).await;
        check_given_up(&db, delay, db.query(ENDLESS).no_cache().all::<i64>()).await;
        check_given_up(&db, delay, db.execute(ENDLESS_WRITE).into_future()).await;
        check_given_up(&db, delay, db.query(&returning).fetch()).await;
        check_given_up(&db, delay, db.query(ENDLESS).stream::<i64>()).await;
        check_given_up(&db, delay, db.execute_batch(ENDLESS_WRITE)).await;
        check_given_up(&db, delay, db.execute_batch(&many)).await;
        let session = async {
            let session = db.session();
            session.execute("BEGIN").await.unwrap();
            session.query(ENDLESS).fetch().await
        };
        check_given_up(&db, delay, session).await;
        let stream = db.transaction(|tx| async move {
            let mut rows = tx
                .query(
                    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
                    SELECT i FROM n",
                )
                .stream::<i64>()
                .await?;
            while let Some(row) = rows.next().await {
                row?;
            }
            Ok(())
        });
        check_given_up(&db, delay, stream).await;
    }
    let count: i64 = db.query("SELECT count(*) FROM counter").scalar().await.unwrap();
    assert_eq!(count, 1);
}

#[tokio::test]
async fn statements_end_at_their_limit() {
    let place = Place::new();
    let db = place.builder().statement_timeout(Some(ms(250))).open().await.unwrap();
    db.execute_batch(SCHEMA).await.unwrap();
    let returning = format!("{ENDLESS_WRITE} RETURNING n");
    let session = db.session();
    let pinned = db.session();
    pinned.execute("CREATE TEMP TABLE mine (a)").await.unwrap();
    let check = |what: &'static str, done: Result<(), Error>, began: Instant| {
        let error = done.expect_err(what);
        assert!(error.is_timeout(), "{what}: {error}");
        assert!(began.elapsed() < ms(900), "{what}: {:?}", began.elapsed());
    };
    let now = Instant::now;
    let (began, done) = (now(), db.query(ENDLESS).fetch().await);
    check("a read", done.map(|_| ()), began);
    let (began, done) = (now(), db.query(ENDLESS).timeout(ms(20)).fetch().await);
    check("a read with its own limit", done.map(|_| ()), began);
    let (began, done) = (now(), db.execute(ENDLESS_WRITE).await);
    check("a write", done.map(|_| ()), began);
    let (began, done) = (now(), db.query(&returning).fetch().await);
    check("a write that answers", done.map(|_| ()), began);
    let (began, done) = (now(), db.execute_batch(ENDLESS_WRITE).await);
    check("a script", done, began);
    let (began, done) = (now(), session.execute_batch(ENDLESS_WRITE).await);
    check("a script of a session", done, began);
    let (began, done) = (now(), pinned.query(ENDLESS).fetch().await);
    check("a read of a session", done.map(|_| ()), began);
    let (began, done) = (now(), pinned.execute_batch(ENDLESS).await);
    check("a script of a pinned session", done, began);
    let (began, done) = (now(), db.query(ENDLESS).stream::<i64>().await);
    let done = match done {
        Ok(mut rows) => rows.next().await.unwrap().map(|_| ()),
        Err(error) => Err(error),
    };
    check("a stream", done, began);
    // A script of many short statements is not one statement.
    let many = "INSERT INTO counter VALUES (1); ".repeat(100);
    let slow = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 50000)
        SELECT count(*) FROM n;"
        .repeat(100);
    db.execute_batch(&(many + &slow)).await.unwrap();
    assert_eq!(db.query("SELECT count(*) FROM counter").scalar::<i64>().await.unwrap(), 101);
    assert_alive(&db).await;
}

#[tokio::test]
async fn waiting_for_a_lock_ends_in_time() {
    let place = Place::new();
    let db = place.builder().busy_timeout(Duration::from_secs(30)).open().await.unwrap();
    db.execute_batch(SCHEMA).await.unwrap();
    let bare = place.bare();
    bare.execute_batch("BEGIN IMMEDIATE; INSERT INTO users (name) VALUES ('bare')").unwrap();
    let began = Instant::now();
    let error = db.execute("DELETE FROM users").timeout(ms(100)).await.unwrap_err();
    assert!(error.is_timeout() && began.elapsed() < ms(300), "{error} {:?}", began.elapsed());
    let dropped = db.transaction(|_| async { Ok(()) });
    assert!(tokio::time::timeout(ms(50), dropped).await.is_err());
    let dropped = db.execute_batch("DELETE FROM users");
    assert!(tokio::time::timeout(ms(50), dropped).await.is_err());
    tokio::time::sleep(ms(50)).await;
    assert_eq!(db.stats().writer.in_use, 0, "nobody waits for nobody");
    bare.execute_batch("COMMIT").unwrap();
    assert_eq!(names(&db).await, ["Ada", "bare"]);
    assert_alive(&db).await;
}

#[tokio::test]
async fn long_scripts_take_time_in_proportion() {
    let db = forebay::open("sqlite::memory:").await.unwrap();
    db.execute_batch("CREATE TABLE t (a)").await.unwrap();
    let mut last = Duration::ZERO;
    for n in [10_000, 40_000] {
        let script = "INSERT INTO t VALUES ('some text, and some more of it');".repeat(n);
        let began = Instant::now();
        db.execute_batch(&script).await.unwrap();
        let took = began.elapsed();
        assert!(last.is_zero() || took < last * 12, "{n} statements took {took:?}, not {last:?}");
        last = took;
    }
}

#[tokio::test]
async fn closing_ends_what_is_open() {
    let place = Place::new();
    let db = place.builder().transaction_idle_timeout(ms(300)).open().await.unwrap();
    db.execute_batch(SCHEMA).await.unwrap();
    let changed = db.session();
    changed.execute("CREATE TEMP TABLE mine (a)").await.unwrap();
    let open = db.session();
    open.execute("BEGIN IMMEDIATE").await.unwrap();
    open.execute("INSERT INTO users (name) VALUES ('lost')").await.unwrap();
    let closed = tokio::time::timeout(Duration::from_secs(5), db.close()).await;
    closed.expect("close returns, whoever holds a session");
    assert!(open.execute("COMMIT").await.is_err());
    assert!(changed.query("SELECT * FROM mine").fetch().await.is_err());
    let bare = place.bare();
    let count: i64 = bare.query_row("SELECT count(*) FROM users", [], |row| row.get(0)).unwrap();
    assert_eq!(count, 1);
    for error in [
        db.query("SELECT 1").fetch().await.unwrap_err(),
        db.execute("DELETE FROM users").await.unwrap_err(),
        db.execute_batch("DELETE FROM users").await.unwrap_err(),
        db.transaction(|_| async { Ok(()) }).await.unwrap_err(),
        db.session().execute("BEGIN").await.unwrap_err(),
        db.ping().await.unwrap_err(),
        db.explain("SELECT 1").await.unwrap_err(),
    ] {
        assert!(error.is_closed(), "{error}");
    }
}

/// The watch over a transaction's limits ends with it, not with the longest limit.
#[tokio::test]
async fn ended_transactions_leave_no_task_behind() {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    for _ in 0..100 {
        db.transaction(|tx| async move { tx.query("SELECT 1").scalar::<i64>().await })
            .await
            .unwrap();
        let session = db.session();
        session.execute("BEGIN").await.unwrap();
        session.execute("COMMIT").await.unwrap();
    }
    tokio::task::yield_now().await;
    assert!(tasks() < before + 20, "{} tasks, {before} before", tasks());
}

/// What Forebay looks up in a transaction that has read nothing yet does not decide which state of
/// the database it sees.
#[tokio::test]
async fn a_transaction_sees_what_its_own_first_read_finds() {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    let read = "SELECT n FROM counter";
    let firsts = [
        "SELECT 1",
        "SELECT abs(-3)",
        "SELECT n FROM counter WHERE n = ?",
        "INSERT INTO nowhere VALUES (1)",
        "SELECT nonsense FROM counter",
        "PRAGMA defer_foreign_keys = ON",
        "describe",
    ];
    for (n, first) in (1..).zip(firsts) {
        let session = db.session();
        session.execute("BEGIN").await.unwrap();
        match first {
            "describe" => drop(session.describe("SELECT n, 1 FROM counter").await.unwrap()),
            // Some fail, as they may.
            _ => drop(session.query(first).fetch().await),
        }
        db.execute("UPDATE counter SET n = ?").bind(n).await.unwrap();
        assert_eq!(session.query(read).scalar::<i64>().await.unwrap(), n, "after {first}");
        // From here on it stays.
        db.execute("UPDATE counter SET n = -1").await.unwrap();
        assert_eq!(session.query(read).scalar::<i64>().await.unwrap(), n, "after {first}");
        session.execute("COMMIT").await.unwrap();
    }
    // What the caller has set in the transaction stays set.
    let session = db.session();
    session.execute("BEGIN").await.unwrap();
    session.execute("PRAGMA defer_foreign_keys = ON").await.unwrap();
    session.query("SELECT 2").fetch().await.unwrap();
    assert!(session.query("PRAGMA defer_foreign_keys").scalar::<bool>().await.unwrap());
    session.execute("ROLLBACK").await.unwrap();
    // With a savepoint there is no beginning anew.
    session.execute("BEGIN").await.unwrap();
    session.execute("SAVEPOINT s").await.unwrap();
    session.query("SELECT 3").fetch().await.unwrap();
    session.execute("UPDATE counter SET n = 5").await.unwrap();
    session.execute("ROLLBACK TO s").await.unwrap();
    session.execute("COMMIT").await.unwrap();
    assert_eq!(db.query(read).scalar::<i64>().await.unwrap(), -1);
}

/// Savepoints of a session stay where they are, also when their text is known and the transaction
/// has touched nothing before them.
#[tokio::test]
async fn savepoints_of_a_session_stay() {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    for n in 0..4 {
        let session = db.session();
        let run = async |sql: String| session.execute(&sql).await.map(drop);
        run("BEGIN".to_owned()).await.unwrap();
        run("SAVEPOINT one".to_owned()).await.unwrap();
        run(format!("INSERT INTO counter VALUES ({n} + 100)")).await.unwrap();
        run("ROLLBACK TO one".to_owned()).await.unwrap();
        run("COMMIT".to_owned()).await.unwrap();
        run("SAVEPOINT outermost".to_owned()).await.unwrap();
        run(format!("INSERT INTO counter VALUES ({n} + 200)")).await.unwrap();
        run("RELEASE outermost".to_owned()).await.unwrap();
        assert!(session.is_autocommit().await);
    }
    let numbers: Vec<i64> = db.query("SELECT n FROM counter ORDER BY n").all().await.unwrap();
    assert_eq!(numbers, [0, 200, 201, 202, 203]);
}

/// Whether a transaction is open is said at once, also beside a stream that is being read.
#[tokio::test]
async fn a_session_that_is_streaming_can_be_asked() {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    let session = db.session();
    session.execute("BEGIN").await.unwrap();
    let rows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
        SELECT i FROM n";
    let mut stream = session.query(rows).stream::<i64>().await.unwrap();
    assert_eq!(stream.next().await.unwrap().unwrap(), 1);
    let began = Instant::now();
    assert!(!session.is_autocommit().await);
    assert!(began.elapsed() < Duration::from_secs(5));
    let mut count = 1;
    while let Some(row) = stream.next().await {
        row.unwrap();
        count += 1;
    }
    assert_eq!(count, 20_000);
}

/// A transaction that begins with a write waits for the lock, whether its text is known or not.
#[tokio::test]
async fn a_first_write_waits_for_its_turn() {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    for (n, as_script) in [(1, false), (2, true), (3, false), (4, true)] {
        let bare = place.bare();
        bare.execute_batch("BEGIN IMMEDIATE; UPDATE counter SET n = n + 100").unwrap();
        let holding = std::thread::spawn(move || {
            std::thread::sleep(ms(300));
            bare.execute_batch("COMMIT").unwrap();
        });
        let session = db.session();
        let update = format!("UPDATE counter SET n = n + {n}");
        if as_script {
            session.execute_batch(&format!("BEGIN; {update}; COMMIT")).await.unwrap();
        } else {
            session.execute("BEGIN").await.unwrap();
            session.execute(&update).await.unwrap();
            session.execute("COMMIT").await.unwrap();
        }
        holding.join().unwrap();
    }
    let sum: i64 = db.query("SELECT n FROM counter").scalar().await.unwrap();
    assert_eq!(sum, 410);
}

/// Who gives a statement up does not hear whether it has begun or ended a transaction. The next
/// statement says that it is over.
#[tokio::test]
async fn a_session_that_missed_the_end_of_a_statement() {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    let insert = "INSERT INTO counter VALUES (7)";
    let slow = format!("BEGIN; {ENDLESS}");
    for what in ["begin", "script", "stopped", "stream"] {
        let session = db.session();
        match what {
            "begin" => {
                let begin = session.execute("BEGIN").into_future();
                let _ = tokio::time::timeout(ms(0), begin).await;
            }
            "script" => drop(tokio::time::timeout(ms(50), session.execute_batch(&slow)).await),
            "stream" => {
                session.execute("BEGIN").await.unwrap();
                session.execute("UPDATE counter SET n = 40").await.unwrap();
                let returning = format!("{ENDLESS_WRITE} RETURNING n");
                let stream = session.query(&returning).stream::<i64>();
                assert!(tokio::time::timeout(ms(50), stream).await.is_err());
            }
            _ => {
                session.execute("BEGIN").await.unwrap();
                session.execute("UPDATE counter SET n = 40").await.unwrap();
                let update = session.execute(ENDLESS_WRITE).into_future();
                tokio::time::timeout(ms(50), update).await.unwrap_err();
            }
        }
        if session.is_autocommit().await {
            // It was not even begun: the first poll was the last.
            assert_eq!(what, "begin");
            continue;
        }
        let error = match session.execute(insert).await {
            Err(error) => error,
            Ok(_) => {
                // Given up before it began, on a busy machine: the transaction is as it was.
                session.execute("ROLLBACK").await.unwrap();
                db.execute("UPDATE counter SET n = n + 1").await.unwrap();
                continue;
            }
        };
        assert!(error.is_closed(), "{what}: {error}");
        assert!(error.message().contains("given up"), "{what}: {error}");
        // Said once; then the session goes on.
        assert!(session.is_autocommit().await);
        session.execute("BEGIN").await.unwrap();
        session.execute("UPDATE counter SET n = n + 1").await.unwrap();
        session.execute("COMMIT").await.unwrap();
    }
    let (count, n): (i64, i64) =
        db.query("SELECT count(*), max(n) FROM counter").one().await.unwrap();
    assert_eq!(count, 1);
    assert!((3..=4).contains(&n), "{n}");
    assert_alive(&db).await;
}

#[tokio::test]
async fn savepoints_do_not_cross() {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    let inserted = db
        .transaction(|tx| async move {
            let other = tx.clone();
            let one = tx.savepoint(|sp| async move {
                insert(&sp, "one").await?;
                tokio::time::sleep(ms(20)).await;
                // Within it, the handle that it was given makes another.
                sp.savepoint(|inner| async move { insert(&inner, "inner").await }).await
            });
            let two = async {
                tokio::time::sleep(ms(5)).await;
                other.savepoint(|sp| async move { insert(&sp, "two").await }).await
            };
            let (one, two) = tokio::join!(one, two);
            one?;
            let error = two.unwrap_err();
            assert!(error.is_usage(), "{error}");
            // A handle that has outlived its savepoint makes none either.
            let escaped = tx.savepoint(|sp| async move { Ok(sp) }).await?;
            let late = escaped.savepoint(|sp| async move { insert(&sp, "late").await }).await;
            assert!(late.unwrap_err().is_usage());
            tx.savepoint(|sp| async move { insert(&sp, "three").await }).await
        })
        .await;
    inserted.unwrap();
    assert_eq!(names(&db).await, ["Ada", "one", "inner", "three"]);
}
