use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use forebay::{Db, Value};
use rusqlite::Connection;

use crate::place::{Place, assert_alive, child, child_path};

/// The log never grows beyond this while short statements read and write all the time: six times
/// the frames from which on it is moved into the file. A quiet machine needs a quarter of it.
const WAL_BYTES_MAX: u64 = 6 * 1_000 * FRAME_BYTES;
const FRAME_BYTES: u64 = 4_096 + 24;

/// How long a snapshot is held, and how long a busy machine may take to notice.
const HOLD: Duration = Duration::from_millis(50);
const SLACK: Duration = Duration::from_millis(950);

const SCHEMA: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, n INT NOT NULL, pad TEXT);
    INSERT INTO t WITH RECURSIVE i(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM i LIMIT 1000)
        SELECT id, 0, hex(zeroblob(100)) FROM i;";

async fn n(db: &Db, id: i64) -> i64 {
    db.query("SELECT n FROM t WHERE id = ?").bind(id).no_cache().scalar().await.unwrap()
}

/// Reads until a snapshot is held in which frames of the log are read; `false` when none is.
async fn hold(db: &Db, bare: &Connection) -> bool {
    for round in 0..20 {
        db.execute("UPDATE t SET n = n + 1 WHERE id = 1").await.unwrap();
        for _ in 0..6 {
            assert!(n(db, 1).await > round);
        }
        if !truncate(bare) {
            return true;
        }
    }
    false
}

/// Cuts the log to nothing; `false` when a reader is in the way.
fn truncate(bare: &Connection) -> bool {
    let cut = bare.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
    cut.unwrap() == 0
}

fn impatient(place: &Place) -> Connection {
    let bare = place.bare();
    bare.busy_timeout(Duration::ZERO).unwrap();
    bare
}

#[test]
fn what_is_held_ends_in_time_even_when_the_runtime_stands_still() {
    let place = Place::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let db = runtime.block_on(place.open(SCHEMA));
    let bare = impatient(&place);
    for _ in 0..5 {
        assert!(runtime.block_on(hold(&db, &bare)), "nothing was ever held");
        let began = Instant::now();
        while !truncate(&bare) {
            assert!(began.elapsed() < HOLD + SLACK, "held for {:?}", began.elapsed());
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    assert!(runtime.block_on(hold(&db, &bare)), "nothing was held after a time of rest");
}

#[tokio::test]
async fn nothing_is_held_when_that_is_switched_off() {
    let place = Place::new();
    let db = place.builder().snapshot_hold(Duration::ZERO).open().await.unwrap();
    db.execute_batch(SCHEMA).await.unwrap();
    assert!(!hold(&db, &impatient(&place)).await);
    for refused in [Duration::from_nanos(1), Duration::from_secs(2)] {
        let error = place.builder().snapshot_hold(refused).open().await.unwrap_err();
        assert!(error.is_usage() && error.to_string().contains("snapshot_hold"), "{error}");
    }
}

/// Opens a database with a held snapshot, lets `end` do its work and looks whether any lock is
/// left: leaving WAL needs the file for itself.
async fn check_released(end: impl AsyncFnOnce(Db)) {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    let bare = impatient(&place);
    assert!(hold(&db, &bare).await);
    end(db).await;
    let leave_wal = || bare.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(()));
    let began = Instant::now();
    while let Err(error) = leave_wal() {
        // A spare connection may just have been on its way.
        assert!(began.elapsed() < SLACK, "{error}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn the_end_of_a_database_is_the_end_of_its_locks() {
    check_released(async |db| db.close().await).await;
    check_released(async |db| drop(db)).await;
    check_released(async |db| {
        let reader = db.clone();
        let query = async move { reader.query(FOREVER).no_cache().fetch().await };
        let reading = tokio::spawn(query);
        tokio::time::sleep(Duration::from_millis(100)).await;
        reading.abort();
        assert!(reading.await.unwrap_err().is_cancelled());
        db.close().await;
    })
    .await;
}

const FOREVER: &str = "WITH RECURSIVE i(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM i)
    SELECT count(*) FROM i, t";

#[tokio::test]
async fn a_statement_that_is_stopped_or_fails_ends_its_snapshot() {
    let place = Place::new();
    let db = place.builder().max_size(1).max_overflow(0).min_idle(0).open().await.unwrap();
    db.execute_batch(SCHEMA).await.unwrap();
    let bare = impatient(&place);
    for round in 0..12 {
        assert!(hold(&db, &bare).await);
        match round % 4 {
            0 => {
                let late = db.query(FOREVER).no_cache().timeout(Duration::from_millis(20));
                assert!(late.fetch().await.unwrap_err().is_timeout());
            }
            1 => {
                let given_up = db.query(FOREVER).no_cache().fetch();
                let limit = Duration::from_millis(20);
                assert!(tokio::time::timeout(limit, given_up).await.is_err());
                // The only reader comes back when its statement has ended.
                assert!(n(&db, 2).await == 0);
            }
            2 => {
                let many = db.query("SELECT * FROM t").no_cache().max_rows(10).fetch().await;
                assert!(many.unwrap_err().is_too_large());
            }
            _ => {
                let wrong = db.query("SELECT abs(-9223372036854775807 - id) FROM t").no_cache();
                assert!(wrong.fetch().await.is_err());
            }
        }
        let began = Instant::now();
        while !truncate(&bare) {
            assert!(began.elapsed() < HOLD + SLACK, "held after round {round}");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    assert_alive(&db).await;
}

/// Statements that look at the schema, at settings or at the log mean what they mean outside.
#[tokio::test]
async fn other_statements_between_held_reads() {
    let place = Place::new();
    let db = place.builder().max_size(1).max_overflow(0).min_idle(0).open().await.unwrap();
    db.execute_batch(SCHEMA).await.unwrap();
    let bare = impatient(&place);
    let text = async |sql: &'static str| {
        let rows = db.query(sql).no_cache().fetch().await.unwrap().rows;
        format!("{:?}", (0..rows.len()).map(|row| rows.values(row)).collect::<Vec<_>>())
    };
    for round in 0..3 {
        assert!(hold(&db, &bare).await);
        assert_eq!(text("SELECT 1").await, "[[1]]");
        assert_eq!(text("PRAGMA query_only").await, "[[1]]");
        assert!(text("PRAGMA table_info(t)").await.contains("pad"));
        let columns = format!("[[{}]]", 3 + round);
        assert_eq!(text("SELECT count(*) FROM pragma_table_info('t')").await, columns);
        assert!(text("EXPLAIN SELECT * FROM t").await.contains("OpenRead"));
        assert!(db.explain("SELECT * FROM t WHERE id = 1").await.is_ok());
        assert_eq!(db.describe("SELECT n, pad FROM t").await.unwrap().columns.len(), 2);
        // Schema changes, by us and by others, are seen by the next read.
        bare.execute_batch(&format!("ALTER TABLE t ADD COLUMN x{round} DEFAULT {round}")).unwrap();
        let sql = format!("SELECT x{round} FROM t WHERE id = 5");
        assert_eq!(db.query(&sql).no_cache().scalar::<i64>().await.unwrap(), round);
        assert!(hold(&db, &bare).await);
        db.execute_batch(&format!("CREATE VIEW v{round} AS SELECT n FROM t")).await.unwrap();
        let sql = format!("SELECT count(*) FROM v{round}");
        assert_eq!(db.query(&sql).no_cache().scalar::<i64>().await.unwrap(), 1_000);
        assert!(hold(&db, &bare).await);
        let began = Instant::now();
        let cut = db.query("PRAGMA wal_checkpoint(TRUNCATE)").fetch().await.unwrap();
        assert_eq!(cut.rows.values(0)[0], Value::Integer(0), "a held snapshot was in the way");
        db.execute("VACUUM").await.unwrap();
        assert!(began.elapsed() < HOLD + SLACK, "{:?}", began.elapsed());
        assert!(n(&db, 1).await > 0);
    }
}

/// Random commits by anybody, schema changes, checkpoints, pauses and failures: each read is what
/// the bare database says.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn held_or_not_every_read_is_current() {
    for seed in 0..4 {
        let place = Place::new();
        let db = place.builder().max_size(2).max_overflow(1).min_idle(0).open().await.unwrap();
        db.execute_batch(SCHEMA).await.unwrap();
        let (bare, mut random) = (place.bare(), fastrand::Rng::with_seed(seed));
        let (mut columns, mut reads, mut hits) = (0, 0, 0);
        for step in 0..2_500 {
            let id = random.i64(1..20);
            let context = format!("seed {seed}, step {step}");
            match random.u8(..150) {
                0..5 => {
                    let sql = format!("UPDATE t SET n = {step} WHERE id = {id}");
                    db.execute(&sql).await.unwrap();
                }
                5..10 => {
                    bare.execute("UPDATE t SET n = -?1 WHERE id = ?2", [step, id]).unwrap();
                }
                10 => {
                    let sql = format!("ALTER TABLE t ADD COLUMN c{columns} DEFAULT {step}");
                    bare.execute_batch(&sql).unwrap();
                    columns += 1;
                }
                11 => {
                    let modes = ["PASSIVE", "FULL", "RESTART", "TRUNCATE"];
                    let mode = modes[random.usize(..4)];
                    bare.execute_batch(&format!("PRAGMA wal_checkpoint({mode})")).unwrap();
                }
                12 => tokio::time::sleep(Duration::from_millis(random.u64(..60))).await,
                13 => assert!(db.query("SELECT * FROM nothing").fetch().await.is_err()),
                14 => drop(db.query("PRAGMA user_version").fetch().await.unwrap()),
                15 => drop(db.query("SELECT 1").no_cache().fetch().await.unwrap()),
                16 => {
                    let mut stream = db.query("SELECT n FROM t").stream::<i64>().await.unwrap();
                    assert!(stream.next().await.unwrap().is_ok());
                }
                _ => {
                    let sql = match random.u8(..3) {
                        0 => "SELECT * FROM t WHERE id = ?",
                        1 => "SELECT n FROM t WHERE id = ?",
                        _ => "SELECT sum(n) FROM t WHERE id <= ?",
                    };
                    let mut query = db.query(sql).bind(id);
                    if random.bool() {
                        query = query.no_cache();
                    }
                    let answer = query.fetch().await.unwrap();
                    let found = format!("{:?}", answer.rows.values(0));
                    assert_eq!(found, bare_row(&bare, sql, id), "{context}: {sql}");
                    reads += 1;
                    hits += usize::from(answer.cached);
                }
            }
        }
        assert!(reads > 1_000 && hits > 50, "{reads} reads, {hits} hits");
    }
}

fn bare_row(bare: &Connection, sql: &str, id: i64) -> String {
    let mut statement = bare.prepare(sql).unwrap();
    let width = statement.column_count();
    let row = statement.query_row([id], |row| {
        (0..width)
            .map(|column| {
                Ok(match row.get(column)? {
                    rusqlite::types::Value::Integer(n) => Value::Integer(n),
                    rusqlite::types::Value::Text(text) => Value::from(text),
                    other => panic!("{other:?}"),
                })
            })
            .collect::<rusqlite::Result<Vec<Value>>>()
    });
    format!("{:?}", row.unwrap())
}

/// What goes on while the log is watched.
#[derive(Default)]
struct Traffic {
    stop: AtomicBool,
    reads: AtomicU64,
    commits: AtomicU64,
}

/// Reads all the time until the traffic stops.
async fn read(db: Db, traffic: Arc<Traffic>, mut id: i64) {
    while !traffic.stop.load(Relaxed) {
        id = id % 1_000 + 1;
        if id % 50 == 0 {
            let sum = db.query("SELECT sum(n) FROM t WHERE id <= 100").no_cache();
            sum.scalar::<i64>().await.unwrap();
            tokio::task::yield_now().await;
        } else {
            n(&db, id).await;
        }
        traffic.reads.fetch_add(1, Relaxed);
    }
}

/// Reads from several tasks, while `write` goes on in another thread.
async fn check_log(place: &Place, db: &Db, write: impl FnOnce(&Traffic) + Send + 'static) {
    let traffic = Arc::new(Traffic::default());
    let readers = (0..4).map(|id| tokio::spawn(read(db.clone(), traffic.clone(), id)));
    let readers: Vec<_> = readers.collect();
    let writing = std::thread::spawn({
        let traffic = traffic.clone();
        move || write(&traffic)
    });
    let written = || traffic.commits.load(Relaxed) * FRAME_BYTES;
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(3) || written() < 2 * WAL_BYTES_MAX {
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(!writing.is_finished() && began.elapsed() < Duration::from_secs(60));
    }
    traffic.stop.store(true, Relaxed);
    for reader in readers {
        reader.await.unwrap();
    }
    writing.join().unwrap();
    // A log that is started anew keeps the size that it had.
    let largest = place.path().with_file_name("app.db-wal").metadata().unwrap().len();
    let (reads, written) = (traffic.reads.load(Relaxed), written());
    println!("{reads} reads, {written} bytes of log in {:?}, {largest} at once", began.elapsed());
    assert!(reads > 10_000, "it was not read all the time: {reads}");
    assert!(largest < WAL_BYTES_MAX, "the log grew to {largest} bytes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_is_bounded_when_we_write() {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    let (writer, runtime) = (db.clone(), tokio::runtime::Handle::current());
    check_log(&place, &db, move |traffic| {
        let sql = "UPDATE t SET n = n + 1 WHERE id = ?";
        while !traffic.stop.load(Relaxed) {
            let id = traffic.commits.fetch_add(1, Relaxed) as i64 * 7 % 1_000;
            runtime.block_on(writer.execute(sql).bind(id).into_future()).unwrap();
        }
    })
    .await;
}

/// Pauses of a child between commits. Without them it writes a hundred frames in the time for
/// which the system may keep one reader from running, and the test would be of that.
const PAUSE: Duration = Duration::from_micros(100);

/// Writes until the parent ends the process; every 20th line says how many commits there were.
fn write_as_child(path: &Path, autocheckpoint: u32, checkpoint_every: u64) {
    let bare = Connection::open(path).unwrap();
    bare.busy_timeout(Duration::from_secs(5)).unwrap();
    bare.execute_batch(&format!(
        "PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = {autocheckpoint}"
    ))
    .unwrap();
    let mut slowest = Duration::ZERO;
    for commits in 1.. {
        bare.execute("UPDATE t SET n = n + 1 WHERE id = ?", [commits as i64 * 7 % 1_000]).unwrap();
        std::thread::sleep(PAUSE);
        if commits % checkpoint_every == 0 {
            let began = Instant::now();
            assert!(truncate(&bare), "the log could not be cut within 5 s");
            slowest = slowest.max(began.elapsed());
        }
        if commits % 20 == 0 {
            println!("@{commits} {}", slowest.as_millis());
        }
    }
}

/// Lets a child process write; gives the time of its slowest checkpoint.
fn watch_child(test: &str, path: &Path, traffic: &Traffic) -> Duration {
    let mut writer = child(&[], test, path).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(writer.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut slowest = Duration::ZERO;
    for line in lines {
        if let Some((commits, ms)) = line.strip_prefix('@').and_then(|line| line.split_once(' ')) {
            traffic.commits.store(commits.parse().unwrap(), Relaxed);
            slowest = Duration::from_millis(ms.parse().unwrap());
        }
        if traffic.stop.load(Relaxed) {
            break;
        }
    }
    assert!(traffic.stop.load(Relaxed), "the child ended by itself");
    writer.kill().unwrap();
    writer.wait().unwrap();
    slowest
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_is_bounded_when_another_process_writes() {
    if let Some(path) = child_path() {
        return write_as_child(&path, 1_000, u64::MAX);
    }
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    let path = place.path();
    let test = "snapshot::the_log_is_bounded_when_another_process_writes";
    check_log(&place, &db, move |traffic| {
        watch_child(test, &path, traffic);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_process_can_cut_the_log_while_it_is_read() {
    if let Some(path) = child_path() {
        return write_as_child(&path, 0, 500);
    }
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    let path = place.path();
    let test = "snapshot::another_process_can_cut_the_log_while_it_is_read";
    check_log(&place, &db, move |traffic| {
        let slowest = watch_child(test, &path, traffic);
        println!("the slowest checkpoint took {slowest:?}");
        // It waits for frames, for the file and for the log, and sleeps between its tries.
        assert!(slowest < Duration::from_secs(3), "{slowest:?}");
    })
    .await;
}
