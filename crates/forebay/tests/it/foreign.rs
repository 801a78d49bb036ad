//! Commits that do not go through Forebay: once the pages of the database are mapped, they drop
//! the tables whose pages they changed, and nothing else.

use std::time::{Duration, Instant};

use forebay::{Db, Value};
use rusqlite::Connection;

use crate::place::{Place, ask, truth};

const SCHEMA: &str = "
    CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, karma INT DEFAULT 0);
    CREATE INDEX users_karma ON users (karma);
    CREATE TABLE posts (id INTEGER PRIMARY KEY, author INT REFERENCES users ON DELETE CASCADE,
        title TEXT);
    CREATE TABLE tags (name TEXT PRIMARY KEY, n INT) WITHOUT ROWID;
    CREATE TABLE files (id INTEGER PRIMARY KEY AUTOINCREMENT, body BLOB);
    CREATE TABLE log (what TEXT);
    CREATE VIRTUAL TABLE notes USING fts5 (text);
    CREATE VIEW titles AS SELECT title, name FROM posts JOIN users ON author = users.id;
    CREATE TRIGGER logged AFTER UPDATE OF title ON posts BEGIN INSERT INTO log VALUES (new.title);
    END;
    INSERT INTO users (id, name) VALUES (1, 'Ada'), (2, 'Grace');
    INSERT INTO posts VALUES (1, 1, 'Engines'), (2, 2, 'Compilers');
    INSERT INTO tags VALUES ('history', 1), ('law', 2);
    INSERT INTO files (body) VALUES (zeroblob(100000)), (zeroblob(50000));
";

/// What may stay in the cache, or go.
const READS: [(&str, &str); 6] = [
    ("users", "SELECT id, name, karma FROM users ORDER BY id"),
    ("posts", "SELECT count(*), max(title) FROM posts"),
    ("tags", "SELECT name, n FROM tags ORDER BY name"),
    ("files", "SELECT id, length(body), hex(substr(body, -3)) FROM files ORDER BY id"),
    ("log", "SELECT count(*), max(what) FROM log"),
    ("titles", "SELECT title, name FROM titles ORDER BY title"),
];

async fn explained(db: &Db) -> String {
    db.explain("SELECT 1").await.unwrap().freshness
}

/// Waits until `is_there` says yes to what `explain` says of commits of others.
async fn until(db: &Db, is_there: impl Fn(&str) -> bool) {
    let start = Instant::now();
    loop {
        let freshness = explained(db).await;
        if is_there(&freshness) {
            return;
        }
        assert!(start.elapsed() < Duration::from_secs(30), "{freshness}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn until_mapped(db: &Db) {
    until(db, |freshness| freshness.contains("pages are mapped)")).await;
    assert!(db.stats().cache.foreign.mapped_pages > 0);
}

/// A database with a foreign connection to it, and its pages mapped.
async fn mapped() -> (Place, Db, Connection) {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    let bare = place.bare();
    bare.execute_batch("PRAGMA wal_autocheckpoint = 0; UPDATE users SET karma = -1").unwrap();
    ask(&db, READS[0].1).await;
    until_mapped(&db).await;
    (place, db, bare)
}

/// After what `write` commits, the reads of `gone` are no longer in the cache, all others are,
/// and every answer is right. Those that begin with `?` may be in it or not.
async fn check(db: &Db, write: impl AsyncFnOnce(), what: &str, gone: &[&str]) {
    for (_, read) in READS {
        ask(db, read).await;
        assert!(ask(db, read).await.1, "{read}: the second read hits");
    }
    write().await;
    for (name, read) in READS {
        let (rows, cached) = ask(db, read).await;
        assert_eq!(rows, truth(db, read).await, "{read} after {what}");
        if !gone.iter().any(|gone| gone.strip_prefix('?') == Some(name)) {
            assert_eq!(cached, !gone.contains(&name), "{read} after {what}");
        }
    }
}

#[tokio::test]
async fn a_foreign_write_drops_the_tables_it_changed_and_no_others() {
    let (_place, db, bare) = mapped().await;
    for (write, gone) in [
        ("UPDATE users SET karma = 5 WHERE id = 1", &["users", "titles"][..]),
        ("UPDATE tags SET n = n + 1", &["tags"]),
        ("INSERT INTO tags VALUES ('new', 3)", &["tags"]),
        ("DELETE FROM tags WHERE name = 'law'", &["tags"]),
        // A trigger, and a cascade.
        ("UPDATE posts SET title = 'x' WHERE id = 1", &["posts", "log", "titles"]),
        ("DELETE FROM users WHERE id = 1", &["users", "posts", "titles"]),
        // In place, in the last page of an overflow chain.
        ("UPDATE files SET body = substr(body, 1, 99997) || x'010203' WHERE id = 1", &["files"]),
        // Pages are given back, and taken by another table, but thought of as of both.
        ("DELETE FROM files WHERE id = 1", &["files"]),
        ("INSERT INTO log SELECT hex(zeroblob(20000))", &["log", "?files"]),
        ("UPDATE log SET what = replace(what, '0', '1')", &["log", "?files"]),
        ("UPDATE log SET what = 'y'", &["log", "?files"]),
        ("INSERT INTO files (body) VALUES (zeroblob(90000))", &["files", "?log"]),
        ("UPDATE files SET body = substr(body, 2) || x'01'", &["files", "?log"]),
        ("INSERT INTO notes VALUES ('a text')", &[]),
        ("BEGIN; UPDATE tags SET n = 0; UPDATE users SET karma = 9; ROLLBACK", &[]),
        ("BEGIN; UPDATE tags SET n = 7; INSERT INTO log VALUES ('z'); COMMIT", &["tags", "log"]),
        ("PRAGMA user_version = 7", &[]),
        ("REINDEX users", &["users", "titles"]),
    ] {
        check(&db, async || bare.execute_batch(write).unwrap(), write, gone).await;
    }
    let foreign = db.stats().cache.foreign;
    assert!(foreign.precise >= 14, "{foreign:?}");
    assert_eq!(foreign.seen, foreign.precise + 1, "{foreign:?}");
    assert_eq!(foreign.flushed, [("no_map", 1)], "the first one only");
}

#[tokio::test]
async fn own_writes_keep_the_map_true() {
    let (_place, db, bare) = mapped().await;
    for n in 0..60 {
        db.execute("INSERT INTO log VALUES (hex(zeroblob(3000)))").await.unwrap();
        db.execute("INSERT INTO files (body) VALUES (zeroblob(9000))").await.unwrap();
        if n % 3 == 0 {
            db.execute("DELETE FROM log").await.unwrap();
        }
        if n % 10 == 0 {
            let write = "UPDATE files SET body = x'01' || substr(body, 2)";
            let gone = &["files", "?log"];
            check(&db, async || bare.execute_batch(write).unwrap(), write, gone).await;
            let write = "UPDATE log SET what = substr(what, 2) || 'z'";
            let gone = if n % 3 == 0 { &["?log", "?files"][..] } else { &["log", "?files"] };
            check(&db, async || bare.execute_batch(write).unwrap(), write, gone).await;
        }
    }
    // Of a virtual table it is not known what it writes; the pages tell.
    let write = "INSERT INTO notes VALUES ('another text')";
    check(&db, async || drop(db.execute(write).await.unwrap()), write, &[]).await;
    assert_eq!(db.stats().cache.foreign.flushed, [("no_map", 1)]);
}

#[tokio::test]
async fn what_the_pages_do_not_tell_empties_the_cache() {
    let all = READS.map(|(name, _)| name);
    for (write, reason) in [
        ("CREATE TABLE more (a)", "schema"),
        ("ALTER TABLE tags ADD COLUMN more DEFAULT 3", "schema"),
        ("DROP VIEW titles; CREATE VIEW titles AS SELECT 1 AS title, 2 AS name", "schema"),
        ("DELETE FROM files; VACUUM", "schema"),
        ("PRAGMA wal_checkpoint(TRUNCATE); UPDATE users SET karma = 2", "log_restarted"),
    ] {
        let (_place, db, bare) = mapped().await;
        check(&db, async || bare.execute_batch(write).unwrap(), write, &all).await;
        let flushed = db.stats().cache.foreign.flushed;
        assert!(flushed.contains(&(reason, 1)), "{write}: {flushed:?}");
        // The pages are mapped again.
        until_mapped(&db).await;
        let write = "UPDATE tags SET n = n + 1";
        check(&db, async || bare.execute_batch(write).unwrap(), write, &["tags"]).await;
    }
}

#[tokio::test]
async fn a_database_that_cannot_be_mapped_says_so() {
    let all = READS.map(|(name, _)| name);
    for (set_up, expect) in [
        ("PRAGMA auto_vacuum = FULL; VACUUM", "auto_vacuum"),
        ("CREATE TABLE dbstat (name, pageno, pagetype)", "dbstat"),
    ] {
        let place = Place::new();
        place.bare().execute_batch(set_up).unwrap();
        let db = place.open(SCHEMA).await;
        let bare = place.bare();
        bare.execute_batch("UPDATE users SET karma = 3").unwrap();
        ask(&db, READS[0].1).await;
        until(&db, |freshness| freshness.contains(expect)).await;
        let write = "UPDATE users SET karma = karma + 1";
        check(&db, async || bare.execute_batch(write).unwrap(), write, &all).await;
        assert_eq!(db.stats().cache.foreign.precise, 0);
    }
}

#[tokio::test]
async fn a_database_that_is_not_to_be_mapped_is_not() {
    let all = READS.map(|(name, _)| name);
    let place = Place::new();
    let db = place.builder().map_pages(false).open().await.unwrap();
    db.execute_batch(SCHEMA).await.unwrap();
    let bare = place.bare();
    for _ in 0..3 {
        let write = "UPDATE users SET karma = karma + 1";
        check(&db, async || bare.execute_batch(write).unwrap(), write, &all).await;
        // Longer than it takes until pages would be mapped.
        tokio::time::sleep(Duration::from_millis(700)).await;
    }
    let foreign = db.stats().cache.foreign;
    assert_eq!((foreign.precise, foreign.mapped_pages), (0, 0), "{foreign:?}");
    let freshness = explained(&db).await;
    assert!(freshness.contains("empties the cache, because"), "{freshness}");
}

#[tokio::test]
async fn who_is_alone_pays_nothing() {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    for _ in 0..3 {
        db.execute("UPDATE users SET karma = karma + 1").await.unwrap();
        ask(&db, READS[0].1).await;
    }
    db.execute("CREATE TABLE more (a)").await.unwrap();
    let foreign = db.stats().cache.foreign;
    assert_eq!((foreign.seen, foreign.mapped_pages), (0, 0), "{foreign:?}");
    let freshness = explained(&db).await;
    assert!(freshness.contains("the first commit of another process empties the cache"));
}

/// Random writes by others and by ourselves, with every answer compared; answers of tables that
/// were not written stay.
#[tokio::test]
async fn no_answer_is_stale_whoever_writes() {
    let (_place, db, bare) = mapped().await;
    bare.execute_batch("PRAGMA wal_autocheckpoint = 200").unwrap();
    let mut rng = fastrand::Rng::with_seed(21);
    let mut hits = 0;
    for step in 0..600 {
        let (n, id) = (rng.u32(1..60), rng.u32(1..30));
        let bytes = rng.choice([5, 500, 6_000]).unwrap();
        let write = match rng.u8(..10) {
            0 => format!("INSERT INTO users (name) VALUES (hex(randomblob({bytes})))"),
            1 => format!("UPDATE users SET karma = {n} WHERE id = {id}"),
            2 => format!("DELETE FROM users WHERE id % 20 = {n}"),
            3 => format!("INSERT INTO posts (author, title) SELECT id, {n} FROM users"),
            4 => format!("UPDATE posts SET title = 't{n}' WHERE id % 9 = {n}"),
            5 => format!("REPLACE INTO tags VALUES ('tag{id}', {n})"),
            6 => format!("INSERT INTO files (body) VALUES (randomblob({bytes}))"),
            7 => format!("UPDATE files SET body = randomblob(length(body)) WHERE id = {id}"),
            8 => format!("DELETE FROM files WHERE id % 10 = {n}"),
            _ => "DELETE FROM log WHERE rowid % 2 = 1".to_owned(),
        };
        match rng.u8(..3) {
            0 => drop(db.execute(&write).await.unwrap()),
            _ => bare.execute_batch(&write).unwrap(),
        }
        for (_, read) in READS {
            let (rows, cached) = ask(&db, read).await;
            hits += u32::from(cached);
            assert_eq!(rows, truth(&db, read).await, "{read} after {write}, step {step}");
        }
    }
    let foreign = db.stats().cache.foreign;
    println!("{hits} of {} hits, {foreign:?}", 600 * READS.len());
    assert!(hits > 600, "answers of other tables stay: {hits}, {foreign:?}");
}

/// Leaves the index of the log as a process does that is killed while it writes the header: the
/// two copies differ. By another process, since closing the file here would drop SQLite's locks.
#[cfg(unix)]
fn tear_index(place: &Place) {
    let index = format!("{}-shm", place.path().display());
    let tear = "printf '\\377' | dd of=\"$1\" bs=1 seek=60 conv=notrunc 2>/dev/null";
    let status = std::process::Command::new("sh").args(["-c", tear, "sh", &index]).status();
    assert!(status.unwrap().success());
}

#[cfg(unix)]
#[tokio::test]
async fn an_index_that_was_built_anew_from_an_empty_log_tells_nothing() {
    const READ: &str = "SELECT name FROM users WHERE id = 1";
    let place = Place::new();
    place.open(SCHEMA).await.close().await;
    let bare = place.bare();
    let check = |expect: &str| {
        let name: String = bare.query_row(READ, [], |row| row.get(0)).unwrap();
        assert_eq!(name, expect);
    };
    let truncate = || bare.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    // The log of a file that was closed is empty, and nobody has written since.
    let db = place.builder().open().await.unwrap();
    ask(&db, READ).await;
    assert!(ask(&db, READ).await.1, "a file as it was closed is cached");
    truncate();
    tear_index(&place);
    check("Ada");
    // Now the index says nothing but that the log is empty, and so it will again.
    ask(&db, READ).await;
    bare.execute("UPDATE users SET name = 'Lovelace' WHERE id = 1", []).unwrap();
    truncate();
    tear_index(&place);
    check("Lovelace");
    // Past the cache, too: a reader may hold a snapshot for as long as nothing is committed.
    let now = vec![vec![Value::from("Lovelace")]];
    for _ in 0..3 {
        assert_eq!((ask(&db, READ).await.0, truth(&db, READ).await), (now.clone(), now.clone()));
    }
    let start = Instant::now();
    while !ask(&db, READ).await.1 {
        assert!(start.elapsed() < Duration::from_secs(30), "it is never cached again");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(ask(&db, READ).await.0, now);
}
