use std::collections::HashMap;

use fastrand::Rng;
use forebay::{Page, PageRequest, Row, Sort, Total, Value};

use crate::place::on_each;
use crate::walk::{Kind, rounds, rounds_or};

/// A collation for which `a` and `A` are the same, and numbers that are equal in other words.
const SCHEMA: &str = "
    CREATE COLLATION same (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
    CREATE TABLE t (id bigint PRIMARY KEY, a int, b text COLLATE same, c float8, d bytea,
        n numeric);
    CREATE INDEX t_a ON t (a, id);
    CREATE INDEX t_b ON t (b DESC, id);";

const POSTS: &str = "
    CREATE TABLE posts (id int PRIMARY KEY, author int NOT NULL, title text, at int NOT NULL);
    INSERT INTO posts SELECT i, i % 3, 'post ' || i, i / 4 FROM generate_series(1, 5000) i;
    CREATE INDEX posts_at ON posts (at, id);
    ANALYZE posts;";

fn odd(rng: &mut Rng) -> Value {
    let texts = ["1", "1.0", "1.00", "-3.5", "NaN", "99999999999999999999.5"];
    Value::from(texts[rng.usize(..texts.len())])
}

#[test]
fn walks_over_pages_read_what_the_whole_order_has() {
    on_each("walks_over_pages_read_what_the_whole_order_has", async |place| {
        let db = place.open(SCHEMA).await;
        let kind = Kind { is_postgres: true, odd };
        rounds(&db, kind, 20_262, rounds_or(5)).await;
    });
}

#[test]
fn pages_and_their_totals() {
    on_each("pages_and_their_totals", async |place| {
        let db = place.open(POSTS).await;
        let sql = "SELECT id, title FROM posts WHERE author = $1 ORDER BY id DESC";
        let request = || PageRequest::number(2).per_page(15);
        let page: Page<(i64, String)> = db.query(sql).bind(1).page(request()).await.unwrap();
        assert_eq!((page.items[0].0, page.total, page.pages), (4_954, Some(1_667), Some(112)));
        let estimated = request().total(Total::Estimated);
        let page: Page<Row> = db.query(sql).bind(1).page(estimated).await.unwrap();
        let total = page.total.unwrap();
        assert!((1_000..2_500).contains(&total), "{total} is what the planner expects");
        let page: Page<Row> =
            db.query(sql).bind(1).page(request().total(Total::None)).await.unwrap();
        assert!(page.total.is_none() && page.has_next);
    });
}

#[test]
fn an_index_bounds_what_a_page_by_key_reads() {
    on_each("an_index_bounds_what_a_page_by_key_reads", async |place| {
        let db = place.open(POSTS).await;
        let check = async |sorts: &[Sort], expect: &str| {
            let query = || db.query("SELECT id, at, title FROM posts").order(sorts.to_vec());
            let first: Page<Row> = query().page(PageRequest::first().per_page(10)).await.unwrap();
            let after = PageRequest::after(first.end.unwrap()).per_page(10);
            // Not every version shows the plan of a statement with parameters.
            let text = query().explain(after).await.unwrap().statement.replace('?', "11");
            let plan = place.psql(&format!("EXPLAIN {text}"));
            assert!(plan.contains("posts_at") && plan.contains(expect), "{text}: {plan}");
        };
        let at = || Sort::asc("at").not_null();
        check(&[at(), Sort::asc("id").key()], "Index Cond: (ROW(at, id) > ROW(").await;
        check(&[at(), Sort::desc("id").key()], "Index Cond: (at >= ").await;
        let falling = [Sort::desc("at").not_null(), Sort::desc("id").key()];
        check(&falling, "Index Cond: (ROW(at, id) < ROW(").await;
    });
}

#[test]
fn rows_of_many_keys() {
    on_each("rows_of_many_keys", async |place| {
        let db = place.open(POSTS).await;
        let sql = "SELECT at, id, title::text FROM posts WHERE author = $1 AND at IN (:keys) \
                   AND id <> $2 ORDER BY id DESC";
        let keys: Vec<i64> = (0..700).chain(690..720).collect();
        let query = || db.query(sql).bind(1).bind(7);
        let found: HashMap<i64, Vec<(i64, i64, String)>> =
            query().load_many("at", keys.iter().copied()).await.unwrap();
        let single = "SELECT at, id, title FROM posts WHERE author = 1 AND at = $1 AND id <> 7 \
                      ORDER BY id DESC";
        for key in (0..720).step_by(37) {
            let expect: Vec<(i64, i64, String)> = db.query(single).bind(key).all().await.unwrap();
            assert_eq!(found.get(&key).cloned().unwrap_or_default(), expect);
        }
    });
}
