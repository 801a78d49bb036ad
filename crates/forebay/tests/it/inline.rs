use std::sync::mpsc;
use std::time::Duration;

use forebay::{Db, Outcome, Result, Synchronous, Transaction, Value};
use rusqlite::Connection;
use rusqlite::types::Value as Bare;

use crate::place::{Place, ask, assert_alive, truth};

const SCHEMA: &str = "
    CREATE TABLE t (id INTEGER PRIMARY KEY, v INT NOT NULL);
    INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 5000)
        SELECT i, i % 7 FROM n;
    CREATE TABLE u (id INTEGER PRIMARY KEY, v INT NOT NULL);
    INSERT INTO u VALUES (4500, -1);";

const INSERT: &str = "INSERT INTO t (v) VALUES (?)";

/// Runs `work` on a runtime whose one thread for work that blocks is taken, so that what needs it
/// waits.
fn without_workers<F: Future<Output = ()>>(db: Synchronous, work: impl FnOnce(Db) -> F) {
    without_workers_after(db, std::future::ready, work);
}

/// The same after some that needs one.
fn without_workers_after<B: Future<Output = Db>, F: Future<Output = ()>>(
    db: Synchronous,
    before: impl FnOnce(Db) -> B,
    work: impl FnOnce(Db) -> F,
) {
    let place = Place::new();
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().max_blocking_threads(1).build().unwrap();
    runtime.block_on(async {
        let db = place.builder().synchronous(db).open().await.unwrap();
        db.execute_batch(SCHEMA).await.unwrap();
        // Connections are opened by such a thread, too.
        db.execute(INSERT).bind(0).await.unwrap();
        truth(&db, "SELECT count(*) FROM t").await;
        let db = before(db).await;
        let (release, released) = mpsc::sync_channel::<()>(1);
        let (begin, begun) = tokio::sync::oneshot::channel();
        let taken = tokio::task::spawn_blocking(move || {
            begin.send(()).unwrap();
            released.recv().unwrap_err();
        });
        begun.await.unwrap();
        work(db.clone()).await;
        drop(release);
        taken.await.unwrap();
        assert_alive(&db).await;
    });
}

async fn in_time(db: &Db, sql: &str) -> Option<Result<Outcome>> {
    let execute = async { db.execute(sql).bind(1).await };
    tokio::time::timeout(Duration::from_millis(300), execute).await.ok()
}

#[test]
fn a_short_write_needs_no_other_thread() {
    without_workers(Synchronous::Normal, |db| async move {
        for _ in 0..3 {
            let done = in_time(&db, INSERT).await.expect("it does not wait").unwrap();
            assert_eq!(done.rows_affected, 1);
        }
        assert_eq!(truth(&db, "SELECT count(*) FROM t").await, [[Value::Integer(5_004)]]);
        // It is begun here, undone, and given up before there is a thread for it.
        assert!(in_time(&db, "UPDATE t SET v = v + ?").await.is_none(), "it is long");
        assert_eq!(truth(&db, "SELECT v FROM t WHERE id = 3").await, [[Value::Integer(3)]]);
    });
}

/// What a transaction does that is known to be short: statements that were run before.
async fn transfer(db: &Db, from: i64, to: i64) -> Result<i64> {
    db.transaction(|tx| async move {
        let take = "UPDATE t SET v = v - 1 WHERE id = ? RETURNING v";
        let left: i64 = tx.query(take).bind(from).one().await?;
        tx.execute("UPDATE t SET v = v + 1 WHERE id = ?").bind(to).await?;
        tx.execute("INSERT INTO u VALUES (?, ?)").bind(from).bind(to).await?;
        let sum: i64 = tx.query("SELECT v FROM t WHERE id = ?").bind(to).one().await?;
        Ok(left * 1_000 + sum)
    })
    .await
}

const HALF: Duration = Duration::from_millis(300);

#[test]
fn a_transaction_of_short_statements_needs_no_other_thread() {
    let warm = |db: Db| async move {
        transfer(&db, 10, 11).await.unwrap();
        db
    };
    without_workers_after(Synchronous::Normal, warm, |db| async move {
        let transferred = tokio::time::timeout(HALF, transfer(&db, 12, 13)).await;
        // 12 % 7 and 13 % 7 were 5 and 6.
        assert_eq!(transferred.expect("it does not wait").unwrap(), 4_007);
        assert_eq!(truth(&db, "SELECT v FROM u WHERE id = 12").await, [[Value::Integer(13)]]);
        // One that fails is rolled back, on such a thread.
        let again = tokio::time::timeout(HALF, transfer(&db, 12, 13)).await;
        assert!(again.is_err(), "its rollback waits");
    });
}

/// A read that turns out long in a transaction goes on elsewhere, and takes nothing with it; a
/// write that may be long is not begun here.
#[tokio::test]
async fn long_statements_leave_the_transaction_as_it_is() {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    let long = "SELECT sum(a.v * b.v) FROM t a JOIN t b ON b.id <= ? WHERE a.id <= ?";
    for width in [1, 1_000, 1_000, 2] {
        let before = truth(&db, "SELECT v FROM t WHERE id = 7").await;
        let sum = db.transaction(|tx| async move {
            for id in [7, 8] {
                tx.execute("UPDATE t SET v = v + 1 WHERE id = ?").bind(id).await?;
            }
            // Short at first; stopped half-way, all of this would be lost.
            let above = 5_000 - 5 * width;
            tx.execute("UPDATE t SET v = v + 0 WHERE id > ?").bind(above).await?;
            tx.query(long).bind(width).bind(width).one::<Option<i64>>().await
        });
        assert!(sum.await.unwrap().is_some());
        let after = truth(&db, "SELECT v FROM t WHERE id = 7").await;
        assert_eq!(flat(&after), [flat(&before)[0] + 1], "its writes are there: {width}");
    }
}

#[test]
fn a_write_that_waits_for_the_disk_does_so_on_another_thread() {
    without_workers(Synchronous::Full, |db| async move {
        assert!(in_time(&db, INSERT).await.is_none());
    });
}

/// Statements that are begun on the caller's thread, are too long for it, and are undone: they do
/// what they would have done at once.
#[tokio::test]
async fn a_long_write_happens_once() {
    let (place, beside) = (Place::new(), Place::new());
    let db = place.open(SCHEMA).await;
    let bare = beside.bare();
    bare.execute_batch(SCHEMA).unwrap();
    let many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 5000)";
    let statements = [
        "UPDATE t SET v = v + 1 WHERE id <= 4000".to_owned(),
        format!("INSERT OR FAIL INTO u {many} SELECT i, i FROM n"),
        format!("INSERT OR IGNORE INTO u {many} SELECT i, -i FROM n"),
        format!("INSERT INTO u {many} SELECT i, i FROM n"),
        format!("INSERT OR REPLACE INTO u {many} SELECT i, i * 2 FROM n WHERE i > 100"),
        "UPDATE u SET v = v + 1 WHERE id % 2 = 0 RETURNING id, v".to_owned(),
        "INSERT INTO t (v) SELECT v FROM u".to_owned(),
        "DELETE FROM t WHERE id > 1000".to_owned(),
        "INSERT INTO t (v) VALUES (1), (2)".to_owned(),
    ];
    let looks = ["SELECT count(*), sum(v), max(id) FROM t", "SELECT count(*), sum(v) FROM u"];
    // The second time they are known to be long.
    for sql in statements.iter().chain(&statements) {
        for look in looks {
            ask(&db, look).await;
        }
        assert_eq!(ours(&db, sql).await, theirs(&bare, sql), "{sql}");
        for look in looks {
            let (seen, _) = ask(&db, look).await;
            assert_eq!(seen, truth(&db, look).await, "{look} after {sql}");
            assert_eq!(flat(&seen), rows(&bare, look), "{look} after {sql}");
        }
    }
}

/// What a write answers, changes and inserts, or that it fails.
async fn ours(db: &Db, sql: &str) -> Option<(Vec<i64>, u64, Option<i64>)> {
    let done = db.execute(sql).await.ok()?;
    let rows: Vec<_> = done.rows.iter().map(|row| row.values().to_vec()).collect();
    Some((flat(&rows), done.rows_affected, done.last_insert_id.filter(|_| inserts(sql))))
}

fn theirs(bare: &Connection, sql: &str) -> Option<(Vec<i64>, u64, Option<i64>)> {
    let before = bare.total_changes();
    let rows = try_rows(bare, sql).ok()?;
    let id = (inserts(sql) && bare.total_changes() > before).then(|| bare.last_insert_rowid());
    Some((rows, bare.changes(), id))
}

fn inserts(sql: &str) -> bool {
    sql.starts_with("INSERT")
}

fn rows(bare: &Connection, sql: &str) -> Vec<i64> {
    try_rows(bare, sql).unwrap()
}

fn try_rows(bare: &Connection, sql: &str) -> rusqlite::Result<Vec<i64>> {
    let mut statement = bare.prepare(sql)?;
    let width = statement.column_count();
    let mut found = Vec::new();
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next()? {
        for column in 0..width {
            match row.get(column)? {
                Bare::Integer(n) => found.push(n),
                other => panic!("{sql} answers {other:?}"),
            }
        }
    }
    Ok(found)
}

fn flat(rows: &[Vec<Value>]) -> Vec<i64> {
    let number = |value: &Value| match value {
        Value::Integer(n) => *n,
        other => panic!("{other:?}"),
    };
    rows.iter().flatten().map(number).collect()
}

/// A checkpoint that becomes due on the caller's thread is made on another one, whoever has the
/// connection meanwhile.
#[tokio::test]
async fn the_log_of_short_writes_is_bounded() {
    const INSERT: &str = "INSERT INTO t (text) VALUES (?)";
    const LOG_MAX: u64 = 8 << 20;
    let place = Place::new();
    let db = place.open("CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT)").await;
    // Metadata only: opening and closing the file would drop SQLite's locks on it.
    let log = || std::fs::metadata(place.path().with_extension("db-wal")).unwrap().len();
    let texts = || (0..4_000).map(|n| format!("{n:01000}"));
    for text in texts() {
        db.execute(INSERT).bind(text).await.unwrap();
    }
    assert!(log() <= LOG_MAX, "the log has {} bytes", log());
    for text in texts() {
        let insert = |tx: Transaction| async move { tx.execute(INSERT).bind(text).await };
        db.transaction(insert).await.unwrap();
    }
    assert!(log() <= LOG_MAX, "the log has {} bytes after transactions", log());
    let session = db.session();
    for text in texts() {
        session.bulk("t").columns(["text"]).insert([(text,)]).await.unwrap();
    }
    assert!(log() <= LOG_MAX, "the log has {} bytes in a session", log());
    session.close().await;
}
