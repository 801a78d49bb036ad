use forebay::{Capture, Session, Value};

use crate::place::{Place, ask, truth};

const SCHEMA: &str = "
    CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, karma INT DEFAULT 0);
    CREATE TABLE posts (id INTEGER PRIMARY KEY, author INT REFERENCES users ON DELETE CASCADE,
        title TEXT);
    CREATE TABLE tags (id INTEGER PRIMARY KEY, name TEXT);
    CREATE TABLE log (what TEXT);
    CREATE TABLE drafts (title TEXT, more INT);
    CREATE TABLE keyed (k TEXT PRIMARY KEY, v INT) WITHOUT ROWID;
    CREATE VIEW titles AS SELECT title, name FROM posts JOIN users ON author = users.id;
    CREATE TRIGGER logged AFTER UPDATE ON users BEGIN INSERT INTO log VALUES (new.name); END;
    INSERT INTO users (id, name) VALUES (1, 'Ada'), (2, 'Grace');
    INSERT INTO posts VALUES (1, 1, 'Engines'), (2, 2, 'Compilers');
    INSERT INTO tags VALUES (1, 'history');
    INSERT INTO keyed VALUES ('a', 1);
";

/// `read` is cached before and, if `stays`, after `write`; its answer is right either way.
async fn check(read: &str, write: &str, stays: bool) {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    ask(&db, read).await;
    assert!(ask(&db, read).await.1, "{read}: the second read hits");
    db.execute_batch(write).await.unwrap();
    let (rows, cached) = ask(&db, read).await;
    assert_eq!(cached, stays, "{read} after {write}");
    assert_eq!(rows, truth(&db, read).await, "{read} after {write}");
}

/// `optimize` of FTS4 is a function that writes, called by a statement that only reads. It is
/// run in a transaction, and in a script; the statements it runs are prepared at its first call.
#[tokio::test]
async fn a_function_that_writes_drops_everything() {
    for capture in [Capture::Auto, Capture::Reread, Capture::Tables] {
        let place = Place::new();
        let db = place.builder().capture(capture).open().await.unwrap();
        db.execute_batch("CREATE VIRTUAL TABLE old USING fts4 (text)").await.unwrap();
        let read = "SELECT count(*) FROM old_segdir";
        let optimize = "SELECT optimize(old) FROM old LIMIT 1";
        for round in 0..4 {
            for n in 0..5 {
                db.execute("INSERT INTO old VALUES ('x ' || ?)").bind(n).await.unwrap();
            }
            let before: i64 = db.query(read).scalar().await.unwrap();
            assert!(before > 1 && db.query(read).fetch().await.unwrap().cached);
            db.query(optimize).fetch().await.expect_err("readers may not write");
            if round % 2 == 0 {
                let done: String = db
                    .transaction(|tx| async move { tx.query(optimize).scalar().await })
                    .await
                    .unwrap();
                assert_eq!(done, "Index optimized");
            } else {
                db.execute_batch(optimize).await.unwrap();
            }
            let after: i64 = db.query(read).scalar().await.unwrap();
            assert_eq!(after, 1, "{capture:?}, round {round}");
        }
    }
}

#[tokio::test]
async fn a_write_drops_what_it_touched_and_nothing_else() {
    let users = "SELECT name, karma FROM users ORDER BY id";
    let posts = "SELECT title FROM posts ORDER BY id";
    let joined = "SELECT p.id FROM posts p JOIN drafts USING (title)";
    let natural = "SELECT author FROM posts NATURAL JOIN drafts";
    for (read, write, stays) in [
        (users, "UPDATE users SET karma = 5 WHERE id = 1", false),
        (users, "INSERT INTO users (name) VALUES ('Edsger')", false),
        (users, "DELETE FROM users WHERE id = 2", false),
        (users, "REPLACE INTO users (id, name) VALUES (1, 'Ada L.')", false),
        (users, "INSERT INTO tags (name) VALUES ('new')", true),
        (users, "UPDATE posts SET title = 'x'", true),
        // Through a cascade, a trigger, a view, and the truncate optimisation.
        (posts, "DELETE FROM users WHERE id = 1", false),
        ("SELECT count(*) FROM log", "UPDATE users SET karma = 1", false),
        ("SELECT count(*) FROM log", "UPDATE tags SET name = 'b'", true),
        ("SELECT * FROM titles ORDER BY 1", "UPDATE users SET name = 'A' WHERE id = 1", false),
        ("SELECT * FROM titles ORDER BY 1", "DELETE FROM tags", true),
        ("SELECT count(*) FROM tags", "DELETE FROM tags", false),
        ("SELECT v FROM keyed WHERE k = 'a'", "UPDATE keyed SET v = 2", false),
        ("SELECT v FROM keyed WHERE k = 'a'", "UPDATE tags SET name = 'c'", true),
        // Subqueries, CTEs, set operations, and names in another case.
        ("SELECT 1 WHERE EXISTS (SELECT 1 FROM TAGS)", "DELETE FROM tags", false),
        ("WITH t AS (SELECT name FROM tags) SELECT * FROM t", "UPDATE tags SET name = 'd'", false),
        ("SELECT name FROM users UNION SELECT name FROM tags", "DELETE FROM Tags", false),
        // Joins whose columns the authorizer is not asked about.
        (joined, "INSERT INTO drafts (title) VALUES ('Engines')", false),
        (natural, "INSERT INTO drafts (title) VALUES ('Engines')", false),
        (joined, "DELETE FROM log", true),
        // A parameter of LIKE makes SQLite prepare the statement again each time.
        ("SELECT count(*) FROM users WHERE name LIKE 'a%'", "DELETE FROM tags", true),
    ] {
        check(read, write, stays).await;
    }
}

#[tokio::test]
async fn a_changed_schema_drops_everything() {
    for write in [
        "ALTER TABLE users ADD COLUMN born INT DEFAULT 1815",
        "DROP VIEW titles; CREATE VIEW titles AS SELECT 'none' AS title, 'none' AS name",
        "CREATE INDEX by_karma ON users (karma)",
        "ALTER TABLE tags RENAME TO labels",
        "PRAGMA user_version = 3",
    ] {
        check("SELECT * FROM users ORDER BY id", write, false).await;
        check("SELECT * FROM titles ORDER BY 1", write, false).await;
    }
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    ask(&db, "SELECT * FROM tags").await;
    db.execute("VACUUM").await.unwrap();
    assert!(!ask(&db, "SELECT * FROM tags").await.1);
}

#[tokio::test]
async fn a_commit_of_another_connection_is_seen_at_once() {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    let bare = place.bare();
    for n in 0..200 {
        let read = "SELECT karma FROM users WHERE id = 1";
        ask(&db, read).await;
        bare.execute("UPDATE users SET karma = ?1 WHERE id = 1", [n]).unwrap();
        assert_eq!(ask(&db, read).await, (vec![vec![Value::Integer(n)]], false));
        assert!(ask(&db, read).await.1, "hits again once the cache has caught up");
    }
    bare.execute_batch("DROP TABLE tags; CREATE TABLE tags (id, name, extra)").unwrap();
    let outcome = db.query("SELECT * FROM tags").fetch().await.unwrap();
    assert_eq!(outcome.rows.columns().len(), 3);
}

#[tokio::test]
async fn what_is_not_committed_is_not_seen() {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    let read = "SELECT name FROM users ORDER BY id";
    let (before, _) = ask(&db, read).await;
    let refused: Result<(), _> = db
        .transaction(|tx| async move {
            tx.execute("UPDATE users SET name = 'nobody' WHERE id = 1").await?;
            let seen: String = tx.query("SELECT name FROM users WHERE id = 1").scalar().await?;
            assert_eq!(seen, "nobody", "a transaction reads its own writes");
            tx.execute("INSERT INTO users (name) VALUES ('Grace')").await?;
            Ok(())
        })
        .await;
    assert!(refused.unwrap_err().is_unique_violation());
    assert_eq!(ask(&db, read).await, (before, true), "rolled back: the entry stays");
}

#[tokio::test]
async fn a_transaction_drops_what_it_wrote_when_it_commits() {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    let (users, tags) = ("SELECT name FROM users ORDER BY id", "SELECT name FROM tags");
    let before = ask(&db, users).await.0;
    ask(&db, tags).await;
    let db2 = db.clone();
    db.transaction(|tx| async move {
        tx.execute("UPDATE users SET name = 'A' WHERE id = 1").await?;
        assert_eq!(ask(&db2, users).await, (before, true), "not committed yet");
        let undone: Result<(), _> = tx
            .savepoint(|sp| async move {
                sp.execute("UPDATE users SET name = 'B' WHERE id = 1").await?;
                sp.query("SELECT nonsense").fetch().await.map(|_| ())
            })
            .await;
        assert!(undone.unwrap_err().is_usage());
        Ok(())
    })
    .await
    .unwrap();
    let (rows, cached) = ask(&db, users).await;
    assert_eq!((rows[0][0].clone(), cached), (Value::from("A"), false));
    assert!(ask(&db, tags).await.1, "another table stays");
}

#[tokio::test]
async fn sessions_hit_outside_transactions_only() {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    let session = db.session();
    let read = "SELECT name FROM users WHERE id = 1";
    hits(&session, read).await;
    assert!(hits(&session, read).await);
    session.execute("BEGIN").await.unwrap();
    assert!(!session.is_autocommit().await);
    assert!(!hits(&session, read).await);
    session.execute("UPDATE users SET name = 'Z' WHERE id = 1").await.unwrap();
    assert!(ask(&db, read).await.1, "not committed: others still hit");
    session.execute("COMMIT").await.unwrap();
    assert!(session.is_autocommit().await);
    let (rows, hit) = ask(&db, read).await;
    assert_eq!((rows, hit), (vec![vec![Value::from("Z")]], false));
}

async fn hits(session: &Session, sql: &str) -> bool {
    session.query(sql).fetch().await.unwrap().cached
}

#[tokio::test]
async fn what_cannot_be_proven_is_not_cached() {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    db.execute_batch("CREATE VIRTUAL TABLE words USING fts5(word)").await.unwrap();
    for (sql, rule) in [
        ("SELECT random()", "function"),
        ("SELECT datetime('now')", "function"),
        ("SELECT current_timestamp", "function"),
        ("SELECT * FROM words", "virtual_table"),
        ("SELECT count(*) FROM words", "virtual_table"),
        ("SELECT * FROM pragma_table_info('users')", "virtual_table"),
        ("SELECT * FROM sqlite_schema", "system_table"),
        ("SELECT count(*) FROM sqlite_master", "system_table"),
        ("PRAGMA table_info(users)", "pragma"),
        ("EXPLAIN SELECT 1", "pragma"),
    ] {
        ask(&db, sql).await;
        assert!(!ask(&db, sql).await.1, "{sql}");
        let stats = db.stats();
        let counted = stats.cache.bypasses.iter().find(|(name, _)| *name == rule);
        assert!(counted.is_some_and(|(_, count)| *count >= 2), "{sql}: {:?}", stats.cache);
    }
    assert_eq!(db.stats().cache.hits, 0);
}

#[tokio::test]
async fn memory_is_exact_too() {
    let db = forebay::open("sqlite::memory:").await.unwrap();
    db.execute_batch(SCHEMA).await.unwrap();
    let read = "SELECT karma FROM users WHERE id = 1";
    for n in 0..50 {
        db.execute("UPDATE users SET karma = ? WHERE id = 1").bind(n).await.unwrap();
        assert_eq!(ask(&db, read).await, (vec![vec![Value::Integer(n)]], false));
        assert!(ask(&db, read).await.1);
        db.execute("UPDATE tags SET name = 'n'").await.unwrap();
        assert!(ask(&db, read).await.1);
    }
    let session = db.session();
    session.execute("BEGIN").await.unwrap();
    session.execute("UPDATE users SET karma = 77 WHERE id = 1").await.unwrap();
    session.execute("COMMIT").await.unwrap();
    assert_eq!(ask(&db, read).await.0, vec![vec![Value::Integer(77)]]);
}

#[tokio::test]
async fn shared_answers_are_decoded_once() {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    let sql = "SELECT id, name FROM users ORDER BY id";
    let first = db.query(sql).shared::<(i64, String)>().await.unwrap();
    let second = db.query(sql).shared::<(i64, String)>().await.unwrap();
    assert!(std::sync::Arc::ptr_eq(&first, &second));
    db.execute("UPDATE users SET name = 'B' WHERE id = 1").await.unwrap();
    let third = db.query(sql).shared::<(i64, String)>().await.unwrap();
    assert_eq!(third[0].1, "B");
    db.close().await;
    assert!(db.query(sql).fetch().await.unwrap_err().is_closed());
}

/// The read set of an answer is that of the statement as it ran, not as it was once prepared.
#[tokio::test]
async fn a_view_replaced_elsewhere_is_followed() {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    let bare = place.bare();
    let read = "SELECT count(*) FROM (SELECT * FROM shown)";
    db.execute_batch("CREATE VIEW shown AS SELECT name FROM users").await.unwrap();
    ask(&db, read).await;
    bare.execute_batch("DROP VIEW shown; CREATE VIEW shown AS SELECT name FROM tags").unwrap();
    assert_eq!(ask(&db, read).await, (vec![vec![Value::Integer(1)]], false));
    ask(&db, read).await;
    db.execute("INSERT INTO tags (name) VALUES ('another')").await.unwrap();
    assert_eq!(ask(&db, read).await.0, vec![vec![Value::Integer(2)]]);
}

/// SQLite prepares these again whenever a value is bound; they are cached all the same.
#[tokio::test]
async fn plans_that_depend_on_parameters_are_cached() {
    let place = Place::new();
    let db = place
        .open(
            "CREATE TABLE words (w TEXT COLLATE NOCASE PRIMARY KEY, n INT); CREATE TABLE other (a);
               CREATE INDEX by_n ON words (n);
               INSERT INTO words SELECT 'w' || value, value % 9 FROM
                   (WITH RECURSIVE s(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM s
                    WHERE value < 500) SELECT * FROM s);
               ANALYZE",
        )
        .await;
    for sql in
        ["SELECT count(*) FROM words WHERE w LIKE ?", "SELECT count(*) FROM words WHERE n > ?"]
    {
        for value in [Value::from("w1%"), Value::from("w2%"), Value::from(5), Value::from(7)] {
            let ask = || async { db.query(sql).bind(&value).fetch().await.unwrap() };
            ask().await;
            assert!(ask().await.cached, "{sql}");
            db.execute("DELETE FROM other WHERE a LIKE ?").bind(&value).await.unwrap();
            assert!(ask().await.cached, "{sql}");
            let change = "UPDATE words SET w = w || 'x', n = n + 1 WHERE w LIKE ?";
            db.execute(change).bind("w3%").await.unwrap();
            assert!(!ask().await.cached, "{sql}");
        }
    }
}

/// A future that is kept and not polled is not waited for without end.
#[tokio::test]
async fn a_reader_that_nobody_polls_holds_nobody_up() {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    let slow = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000)
        SELECT count(*) + (SELECT count(*) FROM users) FROM n";
    // The first run finds out that it is long.
    let expect: i64 = db.query(slow).no_cache().scalar().await.unwrap();
    let mut kept = Box::pin(db.query(slow).scalar::<i64>());
    let polled = tokio::time::timeout(std::time::Duration::from_millis(1), &mut kept).await;
    assert!(polled.is_err(), "it is slow");
    let limit = std::time::Duration::from_secs(20);
    let other = tokio::time::timeout(limit, db.query(slow).scalar::<i64>()).await;
    assert_eq!(other.expect("it waits for ever").unwrap(), expect);
    assert_eq!(kept.await.unwrap(), expect);
}
