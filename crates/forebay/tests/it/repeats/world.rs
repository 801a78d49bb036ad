//! The database that the traces run on, and what they log of it.

use std::panic::Location;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use fastrand::Rng;
use forebay::{Db, Rows, Value};

pub(super) const SCHEMA: &str = "
    CREATE TABLE teams (id INTEGER PRIMARY KEY, name TEXT);
    CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT UNIQUE, name TEXT,
        team_id INT REFERENCES teams(id), manager_id INT REFERENCES users(id));
    CREATE TABLE profiles (id INTEGER PRIMARY KEY, user_id INT UNIQUE REFERENCES users(id),
        bio TEXT);
    CREATE TABLE follows (follower INT REFERENCES users(id), followed INT REFERENCES users(id),
        PRIMARY KEY (follower, followed));
    CREATE TABLE categories (id INTEGER PRIMARY KEY, parent_id INT REFERENCES categories(id),
        name TEXT);
    CREATE TABLE products (id INTEGER PRIMARY KEY, sku TEXT UNIQUE,
        category_id INT REFERENCES categories(id), name TEXT, price REAL);
    CREATE TABLE tags (id INTEGER PRIMARY KEY, name TEXT);
    CREATE TABLE product_tags (product_id INT REFERENCES products(id),
        tag_id INT REFERENCES tags(id), PRIMARY KEY (product_id, tag_id));
    CREATE TABLE orders (id INTEGER PRIMARY KEY, user_id INT REFERENCES users(id),
        editor_id INT REFERENCES users(id), month INT, status TEXT, total REAL);
    CREATE INDEX orders_user ON orders (user_id);
    CREATE VIEW open_orders AS SELECT id, user_id AS owner, total FROM orders
        WHERE status <> 'done';
    CREATE TABLE lines (order_id INT REFERENCES orders(id), line_no INT,
        product_id INT REFERENCES products(id), qty INT, PRIMARY KEY (order_id, line_no));
    CREATE TABLE line_notes (id INTEGER PRIMARY KEY, order_id INT, line_no INT, note TEXT,
        FOREIGN KEY (order_id, line_no) REFERENCES lines(order_id, line_no));
    CREATE TABLE countries (code TEXT PRIMARY KEY, name TEXT);
    CREATE TABLE cities (id INTEGER PRIMARY KEY, country TEXT REFERENCES countries(code),
        name TEXT);
    CREATE TABLE documents (uuid TEXT PRIMARY KEY, owner_id INT REFERENCES users(id), title TEXT);
    CREATE TABLE revisions (id INTEGER PRIMARY KEY, document TEXT REFERENCES documents(uuid),
        body TEXT);
    CREATE TABLE comments (id INTEGER PRIMARY KEY, target_type TEXT, target_id INT,
        author_id INT REFERENCES users(id), body TEXT);
    CREATE TABLE legacy_customers (id INTEGER PRIMARY KEY, region INT, name TEXT);
    CREATE TABLE legacy_invoices (id INTEGER PRIMARY KEY, customer INT, total REAL);
    CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT);
    CREATE TABLE jobs (id INTEGER PRIMARY KEY, status TEXT);
    CREATE TABLE events (id INTEGER PRIMARY KEY, kind TEXT, note TEXT);

    CREATE TEMP TABLE n AS WITH RECURSIVE n(i) AS
        (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 600) SELECT i FROM n;
    INSERT INTO teams SELECT i, 'team ' || i FROM n WHERE i <= 40;
    INSERT INTO users SELECT i, 'u' || i || '@example.org', 'user ' || i, 1 + i * 7 % 40,
        CASE WHEN i > 1 THEN i / 2 END FROM n WHERE i <= 200;
    INSERT INTO profiles SELECT i, i, 'bio ' || i FROM n WHERE i <= 200;
    INSERT INTO follows SELECT i, 1 + (i * 13 + 5) % 200 FROM n WHERE i <= 200;
    INSERT OR IGNORE INTO follows SELECT i, 1 + (i * 29 + 11) % 200 FROM n WHERE i <= 200;
    INSERT INTO categories SELECT i, CASE WHEN i > 1 THEN i - 1 END, 'category ' || i FROM n
        WHERE i <= 59;
    INSERT INTO products SELECT i, 'SKU-' || (i * 17), 1 + i % 59, 'product ' || i, i * 1.5 FROM n
        WHERE i <= 300;
    INSERT INTO tags SELECT i, 'tag ' || i FROM n WHERE i <= 30;
    INSERT INTO product_tags SELECT i, 1 + i % 30 FROM n WHERE i <= 300;
    INSERT INTO product_tags SELECT i, 1 + (i + 11) % 30 FROM n WHERE i <= 300;
    INSERT INTO orders SELECT i, 1 + i * 37 % 200, 1 + i * 53 % 200, 1 + i % 12,
        CASE i % 3 WHEN 0 THEN 'done' ELSE 'open' END, i * 2.5 FROM n;
    INSERT INTO lines SELECT i, 1, 1 + i * 11 % 300, 1 + i % 5 FROM n;
    INSERT INTO lines SELECT i, 2, 1 + i * 19 % 300, 1 + i % 4 FROM n;
    INSERT INTO line_notes SELECT i, i, 1 + i % 2, 'note ' || i FROM n;
    INSERT INTO countries SELECT char(64 + i) || char(91 - i), 'country ' || i FROM n
        WHERE i <= 26;
    INSERT INTO cities SELECT i, char(65 + i % 26) || char(90 - i % 26), 'city ' || i FROM n;
    INSERT INTO documents SELECT printf('%08x-0000-4000-8000-%012x', i * 2654435, i * 40503),
        1 + i % 200, 'document ' || i FROM n WHERE i <= 150;
    INSERT INTO revisions SELECT NULL, uuid, 'text' FROM documents;
    INSERT INTO comments SELECT i, CASE i % 2 WHEN 0 THEN 'order' ELSE 'product' END,
        1 + i * 7 % 300, 1 + i * 3 % 200, 'comment ' || i FROM n;
    INSERT INTO legacy_customers SELECT i * 3, i % 8, 'customer ' || i FROM n;
    INSERT INTO legacy_invoices SELECT i, 3 * (1 + i * 7 % 600), i FROM n;
    INSERT INTO settings SELECT 'key' || i, i FROM n WHERE i <= 20;
    INSERT INTO jobs SELECT i, 'waiting' FROM n WHERE i <= 50;
    DROP TABLE n;";

/// One statement, as the rules of others see it.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) sql: String,
    pub(super) took: Duration,
    pub(super) rows: usize,
    /// The line that ran it, as a stack would end.
    pub(super) site: (&'static str, u32),
    /// Which of the statements that are under way at once it belongs to.
    pub(super) request: u32,
}

/// A database with a log of what was run on it.
pub(super) struct Trace {
    pub(super) db: Db,
    pub(super) rng: Mutex<Rng>,
    pub(super) log: Mutex<Vec<Entry>>,
    request: Mutex<u32>,
}

impl Trace {
    pub(super) fn new(db: Db, seed: u64) -> Trace {
        let rng = Mutex::new(Rng::with_seed(seed));
        Trace { db, rng, log: Mutex::default(), request: Mutex::new(0) }
    }

    /// A number within these bounds.
    pub(super) fn some(&self, least: i64, most: i64) -> i64 {
        self.rng.lock().unwrap().i64(least..=most)
    }

    /// Begins another request.
    pub(super) fn next_request(&self) {
        *self.request.lock().unwrap() += 1;
    }

    /// Reads past the cache, as if each process had just begun.
    #[track_caller]
    pub(super) fn get<'a, V: Into<Value>>(
        &'a self,
        sql: &'a str,
        params: impl IntoIterator<Item = V>,
    ) -> impl Future<Output = Rows> + 'a {
        let params: Vec<Value> = params.into_iter().map(Into::into).collect();
        let mut query = self.db.query(sql).no_cache();
        for value in &params {
            query = query.bind(value.clone());
        }
        self.logged(sql, Location::caller(), async move { query.fetch().await.unwrap().rows })
    }

    /// Reads through the cache.
    #[track_caller]
    pub(super) fn cached<'a, V: Into<Value>>(
        &'a self,
        sql: &'a str,
        params: impl IntoIterator<Item = V>,
    ) -> impl Future<Output = Rows> + 'a {
        let params: Vec<Value> = params.into_iter().map(Into::into).collect();
        let mut query = self.db.query(sql);
        for value in &params {
            query = query.bind(value.clone());
        }
        self.logged(sql, Location::caller(), async move { query.fetch().await.unwrap().rows })
    }

    /// Writes.
    #[track_caller]
    pub(super) fn put<'a, V: Into<Value>>(
        &'a self,
        sql: &'a str,
        params: impl IntoIterator<Item = V>,
    ) -> impl Future<Output = Rows> + 'a {
        self.cached(sql, params)
    }

    /// Notes what somebody else ran.
    #[track_caller]
    pub(super) fn note(&self, sql: &str, rows: usize) {
        self.push(sql, Duration::from_micros(50), rows, Location::caller());
    }

    async fn logged(
        &self,
        sql: &str,
        at: &'static Location<'static>,
        run: impl Future<Output = Rows>,
    ) -> Rows {
        let began = Instant::now();
        let rows = run.await;
        self.push(sql, began.elapsed(), rows.len(), at);
        rows
    }

    fn push(&self, sql: &str, took: Duration, rows: usize, at: &'static Location<'static>) {
        let site = (at.file(), at.line());
        let request = *self.request.lock().unwrap();
        let entry = Entry { sql: sql.to_owned(), took, rows, site, request };
        self.log.lock().unwrap().push(entry);
    }
}

/// The values of a column.
pub(super) fn column(rows: &Rows, at: usize) -> Vec<Value> {
    rows.iter().map(|row| row.values()[at].clone()).collect()
}
