use std::time::{Duration, Instant};

use crate::place::{ms, on_each};

const SLEEPS: &str = "query LIKE '%pg_sleep%' AND state = 'active'";

#[test]
fn exhaustion_is_an_error() {
    on_each("exhaustion_is_an_error", async |place| {
        let db = place.single().max_overflow(1).acquire_timeout(ms(200)).open().await.unwrap();
        let sessions = [db.session(), db.session()];
        for session in &sessions {
            session.execute("BEGIN").await.unwrap();
        }
        let began = Instant::now();
        for error in [
            db.query("SELECT 1").fetch().await.unwrap_err(),
            db.execute("CREATE TABLE t (a int)").await.unwrap_err(),
            db.session().execute("BEGIN").await.unwrap_err(),
            db.execute_batch("SELECT 1").await.unwrap_err(),
            db.explain("SELECT 1").await.unwrap_err(),
        ] {
            assert!(error.is_pool_exhausted(), "{error:?}");
            assert!(error.message().contains("max_size"), "{error}");
            assert!(error.message().contains("pool.rs"), "it names the holder: {error}");
        }
        assert!(began.elapsed() < Duration::from_secs(10));
        drop(sessions);
        assert_eq!(db.query("SELECT 1").scalar::<i32>().await.unwrap(), 1);
    });
}

#[test]
fn a_late_statement_is_stopped_at_the_server() {
    on_each("a_late_statement_is_stopped_at_the_server", async |place| {
        let db = place.single().statement_timeout(Some(ms(300))).open().await.unwrap();
        db.execute_batch("CREATE TABLE t (a int)").await.unwrap();
        let before: i32 = db.query("SELECT pg_backend_pid()").scalar().await.unwrap();
        for sql in ["SELECT pg_sleep(60)", "INSERT INTO t SELECT 1 FROM pg_sleep(60)"] {
            let began = Instant::now();
            let error = db.query(sql).fetch().await.unwrap_err();
            assert!(error.is_timeout() && error.code() == Some("57014"), "{error:?}");
            assert!(began.elapsed() < Duration::from_secs(20));
            place.until_no_session(SLEEPS).await;
        }
        let error = db.execute_batch("SELECT pg_sleep(60)").await.unwrap_err();
        assert!(error.is_timeout(), "{error:?}");
        // The connection is as good as before.
        let after: i32 = db.query("SELECT pg_backend_pid()").scalar().await.unwrap();
        assert_eq!((after, db.stats().readers.opened), (before, 1));
        assert_eq!(place.psql("SELECT count(*) FROM t"), "0");
        // Its own limit wins.
        let slow = db.query("SELECT pg_sleep(0.6)::text").timeout(ms(60_000));
        slow.fetch().await.unwrap();
    });
}

#[test]
fn what_nobody_waits_for_is_stopped_at_the_server() {
    on_each("what_nobody_waits_for_is_stopped_at_the_server", async |place| {
        let db = place.single().open().await.unwrap();
        db.execute_batch("CREATE TABLE t (a int)").await.unwrap();
        for sql in ["SELECT pg_sleep(60)", "INSERT INTO t SELECT 1 FROM pg_sleep(60)"] {
            assert!(tokio::time::timeout(ms(300), db.query(sql).fetch()).await.is_err());
            place.until_no_session(SLEEPS).await;
            assert_eq!(db.query("SELECT 1").scalar::<i32>().await.unwrap(), 1);
        }
        assert!(
            tokio::time::timeout(ms(300), db.execute_batch("SELECT pg_sleep(60)")).await.is_err()
        );
        place.until_no_session("state <> 'idle'").await;
        // Dropped at any moment, it never hits whoever comes next.
        for round in 0..60u64 {
            let query = db.query("SELECT pg_sleep(0.004)::text");
            let wait = Duration::from_micros(round * 150);
            let _ = tokio::time::timeout(wait, query.fetch()).await;
            assert_eq!(db.query("SELECT 1").scalar::<i32>().await.unwrap(), 1, "round {round}");
        }
        assert_eq!(db.stats().readers.opened, 1);
        assert_eq!(place.psql("SELECT count(*) FROM t"), "0");
    });
}

#[test]
fn one_that_does_not_answer_is_replaced() {
    on_each("one_that_does_not_answer_is_replaced", async |place| {
        let db = place.single().ping_after(ms(100)).open().await.unwrap();
        let pid: i32 = db.query("SELECT pg_backend_pid()").scalar().await.unwrap();
        tokio::time::sleep(ms(300)).await;
        let frozen = u32::try_from(pid).unwrap();
        place.cluster().pause_process(frozen).unwrap();
        let began = Instant::now();
        let other = db.query("SELECT pg_backend_pid()").scalar::<i32>().await;
        let waited = began.elapsed();
        place.cluster().resume_process(frozen).unwrap();
        assert_ne!(other.unwrap(), pid);
        // A ping has two seconds, and not those that stopping a statement may take.
        assert!(waited < Duration::from_millis(4_500), "{waited:?}");
        let after: i32 = db.query("SELECT pg_backend_pid()").scalar().await.unwrap();
        assert_ne!(after, pid);
    });
}

#[test]
fn one_whose_server_process_has_ended_is_replaced() {
    on_each("one_whose_server_process_has_ended_is_replaced", async |place| {
        let db = place.single().open().await.unwrap();
        for _ in 0..3 {
            let pid: i32 = db.query("SELECT pg_backend_pid()").scalar().await.unwrap();
            place.psql(&format!("SELECT pg_terminate_backend({pid})"));
            place.until_no_session(&format!("pid = {pid}")).await;
            // The task has seen the end, or the statement finds out, which has had no effect then.
            let next = db.query("SELECT pg_backend_pid()").scalar::<i32>().await;
            match next {
                Ok(next) => assert_ne!(next, pid),
                Err(error) => assert!(error.is_closed() || error.is_outcome_unknown(), "{error:?}"),
            }
        }
    });
}

#[test]
fn connections_have_a_longest_life() {
    on_each("connections_have_a_longest_life", async |place| {
        let db = place.single().max_lifetime(ms(300)).open().await.unwrap();
        let pid: i32 = db.query("SELECT pg_backend_pid()").scalar().await.unwrap();
        tokio::time::sleep(ms(1_000)).await;
        let next: i32 = db.query("SELECT pg_backend_pid()").scalar().await.unwrap();
        assert_ne!(next, pid);
        place.until_no_session(&format!("pid = {pid}")).await;
    });
}

#[test]
fn closing_ends_every_connection() {
    on_each("closing_ends_every_connection", async |place| {
        let db = place.open("CREATE TABLE t (a int)").await;
        let session = db.session();
        session.execute("SET work_mem = '1MB'").await.unwrap();
        let slow = db.clone();
        let running = tokio::spawn(async move {
            slow.query("SELECT pg_sleep(0.7)::text").fetch().await.map(drop)
        });
        place.until_some_session(SLEEPS).await;
        tokio::time::timeout(Duration::from_secs(30), db.close()).await.unwrap();
        running.await.unwrap().unwrap();
        place.until_no_session("true").await;
        assert!(db.query("SELECT 1").fetch().await.unwrap_err().is_closed());
        assert!(session.query("SELECT 1").fetch().await.unwrap_err().is_closed());
    });
}
