use std::time::Duration;

use forebay::{Builder, Error, JournalMode, Synchronous};

use crate::place::{Place, assert_alive};

#[tokio::test]
async fn settings_that_cannot_be() {
    let place = Place::new();
    let fresh = || place.builder();
    for (what, builder) in [
        ("max_size", fresh().max_size(0)),
        ("max_size", fresh().max_size(usize::MAX)),
        ("max_overflow", fresh().max_overflow(usize::MAX)),
        ("min_idle", fresh().max_size(2).min_idle(3)),
        ("max_size", fresh().max_sessions(0)),
        ("acquire_timeout", fresh().acquire_timeout(Duration::ZERO)),
        ("idle_timeout", fresh().idle_timeout(Duration::ZERO)),
        ("max_lifetime", fresh().max_lifetime(Duration::ZERO)),
        ("transaction_timeout", fresh().transaction_timeout(Duration::ZERO)),
        ("transaction_idle_timeout", fresh().transaction_idle_timeout(Duration::ZERO)),
        ("statement_cache", fresh().statement_cache(0)),
        ("statement_cache", fresh().statement_cache(usize::MAX)),
        ("journal_mode", fresh().pragma("journal_mode", "off")),
        ("journal_mode", fresh().pragma("JOURNAL_MODE", "off")),
        ("journal_mode", fresh().pragma("main.journal_mode", "delete")),
        ("locking_mode", fresh().pragma("main.locking_mode", "exclusive")),
        ("query_only", fresh().pragma("query_only", "on")),
        ("writable_schema", fresh().pragma("writable_schema", "on")),
        ("wal_autocheckpoint", fresh().pragma("wal_autocheckpoint", "1")),
        ("letters", fresh().pragma("cache_size", "1; DROP TABLE users")),
        ("letters", fresh().pragma("cache_size = 1; --", "1")),
        ("letters", fresh().pragma("", "1")),
        ("letters", fresh().pragma("cache_size", "")),
        ("letters", fresh().pragma("cache_size", "'x'")),
        ("letters", fresh().pragma("cache_size", "1\0")),
        ("names no file", Builder::new("sqlite:")),
        ("names no file", Builder::new("")),
        ("names no file", Builder::new("   ")),
        ("NUL", Builder::new("sqlite:a\0b")),
        ("only SQLite and PostgreSQL", Builder::new("mysql://localhost/app")),
        // Without its feature the URL is refused, with it the setting.
        ("postgres", Builder::new("postgres://localhost/app").pragma("cache_size", "1")),
        ("builder's settings", Builder::new("sqlite:app.db?mode=memory")),
    ] {
        let error = builder.open().await.unwrap_err();
        assert!(error.is_usage(), "{what}: {error:?}");
        let message = error.message().to_lowercase();
        assert!(message.contains(&what.to_lowercase()), "{what}: {error}");
    }
    assert!(!place.path().exists(), "a setting that cannot be leaves no file behind");
}

#[tokio::test]
async fn settings_at_their_ends() {
    for (what, set) in [
        ("busy", (|b: Builder| b.busy_timeout(Duration::MAX)) as fn(Builder) -> Builder),
        ("busy 0", |b| b.busy_timeout(Duration::ZERO)),
        ("acquire", |b| b.acquire_timeout(Duration::MAX)),
        ("idle", |b| b.idle_timeout(Duration::MAX)),
        ("lifetime", |b| b.max_lifetime(Duration::MAX)),
        ("lifetime 1", |b| b.max_lifetime(Duration::from_nanos(1))),
        ("tx", |b| b.transaction_timeout(Duration::MAX)),
        ("tx idle", |b| b.transaction_idle_timeout(Duration::MAX)),
        ("statement", |b| b.statement_timeout(Some(Duration::MAX))),
        ("rows", |b| b.max_result_rows(usize::MAX)),
        ("bytes", |b| b.max_result_bytes(usize::MAX)),
        ("one", |b| b.max_size(1).max_overflow(0).min_idle(0).max_sessions(1)),
        ("page cache", |b| b.page_cache_bytes(u64::MAX)),
        ("page cache 0", |b| b.page_cache_bytes(0)),
        ("mmap", |b| b.mmap_bytes(u64::MAX)),
        ("statement cache", |b| b.statement_cache(1)),
        ("statement cache", |b| b.statement_cache(100_000)),
        ("full", |b| b.synchronous(Synchronous::Full)),
        ("off", |b| b.synchronous(Synchronous::Off)),
        ("no keys", |b| b.foreign_keys(false)),
        ("pragma", |b| b.pragma("cache_spill", "off").pragma("main.cache_size", "-2000")),
    ] {
        let place = Place::new();
        let db =
            set(place.builder()).open().await.unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_alive(&db).await;
        let session = db.session();
        session.execute("BEGIN").await.unwrap();
        session.execute("ROLLBACK").await.unwrap();
        drop(session);
        db.close().await;
    }
}

#[tokio::test]
async fn a_cache_of_any_size() {
    for bytes in [0, 1, 1_000, u64::MAX] {
        let place = Place::new();
        let db = place.builder().cache_bytes(bytes).open().await.unwrap();
        db.execute_batch("CREATE TABLE t (a)").await.unwrap();
        for n in 0..200 {
            db.execute("INSERT INTO t VALUES (?)").bind(n).await.unwrap();
            let sql = "SELECT count(*), ? FROM t";
            for _ in 0..2 {
                assert_eq!(db.query(sql).bind(n).one::<(i64, i64)>().await.unwrap(), (n + 1, n));
            }
            let stats = db.stats().cache;
            assert!(stats.bytes <= bytes, "{stats:?}");
        }
    }
}

#[tokio::test]
async fn without_a_log_the_cache_is_off_and_says_so() {
    for mode in [JournalMode::Delete, JournalMode::Truncate] {
        let place = Place::new();
        let db = place.builder().journal_mode(mode).open().await.unwrap();
        db.execute_batch("CREATE TABLE t (a); INSERT INTO t VALUES (1)").await.unwrap();
        let bare = place.bare();
        for n in 0..5 {
            bare.execute("UPDATE t SET a = ?", [n]).unwrap();
            for _ in 0..2 {
                let outcome = db.query("SELECT a FROM t").fetch().await.unwrap();
                assert!(!outcome.cached);
                assert_eq!(outcome.rows.values(0)[0], n.into());
            }
        }
        assert!(db.stats().cache.off.is_some_and(|why| why.contains("journal_mode")));
        let explained = db.explain("SELECT a FROM t").await.unwrap();
        assert!(explained.freshness.contains("journal_mode"), "{explained}");
        assert_alive(&db).await;
    }
}

fn error_of(done: Result<forebay::Db, Error>) -> Error {
    done.expect_err("it does not open")
}

#[tokio::test]
async fn places_that_cannot_be() {
    let place = Place::new();
    let dir = place.path().parent().unwrap().to_owned();
    let url = |path: &std::path::Path| format!("sqlite:{}", path.display());
    let file = dir.join("file");
    std::fs::write(&file, "text").unwrap();
    for (path, says) in [
        (dir.clone(), "is a directory"),
        (dir.join("missing/app.db"), "no directory"),
        (file.join("app.db"), "no directory"),
        (file.clone(), "not a database"),
    ] {
        let error = error_of(forebay::open(url(&path)).await);
        assert!(error.message().contains(says), "{error}");
        assert!(
            error.message().contains(&path.display().to_string()),
            "it names the file: {error}"
        );
        assert!(if says == "not a database" { error.is_corrupt() } else { error.is_open() });
    }
    assert_eq!(std::fs::read(&file).unwrap(), b"text", "it was left as it is");
    for builder in [place.builder().create(false), place.builder().read_only(true)] {
        let error = error_of(builder.open().await);
        assert!(error.is_open() && error.message().contains("does not exist"), "{error}");
        assert!(!place.path().exists());
    }
    // Empty files are databases without tables, also when they may not be created.
    std::fs::write(place.path(), "").unwrap();
    let db = place.builder().create(false).open().await.unwrap();
    assert_alive(&db).await;
}
