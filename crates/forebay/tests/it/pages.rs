use std::time::Duration;

use fastrand::Rng;
use forebay::{Page, PageRequest, Row, Sort, Total, Value};

use crate::place::Place;
use crate::walk::{Kind, rounds, rounds_or};

/// A column without a type takes values of all kinds.
const SCHEMA: &str = "
    CREATE TABLE t (id INTEGER PRIMARY KEY, a INT, b TEXT COLLATE NOCASE, c REAL, d BLOB, n);
    CREATE INDEX t_a ON t (a, id);
    CREATE INDEX t_b ON t (b DESC, id);
    CREATE INDEX t_n ON t (n, c DESC, id);";

const POSTS: &str = "
    CREATE TABLE posts (id INTEGER PRIMARY KEY, author INT NOT NULL, title TEXT, at INT NOT NULL);
    CREATE INDEX posts_at ON posts (at, id);
    INSERT INTO posts WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 120)
        SELECT i, i % 3, 'post ' || i, i / 4 FROM n;";

fn odd(rng: &mut Rng) -> Value {
    match rng.u8(..7) {
        0 => Value::from(i64::MAX - 1),
        1 => Value::from(i64::MAX),
        2 => Value::from(9_007_199_254_740_993_i64),
        3 => Value::from(9_007_199_254_740_992.0),
        4 => Value::from("a\0b"),
        5 => Value::from("7"),
        _ => Value::from(vec![b'7']),
    }
}

#[tokio::test]
async fn walks_over_pages_read_what_the_whole_order_has() {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    let kind = Kind { is_postgres: false, odd };
    rounds(&db, kind, 20_261, rounds_or(12)).await;
    assert!(db.stats().cache.hits > 0, "pages are cached");
}

#[tokio::test]
async fn pages_by_number() {
    let place = Place::new();
    let db = place.open(POSTS).await;
    let sql = "SELECT id, title FROM posts WHERE author = ? ORDER BY id DESC";
    let request = || PageRequest::number(2).per_page(15);
    let page: Page<(i64, String)> = db.query(sql).bind(1).page(request()).await.unwrap();
    assert_eq!((page.items.len(), page.items[0].0), (15, 73));
    assert_eq!((page.total, page.pages, page.page), (Some(40), Some(3), Some(2)));
    assert!(page.has_next && page.has_prev);
    assert_eq!(
        page.links("/posts?author=1&page=2"),
        "</posts?author=1&page=1>; rel=\"first\", </posts?author=1&page=1>; rel=\"prev\", \
         </posts?author=1&page=3>; rel=\"next\", </posts?author=1&page=3>; rel=\"last\""
    );
    let json = serde_json::to_value(page.map(|(id, _)| id)).unwrap();
    assert_eq!(json["total"], 40);
    assert!(json.get("start").is_none());

    // The page and the count are cached, and exact.
    let before = db.stats().cache.hits;
    db.query(sql).bind(1).page::<Row>(request()).await.unwrap();
    assert_eq!(db.stats().cache.hits, before + 2);
    db.execute("DELETE FROM posts WHERE id = 73").await.unwrap();
    let page: Page<(i64, String)> = db.query(sql).bind(1).page(request()).await.unwrap();
    assert_eq!((page.items[0].0, page.total), (70, Some(39)));

    // In a transaction, too, with what it has written itself.
    db.transaction(|tx| async move {
        tx.execute("DELETE FROM posts WHERE author = 1 AND id > 100").await?;
        let page: Page<(i64, String)> = tx.query(sql).bind(1).page(request()).await?;
        assert_eq!(page.items[0].0, 52);
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn totals() {
    let place = Place::new();
    let db = place.open(POSTS).await;
    let total = async |sql: &str, total| {
        let request = PageRequest::number(1).per_page(10).total(total);
        db.query(sql).page::<Row>(request).await.unwrap().total
    };
    let all = "SELECT * FROM posts ORDER BY id";
    let some = "SELECT * FROM posts WHERE at < 10 ORDER BY at + 1, id";
    assert_eq!(total(all, Total::None).await, None);
    assert_eq!(total(all, Total::Exact).await, Some(120));
    assert_eq!(total(some, Total::Exact).await, Some(39));
    // Nothing is noted before ANALYZE, and nothing of a part of a table.
    assert_eq!(total(all, Total::Estimated).await, Some(120));
    db.execute_batch("ANALYZE; DELETE FROM posts WHERE id > 110").await.unwrap();
    assert_eq!(total(all, Total::Estimated).await, Some(120));
    assert_eq!(total(some, Total::Estimated).await, Some(39));
    assert_eq!(total(all, Total::Exact).await, Some(110));
    let cached = Total::Cached(Duration::from_secs(600));
    assert_eq!(total(all, cached).await, Some(110));
    db.execute("DELETE FROM posts WHERE id > 100").await.unwrap();
    assert_eq!(total(all, cached).await, Some(110), "as old as that is allowed");
    assert_eq!(total(all, Total::Exact).await, Some(100));
    // What the page shows is not counted.
    let request = PageRequest::number(1).per_page(500);
    let before = db.stats().cache.misses;
    let page = db.query(all).page::<Row>(request).await.unwrap();
    assert_eq!((page.total, db.stats().cache.misses), (Some(100), before + 1));
}

#[tokio::test]
async fn what_cannot_be_paged_says_why() {
    let place = Place::new();
    let db = place.open(POSTS).await;
    let id = || [Sort::asc("id").key()];
    let check = |found: forebay::Result<Page<Row>>, expect: &str| {
        let error = found.unwrap_err();
        assert!(error.is_usage() && error.to_string().contains(expect), "{error}");
    };
    let sql = "SELECT id, at FROM posts ORDER BY id";
    let number = PageRequest::number;
    check(db.query(sql).page(number(0)).await, "the first page is 1");
    check(db.query(sql).page(number(1).per_page(0)).await, "1 to 500");
    check(db.query(sql).page(number(1).per_page(501)).await, "1 to 500");
    check(db.query(sql).page(number(u64::MAX)).await, "no database");
    check(db.query(sql).page(PageRequest::first()).await, "needs an order");
    check(db.query("SELECT id FROM posts").page(number(1)).await, "without an order");
    check(db.query("SELECT id FROM posts LIMIT 5").order(id()).page(number(1)).await, "LIMIT");
    check(db.query(sql).order(id()).page(number(1)).await, "leave one out");
    let plain = "SELECT id, at, NULL AS gap FROM posts";
    let tied = [Sort::asc("at").key()];
    check(db.query(plain).order(tied).page(PageRequest::first()).await, "alike");
    let null = [Sort::asc("gap").not_null(), Sort::asc("id").key()];
    check(db.query(plain).order(null).page(PageRequest::first()).await, "is NULL");
    let absent = [Sort::asc("title").key()];
    let found = db.query(plain).order(absent).page::<Row>(PageRequest::first()).await;
    assert!(found.unwrap_err().to_string().contains("title"));
    let page = db.query(sql).page::<Row>(number(1).per_page(1_000).max_per_page(1_000)).await;
    assert_eq!(page.unwrap().items.len(), 120);
    // A parameter that cannot be bound is reported before anything else.
    check(db.query(sql).bind(u64::MAX).page(number(1)).await, "does not fit");
}

#[tokio::test]
async fn cursors_are_of_one_query_order_and_key() {
    let place = Place::new();
    let key = [3; 32];
    let db = place.builder().cursor_key(key).open().await.unwrap();
    db.execute_batch(POSTS).await.unwrap();
    let sorts = || [Sort::desc("at").not_null(), Sort::asc("id").key()];
    let sql = "SELECT id, at FROM posts WHERE author = ?";
    let page = async |db: &forebay::Db, sql: &str, author: i64, request: PageRequest| {
        db.query(sql).bind(author).order(sorts()).page::<(i64, i64)>(request.per_page(10)).await
    };
    let first = page(&db, sql, 1, PageRequest::first()).await.unwrap();
    let end = first.end.clone().unwrap();
    let after = || PageRequest::after(end.clone());
    let second = page(&db, sql, 1, after()).await.unwrap();
    assert_eq!(second.items.len(), 10);
    assert!(second.has_prev && second.total.is_none() && second.page.is_none());
    let back = page(&db, sql, 1, PageRequest::before(second.start.unwrap())).await.unwrap();
    assert_eq!((&back.items, back.has_prev, back.has_next), (&first.items, false, true));
    assert_eq!(
        back.links("/p?after=x&q=1"),
        format!("</p?q=1&after={}>; rel=\"next\"", back.end.as_ref().unwrap())
    );
    // Another handle with the same key, and one with a key of its own.
    let same = place.builder().cursor_key(key).open().await.unwrap();
    assert_eq!(page(&same, sql, 1, after()).await.unwrap().items, second.items);
    let other = place.builder().open().await.unwrap();
    for found in [
        page(&other, sql, 1, after()).await,
        page(&db, "SELECT id, at FROM posts WHERE author > ?", 1, after()).await,
        page(&db, sql, 1, PageRequest::after(&end[1..])).await,
        page(&db, sql, 1, PageRequest::after("")).await,
        page(&db, sql, 1, PageRequest::before("\0\u{ffff}")).await,
    ] {
        assert!(found.unwrap_err().is_invalid_cursor());
    }
    let short = place.builder().cursor_key([1; 15]).open().await;
    assert!(short.unwrap_err().to_string().contains("16 bytes"));
    // The total of pages by key is counted only if somebody asks for it.
    let counted = page(&db, sql, 1, after().total(Total::Exact)).await.unwrap();
    assert_eq!((counted.total, counted.pages), (Some(40), Some(4)));
}

#[tokio::test]
async fn an_index_bounds_what_a_page_by_key_reads() {
    let place = Place::new();
    let db = place.open(POSTS).await;
    let check = async |sorts: &[Sort], expect: &str| {
        let query = || db.query("SELECT id, at, title FROM posts").order(sorts.to_vec());
        let first: Page<Row> = query().page(PageRequest::first().per_page(10)).await.unwrap();
        let after = PageRequest::after(first.end.unwrap());
        let explained = query().explain(after).await.unwrap();
        assert!(explained.plan.concat().contains(expect), "{explained}");
        assert!(explained.cacheable, "{explained}");
    };
    let (at, id) = (|| Sort::asc("at").not_null(), || Sort::asc("id").key());
    let range = "SEARCH posts USING INDEX posts_at (at>?)";
    check(&[at(), id()], range).await;
    check(&[Sort::asc("at"), id()], range).await;
    check(&[at(), Sort::desc("id").key()], range).await;
    let falling = "SEARCH posts USING INDEX posts_at (at<?)";
    check(&[Sort::desc("at").not_null(), Sort::desc("id").key()], falling).await;
    check(&[Sort::desc("at"), Sort::desc("id").key()], falling).await;
    check(&[id()], "SEARCH posts USING INTEGER PRIMARY KEY (rowid>?)").await;
}
