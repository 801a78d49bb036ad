//! The database under measurement: 100,000 rows of four columns in a file in WAL mode, warm, and
//! the orders in which its rows are asked for. Everything is seeded.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use forebay::{Builder, Capture, Db};
use rusqlite::Connection;
use serde::Deserialize;
use tempfile::TempDir;
use tokio::runtime::Runtime;

pub(crate) const POINT: &str = "SELECT id, name, email, age FROM users WHERE id = ?";
/// Over a hundred rows.
pub(crate) const TOTAL: &str =
    "SELECT count(*), sum(age), max(length(email)) FROM users WHERE id BETWEEN ?1 AND ?1 + 99";
/// A hundred rows.
pub(crate) const PAGE: &str =
    "SELECT id, name, email, age FROM users WHERE id BETWEEN ?1 AND ?1 + 99";
pub(crate) const UPDATE: &str = "UPDATE users SET age = ? WHERE id = ?";

const ROWS: i64 = 100_000;

const FILL: &str = "
    CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT, age INTEGER);
    WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < 100000)
    INSERT INTO users SELECT id, 'user ' || id, 'user' || id || '@example.com', id % 90 FROM n;
";

#[derive(Clone, Debug, Deserialize, PartialEq)]
pub(crate) struct User {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) age: i64,
}

/// A database file in a folder that goes when this is dropped.
pub(crate) struct Dataset {
    folder: TempDir,
    pub(crate) runtime: Runtime,
}

impl Dataset {
    pub(crate) fn new() -> Dataset {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_time()
            .build()
            .expect("a runtime starts");
        let dataset = Dataset { folder: tempfile::tempdir().expect("a folder"), runtime };
        let connection = dataset.rusqlite();
        connection.execute_batch(FILL).expect("the script is right");
        dataset
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("app.db")
    }

    /// Forebay with its defaults, but for the bytes of its cache.
    pub(crate) fn forebay(&self, cache_bytes: u64) -> Db {
        self.forebay_with(|builder| builder.cache_bytes(cache_bytes))
    }

    /// The same with other settings. Keys are asked for once each to warm up, which does not pay.
    pub(crate) fn forebay_with(&self, set: impl FnOnce(Builder) -> Builder) -> Db {
        self.open(set(self.builder()).worth_it(false))
    }

    /// As [`Dataset::forebay`], but each read opens a snapshot of its own.
    pub(crate) fn forebay_unheld(&self) -> Db {
        self.open(self.builder().snapshot_hold(Duration::ZERO))
    }

    fn builder(&self) -> Builder {
        Builder::new(format!("sqlite:{}", self.path().display()))
    }

    fn open(&self, builder: Builder) -> Db {
        let db = self.runtime.block_on(builder.open()).expect("the database opens");
        assert_eq!(db.stats().cache.off, None, "the cache is on");
        db
    }

    /// The same with another way to learn the rows that a write changes, where there is one.
    pub(crate) fn try_forebay(&self, capture: Capture) -> forebay::Result<Db> {
        let builder = Builder::new(format!("sqlite:{}", self.path().display()));
        self.runtime.block_on(builder.capture(capture).open())
    }

    /// A bare connection with the settings that Forebay makes by default.
    pub(crate) fn rusqlite(&self) -> Connection {
        let connection = Connection::open(self.path()).expect("the database opens");
        connection
            .execute_batch(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
                 PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -64000;",
            )
            .expect("the settings are known");
        let pages = "SELECT sum(length(name) + length(email)) FROM users";
        // Warms the page cache; there is no such table yet when the file is being made.
        let _ = connection.query_row(pages, [], |row| row.get::<_, i64>(0));
        connection
    }
}

/// Ids in a shuffled order, round and round.
pub(crate) struct Ids {
    order: Vec<i64>,
    turn: usize,
}

impl Ids {
    /// Ids from all over the table, of which a hundred rows follow.
    pub(crate) fn of_pages(count: usize) -> Ids {
        let mut ids = Ids::shuffled(count);
        ids.order.retain(|id| *id <= ROWS - 99);
        ids
    }

    /// `count` ids from all over the table.
    pub(crate) fn shuffled(count: usize) -> Ids {
        let mut order: Vec<i64> = (1..=ROWS).collect();
        fastrand::Rng::with_seed(8_432).shuffle(&mut order);
        order.truncate(count);
        Ids { order, turn: 0 }
    }

    /// The same ids in another order. What is asked for in the order in which it was stored lies
    /// side by side in memory, as it would not in an application.
    pub(crate) fn reordered(mut self) -> Ids {
        fastrand::Rng::with_seed(2).shuffle(&mut self.order);
        self
    }

    /// The same order from another place on, so that two threads do not ask for the same row.
    pub(crate) fn starting_at(mut self, turn: usize) -> Ids {
        self.turn = turn;
        self
    }

    pub(crate) fn every(&self) -> &[i64] {
        &self.order
    }

    #[inline]
    pub(crate) fn next(&mut self) -> i64 {
        let id = self.order[self.turn];
        self.turn = if self.turn + 1 == self.order.len() { 0 } else { self.turn + 1 };
        id
    }
}

/// Runs an asynchronous loop inside one task and measures it alone: entering a runtime once per
/// statement would cost as much as a hit.
pub(crate) fn timed<F>(runtime: &Runtime, work: F) -> Duration
where
    F: Future<Output = forebay::Result<()>>,
{
    runtime.block_on(async {
        let began = Instant::now();
        work.await.expect("every statement succeeds");
        began.elapsed()
    })
}
