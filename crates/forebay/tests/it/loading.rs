use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use fastrand::Rng;
use forebay::{Cache, Db, Error, Loader};
use serde::Deserialize;

use crate::place::Place;

const SCHEMA: &str = "
    CREATE TABLE authors (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
    CREATE TABLE posts (id INTEGER PRIMARY KEY, author INT, title TEXT);
    CREATE INDEX posts_author ON posts (author);
    CREATE TABLE tags (post INT, name TEXT COLLATE NOCASE);
    INSERT INTO authors WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 1500)
        SELECT i, 'author ' || i FROM n;
    INSERT INTO posts SELECT id, id * 7919 % 1000, 'post ' || id FROM authors;
    INSERT INTO tags SELECT id % 40, 'tag ' || id FROM authors WHERE id <= 100;";

#[derive(Clone, Debug, Deserialize, PartialEq)]
struct Post {
    id: i64,
    author: i64,
    title: String,
}

async fn statements(db: &Db) -> u64 {
    let stats = db.stats().cache;
    stats.hits + stats.misses
}

#[tokio::test]
async fn children_of_many_parents_are_those_of_each() {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    let mut rng = Rng::with_seed(7);
    let sql = "SELECT title, author, id FROM posts WHERE id > ? AND author IN (:keys) AND id <> ? \
               ORDER BY title DESC";
    for round in 0..12 {
        let count = [0, 1, 2, 3, 100, 511, 512, 513, 1_100][rng.usize(..9)];
        let keys: Vec<i64> = (0..count).map(|_| rng.i64(-5..1_010)).collect();
        let least = rng.i64(..50);
        let query = || db.query(sql).bind(least).bind(300);
        let mut found: HashMap<i64, Vec<Post>> =
            query().load_many("author", keys.iter().copied()).await.unwrap();
        let mut asked = keys.clone();
        asked.sort_unstable();
        asked.dedup();
        for key in asked {
            let single = "SELECT title, author, id FROM posts WHERE id > ? AND author = ? AND \
                          id <> 300 ORDER BY title DESC";
            let expect: Vec<Post> =
                db.query(single).bind(least).bind(key).no_cache().all().await.unwrap();
            assert_eq!(found.remove(&key).unwrap_or_default(), expect, "{key}");
        }
        assert!(found.is_empty());
        let delete = "DELETE FROM posts WHERE id % 40 = ?";
        db.execute(delete).bind(round).await.unwrap();
    }
}

#[tokio::test]
async fn a_graph_takes_one_statement_for_each_level() {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    let before = statements(&db).await;
    let authors: Vec<(i64, String)> =
        db.query("SELECT id, name FROM authors ORDER BY id LIMIT 100").all().await.unwrap();
    let posts: HashMap<i64, Vec<Post>> = db
        .query("SELECT * FROM posts WHERE author IN (:keys) ORDER BY id")
        .load_many("author", authors.iter().map(|(id, _)| *id))
        .await
        .unwrap();
    let ids: Vec<i64> = posts.values().flatten().map(|post| post.id).collect();
    let names: HashMap<i64, Vec<(i64, String)>> = db
        .query("SELECT post, name FROM tags WHERE post IN (:keys) ORDER BY name")
        .load_many("post", ids)
        .await
        .unwrap();
    assert_eq!(statements(&db).await - before, 3);
    assert!(posts.len() > 90 && !names.is_empty());

    // From the cache, until a row of one of the keys changes.
    let again = async || {
        let sql = "SELECT * FROM posts WHERE author IN (:keys) ORDER BY id";
        let hits = db.stats().cache.hits;
        let posts: HashMap<i64, Vec<Post>> =
            db.query(sql).load_many("author", [5, 6, 7]).await.unwrap();
        (posts, db.stats().cache.hits > hits)
    };
    assert!(!again().await.1);
    assert!(again().await.1);
    db.execute("UPDATE posts SET title = 'new' WHERE author = 900").await.unwrap();
    assert!(again().await.1, "of another author");
    db.execute("INSERT INTO posts VALUES (9999, 6, 'newest')").await.unwrap();
    let (posts, was_cached) = again().await;
    assert!(!was_cached && posts[&6].iter().any(|post| post.title == "newest"));
}

#[tokio::test]
async fn parents_of_many_children() {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    let sql = "SELECT id, name FROM authors WHERE id IN (:keys) AND id < :limit";
    let query = || db.query(sql).bind_named("limit", 1_000);
    let found: HashMap<i64, (i64, String)> =
        query().load_one("id", [3, 1, 3, 1_001]).await.unwrap();
    assert_eq!(found.len(), 2);
    assert_eq!(found[&3], (3, "author 3".to_owned()));
    let nobody: HashMap<i64, (i64, String)> = query().load_one("id", []).await.unwrap();
    assert!(nobody.is_empty());
    let found: Result<HashMap<i64, (i64, i64)>, Error> = db
        .query("SELECT author, id FROM posts WHERE author IN (:keys)")
        .load_one("author", 1..900)
        .await;
    assert!(found.unwrap_err().to_string().contains("load_many"));
}

#[tokio::test]
async fn rows_that_nobody_asked_for_are_an_error() {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    db.execute("INSERT INTO tags VALUES (1, 'Rust')").await.unwrap();
    let load = |sql: &'static str, column: &'static str, key: &'static str| {
        let query = db.query(sql);
        async move { query.load_many::<String, (i64, String)>(column, [key.to_owned()]).await }
    };
    let sql = "SELECT post, name FROM tags WHERE name IN (:keys)";
    assert_eq!(load(sql, "name", "Rust").await.unwrap()["Rust"], [(1, "Rust".to_owned())]);
    let check = |found: Result<_, Error>, expect: &str| {
        let found: Result<HashMap<String, Vec<(i64, String)>>, Error> = found;
        let error = found.unwrap_err();
        assert!(error.is_usage() && error.to_string().contains(expect), "{error}");
    };
    check(load(sql, "name", "rust").await, "more loosely");
    check(load(sql, "absent", "Rust").await, "not in the answer");
    check(load("SELECT post, name FROM tags", "name", "x").await, "no place");
    let limited = "SELECT post, name FROM tags WHERE name IN (:keys) LIMIT 1";
    check(load(limited, "name", "x").await, "LIMIT");
}

fn loader(db: &Db, calls: &Arc<AtomicUsize>) -> Loader<i64, Post> {
    let (db, calls) = (db.clone(), calls.clone());
    Loader::new(move |ids: Vec<i64>| {
        calls.fetch_add(1, Ordering::Relaxed);
        let db = db.clone();
        async move { db.query("SELECT * FROM posts WHERE id IN (:keys)").load_one("id", ids).await }
    })
}

#[tokio::test]
async fn lookups_of_one_turn_are_one_statement() {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    let calls = Arc::default();
    let posts = loader(&db, &calls);
    let lookups = (1..=80).chain(1..=10).map(|id| {
        let posts = posts.clone();
        tokio::spawn(async move { (id, posts.load(id).await.unwrap()) })
    });
    let lookups: Vec<_> = lookups.collect();
    for lookup in lookups {
        let (id, post) = lookup.await.unwrap();
        assert_eq!(post.unwrap().title, format!("post {id}"));
    }
    assert_eq!(calls.load(Ordering::Relaxed), 1);
    let found = posts.load_all([3, 9_999, 3]).await.unwrap();
    let titles: Vec<_> = found.iter().map(|it| it.as_ref().map(|it| it.title.as_str())).collect();
    assert_eq!(titles, [Some("post 3"), None, Some("post 3")]);
    assert_eq!(calls.load(Ordering::Relaxed), 2);
}

/// What is loaded through a loader counts as read in the load of a cache.
#[tokio::test]
async fn a_cache_knows_what_a_loader_has_read() {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    let calls = Arc::default();
    let posts = loader(&db, &calls);
    let cache = Cache::builder("app").build().unwrap();
    let title = async || {
        let posts = posts.clone();
        let load = move || async move {
            let post = posts.load(7).await?;
            Ok::<_, Error>(post.map_or_else(String::new, |post| post.title))
        };
        cache.get_or_load("title", load).await.unwrap()
    };
    assert_eq!(*title().await, "post 7");
    assert_eq!(*title().await, "post 7");
    assert_eq!(calls.load(Ordering::Relaxed), 1);
    db.execute("UPDATE posts SET title = 'new' WHERE id = 8").await.unwrap();
    assert_eq!(*title().await, "post 7");
    assert_eq!(calls.load(Ordering::Relaxed), 1, "another row");
    db.execute("UPDATE posts SET title = 'new' WHERE id = 7").await.unwrap();
    assert_eq!(*title().await, "new");
    assert_eq!(calls.load(Ordering::Relaxed), 2);
}
