use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::{Duration, Instant};

use cluster::{Cluster, Follow, Settings, Stop};
use forebay::{Builder, Db, Freshness, Query};
use tokio::task::JoinSet;

use crate::place::{Place, ms, on_each, on_each_alone, on_each_version, until};
use crate::proxy::Proxy;
use crate::ready::{
    MARKED, caught_up, follow, is_hit, is_hit_with, keep, open, plain, prepare, set_up, soon,
    until_live, until_off,
};

const SCRIPT: &str = "
    CREATE TABLE t (id int PRIMARY KEY, n bigint); INSERT INTO t VALUES (1, 0), (2, 0);
    CREATE TABLE other (id int PRIMARY KEY, n bigint); INSERT INTO other VALUES (1, 0)";

const COUNT: &str = "SELECT n FROM t WHERE id = 1";

const SENDERS: &str = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'walsender'
    AND datname = current_database()";

async fn read(db: &Db) -> i64 {
    db.query(COUNT).scalar().await.unwrap()
}

async fn read_strictly(db: &Db) -> i64 {
    db.query(COUNT).freshness(Freshness::Strict).scalar().await.unwrap()
}

/// A commit of others is seen at once by whoever asks for it, and soon by everybody.
async fn others_are_seen(place: &Place, db: &Db, n: i64) {
    place.psql(&format!("UPDATE t SET n = {n} WHERE id = 1"));
    assert_eq!(read_strictly(db).await, n);
    soon("it is seen", async || read(db).await == n).await;
}

/// Nobody hears of what is going on behind, and hits are back.
async fn recovers(place: &Place, db: &Db, n: i64) {
    others_are_seen(place, db, n).await;
    until_live(db).await;
    keep(db, COUNT).await;
    assert!(is_hit(db, COUNT).await);
    db.execute("UPDATE t SET n = n + 1 WHERE id = 1").await.unwrap();
    assert_eq!(read(db).await, n + 1);
    keep(db, COUNT).await;
    assert_eq!(read(db).await, n + 1);
}

#[test]
fn a_walsender_that_is_ended() {
    on_each("a_walsender_that_is_ended", async |place| {
        let db = follow(place, SCRIPT).await;
        let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE backend_type = 'walsender' AND datname = current_database()";
        for round in 1..=4 {
            keep(&db, COUNT).await;
            let flushes = db.stats().cache.flushes;
            place.psql(end);
            others_are_seen(place, &db, round * 10).await;
            if round % 2 == 0 {
                soon("it is noticed", async || db.stats().cache.flushes > flushes).await;
            }
            recovers(place, &db, round * 10 + 1).await;
        }
        let slots = "SELECT count(*) FROM pg_replication_slots WHERE database = current_database()";
        assert_eq!(place.psql(slots), "1");
    });
}

#[test]
fn a_connection_that_asks_is_ended() {
    on_each("a_connection_that_asks_is_ended", async |place| {
        let db = follow(place, SCRIPT).await;
        for round in 1..=3 {
            keep(&db, COUNT).await;
            // All but the stream: those that ask, analyse and read.
            place.psql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE
                backend_type = 'client backend' AND application_name = 'forebay' AND
                datname = current_database()",
            );
            soon("it reads again", async || db.query(COUNT).no_cache().fetch().await.is_ok()).await;
            recovers(place, &db, round * 10).await;
            db.query(&format!("SELECT n FROM t WHERE id = {round} AND n = n"))
                .fetch()
                .await
                .unwrap();
        }
    });
}

#[test]
fn what_setup_made_is_taken_away() {
    on_each("what_setup_made_is_taken_away", async |place| {
        let db = follow(place, SCRIPT).await;
        for (n, (sql, says)) in [
            ("DROP PUBLICATION forebay", "there is no publication forebay: run setup"),
            ("ALTER EVENT TRIGGER forebay_ddl_end DISABLE", "event triggers"),
            (
                "ALTER PUBLICATION forebay SET (publish_via_partition_root = true)",
                "leaves something out",
            ),
        ]
        .into_iter()
        .enumerate()
        {
            keep(&db, COUNT).await;
            place.psql(sql);
            until_off(&db, says).await;
            let n = i64::try_from(n).unwrap() * 10 + 10;
            place.psql(&format!("UPDATE t SET n = {n} WHERE id = 1"));
            assert_eq!(read(&db).await, n, "{sql}");
            assert!(!is_hit(&db, COUNT).await, "{sql}");
            let explained = db.explain(COUNT).await.unwrap();
            assert!(explained.freshness.contains(says), "{sql}: {explained:?}");
            db.execute("UPDATE t SET n = n + 1 WHERE id = 1").await.unwrap();
            assert_eq!(read(&db).await, n + 1, "{sql}");
            set_up(&place.url()).await;
            recovers(place, &db, n + 2).await;
            println!("{sql}");
        }
    });
}

/// From the moment on at which a publication is made to leave something out, and until that is
/// noticed, nothing is kept that it leaves out.
#[test]
fn a_publication_that_leaves_something_out() {
    on_each("a_publication_that_leaves_something_out", async |place| {
        let db = follow(place, SCRIPT).await;
        for publish in ["insert", "update, delete, truncate", "insert, update, delete"] {
            keep(&db, COUNT).await;
            place.psql(&format!("ALTER PUBLICATION forebay SET (publish = '{publish}')"));
            let began = Instant::now();
            let mut n = 0;
            while db.stats().cache.off.is_none() {
                assert!(began.elapsed() < Duration::from_secs(30), "it is not noticed");
                for _ in 0..5 {
                    db.query(COUNT).fetch().await.unwrap();
                }
                n += 1;
                match n % 3 {
                    0 => db.execute("DELETE FROM t WHERE id = 1").await.map(drop),
                    1 => db
                        .execute(&format!(
                            "INSERT INTO t VALUES (1, {n}) ON CONFLICT (id) DO UPDATE SET n = {n}"
                        ))
                        .await
                        .map(drop),
                    _ => {
                        db.execute_batch(&format!("TRUNCATE t; INSERT INTO t VALUES (1, {n})"))
                            .await
                    }
                }
                .unwrap();
                let since = Instant::now();
                // The fence falls in between.
                while since.elapsed() < ms(20) {
                    let found = db.query(COUNT).optional::<i64>().await.unwrap();
                    assert_eq!(found, (n % 3 != 0).then_some(n), "{publish}");
                }
            }
            set_up(&place.url()).await;
            until_live(&db).await;
            place.psql("TRUNCATE t; INSERT INTO t VALUES (1, 0)");
            caught_up(&db).await;
        }
    });
}

#[test]
fn tables_that_are_not_published_any_more() {
    on_each("tables_that_are_not_published_any_more", async |place| {
        let db = follow(place, SCRIPT).await;
        for (n, sql) in [
            "ALTER PUBLICATION forebay DROP TABLE t",
            "DROP PUBLICATION forebay; CREATE PUBLICATION forebay FOR TABLE mark, other",
            "ALTER PUBLICATION forebay SET TABLE mark, other",
        ]
        .into_iter()
        .enumerate()
        {
            let n = i64::try_from(n).unwrap() * 10 + 10;
            keep(&db, COUNT).await;
            place.psql(sql);
            until_live(&db).await;
            caught_up(&db).await;
            let explained = db.explain(COUNT).await.unwrap();
            assert!(explained.reasons.concat().contains("public.t"), "{sql}: {explained:?}");
            for n in n..n + 3 {
                place.psql(&format!("UPDATE t SET n = {n} WHERE id = 1"));
                let answer = db.query(COUNT).fetch().await.unwrap();
                assert!(!answer.cached && answer.rows.values(0) == [n.into()], "{sql}: {answer:?}");
            }
            keep(&db, "SELECT n FROM other WHERE id = 1").await;
            set_up(&place.url()).await;
            recovers(place, &db, n + 5).await;
            println!("{sql}");
        }
    });
}

#[test]
fn setup_comes_later() {
    on_each("setup_comes_later", async |place| {
        place.psql(SCRIPT);
        let db = plain(place.builder()).open().await.unwrap();
        until_off(&db, "run setup").await;
        let explained = db.explain(COUNT).await.unwrap();
        assert!(explained.freshness.contains("run setup"), "{explained:?}");
        for n in 1..4 {
            place.psql(&format!("UPDATE t SET n = {n} WHERE id = 1"));
            assert_eq!(read(&db).await, n);
            let began = Instant::now();
            assert_eq!(read_strictly(&db).await, n);
            assert!(began.elapsed() < ms(900), "it does not wait for what will not come");
        }
        set_up(&place.url()).await;
        recovers(place, &db, 10).await;
    });
}

/// Others' transactions that began before hold up the beginning of the stream, and nobody else.
#[test]
fn a_transaction_that_was_open_before() {
    on_each("a_transaction_that_was_open_before", async |place| {
        prepare(place, SCRIPT).await;
        let mut before = place.cluster().session(&place.psql("SELECT current_database()")).unwrap();
        before.query("BEGIN; UPDATE t SET n = 7 WHERE id = 1").unwrap();
        let db = plain(place.builder()).open().await.unwrap();
        let waits = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'walsender'
            AND datname = current_database() AND wait_event_type = 'Lock'";
        until("the slot waits", || place.psql(waits) == "1").await;
        for _ in 0..3 {
            assert_eq!(read(&db).await, 0);
            assert!(!is_hit(&db, COUNT).await);
        }
        assert!(db.stats().cache.off.is_some());
        before.query("COMMIT").unwrap();
        until_live(&db).await;
        assert_eq!(read(&db).await, 7);
        recovers(place, &db, 10).await;
    });
}

/// A commit that was logged before the stream begins is not told, though it may be shown to others
/// only afterwards. So it is, if it began while the slot waited for older ones to end.
#[test]
fn a_commit_that_is_shown_after_the_beginning() {
    on_each_alone("a_commit_that_is_shown_after_the_beginning", &[], async |place| {
        prepare(place, SCRIPT).await;
        let open_one = || {
            let mut session = place.cluster().session(place.name()).unwrap();
            session.query("BEGIN; SELECT pg_current_xact_id()").unwrap();
            session
        };
        let waits_for = async |pid: u32| {
            let sql = format!(
                "SELECT count(*) FROM pg_locks w JOIN pg_locks h USING (transactionid)
                JOIN pg_stat_activity a ON a.pid = w.pid WHERE a.backend_type = 'walsender'
                AND NOT w.granted AND h.granted AND h.pid = {pid}"
            );
            until("the slot waits", || place.psql(&sql) == "1").await;
        };
        let mut first = open_one();
        let db = plain(place.builder()).open().await.unwrap();
        waits_for(first.pid()).await;
        let mut second = open_one();
        first.query("ROLLBACK").unwrap();
        waits_for(second.pid()).await;
        place.cluster().configure("synchronous_standby_names = 'nobody'").unwrap();
        let (cluster, name) = (place.cluster().clone(), place.name().to_owned());
        let update = "UPDATE t SET n = 7 WHERE id = 1";
        let hidden = tokio::task::spawn_blocking(move || cluster.psql_in(&name, update).unwrap());
        let hangs = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
        until("the commit hangs", || place.psql(hangs) == "1").await;
        second.query("ROLLBACK").unwrap();
        let begun = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'";
        until("the stream begins", || place.psql(begun) == "1").await;
        for _ in 0..40 {
            assert_eq!(read(&db).await, 0);
            assert!(!is_hit(&db, COUNT).await, "what is kept now lacks the commit for good");
            tokio::time::sleep(ms(10)).await;
        }
        place.cluster().configure("synchronous_standby_names = ''").unwrap();
        hidden.await.unwrap();
        assert_eq!(read(&db).await, 7);
        until_live(&db).await;
        recovers(place, &db, 10).await;
    });
}

/// What is read while the stream is being lost is not kept over to the next one: what others write
/// in between is not told.
#[test]
fn reads_while_the_stream_is_lost() {
    const ROWS: i64 = 200;
    on_each("reads_while_the_stream_is_lost", async |place| {
        let script = format!(
            "CREATE TABLE r (id int PRIMARY KEY, n bigint);
             INSERT INTO r SELECT i, 0 FROM generate_series(1, {ROWS}) i"
        );
        let db = follow(place, &script).await;
        let others = plain(place.builder()).cache(false).open().await.unwrap();
        let sql = "SELECT n FROM r WHERE id = $1";
        let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE backend_type = 'walsender' AND datname = current_database()";
        for _ in 0..2 {
            let is_over = Arc::new(AtomicBool::new(false));
            let mut tasks = JoinSet::new();
            for reader in 0..4 {
                let (db, is_over) = (db.clone(), is_over.clone());
                tasks.spawn(async move {
                    let ids = (1..=ROWS).cycle().skip(reader * 50);
                    for id in ids.take_while(|_| !is_over.load(SeqCst)) {
                        db.query(sql).bind(id).fetch().await.unwrap();
                        tokio::task::yield_now().await;
                    }
                });
            }
            let streams = || db.stats().replication.unwrap().streams;
            let before = streams();
            place.psql(end);
            // Up to the loss: what the next stream tells would drop what was kept.
            while db.stats().cache.off.is_none() && streams() == before {
                others.execute("UPDATE r SET n = n + 1").await.unwrap();
            }
            until_live(&db).await;
            is_over.store(true, SeqCst);
            while let Some(task) = tasks.join_next().await {
                task.unwrap();
            }
            caught_up(&db).await;
            for id in 1..=ROWS {
                is_hit_with(&db, sql, &[id.into()]).await;
            }
        }
    });
}

#[test]
fn a_server_that_is_killed() {
    on_each_alone("a_server_that_is_killed", &[], async |place| {
        prepare(place, SCRIPT).await;
        let db = open(place.builder().acquire_timeout(ms(1_000))).await;
        let cluster = place.cluster();
        for round in 0..3 {
            keep(&db, COUNT).await;
            match round {
                0 => cluster.kill().unwrap(),
                1 => cluster.stop(Stop::Immediate).unwrap(),
                _ => cluster.stop(Stop::Fast).unwrap(),
            }
            soon("it is noticed", async || db.query(COUNT).fetch().await.is_err()).await;
            assert!(db.stats().cache.off.is_some());
            cluster.restart().unwrap();
            let n = round * 10 + 10;
            place.psql(&format!("UPDATE t SET n = {n} WHERE id = 1"));
            soon("it answers", async || db.query(COUNT).fetch().await.is_ok()).await;
            assert_eq!(read(&db).await, n);
            recovers(place, &db, n + 1).await;
        }
    });
}

#[test]
fn a_server_that_stands_still() {
    on_each_alone("a_server_that_stands_still", &[], async |place| {
        let db = follow(place, SCRIPT).await;
        for round in 1..=2 {
            keep(&db, COUNT).await;
            db.execute("UPDATE t SET n = n + 1 WHERE id = 1").await.unwrap();
            keep(&db, COUNT).await;
            place.cluster().freeze().unwrap();
            // Nobody can commit anything, so what is kept is true.
            assert!(db.query(COUNT).fetch().await.unwrap().cached);
            let strict = db.query(COUNT).freshness(Freshness::Strict).timeout(ms(300));
            assert!(strict.fetch().await.is_err(), "nobody can know that it is");
            let write = {
                let db = db.clone();
                tokio::spawn(async move {
                    db.execute("UPDATE t SET n = n + 1 WHERE id = 1").timeout(ms(200)).await
                })
            };
            tokio::time::sleep(ms(400)).await;
            // Whether the write was sent is not known, so this may be kept or wait: it returns.
            drop(db.query(COUNT).timeout(ms(100)).fetch().await);
            // A statement that the server has to be asked about keeps to its limit, too.
            let began = Instant::now();
            let sql = format!("SELECT n + {round} FROM t WHERE id = 1");
            assert!(db.query(&sql).timeout(ms(200)).fetch().await.is_err());
            assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
            place.cluster().thaw().unwrap();
            drop(write.await.unwrap());
            soon("it answers", async || db.query(COUNT).fetch().await.is_ok()).await;
            recovers(place, &db, round * 10).await;
        }
    });
}

/// The limit of a statement counts once, from its call on: for the wait for a connection, for what
/// is asked of the server first, for making the connection ready, and for the run.
#[test]
fn a_limit_counts_once_for_all_that_is_done_for_a_statement() {
    // A quarter of what making a connection ready may take by itself.
    const CLEARLY_LESS: Duration = Duration::from_millis(2_500);
    on_each_alone("a_limit_counts_once_for_all_that_is_done_for_a_statement", &[], async |place| {
        prepare(place, SCRIPT).await;
        place.psql(
            "CREATE TABLE odd (id int PRIMARY KEY);
             CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS
                 $$BEGIN PERFORM 1; RETURN NEW; END$$;
             CREATE TRIGGER shout BEFORE INSERT ON odd FOR EACH ROW EXECUTE FUNCTION shout()",
        );
        let db = open(place.single()).await;
        let write = "UPDATE t SET n = n + 1 WHERE id = 1";
        let is_known = async || db.execute(write).await.is_ok() && db.stats().cache.off.is_none();
        soon("what it writes is known", is_known).await;
        let past = db.query(COUNT).no_cache();
        past.fetch().await.unwrap();
        let late = async |what: &str, query: Query<'_>| {
            // What its trigger leaves in the session nobody knows.
            db.execute("INSERT INTO odd SELECT count(*) FROM odd").await.unwrap();
            place.cluster().freeze().unwrap();
            let began = Instant::now();
            let done = query.timeout(ms(200)).fetch().await;
            let took = began.elapsed();
            place.cluster().thaw().unwrap();
            assert!(done.is_err_and(|error| error.is_timeout()), "{what}");
            assert!(ms(150) < took && took < CLEARLY_LESS, "{what} took {took:?}");
            soon("it answers", async || db.query(COUNT).no_cache().fetch().await.is_ok()).await;
            until_live(&db).await;
            soon("what it writes is known", is_known).await;
        };
        late("a write", db.query(write)).await;
        let unknown = "SELECT n + 17 FROM t WHERE id = 1";
        late("a read that was never seen", db.query(unknown)).await;
        let strict = db.query(COUNT).freshness(Freshness::Strict);
        late("a read for which the cache has to catch up", strict).await;
        // The only connection is taken, and what it does takes longer.
        let sleeper = {
            let db = db.clone();
            tokio::spawn(async move { db.query("SELECT pg_sleep(3)").fetch().await.map(drop) })
        };
        soon("it is taken", async || db.stats().readers.in_use == 1).await;
        let began = Instant::now();
        let done = db.execute(write).timeout(ms(200)).await;
        assert!(done.is_err_and(|error| error.is_timeout()));
        assert!(began.elapsed() < CLEARLY_LESS, "{:?}", began.elapsed());
        sleeper.await.unwrap().unwrap();
    });
}

/// Whoever changes a table for long holds up those who ask for it, and nobody else.
#[test]
fn a_table_that_is_locked() {
    on_each("a_table_that_is_locked", async |place| {
        let db = follow(place, SCRIPT).await;
        let mut holder = place.cluster().session(&place.psql("SELECT current_database()")).unwrap();
        holder.query("BEGIN; LOCK TABLE other IN ACCESS EXCLUSIVE MODE").unwrap();
        let waiting = "SELECT n FROM other WHERE id = 1";
        let blocked: Vec<_> = (0..4)
            .map(|_| {
                let db = db.clone();
                tokio::spawn(async move { db.query(waiting).fetch().await.map(drop) })
            })
            .collect();
        let waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND
            database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        until("somebody waits", || place.psql(waits) != "0").await;
        let began = Instant::now();
        for n in 0..3 {
            db.query(&format!("SELECT n + {n} FROM t")).fetch().await.unwrap();
        }
        assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
        holder.query("COMMIT").unwrap();
        for read in blocked {
            read.await.unwrap().unwrap();
        }
        // That it could not be looked into then is not held against it.
        keep(&db, waiting).await;
    });
}

#[test]
fn a_server_whose_log_says_too_little() {
    on_each_alone("a_server_whose_log_says_too_little", &["wal_level = replica"], async |place| {
        place.psql(SCRIPT);
        let db = plain(place.builder()).open().await.unwrap();
        until_off(&db, "wal_level is replica: ALTER SYSTEM SET wal_level = 'logical', and restart")
            .await;
        assert_eq!(read(&db).await, 0);
        assert!(!is_hit(&db, COUNT).await);
    });
}

#[test]
fn another_server_takes_over() {
    on_each_version("another_server_takes_over", async |version| {
        let primary = Arc::new(Cluster::start(Settings::on(version)).unwrap());
        primary.psql(MARKED).unwrap();
        primary.psql(SCRIPT).unwrap();
        set_up(&primary.url()).await;
        let standby = Cluster::standby_of(&primary, Follow::Asynchronously).unwrap();
        let proxy = Proxy::to(primary.port()).await;
        let url =
            format!("postgres://postgres@127.0.0.1:{}/postgres?sslmode=disable", proxy.port());
        let db = open(Builder::new(url)).await;
        primary.psql("UPDATE t SET n = 5 WHERE id = 1").unwrap();
        caught_up(&db).await;
        keep(&db, COUNT).await;
        soon("it is copied", async || standby.psql(COUNT).unwrap() == "5").await;
        // What the old one commits alone is lost.
        standby.freeze().unwrap();
        db.execute("UPDATE t SET n = 6 WHERE id = 1").await.unwrap();
        keep(&db, COUNT).await;
        primary.kill().unwrap();
        standby.thaw().unwrap();
        standby.promote().unwrap();
        proxy.point_to(standby.port());
        soon("it answers", async || db.query(COUNT).fetch().await.is_ok()).await;
        let there: i64 = standby.psql(COUNT).unwrap().parse().unwrap();
        assert_eq!(read(&db).await, there);
        standby.psql("UPDATE t SET n = 20 WHERE id = 1").unwrap();
        assert_eq!(read_strictly(&db).await, 20);
        until_live(&db).await;
        caught_up(&db).await;
        assert_eq!(read(&db).await, 20);
        keep(&db, COUNT).await;
        db.execute("UPDATE t SET n = 21 WHERE id = 1").await.unwrap();
        assert_eq!(read(&db).await, 21);
        keep(&db, COUNT).await;
    });
}

/// A database behind a proxy.
async fn behind(place: &Place) -> (Proxy, Db) {
    prepare(place, SCRIPT).await;
    let proxy = Proxy::to(place.cluster().port()).await;
    let name = place.psql("SELECT current_database()");
    let url = format!("postgres://postgres@127.0.0.1:{}/{name}?sslmode=disable", proxy.port());
    let db = open(Builder::new(url)).await;
    (proxy, db)
}

#[test]
fn a_stream_that_is_late() {
    on_each("a_stream_that_is_late", async |place| {
        let (proxy, db) = behind(place).await;
        keep(&db, COUNT).await;
        proxy.delay(ms(100));
        for n in 1..=5 {
            // Ours are seen at once,
            db.execute(&format!("UPDATE t SET n = {} WHERE id = 1", n * 10)).await.unwrap();
            let began = Instant::now();
            while began.elapsed() < ms(30) {
                assert_eq!(read(&db).await, n * 10);
            }
            keep(&db, COUNT).await;
            assert_eq!(read(&db).await, n * 10);
            // others' when somebody asks for them, and later by all.
            place.psql(&format!("UPDATE t SET n = {} WHERE id = 1", n * 10 + 1));
            let began = Instant::now();
            if n % 2 == 0 {
                assert_eq!(read_strictly(&db).await, n * 10 + 1);
            }
            soon("it is seen", async || read(&db).await == n * 10 + 1).await;
            println!("seen after {:?}", began.elapsed());
        }
        let lag = || db.stats().replication.unwrap().lag.unwrap_or_default();
        soon("the delay is shown", async || {
            place.psql("UPDATE other SET n = n + 1");
            lag() >= ms(90)
        })
        .await;
        proxy.delay(ms(0));
        soon("and its end", async || lag() < ms(90)).await;
        recovers(place, &db, 100).await;
    });
}

#[test]
fn a_stream_that_stalls() {
    on_each("a_stream_that_stalls", async |place| {
        let (proxy, db) = behind(place).await;
        for round in 0..2 {
            keep(&db, COUNT).await;
            proxy.stall(true);
            for n in 1..=20 {
                let n = round * 100 + n;
                db.execute(&format!("UPDATE t SET n = {n} WHERE id = 1")).await.unwrap();
                assert_eq!(read(&db).await, n);
                assert!(!is_hit(&db, COUNT).await, "the fences stay up");
            }
            place.psql(&format!("UPDATE t SET n = {} WHERE id = 1", round * 100 + 50));
            assert_eq!(read_strictly(&db).await, round * 100 + 50);
            if round == 1 {
                proxy.cut();
            }
            proxy.stall(false);
            // Connections that were cut are found out by whoever asks first.
            soon("it reads again", async || db.query(COUNT).no_cache().fetch().await.is_ok()).await;
            recovers(place, &db, round * 100 + 60).await;
        }
    });
}

#[test]
fn a_network_that_breaks() {
    on_each("a_network_that_breaks", async |place| {
        let (proxy, db) = behind(place).await;
        for n in 1..=6 {
            keep(&db, COUNT).await;
            let up = {
                let db = db.clone();
                tokio::spawn(async move { db.execute("UPDATE t SET n = n + 1 WHERE id = 1").await })
            };
            if n % 2 == 0 {
                tokio::task::yield_now().await;
            }
            proxy.cut();
            let done = up.await.unwrap();
            let known = read_after(&db).await;
            assert!(done.is_err() || known > (n - 1) * 10, "{known}");
            for _ in 0..200 {
                let now = read_after(&db).await;
                assert!(now >= known, "{now} after {known}");
            }
            recovers(place, &db, n * 10 - 1).await;
        }
    });
}

/// What is read as soon as anything is.
async fn read_after(db: &Db) -> i64 {
    soon("it answers", async || db.query(COUNT).no_cache().fetch().await.is_ok()).await;
    read(db).await
}

#[test]
fn a_large_transaction() {
    on_each("a_large_transaction", async |place| {
        let db = follow(place, SCRIPT).await;
        keep(&db, COUNT).await;
        keep(&db, "SELECT count(*) FROM other").await;
        place.psql("INSERT INTO other SELECT n, n FROM generate_series(2, 60000) n");
        let count = db.query("SELECT count(*) FROM other").freshness(Freshness::Strict);
        assert_eq!(count.scalar::<i64>().await.unwrap(), 60_000);
        caught_up(&db).await;
        assert!(is_hit(&db, COUNT).await, "the other table was not touched");
        db.execute("UPDATE other SET n = n + 1; ").await.unwrap();
        let sum = "SELECT sum(n)::bigint FROM other";
        let expect = 60_000 * 60_001 / 2 - 1 + 60_000;
        assert_eq!(db.query(sum).scalar::<i64>().await.unwrap(), expect);
        recovers(place, &db, 10).await;
        keep(&db, sum).await;
        assert_eq!(db.query(sum).scalar::<i64>().await.unwrap(), expect);
    });
}

#[test]
fn a_slot_that_kept_too_much() {
    let lines = ["max_slot_wal_keep_size = 1MB", "min_wal_size = 32MB", "max_wal_size = 48MB"];
    on_each_alone("a_slot_that_kept_too_much", &lines, async |place| {
        let (proxy, db) = behind(place).await;
        keep(&db, COUNT).await;
        proxy.stall(true);
        place.psql("UPDATE t SET n = 1 WHERE id = 1");
        let lost = "SELECT count(*) FROM pg_replication_slots
            WHERE wal_status IN ('reserved', 'extended', 'unreserved')";
        soon("the slot is lost", async || {
            place.psql(
                "SELECT pg_logical_emit_message(false, 'fill', repeat('x', 8000000))
                    FROM generate_series(1, 3)",
            );
            place.psql("SELECT pg_switch_wal(); ");
            place.psql("CHECKPOINT");
            place.psql(lost) == "0"
        })
        .await;
        db.execute("UPDATE t SET n = 2 WHERE id = 1").await.unwrap();
        assert_eq!(read(&db).await, 2);
        proxy.stall(false);
        recovers(place, &db, 10).await;
    });
}

async fn until_nothing_is_left(place: &Place) {
    until("nothing is left on the server", || {
        let slots = "SELECT count(*) FROM pg_replication_slots WHERE database = current_database()";
        place.psql(slots) == "0" && place.psql(SENDERS) == "0" && place.sessions("true") == "0"
    })
    .await;
}

#[test]
fn nothing_is_left_behind() {
    on_each("nothing_is_left_behind", async |place| {
        let db = follow(place, SCRIPT).await;
        keep(&db, COUNT).await;
        assert_eq!(place.psql(SENDERS), "1");
        let session = db.session();
        session.execute("BEGIN").await.unwrap();
        drop((db, session));
        until_nothing_is_left(place).await;
        // Closed, though somebody still has it.
        let db = open(place.builder()).await;
        keep(&db, COUNT).await;
        db.close().await;
        until_nothing_is_left(place).await;
        assert!(db.query(COUNT).fetch().await.is_err());
        assert!(db.stats().cache.off.is_some());
        // Before its stream has begun.
        for _ in 0..5 {
            drop(place.builder().open().await.unwrap());
        }
        until_nothing_is_left(place).await;
    });
}

const CHILD: &str = "FOREBAY_TEST_FOLLOWS";

/// The other process of the next test.
#[tokio::test]
async fn follows_until_it_is_killed() {
    let Ok(url) = std::env::var(CHILD) else { return };
    let db = open(Builder::new(url)).await;
    keep(&db, COUNT).await;
    println!("follows");
    tokio::time::sleep(Duration::from_secs(100)).await;
}

#[test]
fn a_process_that_is_killed() {
    on_each("a_process_that_is_killed", async |place| {
        prepare(place, SCRIPT).await;
        let mut child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "follow::follows_until_it_is_killed"])
            .env(CHILD, place.url())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        until("it follows", || place.psql(SENDERS) == "1").await;
        let reads = "SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = current_database()
            AND query LIKE 'SELECT n FROM t%'";
        until("it reads", || place.psql(reads) == "t").await;
        child.kill().unwrap();
        child.wait().unwrap();
        until_nothing_is_left(place).await;
    });
}
