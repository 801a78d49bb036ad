use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use forebay::{Builder, Db, Error, Value};

use crate::place::{Place, assert_alive, child, child_path};

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn open(path: &Path) -> Builder {
    Builder::new(format!("sqlite:{}", path.display()))
}

async fn count(db: &Db) -> Result<i64, Error> {
    db.query("SELECT count(*) FROM t").scalar().await
}

const SCHEMA: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT);
    INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 5000)
        SELECT i, 'row number ' || i || ' ' || hex(zeroblob(50)) FROM n;
    CREATE INDEX by_v ON t (v);";

/// Damages the file of a good database, and looks at what is made of it.
async fn check_damaged(what: &str, damage: impl FnOnce(&mut Vec<u8>), opens: Option<bool>) {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    db.close().await;
    drop(db);
    place.bare().execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    let mut bytes = std::fs::read(place.path()).unwrap();
    damage(&mut bytes);
    std::fs::write(place.path(), &bytes).unwrap();
    let db = match place.builder().open().await {
        Ok(db) => db,
        Err(error) => {
            assert!(opens != Some(true), "{what}: {error}");
            assert!(error.is_corrupt(), "{what}: {error:?}");
            assert!(error.message().contains("app.db"), "{what}: {error}");
            assert!(error.message().contains("backup"), "it says what to do: {error}");
            return;
        }
    };
    assert!(opens != Some(false), "{what}: it opened");
    let mut failed = 0;
    for sql in [
        "SELECT count(*), sum(length(v)) FROM t NOT INDEXED",
        "SELECT count(v) FROM t INDEXED BY by_v",
        "SELECT * FROM t ORDER BY v",
        "UPDATE t SET v = v || 'x'",
        "DELETE FROM t WHERE id % 2 = 0",
    ] {
        for _ in 0..2 {
            match db.query(sql).fetch().await {
                Ok(_) => {}
                Err(error) => {
                    failed += 1;
                    assert!(error.is_corrupt(), "{what}: {sql}: {error:?}");
                }
            }
        }
    }
    assert!(failed > 0, "{what}: nothing noticed it");
    let found: String = db.query("PRAGMA quick_check(1)").scalar().await.unwrap_or_default();
    assert_ne!(found, "ok", "{what}");
    // Nothing is stuck: an error or an answer, but at once.
    let began = Instant::now();
    let _ = db.execute("CREATE TABLE fresh (a)").await;
    let _ = db.query("SELECT count(*) FROM fresh").fetch().await;
    db.close().await;
    assert!(began.elapsed() < Duration::from_secs(2), "{what}");
}

#[tokio::test]
async fn damaged_files() {
    check_damaged("no header", |bytes| bytes[..16].fill(b'x'), Some(false)).await;
    check_damaged("a page size of its own", |bytes| bytes[16..18].fill(7), Some(false)).await;
    check_damaged("the schema page", |bytes| bytes[100..4_096].fill(0xaa), None).await;
    check_damaged("cut in the middle", |bytes| bytes.truncate(bytes.len() / 2), None).await;
    check_damaged("cut in the first page", |bytes| bytes.truncate(2_000), None).await;
    check_damaged("zeros", |bytes| bytes[8_192..].fill(0), None).await;
    check_damaged(
        "flipped bytes in the middle",
        |bytes| {
            let mut random = fastrand::Rng::with_seed(7);
            for page in 1..bytes.len() / 4_096 {
                for _ in 0..8 {
                    bytes[page * 4_096 + random.usize(..16)] ^= 0x55;
                }
            }
        },
        None,
    )
    .await;
}

#[tokio::test]
async fn locked_by_another() {
    let place = Place::new();
    place.open(SCHEMA).await.close().await;
    let bare = place.bare();
    bare.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; UPDATE t SET v = 'bare'")
        .unwrap();
    let began = Instant::now();
    let error = place.builder().busy_timeout(ms(200)).open().await.unwrap_err();
    assert!(error.is_busy(), "{error:?}");
    assert!(error.message().contains("app.db") && error.message().contains("busy_timeout"));
    let waited = began.elapsed();
    assert!(waited >= ms(150) && waited < Duration::from_secs(3), "{waited:?}");
    bare.execute_batch("ROLLBACK").unwrap();
    drop(bare);
    let bare = place.bare();
    let db = place.builder().busy_timeout(ms(200)).open().await.unwrap();
    assert_eq!(count(&db).await.unwrap(), 5_000);
    assert!(db.query("SELECT count(*) FROM t").fetch().await.unwrap().cached);
    // During writes. Reads go on.
    bare.execute_batch("BEGIN IMMEDIATE; DELETE FROM t WHERE id = 1").unwrap();
    let session = db.session();
    for (what, done) in [
        ("execute", db.execute("DELETE FROM t").await.map(|_| ())),
        ("batch", db.execute_batch("DELETE FROM t").await),
        ("transaction", db.transaction(|_| async { Ok(()) }).await),
        ("session", session.execute("BEGIN IMMEDIATE").await.map(|_| ())),
        ("returning", db.query("DELETE FROM t RETURNING id").fetch().await.map(|_| ())),
    ] {
        let error = done.expect_err(what);
        assert!(error.is_busy(), "{what}: {error:?}");
    }
    assert_eq!(count(&db).await.unwrap(), 5_000);
    bare.execute_batch("COMMIT").unwrap();
    assert_eq!(count(&db).await.unwrap(), 4_999);
    assert_alive(&db).await;
}

#[tokio::test]
async fn a_locked_rollback_journal() {
    let place = Place::new();
    let db = place
        .builder()
        .journal_mode(forebay::JournalMode::Delete)
        .busy_timeout(ms(300))
        .open()
        .await
        .unwrap();
    db.execute_batch(SCHEMA).await.unwrap();
    while db.stats().readers.idle < 3 {
        tokio::time::sleep(ms(1)).await;
    }
    let bare = place.bare();
    bare.execute_batch("BEGIN EXCLUSIVE; DELETE FROM t WHERE id = 1").unwrap();
    // New texts and known ones, and nobody blocks the thread of the runtime.
    for sql in ["SELECT count(*) FROM t", "SELECT count(*) + 0 FROM t"] {
        let ticks = tokio::spawn(async {
            let mut longest = Duration::ZERO;
            for _ in 0..20 {
                let began = Instant::now();
                tokio::time::sleep(ms(5)).await;
                longest = longest.max(began.elapsed());
            }
            longest
        });
        let error = db.query(sql).fetch().await.unwrap_err();
        assert!(error.is_busy(), "{error:?}");
        assert!(ticks.await.unwrap() < ms(120), "the runtime stood still");
        let began = Instant::now();
        let error = db.query(sql).timeout(ms(50)).fetch().await.unwrap_err();
        assert!(error.is_timeout(), "{error:?}");
        assert!(began.elapsed() < ms(200));
    }
    assert!(db.execute("DELETE FROM t").await.unwrap_err().is_busy());
    bare.execute_batch("COMMIT").unwrap();
    assert_eq!(count(&db).await.unwrap(), 4_999);
    assert_alive(&db).await;
}

#[tokio::test]
async fn deleted_or_replaced() {
    for (journal, replaced) in [("wal", false), ("wal", true), ("delete", false), ("delete", true)]
    {
        let place = Place::new();
        let mode = match journal {
            "wal" => forebay::JournalMode::Wal,
            _ => forebay::JournalMode::Delete,
        };
        let db = place.builder().journal_mode(mode).open().await.unwrap();
        db.execute_batch(SCHEMA).await.unwrap();
        for _ in 0..3 {
            assert_eq!(count(&db).await.unwrap(), 5_000);
        }
        let other = place.path().with_file_name("other.db");
        rusqlite::Connection::open(&other).unwrap().execute_batch("CREATE TABLE t (id)").unwrap();
        match replaced {
            true => std::fs::rename(&other, place.path()).unwrap(),
            false => std::fs::remove_file(place.path()).unwrap(),
        }
        let gone = Instant::now();
        let error = loop {
            match count(&db).await {
                Ok(found) => {
                    assert_eq!(found, 5_000, "{journal}: another file answered");
                    assert!(gone.elapsed() < Duration::from_secs(2), "{journal}: served on");
                }
                Err(error) => break error,
            }
            tokio::time::sleep(ms(20)).await;
        };
        tokio::time::sleep(ms(1_100)).await;
        for error in [
            error,
            count(&db).await.unwrap_err(),
            db.execute("DELETE FROM t").await.unwrap_err(),
            db.transaction(|_| async { Ok(()) }).await.unwrap_err(),
            db.execute_batch("DELETE FROM t").await.unwrap_err(),
            db.session().execute("BEGIN").await.unwrap_err(),
        ] {
            assert!(error.is_open() && error.message().contains("open it again"), "{error:?}");
        }
        assert!(db.stats().cache.off.is_some());
        db.close().await;
        drop(db);
        if replaced {
            let _ = std::fs::remove_file(place.path().with_file_name("app.db-wal"));
            let _ = std::fs::remove_file(place.path().with_file_name("app.db-shm"));
            let db = place.builder().open().await.unwrap();
            assert_eq!(count(&db).await.unwrap(), 0);
            assert_alive(&db).await;
        }
    }
}

#[tokio::test]
async fn a_size_limit_of_the_database() {
    let place = Place::new();
    let db = place.builder().pragma("max_page_count", "60").open().await.unwrap();
    db.execute_batch("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)").await.unwrap();
    let mut written = 0;
    let error = loop {
        assert!(written < 1_000, "it never became full");
        match db.execute("INSERT INTO t (v) VALUES (hex(zeroblob(1000)))").await {
            Ok(_) => written += 1,
            Err(error) => break error,
        }
        assert_eq!(count(&db).await.unwrap(), written);
    };
    assert!(error.is_full(), "{error:?}");
    assert!(error.message().contains("make room"), "{error}");
    assert_eq!(count(&db).await.unwrap(), written);
    // In a transaction nothing is kept by halves.
    let done = db
        .transaction(|tx| async move {
            tx.execute("UPDATE t SET v = 'short' WHERE id = 1").await?;
            for _ in 0..100 {
                let _ = tx.execute("INSERT INTO t (v) VALUES (hex(zeroblob(5000)))").await;
            }
            tx.execute("INSERT INTO t (v) VALUES (hex(zeroblob(500000)))").await.map(|_| ())
        })
        .await;
    assert!(done.is_err());
    assert_eq!(count(&db).await.unwrap(), written);
    let script = "DELETE FROM t WHERE id = 1; INSERT INTO t (v) VALUES (hex(zeroblob(500000)))";
    assert!(db.execute_batch(script).await.unwrap_err().is_full());
    assert_eq!(count(&db).await.unwrap(), written);
    db.execute("DELETE FROM t WHERE id > 5").await.unwrap();
    assert_eq!(count(&db).await.unwrap(), 5);
    assert_alive(&db).await;
}

/// Runs `test` in a child with a name space of its own for mounts, after `mount` in it. False
/// when this system does not let us; the reason is printed.
pub(crate) fn in_mounts(mount: &str, test: &str, path: &Path) -> bool {
    let probe = Command::new("unshare").args(["-m", "sh", "-ec", mount, "sh", "true"]).output();
    match probe {
        Ok(probe) if probe.status.success() => {}
        other => {
            println!("skipped {test}: mounting is not permitted here ({other:?})");
            return false;
        }
    }
    let script = format!("{mount}; exec \"$@\"");
    let output =
        child(&["unshare", "-m", "sh", "-ec", &script, "sh"], test, path).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("1 passed"), "{text}");
    true
}

#[tokio::test]
async fn a_full_disk() {
    let Some(path) = child_path() else {
        let place = Place::new();
        let dir = place.path().parent().unwrap().to_owned();
        let mount = format!("mount -t tmpfs -o size=3m tmpfs '{}'", dir.display());
        in_mounts(&mount, "fault::a_full_disk", &place.path());
        return;
    };
    let filler = path.with_file_name("filler");
    let mut file = std::fs::File::create(&filler).unwrap();
    file.write_all(&vec![1; 1_000_000]).unwrap();
    let db = open(&path).open().await.unwrap();
    db.execute_batch("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)").await.unwrap();
    let mut written = 0;
    for round in 0..3 {
        let mut failed = 0;
        while failed < 5 {
            assert!(written < 10_000, "it never became full");
            match db.execute("INSERT INTO t (v) VALUES (hex(zeroblob(1000)))").await {
                Ok(_) => written += 1,
                Err(error) => {
                    failed += 1;
                    assert!(error.is_full(), "{error:?}");
                    assert!(error.message().contains("make room"), "{error}");
                }
            }
            for _ in 0..2 {
                assert_eq!(count(&db).await.unwrap(), written);
            }
        }
        let error = db
            .transaction(|tx| async move {
                for _ in 0..100 {
                    tx.execute("INSERT INTO t (v) VALUES (hex(zeroblob(10000)))").await?;
                }
                Ok(())
            })
            .await
            .unwrap_err();
        assert!(error.is_full(), "{error:?}");
        assert_eq!(count(&db).await.unwrap(), written);
        match round {
            // A second handle finds the disk full when it is opened.
            0 => match open(&path).open().await {
                Ok(other) => assert_eq!(count(&other).await.unwrap(), written),
                Err(error) => assert!(error.is_full(), "{error:?}"),
            },
            1 => file.set_len(400_000).unwrap(),
            _ => file.set_len(0).unwrap(),
        }
    }
    assert_alive(&db).await;
    assert_eq!(count(&db).await.unwrap(), written);
}

#[tokio::test]
async fn a_disk_that_is_full_from_the_start() {
    let Some(path) = child_path() else {
        let place = Place::new();
        let dir = place.path().parent().unwrap().to_owned();
        let mount = format!("mount -t tmpfs -o size=1m tmpfs '{}'", dir.display());
        in_mounts(&mount, "fault::a_disk_that_is_full_from_the_start", &place.path());
        return;
    };
    let mut file = std::fs::File::create(path.with_file_name("filler")).unwrap();
    while file.write_all(&[1; 4_096]).is_ok() {}
    let error = open(&path).open().await.unwrap_err();
    assert!(error.is_full(), "{error:?}");
    assert!(error.message().contains("app.db"), "{error}");
    file.set_len(0).unwrap();
    assert_alive(&open(&path).open().await.unwrap()).await;
}

#[tokio::test]
async fn a_disk_that_may_only_be_read() {
    let Some(path) = child_path() else {
        for mode in ["wal", "delete"] {
            let place = Place::new();
            let bare = place.bare();
            bare.execute_batch(&format!("PRAGMA journal_mode = {mode}")).unwrap();
            bare.execute_batch(SCHEMA).unwrap();
            drop(bare);
            let dir = place.path().parent().unwrap().display().to_string();
            let mount = format!("mount --bind '{dir}' '{dir}' && mount -o remount,bind,ro '{dir}'");
            in_mounts(&mount, "fault::a_disk_that_may_only_be_read", &place.path());
        }
        return;
    };
    // The file says in its header whether it is in WAL mode, which cannot be read alone.
    if std::fs::read(&path).unwrap()[18] == 2 {
        let error = open(&path).open().await.unwrap_err();
        assert!(error.is_open() && error.message().contains("journal_mode = DELETE"), "{error}");
        return;
    }
    for builder in [open(&path), open(&path).read_only(true)] {
        let db = builder.open().await.unwrap();
        for _ in 0..2 {
            assert_eq!(count(&db).await.unwrap(), 5_000);
        }
        let off = db.stats().cache.off.unwrap();
        assert!(off.contains("reading only"), "{off}");
        for error in [
            db.execute("DELETE FROM t").await.unwrap_err(),
            db.execute_batch("CREATE TABLE x (a)").await.unwrap_err(),
            db.query("DELETE FROM t RETURNING id").fetch().await.unwrap_err(),
            db.execute("VACUUM").await.unwrap_err(),
        ] {
            assert!(error.is_read_only(), "{error:?}");
        }
        let session = db.session();
        session.execute("BEGIN").await.unwrap();
        assert!(session.execute("DELETE FROM t").await.unwrap_err().is_read_only());
        drop(session);
        assert_eq!(count(&db).await.unwrap(), 5_000);
        db.explain("SELECT * FROM t").await.unwrap();
        db.close().await;
    }
}

#[tokio::test]
async fn a_handle_that_only_reads() {
    let place = Place::new();
    let writer = place.open(SCHEMA).await;
    let db = place.builder().read_only(true).open().await.unwrap();
    for n in 0..20 {
        writer.execute("DELETE FROM t WHERE id = ?").bind(n + 1).await.unwrap();
        assert_eq!(count(&db).await.unwrap(), 4_999 - n);
    }
    assert!(db.execute("DELETE FROM t").await.unwrap_err().is_read_only());
    let done =
        db.transaction(|tx| async move { tx.execute("DELETE FROM t").await.map(|_| ()) }).await;
    assert!(done.unwrap_err().is_read_only());
    assert_eq!(count(&db).await.unwrap(), 4_980);
    assert_alive(&writer).await;
}

#[tokio::test]
async fn two_handles_on_one_file() {
    let place = Place::new();
    let first = place.open("CREATE TABLE t (id INTEGER PRIMARY KEY, n INT)").await;
    let second = place.builder().open().await.unwrap();
    for n in 0..300 {
        let (writes, reads) = if n % 2 == 0 { (&first, &second) } else { (&second, &first) };
        writes.execute("INSERT INTO t (n) VALUES (?)").bind(n).await.unwrap();
        assert_eq!(count(reads).await.unwrap(), n + 1);
        assert_eq!(count(writes).await.unwrap(), n + 1);
        assert!(reads.query("SELECT count(*) FROM t").fetch().await.unwrap().cached);
    }
    first.close().await;
    drop(first);
    // Closing one must not have taken the locks of the other away.
    assert_alive(&second).await;
    assert_eq!(count(&second).await.unwrap(), 300);
    let bare = place.bare();
    bare.execute("DELETE FROM t WHERE id = 1", []).unwrap();
    assert_eq!(count(&second).await.unwrap(), 299);
}

/// Says on its standard output which writes have been acknowledged, until it is killed.
async fn write_until_killed(path: &Path) {
    let db = open(path).open().await.unwrap();
    let mut random = fastrand::Rng::new();
    let say = |text: String| {
        let mut out = std::io::stdout().lock();
        writeln!(out, "\n@{text}").unwrap();
        out.flush().unwrap();
    };
    let start: i64 = db.query("SELECT coalesce(max(id), 0) FROM t").scalar().await.unwrap();
    for id in start + 1.. {
        match random.u8(..4) {
            0 => {
                db.transaction(|tx| async move {
                    tx.execute("INSERT INTO t VALUES (?, 'a')").bind(id).await?;
                    tx.execute("INSERT INTO pair VALUES (?)").bind(id).await.map(|_| ())
                })
                .await
                .unwrap();
            }
            1 => {
                let script =
                    format!("INSERT INTO t VALUES ({id}, 'b'); INSERT INTO pair VALUES ({id})");
                db.execute_batch(&script).await.unwrap();
            }
            2 => {
                let session = db.session();
                session.execute("BEGIN").await.unwrap();
                session.execute("INSERT INTO t VALUES (?, 'c')").bind(id).await.unwrap();
                session.execute("INSERT INTO pair VALUES (?)").bind(id).await.unwrap();
                session.execute("COMMIT").await.unwrap();
            }
            _ => {
                let sql = "INSERT INTO t VALUES (?, hex(zeroblob(3000))) RETURNING id";
                db.transaction(|tx| async move {
                    tx.query(sql).bind(id).fetch().await?;
                    tx.execute("INSERT INTO pair VALUES (?)").bind(id).await.map(|_| ())
                })
                .await
                .unwrap();
            }
        }
        say(format!("{id}"));
    }
}

#[tokio::test]
async fn killed_in_the_middle() {
    if let Some(path) = child_path() {
        return write_until_killed(&path).await;
    }
    let place = Place::new();
    let schema = "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT);
        CREATE TABLE pair (id INTEGER PRIMARY KEY)";
    // One handle stays open all the time, another is opened after each death.
    let watching = place.open(schema).await;
    let mut random = fastrand::Rng::with_seed(11);
    let mut acknowledged = 0i64;
    for round in 0..10 {
        let mut writer = child(&[], "fault::killed_in_the_middle", &place.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(writer.stdout.take().unwrap()).lines();
        let said = std::thread::spawn(move || {
            lines
                .map_while(Result::ok)
                .filter_map(|line| line.strip_prefix('@').and_then(|id| id.parse::<i64>().ok()))
                .last()
        });
        let until = Instant::now() + ms(150 + random.u64(..250));
        let mut seen = 0;
        while Instant::now() < until {
            let now = count(&watching).await.unwrap();
            assert!(now >= seen, "reads went back in time");
            seen = now;
            tokio::time::sleep(ms(1)).await;
        }
        writer.kill().unwrap();
        writer.wait().unwrap();
        acknowledged = said.join().unwrap().unwrap_or(acknowledged);
        let reopened = place.builder().open().await.unwrap();
        let bare = place.bare();
        for db in [&watching, &reopened] {
            for sql in [
                "SELECT count(*) FROM t",
                "SELECT max(id) FROM t",
                "SELECT count(*) FROM pair",
                "SELECT count(*) FROM t WHERE id NOT IN (SELECT id FROM pair)",
            ] {
                for _ in 0..2 {
                    let truth: i64 = bare.query_row(sql, [], |row| row.get(0)).unwrap();
                    let found: i64 = db.query(sql).scalar().await.unwrap();
                    assert_eq!(found, truth, "{sql} in round {round}");
                }
            }
            let last: i64 = db.query("SELECT count(*) FROM t").scalar().await.unwrap();
            assert!(
                last >= acknowledged,
                "round {round}: {last} rows, {acknowledged} acknowledged"
            );
            let halves = "SELECT count(*) FROM t WHERE id NOT IN (SELECT id FROM pair)";
            assert_eq!(db.query(halves).scalar::<i64>().await.unwrap(), 0, "a half-written batch");
        }
        let sound: String = bare.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(sound, "ok");
        assert_alive(&reopened).await;
        reopened.close().await;
    }
    assert!(acknowledged > 100, "only {acknowledged} writes: the test tests little");
}

#[tokio::test]
async fn what_a_killed_process_left_behind() {
    if let Some(path) = child_path() {
        let db = open(&path).open().await.unwrap();
        db.execute_batch(SCHEMA).await.unwrap();
        let session = db.session();
        session.execute("BEGIN IMMEDIATE").await.unwrap();
        session.execute("DELETE FROM t").await.unwrap();
        println!("\n@ready");
        std::io::stdout().flush().unwrap();
        std::thread::sleep(Duration::from_secs(60));
        return;
    }
    let place = Place::new();
    let mut writer = child(&[], "fault::what_a_killed_process_left_behind", &place.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(writer.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(lines.any(|line| line == "@ready"));
    writer.kill().unwrap();
    writer.wait().unwrap();
    let log = place.path().with_file_name("app.db-wal");
    assert!(log.metadata().unwrap().len() > 0, "the log was left");
    let db = place.builder().open().await.unwrap();
    assert_eq!(count(&db).await.unwrap(), 5_000, "what was acknowledged is there, the rest is not");
    assert_alive(&db).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn given_up_at_random() {
    let place = Place::new();
    let db = place.builder().max_size(3).max_overflow(2).max_sessions(3).open().await.unwrap();
    db.execute_batch(SCHEMA).await.unwrap();
    db.execute_batch("CREATE TABLE log (id INTEGER PRIMARY KEY, n INT); CREATE TABLE twin (n INT)")
        .await
        .unwrap();
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let outside = std::thread::spawn({
        let (stop, bare) = (stop.clone(), place.bare());
        move || {
            let mut writes = 0;
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                bare.execute("UPDATE t SET v = 'bare ' || ?1 WHERE id = ?1 % 50 + 1", [writes])
                    .unwrap();
                writes += 1;
                std::thread::sleep(Duration::from_micros(500));
            }
            writes
        }
    });
    let tasks: Vec<_> = (0..4u64)
        .map(|task| {
            let db = db.clone();
            tokio::spawn(async move {
                let mut random = fastrand::Rng::with_seed(task);
                let mut kept = 0;
                for n in 0..500 {
                    let limit = Duration::from_micros(random.u64(..8_000));
                    let id = random.i64(1..60);
                    let way = random.u8(..8);
                    let work = at_random(&db, way, id, n);
                    if let Ok(done) = tokio::time::timeout(limit, work).await {
                        match done {
                            Ok(()) => kept += 1,
                            Err(error) => assert!(error.is_busy(), "{error:?}"),
                        }
                    }
                }
                kept
            })
        })
        .collect();
    let mut kept = 0;
    for task in tasks {
        kept += task.await.unwrap();
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    let writes = outside.join().unwrap();
    assert!(kept > 200 && writes > 10, "{kept} operations and {writes} writes: tests little");
    for _ in 0..1_000 {
        let stats = db.stats();
        if stats.readers.in_use + stats.writer.in_use + stats.sessions.in_use == 0 {
            break;
        }
        tokio::time::sleep(ms(1)).await;
    }
    let stats = db.stats();
    assert_eq!((stats.readers.in_use, stats.writer.in_use, stats.sessions.in_use), (0, 0, 0));
    let bare = place.bare();
    for sql in [
        "SELECT count(*) FROM log",
        "SELECT (SELECT count(*) FROM log) - (SELECT count(*) FROM twin)",
        "SELECT count(*) FROM t WHERE v LIKE 'bare%'",
        "SELECT sum(length(v)) FROM t",
    ] {
        for cached in [false, true] {
            let truth: i64 = bare.query_row(sql, [], |row| row.get(0)).unwrap();
            let found = db.query(sql).fetch().await.unwrap();
            assert_eq!(found.rows.values(0)[0], Value::from(truth), "{sql}");
            assert!(found.cached || !cached);
        }
    }
    let halves: i64 = bare
        .query_row("SELECT (SELECT count(*) FROM log) - (SELECT count(*) FROM twin)", [], |row| {
            row.get(0)
        })
        .unwrap();
    assert_eq!(halves, 0, "a transaction was kept by half");
    assert_alive(&db).await;
}

async fn at_random(db: &Db, way: u8, id: i64, n: i64) -> Result<(), Error> {
    let (log, twin) = ("INSERT INTO log (n) VALUES (?)", "INSERT INTO twin VALUES (?)");
    match way {
        0 | 1 => {
            let read = db.query("SELECT v FROM t WHERE id = ?").bind(id);
            read.optional::<String>().await.map(|_| ())
        }
        2 => {
            db.query("SELECT count(*) FROM t WHERE v > ?").bind(n).scalar::<i64>().await.map(|_| ())
        }
        3 => db.execute("UPDATE t SET v = ? WHERE id = ?").bind(n).bind(id).await.map(|_| ()),
        4 => {
            db.transaction(|tx| async move {
                tx.execute(log).bind(n).await?;
                tx.query("SELECT count(*) FROM log").scalar::<i64>().await?;
                tx.execute(twin).bind(n).await.map(|_| ())
            })
            .await
        }
        5 => {
            let session = db.session();
            session.execute("BEGIN IMMEDIATE").await?;
            session.execute(log).bind(n).await?;
            session.execute(twin).bind(n).await?;
            session.execute("COMMIT").await.map(|_| ())
        }
        6 => {
            let mut rows = db.query("SELECT id FROM t").stream::<i64>().await?;
            while let Some(row) = rows.next().await {
                row?;
            }
            Ok(())
        }
        _ => {
            let script = format!("INSERT INTO log (n) VALUES ({n}); INSERT INTO twin VALUES ({n})");
            db.execute_batch(&script).await
        }
    }
}

/// SQLite looks for a newer schema when a table or a column is missing, but not when a statement
/// fails for another reason that a newer schema would take away.
#[tokio::test]
async fn a_schema_changed_elsewhere_refuses_no_valid_statement() {
    let place = Place::new();
    let db = place.open("CREATE TABLE t (a); CREATE TABLE u (x); INSERT INTO t VALUES (1)").await;
    let bare = place.bare();
    // Every connection has a schema in mind by now.
    db.query("SELECT * FROM t, u").fetch().await.unwrap();
    db.execute("INSERT INTO t VALUES (2)").await.unwrap();
    bare.execute_batch("ALTER TABLE u RENAME COLUMN x TO a").unwrap();
    let joined: i64 = db.query("SELECT count(*) FROM t JOIN u USING (a)").scalar().await.unwrap();
    assert_eq!(joined, 0);
    bare.execute_batch("ALTER TABLE t ADD COLUMN b").unwrap();
    db.execute("INSERT INTO t VALUES (3, 4)").await.unwrap();
}
