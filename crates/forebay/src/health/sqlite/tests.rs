use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;
use tempfile::TempDir;

use super::facts::{Deep, Disk, Facts};
use super::judge;
use crate::health::{Health, HealthCheck, HealthOptions, HealthStatus, Severity};
use crate::stats::{AuditStats, CacheStats, Holder, PoolStats, Stats};
use crate::{Builder, CacheMode, Error, JournalMode, Synchronous};

/// A database with which nothing is wrong.
const SOUND: &str = "
    PRAGMA journal_mode = wal;
    CREATE TABLE author (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
    CREATE TABLE post (id INTEGER PRIMARY KEY, author INTEGER NOT NULL REFERENCES author,
        title TEXT NOT NULL, body TEXT);
    CREATE INDEX post_author ON post (author);
    CREATE INDEX post_title ON post (title, author);
    CREATE TABLE word (word TEXT PRIMARY KEY, n INTEGER) WITHOUT ROWID;
    WITH n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 20)
        INSERT INTO author SELECT n, 'author ' || n FROM n;
    WITH n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 3000)
        INSERT INTO post SELECT n, n % 20 + 1, 'title ' || n, hex(zeroblob(400)) FROM n;
    ANALYZE";

struct Place {
    _folder: TempDir,
    path: PathBuf,
}

impl Place {
    fn new() -> Place {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.db");
        let place = Place { _folder: folder, path };
        place.run(SOUND);
        place
    }

    fn run(&self, script: &str) {
        Connection::open(&self.path).unwrap().execute_batch(script).unwrap();
    }

    /// Looked at as the command does.
    fn health(&self, options: HealthOptions) -> Result<Health, Error> {
        look(reader(&self.path), options.of_file())
    }
}

fn reader(path: &Path) -> Builder {
    Builder::new(path.to_str().unwrap()).read_only(true).create(false)
}

fn look(builder: Builder, options: HealthOptions) -> Result<Health, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let db = builder.open().await?;
        let health = db.health_with(options).await;
        db.close().await;
        health
    })
}

/// A look at the database drops no answer.
#[test]
fn a_look_leaves_the_cache_as_it_is() {
    let place = Place::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let db = Builder::new(place.path.to_str().unwrap()).open().await.unwrap();
        let names = "SELECT name FROM author WHERE id = 3";
        for _ in 0..2 {
            db.query(names).fetch().await.unwrap();
        }
        assert!(db.query(names).fetch().await.unwrap().cached);
        db.health().await.unwrap();
        assert!(db.query(names).fetch().await.unwrap().cached);
        db.close().await;
    });
}

fn deep() -> HealthOptions {
    HealthOptions::new().deep(true)
}

/// What was found, but for what is not known.
fn found(health: &Health) -> Vec<(&str, Severity)> {
    let is_found = |check: &&HealthCheck| check.severity > Severity::Unknown;
    health.checks.iter().filter(is_found).map(|it| (it.name.as_str(), it.severity)).collect()
}

#[test]
fn nothing_is_found_in_a_sound_database() {
    let place = Place::new();
    for options in
        [deep(), deep().expect_index("post_author").expect_relation("post", "author", "author")]
    {
        let health = place.health(options).unwrap();
        assert_eq!(found(&health), [], "{health:?}");
        assert_eq!(
            (health.status, health.score, health.confidence),
            (HealthStatus::Healthy, 1.0, 1.0)
        );
    }
    let shallow = place.health(HealthOptions::new()).unwrap();
    assert_eq!(found(&shallow), []);
    assert!(shallow.confidence < 1.0 && shallow.score == 1.0);
    // With what belongs to the handle, too.
    let health = look(Builder::new(place.path.to_str().unwrap()), deep()).unwrap();
    assert_eq!(found(&health), [], "{health:?}");
    let empty = look(Builder::new("sqlite::memory:"), deep()).unwrap();
    assert_eq!(found(&empty), [], "{empty:?}");
}

/// What needs no cure: each looks like a fault and is none.
#[test]
fn what_is_no_fault_is_not_found() {
    for plant in [
        // Few rows, so no index matters.
        "CREATE TABLE note (id INTEGER PRIMARY KEY, author INTEGER REFERENCES author)",
        // Led by the column of the key, with more behind it.
        "DROP INDEX post_author; CREATE INDEX post_author_title ON post (author, title); ANALYZE",
        // In another order, of other rows, with another collation, unique, of an expression.
        "CREATE INDEX post_author_down ON post (author DESC); ANALYZE",
        "CREATE INDEX post_recent ON post (author) WHERE id > 2500; ANALYZE",
        "CREATE INDEX post_title_nocase ON post (title COLLATE NOCASE); ANALYZE",
        "CREATE UNIQUE INDEX post_id_once ON post (id); ANALYZE",
        "CREATE INDEX post_lower ON post (lower(title)); ANALYZE",
        // One that refers by the number of its rows.
        "CREATE TABLE extra (id INTEGER PRIMARY KEY REFERENCES post, x);
            INSERT INTO extra SELECT id, 0 FROM post; ANALYZE",
    ] {
        let place = Place::new();
        place.run(plant);
        let health = place.health(deep()).unwrap();
        assert_eq!(found(&health), [], "{plant}: {health:#?}");
    }
}

#[test]
fn settings_of_the_handle_are_looked_at() {
    let place = Place::new();
    let builder = || Builder::new(place.path.to_str().unwrap());
    let check = |builder: Builder, expect: &[(&str, Severity)]| {
        let health = look(builder, HealthOptions::new()).unwrap();
        assert_eq!(found(&health), expect, "{health:#?}");
    };
    check(builder(), &[]);
    check(builder().foreign_keys(false), &[("foreign_keys", Severity::Warning)]);
    check(builder().synchronous(Synchronous::Off), &[("synchronous", Severity::Critical)]);
    check(builder().synchronous(Synchronous::Full).cache(CacheMode::Off), &[]);
    let truncate = builder().journal_mode(JournalMode::Truncate);
    check(truncate, &[("journal_mode", Severity::Warning), ("cache", Severity::Notice)]);
}

#[test]
fn a_damaged_file_is_found_or_refused() {
    let place = Place::new();
    place.run("PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode = delete");
    let bytes = std::fs::read(&place.path).unwrap();
    let mut seen = Vec::new();
    for at in (0..bytes.len() / 4096).step_by(37) {
        let mut damaged = bytes.clone();
        damaged[at * 4096..at * 4096 + 200].fill(0xa5);
        std::fs::write(&place.path, &damaged).unwrap();
        match place.health(deep()) {
            Ok(health) => {
                let integrity = health.check("integrity").unwrap();
                assert_eq!(integrity.severity, Severity::Critical, "page {at}: {health:#?}");
                assert!(health.score <= 0.4 && health.status == HealthStatus::Critical);
                seen.push("found");
            }
            Err(error) => {
                assert!(error.is_corrupt() || error.is_open(), "page {at}: {error:?}");
                seen.push("refused");
            }
        }
        assert_eq!(std::fs::read(&place.path).unwrap(), damaged, "it changes nothing");
    }
    assert!(seen.contains(&"found") && seen.contains(&"refused"), "{seen:?}");
}

#[test]
fn a_log_that_a_reader_holds_up() {
    let place = Place::new();
    let holder = Connection::open(&place.path).unwrap();
    holder.execute_batch("BEGIN; SELECT COUNT(*) FROM post").unwrap();
    place.run("CREATE TABLE bulk (x); INSERT INTO bulk VALUES (zeroblob(70000000))");
    let health = place.health(HealthOptions::new()).unwrap();
    assert_eq!(found(&health), [("wal", Severity::Warning)], "{health:#?}");
}

#[test]
fn facts_that_no_test_can_bring_about() {
    let path = Some(PathBuf::from("app.db"));
    let check = |facts: Facts, name: &str, expect: Severity, says: &str| {
        let checks = judge(&facts, &HealthOptions::new());
        let check = checks.iter().find(|check| check.name == name).unwrap();
        assert_eq!(check.severity, expect, "{check:?}");
        assert!(check.message.contains(says), "{check:?}");
    };
    let disk = |free: u64, pages: u64| Facts {
        path: path.clone(),
        disk: Some(Disk { free, total: 1 << 40 }),
        pages: Some(pages),
        page_bytes: Some(4096),
        ..Facts::default()
    };
    check(disk(1 << 20, 1), "disk_space", Severity::Critical, "about to fail");
    check(disk(500 << 20, 1), "disk_space", Severity::Warning, "nearly full");
    check(disk(2 << 30, 1 << 20), "disk_space", Severity::Notice, "VACUUM");
    check(disk(100 << 30, 1), "disk_space", Severity::Ok, "");
    check(Facts { path: path.clone(), ..Facts::default() }, "disk_space", Severity::Unknown, "");
    let of_file = |pages| Facts { pages: Some(pages), path: path.clone(), ..Facts::default() };
    check(of_file(0), "contents", Severity::Warning, "the right one");
    check(of_file(0), "journal_mode", Severity::Unknown, "");
    let empty = Facts { journal: Some("delete".into()), ..of_file(0) };
    check(empty, "journal_mode", Severity::Ok, "empty");
    check(of_file(1), "contents", Severity::Ok, "");
    let read = |ms| Facts { read: Some(Duration::from_millis(ms)), ..Facts::default() };
    check(read(1), "indexed_read", Severity::Ok, "");
    check(read(50), "indexed_read", Severity::Warning, "long");
    check(read(200), "indexed_read", Severity::Critical, "long");
    let wal = |wal_bytes, pages| Facts { wal_bytes: Some(wal_bytes), ..disk(1 << 40, pages) };
    check(wal(2 << 30, 1), "wal", Severity::Critical, "not copied back");
    check(wal(2 << 30, 1 << 30), "wal", Severity::Warning, "not copied back");
    let options = |all: &[&str]| Facts {
        compile_options: all.iter().map(|it| (*it).to_owned()).collect(),
        ..Facts::default()
    };
    check(options(&["ENABLE_STAT4"]), "build", Severity::Ok, "");
    check(options(&["THREADSAFE=1"]), "build", Severity::Notice, "STAT4");
    let of = |stats: Stats| Facts { stats, ..Facts::default() };
    let pool = |timeouts, acquisitions| {
        let readers = PoolStats { timeouts, acquisitions, ..PoolStats::default() };
        of(Stats { readers, ..Stats::default() })
    };
    check(pool(1, 1_000), "pool", Severity::Warning, "in time");
    check(pool(100, 1_000), "pool", Severity::Critical, "for reads");
    let audit = AuditStats { differing: 1, compared: 9, ..AuditStats::default() };
    let cache = CacheStats { audit, ..CacheStats::default() };
    check(of(Stats { cache, ..Stats::default() }), "cache", Severity::Critical, "1 of 9");
    let holder =
        Holder { held: Duration::from_secs(90), caller: "src/job.rs:7".into(), statement: None };
    let readers = PoolStats { longest_holder: Some(holder), ..PoolStats::default() };
    let held = Facts { stats: Stats { readers, ..Stats::default() }, ..wal(2 << 30, 1) };
    check(held, "wal", Severity::Critical, "src/job.rs:7 has held a connection for 90s");
    let damaged = Deep { faults: vec!["page 7 is never used".into()], ..Deep::default() };
    check(
        Facts { deep: Some(damaged), ..Facts::default() },
        "integrity",
        Severity::Critical,
        "page 7",
    );
}

#[test]
fn statistics_are_those_of_the_tables() {
    let place = Place::new();
    place.run(
        "WITH n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 2500)
        INSERT INTO word SELECT 'word ' || n, n FROM n",
    );
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let statistics = runtime.block_on(async {
        let db = reader(&place.path).open().await.unwrap();
        db.statistics().await.unwrap()
    });
    let bare = Connection::open(&place.path).unwrap();
    let number = |sql: &str| {
        let n = bare.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
        u64::try_from(n).unwrap()
    };
    let rows = |name: &str| statistics.tables.iter().find(|it| it.name == name).unwrap().rows;
    for table in ["post", "author", "word"] {
        assert_eq!(rows(table), Some(number(&format!("SELECT COUNT(*) FROM {table}"))), "{table}");
    }
    let pages =
        |name: &str| number(&format!("SELECT SUM(pgsize) FROM dbstat WHERE name = '{name}'"));
    let post = &statistics.tables[0];
    assert_eq!((post.name.as_str(), post.bytes), ("post", pages("post")));
    let indexes: Vec<(&str, u64)> =
        post.indexes.iter().map(|it| (it.name.as_str(), it.bytes)).collect();
    let expect = ["post_title", "post_author"].map(|name| (name, pages(name)));
    assert_eq!(indexes, expect);
    assert_eq!(
        statistics.bytes,
        number("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
    );
}

/// Faults that are planted one by one, and together.
mod plants;
