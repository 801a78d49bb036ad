use forebay::{Db, Session};

use crate::place::{Place, ms, on_each};

const TABLE: &str = "CREATE TABLE t (id int PRIMARY KEY)";

#[test]
fn transactions_begin_and_end_by_text() {
    on_each("transactions_begin_and_end_by_text", async |place| {
        let db = place.open(TABLE).await;
        let session = db.session();
        assert!(session.is_autocommit().await);
        for (id, end, expect) in [(1, "COMMIT", "1"), (2, "ROLLBACK", "1"), (3, "END", "2")] {
            session.execute("BEGIN").await.unwrap();
            assert!(!session.is_autocommit().await);
            session.execute("INSERT INTO t VALUES ($1)").bind(id).await.unwrap();
            session.execute(end).await.unwrap();
            assert!(session.is_autocommit().await);
            assert_eq!(place.psql("SELECT count(*) FROM t"), expect);
        }
        session.execute("START TRANSACTION ISOLATION LEVEL SERIALIZABLE READ ONLY").await.unwrap();
        let level: String = session.query("SHOW transaction_isolation").scalar().await.unwrap();
        assert_eq!(level, "serializable");
        assert!(session.execute("DELETE FROM t").await.unwrap_err().is_read_only());
        session.execute("ROLLBACK").await.unwrap();
        session.execute_batch("BEGIN; INSERT INTO t VALUES (4)").await.unwrap();
        assert!(!session.is_autocommit().await);
        session.execute("SAVEPOINT a").await.unwrap();
        session.execute("DELETE FROM t").await.unwrap();
        session.execute("ROLLBACK TO a").await.unwrap();
        session.execute("COMMIT").await.unwrap();
        assert_eq!(place.psql("SELECT count(*) FROM t"), "3");
        session.execute("BEGIN").await.unwrap();
        session.execute("DELETE FROM t").await.unwrap();
        session.close().await;
        place.until_no_session("state <> 'idle'").await;
        assert_eq!(place.psql("SELECT count(*) FROM t"), "3");
    });
}

#[test]
fn a_failed_transaction_is_not_committed_in_silence() {
    on_each("a_failed_transaction_is_not_committed_in_silence", async |place| {
        let db = place.open(TABLE).await;
        let session = db.session();
        session.execute("BEGIN").await.unwrap();
        session.execute("INSERT INTO t VALUES (1)").await.unwrap();
        assert!(
            session.execute("INSERT INTO t VALUES (1)").await.unwrap_err().is_unique_violation()
        );
        let error = session.query("SELECT 1").fetch().await.unwrap_err();
        assert_eq!(error.code(), Some("25P02"));
        assert!(!session.is_autocommit().await);
        // The server takes COMMIT for ROLLBACK then, and calls it a success.
        let error = session.execute("COMMIT").await.unwrap_err();
        assert!(error.is_closed() && error.message().contains("rolled back"), "{error:?}");
        assert!(session.is_autocommit().await);
        assert_eq!(place.psql("SELECT count(*) FROM t"), "0");
        // Nor is one that is not there: its statements were committed one by one, if at all.
        let error = session.execute("COMMIT").await.unwrap_err();
        assert!(error.is_usage(), "{error:?}");
        // The session goes on, and ROLLBACK harms nobody.
        session.execute("ROLLBACK").await.unwrap();
        session.execute("INSERT INTO t VALUES (2)").await.unwrap();
        assert_eq!(place.psql("SELECT count(*) FROM t"), "1");
        // An error inside a savepoint is undone with it.
        session.execute_batch("BEGIN; SAVEPOINT a").await.unwrap();
        assert!(session.query("SELECT 1 / 0").fetch().await.is_err());
        session.execute("ROLLBACK TO SAVEPOINT a").await.unwrap();
        session.execute("INSERT INTO t VALUES (3)").await.unwrap();
        session.execute("COMMIT").await.unwrap();
        assert_eq!(place.psql("SELECT count(*) FROM t"), "2");
    });
}

/// What leaves something in a session, and a question whose answer shows it.
const TRACES: [(&str, &str); 17] = [
    ("SET work_mem = '77MB'", "SHOW work_mem"),
    ("SET ROLE other", "SELECT current_user::text"),
    ("SET SESSION AUTHORIZATION other", "SELECT session_user::text"),
    ("SET search_path = pg_catalog", "SHOW search_path"),
    ("SET client_encoding = 'LATIN1'", "SHOW client_encoding"),
    ("SET default_transaction_read_only = on", "SHOW default_transaction_read_only"),
    ("SET TimeZone = 'Asia/Tokyo'", "SHOW TimeZone"),
    ("SET DateStyle = 'German'", "SHOW DateStyle"),
    ("SELECT set_config('application_name', 'mine', false)", "SHOW application_name"),
    (
        "SELECT set_config('my.own', 'x', false)",
        "SELECT coalesce(current_setting('my.own', true), '')",
    ),
    ("CREATE TEMP TABLE u (a int)", "SELECT (to_regclass('pg_temp.u') IS NULL)::text"),
    ("SELECT 1 AS a INTO TEMP u", "SELECT (to_regclass('pg_temp.u') IS NULL)::text"),
    (
        "SELECT pg_advisory_lock(7)",
        "SELECT count(*)::text FROM pg_locks WHERE locktype = 'advisory'
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
    ),
    ("LISTEN news", "SELECT count(*)::text FROM pg_listening_channels()"),
    (
        "PREPARE mine AS SELECT 1",
        "SELECT count(*)::text FROM pg_prepared_statements WHERE name = 'mine'",
    ),
    (
        "DECLARE c CURSOR WITH HOLD FOR SELECT 1",
        "SELECT count(*)::text FROM pg_cursors WHERE name = 'c'",
    ),
    ("DO $$ BEGIN PERFORM set_config('work_mem', '66MB', false); END $$", "SHOW work_mem"),
];

async fn answer(db: &Db, sql: &str) -> String {
    db.query(sql).scalar().await.unwrap()
}

/// Runs `dirty` for each of `TRACES` and asks whoever comes next on the same connection.
async fn leaves_no_trace(place: &Place, dirty: impl AsyncFn(&Db, &str)) {
    let db = place.single().open().await.unwrap();
    for (sql, question) in TRACES {
        let before = answer(&db, question).await;
        dirty(&db, sql).await;
        assert_eq!(answer(&db, question).await, before, "{sql}");
    }
    assert_eq!(db.stats().readers.opened, 1, "the connection was kept");
}

fn make_role(place: &Place) {
    place.psql(
        "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'other') THEN
            CREATE ROLE other; END IF; EXCEPTION WHEN OTHERS THEN NULL; END $$",
    );
}

#[test]
fn what_a_session_sets_stays_in_it() {
    on_each("what_a_session_sets_stays_in_it", async |place| {
        make_role(place);
        let db = place.builder().open().await.unwrap();
        for (sql, question) in TRACES {
            let before = answer(&db, question).await;
            if question.contains("pg_locks") {
                continue;
            }
            let session: Session = db.session();
            session.query(sql).fetch().await.unwrap();
            let within: String = session.query(question).scalar().await.unwrap();
            // A block changes no more than a write does, as far as its words tell.
            assert_eq!(within != before, !sql.starts_with("DO"), "{sql}: {within}");
            assert_eq!(answer(&db, question).await, before, "{sql}");
        }
    });
}

#[test]
fn what_a_session_sets_does_not_reach_the_next() {
    on_each("what_a_session_sets_does_not_reach_the_next", async |place| {
        make_role(place);
        leaves_no_trace(place, async |db, sql| {
            let session = db.session();
            session.query(sql).fetch().await.unwrap();
        })
        .await;
        leaves_no_trace(place, async |db, sql| {
            let session = db.session();
            session.execute_batch(sql).await.unwrap();
        })
        .await;
        leaves_no_trace(place, async |db, sql| {
            let session = db.session();
            session.execute("BEGIN").await.unwrap();
            session.query(sql).fetch().await.unwrap();
            session.execute("COMMIT").await.unwrap();
        })
        .await;
        leaves_no_trace(place, async |db, sql| {
            db.transaction(|tx| async move { tx.query(sql).fetch().await.map(drop) })
                .await
                .unwrap();
        })
        .await;
        leaves_no_trace(place, async |db, sql| db.execute_batch(sql).await.unwrap()).await;
        // A block is a write by its words, and is not refused on a shared connection.
        leaves_no_trace(place, async |db, sql| {
            let _ = db.query(sql).fetch().await;
        })
        .await;
    });
}

#[test]
fn nor_does_it_when_the_statement_fails_or_is_given_up() {
    on_each("nor_does_it_when_the_statement_fails_or_is_given_up", async |place| {
        let db = place.single().open().await.unwrap();
        let locks = "SELECT count(*)::text FROM pg_locks WHERE locktype = 'advisory'
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        // These locks outlive their transaction.
        let session = db.session();
        let fails = "SELECT pg_advisory_lock(1), 1 / (random() < 0)::int";
        assert!(session.query(fails).fetch().await.is_err());
        drop(session);
        assert_eq!(answer(&db, locks).await, "0");
        let session = db.session();
        let given_up = session.query("SELECT pg_advisory_lock(2), pg_sleep(60)").fetch();
        assert!(tokio::time::timeout(ms(500), given_up).await.is_err());
        drop(session);
        assert_eq!(answer(&db, locks).await, "0");
        let failing = "SELECT pg_advisory_lock(3); SELECT 1 / 0";
        assert!(db.execute_batch(failing).await.is_err());
        assert_eq!(answer(&db, locks).await, "0");
        let given_up = db.execute_batch("SELECT pg_advisory_lock(4); SELECT pg_sleep(60)");
        assert!(tokio::time::timeout(ms(500), given_up).await.is_err());
        assert_eq!(answer(&db, locks).await, "0");
        let session = db.session();
        let lock = "SELECT pg_advisory_lock(5), n FROM generate_series(1, 1000000) n";
        session.execute("BEGIN").await.unwrap();
        drop(session.query(lock).stream::<(String, i32)>().await.unwrap());
        drop(session);
        assert_eq!(answer(&db, locks).await, "0");
        assert_eq!(db.stats().readers.opened, 1);
    });
}

#[test]
fn a_future_that_is_dropped_leaves_its_session_usable() {
    on_each("a_future_that_is_dropped_leaves_its_session_usable", async |place| {
        let db = place.open(TABLE).await;
        let session = db.session();
        let sleep = "SELECT pg_sleep(60)";
        assert!(tokio::time::timeout(ms(300), session.query(sleep).fetch()).await.is_err());
        assert_eq!(session.query("SELECT 1").scalar::<i32>().await.unwrap(), 1);
        session.execute("BEGIN").await.unwrap();
        session.execute("INSERT INTO t VALUES (1)").await.unwrap();
        assert!(tokio::time::timeout(ms(300), session.query(sleep).fetch()).await.is_err());
        // The server has ended the transaction; the session says so until it is rolled back.
        let error = session.query("SELECT 1").fetch().await.unwrap_err();
        assert_eq!(error.code(), Some("25P02"), "{error:?}");
        session.execute("ROLLBACK").await.unwrap();
        // One that was begun by a future that was dropped is over.
        let begin = session.execute_batch("BEGIN; SELECT pg_sleep(0.3)");
        assert!(tokio::time::timeout(ms(100), begin).await.is_err());
        let next = session.execute("INSERT INTO t VALUES (2)").await;
        assert!(next.is_ok() || next.as_ref().unwrap_err().is_closed(), "{next:?}");
        assert!(session.is_autocommit().await);
        place.until_no_session("state <> 'idle'").await;
        assert_eq!(place.psql("SELECT count(*) FROM t WHERE id = 1"), "0");
    });
}

#[test]
fn a_session_whose_connection_is_lost_says_so_once() {
    on_each("a_session_whose_connection_is_lost_says_so_once", async |place| {
        let db = place.open(TABLE).await;
        for begin in ["BEGIN", "SET work_mem = '1MB'"] {
            let session = db.session();
            session.execute(begin).await.unwrap();
            let pid: i32 = session.query("SELECT pg_backend_pid()").scalar().await.unwrap();
            place.psql(&format!("SELECT pg_terminate_backend({pid})"));
            place.until_no_session(&format!("pid = {pid}")).await;
            let error = session.execute("INSERT INTO t VALUES (1)").await.unwrap_err();
            assert!(error.is_closed() || error.is_outcome_unknown(), "{begin}: {error:?}");
            let next: i32 = session.query("SELECT pg_backend_pid()").scalar().await.unwrap();
            assert_ne!(next, pid);
            // What would have ended the transaction does not seem to have done so.
            if begin == "BEGIN" {
                assert!(session.execute("COMMIT").await.is_err());
            }
        }
        assert_eq!(place.psql("SELECT count(*) FROM t"), "0");
    });
}
