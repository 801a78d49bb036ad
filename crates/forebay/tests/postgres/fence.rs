use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use cluster::{Cluster, Database, Follow, Settings};
use forebay::{Builder, Db};
use tokio::task::JoinSet;

use crate::place::{Place, ms, on_each, on_each_alone, on_each_version};
use crate::ready::{MARKED, alone, caught_up, follow, is_hit, keep, open, set_up, soon};

const READERS: usize = 8;

/// Writes of one kind.
const ROUNDS: i64 = 8;

const COUNT: &str = "SELECT n FROM c WHERE id = 1";

const OTHER: &str = "SELECT n FROM c WHERE id = 2";

const ALL: &str = "SELECT sum(n)::bigint FROM c";

/// One counter, and everything that may write it by another name.
const SCRIPT: &str = "
    CREATE TABLE c (id int PRIMARY KEY, n bigint NOT NULL);
    INSERT INTO c VALUES (1, 0), (2, 0);
    CREATE TABLE written (n bigint);
    CREATE FUNCTION fired() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        UPDATE c SET n = NEW.n WHERE id = 1; RETURN NULL; END $$;
    CREATE TRIGGER fired AFTER INSERT ON written FOR EACH ROW EXECUTE FUNCTION fired();
    CREATE TABLE late (n bigint);
    CREATE CONSTRAINT TRIGGER late AFTER INSERT ON late DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION fired();
    CREATE FUNCTION count_to(bigint) RETURNS bigint LANGUAGE sql AS
        'UPDATE c SET n = $1 WHERE id = 1 RETURNING n';
    CREATE PROCEDURE count_twice(bigint) LANGUAGE plpgsql AS $$ BEGIN
        UPDATE c SET n = $1 - 1 WHERE id = 1; COMMIT; PERFORM pg_sleep(0.005);
        UPDATE c SET n = $1 WHERE id = 1; END $$;
    CREATE VIEW shown AS SELECT * FROM c;
    CREATE VIEW ruled AS SELECT n FROM c WHERE id = 1;
    CREATE RULE ruled AS ON UPDATE TO ruled DO INSTEAD UPDATE c SET n = NEW.n WHERE id = 1;
    CREATE TABLE named (n bigint PRIMARY KEY);
    CREATE TABLE followed (id int PRIMARY KEY, n bigint REFERENCES named ON UPDATE CASCADE);
    INSERT INTO named VALUES (0); INSERT INTO followed VALUES (1, 0);
    CREATE TABLE stamped (id int PRIMARY KEY, wanted bigint, n bigint, at timestamptz);
    INSERT INTO stamped VALUES (1, 0, 0);
    CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        NEW.n := NEW.wanted; NEW.at := now(); RETURN NEW; END $$;
    CREATE TRIGGER stamp BEFORE UPDATE ON stamped FOR EACH ROW EXECUTE FUNCTION stamp();
    CREATE TABLE altered (id int PRIMARY KEY, n bigint NOT NULL); INSERT INTO altered VALUES (1, 0);
    CREATE TABLE once (id int, CONSTRAINT once_only UNIQUE (id) DEFERRABLE INITIALLY DEFERRED)";

/// What readers hold their answers against.
#[derive(Clone, Default)]
struct Shared(Arc<Counts>);

#[derive(Default)]
struct Counts {
    is_over: AtomicBool,
    /// Nobody who asks from now on may get less: it was acknowledged, or read by somebody.
    known: AtomicI64,
    hits: AtomicU64,
}

impl Shared {
    /// From here on this is known.
    fn tell(&self, n: i64) {
        self.0.known.fetch_max(n, SeqCst);
    }
}

/// Lets readers run while `work` writes, which tells what was acknowledged.
async fn watched(db: &Db, sql: &'static str, what: &str, work: impl AsyncFnOnce(&Shared)) -> u64 {
    let shared = Shared::default();
    let mut readers = JoinSet::new();
    for _ in 0..READERS {
        let (db, shared, what) = (db.clone(), shared.clone(), what.to_owned());
        readers.spawn(async move {
            while !shared.0.is_over.load(SeqCst) {
                let known = shared.0.known.load(SeqCst);
                match db.query(sql).fetch().await {
                    Ok(answer) => {
                        let n = match answer.rows.values(0) {
                            [forebay::Value::Integer(n)] => *n,
                            other => panic!("{what}: {other:?}"),
                        };
                        let cached = answer.cached;
                        assert!(n >= known, "{what}: {n} after {known}, cached: {cached}");
                        shared.tell(n);
                        shared.0.hits.fetch_add(u64::from(cached), SeqCst);
                    }
                    Err(error) => {
                        assert!(
                            error.is_closed() || error.is_outcome_unknown(),
                            "{what}: {error:?}"
                        );
                    }
                }
                tokio::task::yield_now().await;
            }
        });
    }
    work(&shared).await;
    shared.0.is_over.store(true, SeqCst);
    while let Some(reader) = readers.join_next().await {
        reader.unwrap();
    }
    shared.0.hits.load(SeqCst)
}

/// Runs `check` with a database whose stream is followed, and with one that has none and no other
/// writer.
fn on_each_way(test: &str, script: &str, check: impl AsyncFn(&Place, &Db) + Copy) {
    on_each(test, async |place| check(place, &follow(place, script).await).await);
    let test = &format!("{test}, sole writer");
    on_each(test, async |place| check(place, &alone(place, script).await).await);
}

/// Writes larger and larger numbers in one way. The number before is free for use, too.
async fn game(db: &Db, next: &mut i64, sql: &'static str, what: &str, write: impl AsyncFn(i64)) {
    let first = *next;
    *next += 2 * ROUNDS;
    watched(db, sql, what, async |shared| {
        for n in (first..*next).step_by(2) {
            write(n + 2).await;
            shared.tell(n + 2);
            // Some writes come at once, others find the cache filled.
            if n % 3 == 0 {
                soon("hits", async || db.query(sql).fetch().await.unwrap().cached).await;
            }
        }
    })
    .await;
    assert_eq!(db.query(sql).scalar::<i64>().await.unwrap(), *next, "{what}");
    // The fences have fallen, whatever came of the writes.
    keep(db, sql).await;
    assert!(is_hit(db, sql).await, "{what}");
    println!("{what}");
}

#[test]
fn nobody_reads_less_than_is_known() {
    on_each_way("nobody_reads_less_than_is_known", SCRIPT, async |_, db| {
        let next = &mut 0;
        let update = "UPDATE c SET n = $1 WHERE id = 1";
        let text = |n: i64| format!("UPDATE c SET n = {n} WHERE id = 1");
        game(db, next, COUNT, "autocommit", async |n| {
            db.execute(update).bind(n).await.unwrap();
        })
        .await;
        let prepared = &db.prepare(update);
        game(db, next, COUNT, "prepared", async |n| {
            prepared.execute().bind(n).await.unwrap();
        })
        .await;
        game(db, next, COUNT, "returning", async |n| {
            db.query("UPDATE c SET n = $1 WHERE id = 1 RETURNING n").bind(n).fetch().await.unwrap();
        })
        .await;
        game(db, next, COUNT, "streamed", async |n| {
            let sql = "UPDATE c SET n = $1 WHERE id = 1 RETURNING n";
            let mut stream = db.query(sql).bind(n).stream::<i64>().await.unwrap();
            while let Some(row) = stream.next().await {
                row.unwrap();
            }
        })
        .await;
        game(db, next, COUNT, "common table", async |n| {
            let sql = "WITH x AS (UPDATE c SET n = $1 WHERE id = 1 RETURNING n) SELECT * FROM x";
            db.query(sql).bind(n).fetch().await.unwrap();
        })
        .await;
        game(db, next, COUNT, "explain analyze", async |n| {
            db.execute(&format!("EXPLAIN ANALYZE {}", text(n))).await.unwrap();
        })
        .await;
        game(db, next, COUNT, "script", async |n| {
            db.execute_batch(&format!("{}; {}", text(n - 1), text(n))).await.unwrap();
        })
        .await;
        game(db, next, COUNT, "script that commits", async |n| {
            let script = format!("{}; COMMIT; SELECT pg_sleep(0.002)", text(n));
            assert!(db.execute_batch(&script).await.unwrap_err().is_usage());
        })
        .await;
        game(db, next, COUNT, "truncated", async |n| {
            db.execute_batch(&format!("TRUNCATE c; INSERT INTO c VALUES (1, {n})")).await.unwrap();
        })
        .await;
        game(db, next, COUNT, "upsert", async |n| {
            let sql = "INSERT INTO c VALUES (1, $1) ON CONFLICT (id) DO UPDATE SET n = EXCLUDED.n";
            db.execute(sql).bind(n).await.unwrap();
        })
        .await;
        game(db, next, "SELECT n FROM shown WHERE id = 1", "through a view", async |n| {
            db.execute("UPDATE shown SET n = $1 WHERE id = 1").bind(n).await.unwrap();
        })
        .await;
    });
}

/// A name is of another table to whoever has another search path, though it is known what the text
/// means to everybody else.
#[test]
fn writes_under_another_path() {
    let script = "
        CREATE TABLE c (id int PRIMARY KEY, n bigint NOT NULL); INSERT INTO c VALUES (1, 0);
        CREATE SCHEMA aside; CREATE TABLE aside.c (LIKE c INCLUDING ALL);
        INSERT INTO aside.c VALUES (1, 0)";
    on_each_way("writes_under_another_path", script, async |_, db| {
        let update = "UPDATE c SET n = $1 WHERE id = 1";
        for n in 0..3 {
            db.execute(update).bind(n).await.unwrap();
        }
        let session = &db.session();
        session.execute("SET search_path = aside").await.unwrap();
        game(db, &mut 0, "SELECT n FROM aside.c WHERE id = 1", "session", async |n| {
            session.execute(update).bind(n).await.unwrap();
        })
        .await;
        assert_eq!(db.query(COUNT).scalar::<i64>().await.unwrap(), 2);
    });
}

#[test]
fn writes_by_another_name() {
    on_each_way("writes_by_another_name", SCRIPT, async |_, db| {
        let next = &mut 0;
        game(db, next, COUNT, "trigger", async |n| {
            db.execute("INSERT INTO written VALUES ($1)").bind(n).await.unwrap();
        })
        .await;
        game(db, next, COUNT, "deferred trigger", async |n| {
            db.execute("INSERT INTO late VALUES ($1)").bind(n).await.unwrap();
        })
        .await;
        game(db, next, COUNT, "rule", async |n| {
            db.execute("UPDATE ruled SET n = $1").bind(n).await.unwrap();
        })
        .await;
        game(db, next, COUNT, "function", async |n| {
            db.query("SELECT count_to($1)").bind(n).fetch().await.unwrap();
        })
        .await;
        game(db, next, COUNT, "function, streamed", async |n| {
            let mut stream = db.query("SELECT count_to($1)").bind(n).stream::<i64>().await.unwrap();
            assert_eq!(stream.next().await.unwrap().unwrap(), n);
            assert!(stream.next().await.is_none());
        })
        .await;
        game(db, next, COUNT, "procedure that commits", async |n| {
            db.execute("CALL count_twice($1)").bind(n).await.unwrap();
        })
        .await;
        game(db, next, COUNT, "block that commits", async |n| {
            let sql = format!(
                "DO $$ BEGIN UPDATE c SET n = {n} WHERE id = 1; COMMIT;
                    PERFORM pg_sleep(0.002); END $$"
            );
            db.execute(&sql).await.unwrap();
        })
        .await;
        let next = &mut 0;
        let cascade = "SELECT n FROM followed WHERE id = 1";
        game(db, next, cascade, "cascade", async |n| {
            db.execute("UPDATE named SET n = $1").bind(n).await.unwrap();
        })
        .await;
        let next = &mut 0;
        let stamped = "SELECT n FROM stamped WHERE id = 1";
        game(db, next, stamped, "trigger that stamps", async |n| {
            db.execute("UPDATE stamped SET wanted = $1").bind(n).await.unwrap();
        })
        .await;
        let writes = db.explain("UPDATE stamped SET wanted = 1").await.unwrap().writes;
        assert_eq!(writes, ["public.stamped"]);
        assert!(db.explain("INSERT INTO written VALUES (1)").await.unwrap().writes.is_empty());
        let next = &mut 0;
        let altered = "SELECT n FROM altered WHERE id = 1";
        game(db, next, altered, "change of the schema", async |n| {
            let sql = format!("ALTER TABLE altered ALTER COLUMN n TYPE bigint USING {n}");
            db.execute(&sql).await.unwrap();
        })
        .await;
    });
}

#[test]
fn transactions_and_sessions() {
    on_each_way("transactions_and_sessions", SCRIPT, async |_, db| {
        let next = &mut 0;
        let text = |n: i64| format!("UPDATE c SET n = {n} WHERE id = 1");
        game(db, next, COUNT, "transaction", async |n| {
            db.transaction(async |tx| tx.execute(&text(n)).await.map(drop)).await.unwrap();
        })
        .await;
        game(db, next, COUNT, "transaction with savepoints", async |n| {
            db.transaction(async |tx| {
                tx.execute(&text(n)).await?;
                let undone = tx.savepoint(async |tx| {
                    tx.execute(&text(-1)).await?;
                    tx.execute("SELECT 1 / 0").await.map(drop)
                });
                assert!(undone.await.is_err());
                tx.savepoint(async |tx| {
                    tx.execute("UPDATE c SET n = n WHERE id = 2").await.map(drop)
                })
                .await
            })
            .await
            .unwrap();
        })
        .await;
        game(db, next, COUNT, "transaction around a function", async |n| {
            db.transaction(async |tx| {
                tx.query("SELECT count_to($1)").bind(n).fetch().await.map(drop)
            })
            .await
            .unwrap();
        })
        .await;
        let run = async |statements: &[&str]| {
            let session = db.session();
            for sql in statements {
                session.execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
            }
        };
        for (what, statements) in [
            ("session", &["BEGIN", "+", "COMMIT"][..]),
            ("autocommit in a session", &["+"]),
            ("session, END", &["START TRANSACTION", "+", "END TRANSACTION"]),
            ("chain", &["BEGIN", "+", "COMMIT AND CHAIN", "ROLLBACK"]),
            ("chain of two", &["BEGIN", "SELECT 1", "COMMIT AND CHAIN", "+", "COMMIT"]),
            (
                "savepoints",
                &["BEGIN", "+", "SAVEPOINT a", "-", "ROLLBACK TO a", "RELEASE a", "COMMIT"],
            ),
            ("rolled back first", &["BEGIN", "-", "ROLLBACK", "+"]),
            ("rolled back and chained", &["BEGIN", "-", "ROLLBACK AND CHAIN", "+", "COMMIT"]),
            ("serializable", &["BEGIN ISOLATION LEVEL SERIALIZABLE", "+", "COMMIT"]),
            ("without waiting for the log", &["SET synchronous_commit = off", "+"]),
            (
                "without waiting for the log, in a transaction",
                &["BEGIN", "SET LOCAL synchronous_commit = off", "+", "COMMIT"],
            ),
            ("settings of its own", &["SET TimeZone = 'Asia/Tokyo'", "+"]),
            ("two phases", &["BEGIN", "+", "PREPARE TRANSACTION 'two'", "COMMIT PREPARED 'two'"]),
            ("EXECUTE", &["PREPARE it AS UPDATE c SET n = $1 WHERE id = 1", "EXECUTE it(+)"]),
            (
                "EXECUTE in a transaction",
                &[
                    "PREPARE it AS UPDATE c SET n = $1 WHERE id = 1",
                    "BEGIN",
                    "EXECUTE it(+)",
                    "COMMIT",
                ],
            ),
            (
                "cursor",
                &[
                    "BEGIN",
                    "DECLARE it CURSOR FOR SELECT * FROM c WHERE id = 1 FOR UPDATE",
                    "MOVE it",
                    "UPDATE c SET n = + WHERE CURRENT OF it",
                    "COMMIT",
                ],
            ),
        ] {
            game(db, next, COUNT, what, async |n| {
                let statements: Vec<String> = statements
                    .iter()
                    .map(|sql| match *sql {
                        "+" => text(n),
                        "-" => text(-1),
                        other => other.replace('+', &n.to_string()),
                    })
                    .collect();
                run(&statements.iter().map(String::as_str).collect::<Vec<_>>()).await;
            })
            .await;
        }
        game(db, next, COUNT, "script in a session", async |n| {
            let script = format!("BEGIN; {}; COMMIT; SELECT pg_sleep(0.002)", text(n));
            db.session().execute_batch(&script).await.unwrap();
        })
        .await;
        game(db, next, COUNT, "script in a transaction of a session", async |n| {
            let session = db.session();
            session.execute("BEGIN").await.unwrap();
            session.execute_batch(&format!("{}; {}", text(n - 1), text(n))).await.unwrap();
            session.execute("COMMIT").await.unwrap();
        })
        .await;
        game(db, next, COUNT, "a prepared transaction that another commits", async |n| {
            let session = db.session();
            for sql in ["BEGIN", &text(n), "PREPARE TRANSACTION 'other'"] {
                session.execute(sql).await.unwrap();
            }
            db.execute("COMMIT PREPARED 'other'").await.unwrap();
        })
        .await;
        game(db, next, COUNT, "a deferred constraint that fails", async |n| {
            let failed = db.transaction(async |tx| {
                tx.execute(&text(-1)).await?;
                tx.execute("INSERT INTO once VALUES (1), (1)").await.map(drop)
            });
            assert_eq!(failed.await.unwrap_err().code(), Some("23505"));
            let failed = db.execute("INSERT INTO once VALUES (1), (1)").await;
            assert_eq!(failed.unwrap_err().code(), Some("23505"));
            db.execute(&text(n)).await.unwrap();
        })
        .await;
    });
}

#[test]
fn writers_beside_each_other() {
    let script = "CREATE TABLE c (id int PRIMARY KEY, n bigint NOT NULL);
        INSERT INTO c SELECT n, 0 FROM generate_series(1, 4) n";
    on_each_way("writers_beside_each_other", script, async |_, db| {
        let sum = "SELECT sum(n)::bigint FROM c";
        watched(db, sum, "writers", async |shared| {
            let mut writers = JoinSet::new();
            let total = Arc::new(AtomicI64::new(0));
            for id in 1..=4 {
                let (db, shared, total) = (db.clone(), shared.clone(), total.clone());
                writers.spawn(async move {
                    for round in 0..60 {
                        let sql = format!("UPDATE c SET n = n + 1 WHERE id = {id}");
                        if round % 2 == 0 {
                            db.execute(&sql).await.unwrap();
                        } else {
                            db.transaction(async |tx| tx.execute(&sql).await.map(drop))
                                .await
                                .unwrap();
                        }
                        shared.tell(total.fetch_add(1, SeqCst) + 1);
                    }
                });
            }
            while let Some(writer) = writers.join_next().await {
                writer.unwrap();
            }
        })
        .await;
        assert_eq!(db.query(sum).scalar::<i64>().await.unwrap(), 240);
        keep(db, sum).await;
        assert!(is_hit(db, sum).await);
    });
}

/// What nobody hears of may have been committed all the same. Nobody goes back, and the fences
/// fall.
#[test]
fn writes_that_are_given_up() {
    let script = format!(
        "{SCRIPT};
        CREATE TABLE slow (n int);
        CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            PERFORM pg_sleep(random() * 0.01); RETURN NULL; END $$;
        CREATE CONSTRAINT TRIGGER slow AFTER UPDATE ON c DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION slow()"
    );
    on_each_way("writes_that_are_given_up", &script, async |place, db| {
        let up = "UPDATE c SET n = n + 1 WHERE id = 1";
        for way in ["dropped", "late", "late commit", "session dropped", "terminated"] {
            watched(db, COUNT, way, async |_| {
                for round in 0..40_u64 {
                    let wait = Duration::from_micros(round % 20 * 700 + 200);
                    match way {
                        "dropped" => {
                            let write = async { db.execute(up).await };
                            drop(tokio::time::timeout(wait, write).await);
                        }
                        "late" => drop(db.execute(up).timeout(wait).await),
                        "late commit" => {
                            let done = db.transaction(async |tx| tx.execute(up).await.map(drop));
                            drop(tokio::time::timeout(wait, done).await);
                        }
                        "session dropped" => {
                            let session = db.session();
                            session.execute("BEGIN").await.unwrap();
                            session.execute(up).await.unwrap();
                            let commit = async { session.execute("COMMIT").await };
                            drop(tokio::time::timeout(wait, commit).await);
                        }
                        _ => {
                            let write = {
                                let db = db.clone();
                                tokio::spawn(async move { db.execute(up).await })
                            };
                            tokio::time::sleep(wait).await;
                            place.psql(
                                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE
                                datname = current_database() AND query LIKE 'UPDATE c%'
                                AND state = 'active'",
                            );
                            drop(write.await.unwrap());
                        }
                    }
                }
            })
            .await;
            keep(db, COUNT).await;
            assert_eq!(
                place.psql(COUNT),
                db.query(COUNT).scalar::<i64>().await.unwrap().to_string(),
                "{way}"
            );
        }
    });
}

/// Whatever the server is at, hits are back soon after a write.
#[test]
fn fences_fall_on_an_idle_server() {
    on_each_way("fences_fall_on_an_idle_server", SCRIPT, async |place, db| {
        for round in 0..40 {
            match round % 5 {
                0 => drop(place.psql("CHECKPOINT")),
                1 => drop(place.psql("SELECT pg_switch_wal()")),
                2 => drop(place.psql("VACUUM c")),
                3 => db
                    .session()
                    .execute_batch("SET synchronous_commit = off; UPDATE c SET n = n")
                    .await
                    .unwrap(),
                _ => {}
            }
            db.execute("UPDATE c SET n = n + 1 WHERE id = 1").await.unwrap();
            match round % 3 {
                0 => drop(place.psql("SELECT pg_switch_wal()")),
                1 => drop(place.psql("CHECKPOINT")),
                _ => {}
            }
            keep(db, COUNT).await;
        }
    });
}

#[test]
fn a_server_that_does_not_wait_for_its_log() {
    let lines = ["synchronous_commit = off", "wal_writer_delay = 10s"];
    on_each_alone("a_server_that_does_not_wait_for_its_log", &lines, async |place| {
        let db = &follow(place, SCRIPT).await;
        let next = &mut 0;
        game(db, next, COUNT, "synchronous_commit = off", async |n| {
            db.execute("UPDATE c SET n = $1 WHERE id = 1").bind(n).await.unwrap();
        })
        .await;
        for n in *next..*next + 10 {
            // Of others: seen by whoever asks for it, though nobody flushes the log.
            place.psql(&format!("UPDATE c SET n = {n} WHERE id = 1"));
            let strict = db.query(COUNT).freshness(forebay::Freshness::Strict);
            assert_eq!(strict.scalar::<i64>().await.unwrap(), n);
        }
        keep(db, COUNT).await;
    });
}

/// A commit that waits for a standby which does not answer is seen by nobody, and holds up nobody.
#[test]
fn a_frozen_standby() {
    on_each_version("a_frozen_standby", async |version| {
        let cluster = Arc::new(Cluster::start(Settings::on(version)).unwrap());
        let database = Database::on(&cluster).unwrap();
        database.psql(MARKED).unwrap();
        database.psql(SCRIPT).unwrap();
        set_up(&database.url()).await;
        let standby = Cluster::standby_of(&cluster, Follow::Synchronously).unwrap();
        let db = open(Builder::new(database.url())).await;
        keep(&db, COUNT).await;
        keep(&db, ALL).await;
        keep(&db, OTHER).await;
        for (round, end) in ["thawed", "terminated", "cancelled"].into_iter().enumerate() {
            let n = i64::try_from(round).unwrap() + 1;
            watched(&db, COUNT, end, async |shared| {
                standby.freeze().unwrap();
                let write = {
                    let db = db.clone();
                    tokio::spawn(async move {
                        db.execute("UPDATE c SET n = $1 WHERE id = 1").bind(n).await
                    })
                };
                let waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
                soon("the commit hangs", async || cluster.psql(waits).unwrap() == "1").await;
                // Long enough for everything that could make it known too early.
                for _ in 0..20 {
                    let answer = db.query(COUNT).fetch().await.unwrap();
                    assert_eq!(answer.rows.values(0), [forebay::Value::from(n - 1)], "{end}");
                    assert!(!is_hit(&db, ALL).await, "it may be seen before the stream tells it");
                    assert!(is_hit(&db, OTHER).await, "the write is of another row");
                    tokio::time::sleep(ms(10)).await;
                }
                let signal = |what: &str| {
                    let sql = format!(
                        "SELECT {what}(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
                    );
                    cluster.psql(&sql).unwrap()
                };
                match end {
                    "thawed" => standby.thaw().unwrap(),
                    "terminated" => drop(signal("pg_terminate_backend")),
                    _ => drop(signal("pg_cancel_backend")),
                }
                match write.await.unwrap() {
                    Ok(_) => shared.tell(n),
                    Err(error) => assert!(
                        error.is_outcome_unknown() && end == "terminated",
                        "{end}: {error:?}"
                    ),
                }
                soon("it is seen", async || db.query(COUNT).scalar::<i64>().await.unwrap() == n)
                    .await;
                shared.tell(n);
                keep(&db, COUNT).await;
                keep(&db, ALL).await;
                standby.thaw().unwrap();
            })
            .await;
            caught_up(&db).await;
            keep(&db, COUNT).await;
            println!("{end}");
        }
        // Of others, the stream tells before anybody can see it.
        keep(&db, COUNT).await;
        standby.freeze().unwrap();
        let others = {
            let cluster = cluster.clone();
            let name = database.name().to_owned();
            let sql = "UPDATE c SET n = 9 WHERE id = 1";
            tokio::task::spawn_blocking(move || cluster.psql_in(&name, sql).unwrap())
        };
        let told = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
        soon("the commit hangs", async || cluster.psql(told).unwrap() == "1").await;
        soon("it is told", async || !db.query(COUNT).fetch().await.unwrap().cached).await;
        for _ in 0..50 {
            let answer = db.query(COUNT).fetch().await.unwrap();
            assert!(!answer.cached && answer.rows.values(0) == [3.into()], "{answer:?}");
        }
        standby.thaw().unwrap();
        others.await.unwrap();
        for _ in 0..50 {
            assert_eq!(db.query(COUNT).scalar::<i64>().await.unwrap(), 9);
        }
        keep(&db, COUNT).await;
        // The database could not be dropped.
        cluster.configure("synchronous_standby_names = ''").unwrap();
    });
}
