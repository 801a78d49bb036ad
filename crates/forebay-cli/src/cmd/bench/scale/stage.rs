//! The database that is measured: one table whose rows follow from their numbers, in groups of a
//! hundred.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use forebay::Db;
use rusqlite::Connection;

pub(super) const POINT: &str = "SELECT value, name FROM items WHERE id = ?";
pub(super) const OF_GROUP: &str = "SELECT count(*), sum(value) FROM items WHERE team = ?";
pub(super) const PAGE: &str = "SELECT id, name FROM items WHERE id > ? ORDER BY id LIMIT 50";
pub(super) const WRITE: &str = "UPDATE items SET value = value + 1 WHERE id = ?";

/// Rows of one group.
pub(super) const GROUP: u64 = 100;

/// Page cache of a connection, as Forebay's readers have it each by default.
const PAGE_CACHE_KIB: u64 = 64_000_000 / 11 / 1_024;

const SCHEMA: &str = "
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE items (id INTEGER PRIMARY KEY, team INT NOT NULL, value INT NOT NULL,
    name TEXT NOT NULL);
CREATE INDEX items_by_team ON items (team);
";

/// Rows are made by so many at once: what a transaction has changed lies in memory or in the log.
const ROWS_AT_ONCE: u64 = 500_000;

/// A database in a folder that goes with it.
pub(super) struct Stage {
    folder: tempfile::TempDir,
    bare: Connection,
    rows: u64,
}

impl Stage {
    /// One without a row.
    pub(super) fn empty() -> Result<Stage> {
        let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
        let bare = Connection::open(folder.path().join("items.db"))?;
        bare.execute_batch(SCHEMA).context("cannot make the database")?;
        let settings = format!("PRAGMA foreign_keys = ON; PRAGMA cache_size = -{PAGE_CACHE_KIB};");
        bare.execute_batch(&settings)?;
        Ok(Stage { folder, bare, rows: 0 })
    }

    pub(super) fn of(rows: u64) -> Result<Stage> {
        let mut stage = Stage::empty()?;
        stage.grow(rows)?;
        Ok(stage)
    }

    /// Adds rows until there are so many.
    pub(super) fn grow(&mut self, rows: u64) -> Result<()> {
        let sql = format!(
            "WITH RECURSIVE n(i) AS (VALUES (?1 + 1) UNION ALL SELECT i + 1 FROM n WHERE i < ?2)
             INSERT INTO items SELECT i, i / {GROUP}, i % 1000, 'item ' || i FROM n"
        );
        while self.rows < rows {
            let upto = rows.min(self.rows + ROWS_AT_ONCE);
            self.bare.execute(&sql, [self.rows as i64, upto as i64]).with_context(|| {
                format!("cannot make {rows} rows in {}", self.folder.path().display())
            })?;
            self.rows = upto;
        }
        self.bare.execute_batch("PRAGMA wal_checkpoint(TRUNCATE);")?;
        Ok(())
    }

    pub(super) fn path(&self) -> PathBuf {
        self.folder.path().join("items.db")
    }

    /// The connection by which bare SQLite is measured.
    pub(super) fn bare(&self) -> &Connection {
        &self.bare
    }
}

/// Opens it with room in memory for so many answers to point reads.
pub(super) async fn open(path: &Path, entries: u64) -> Result<Db> {
    let url = format!("sqlite:{}", path.display());
    let bytes = 100_000_000 + entries * ENTRY_BYTES_MAX;
    // Each answer is asked for once before it is measured, which would not pay by itself.
    let builder = forebay::Builder::new(url).cache_bytes(bytes).worth_it(false);
    // Tasks wait for their turn to write as long as it takes.
    Ok(builder.acquire_timeout(std::time::Duration::from_secs(60)).open().await?)
}

/// More than an answer of one such row takes.
const ENTRY_BYTES_MAX: u64 = 2_000;

/// Numbers of rows from all over the first `rows`, by a seed.
pub(super) fn random_ids(rows: u64, count: usize) -> Vec<i64> {
    let mut random = fastrand::Rng::with_seed(8_432);
    (0..count).map(|_| random.u64(1..=rows) as i64).collect()
}
