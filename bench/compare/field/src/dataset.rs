//! The database that all read: 100,000 rows of four columns in one file in WAL mode.

use std::path::PathBuf;

use ::rusqlite::Connection;
use serde::Deserialize;
use tempfile::TempDir;

/// The statement that is measured: one row by its primary key.
pub const POINT: &str = "SELECT id, name, email, age FROM users WHERE id = ?";

/// Connections that a contender may open to read.
pub const CONNECTIONS_MAX: usize = 10;

/// Page cache of each connection; the whole file fits.
pub const PAGE_CACHE_KIB: usize = 8_000;

const ROWS: i64 = 100_000;

const FILL: &str = "
    PRAGMA journal_mode = WAL;
    CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT, age INTEGER);
    WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < 100000)
    INSERT INTO users SELECT id, 'user ' || id, 'user' || id || '@example.com', id % 90 FROM n;
    PRAGMA wal_checkpoint(TRUNCATE);
";

/// One row.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub struct User {
    pub id: i64,
    pub name: String,
    pub email: String,
    pub age: i64,
}

impl User {
    /// The row that the table holds under `id`.
    pub(crate) fn expected(id: i64) -> User {
        User {
            id,
            name: format!("user {id}"),
            email: format!("user{id}@example.com"),
            age: id % 90,
        }
    }
}

/// The file, in a folder that goes when this is dropped.
pub struct Dataset {
    folder: TempDir,
}

impl Dataset {
    pub(crate) fn new() -> Result<Dataset, crate::Fault> {
        let dataset = Dataset { folder: tempfile::tempdir()? };
        Connection::open(dataset.path())?.execute_batch(FILL)?;
        Ok(dataset)
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("app.db")
    }
}

/// Ids from all over the table, in a seeded order.
pub(crate) fn shuffled(count: usize) -> Vec<i64> {
    let mut order: Vec<i64> = (1..=ROWS).collect();
    fastrand::Rng::with_seed(8_432).shuffle(&mut order);
    order.truncate(count);
    order
}
