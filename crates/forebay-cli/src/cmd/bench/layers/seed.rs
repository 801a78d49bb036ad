//! The database that is measured: people, their conversations with messages, records of a plant,
//! and cards that are worked off. Its rows follow from their numbers.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use rusqlite::Connection;

pub(super) const USERS: i64 = 1_000;
pub(super) const CONVERSATIONS: i64 = 5_000;
/// Of each conversation.
pub(super) const MESSAGES: i64 = 20;
pub(super) const NODES: i64 = 1_000;
/// Of each node.
pub(super) const EDGES: i64 = 5;

/// What takes long, and may be made shorter.
#[derive(Clone, Copy)]
pub(super) struct Sizes {
    pub(super) records: i64,
    /// Rows that are inserted one by one, and together.
    pub(super) inserts: (i64, i64),
    pub(super) reads: u64,
    /// How long the service is under load.
    pub(super) load: Duration,
}

pub(super) const FULL: Sizes = Sizes {
    records: 200_000,
    inserts: (2_000, 100_000),
    reads: 20_000,
    load: Duration::from_secs(3),
};

/// So small that its figures say nothing.
pub(super) const SMALL: Sizes =
    Sizes { records: 2_000, inserts: (100, 1_000), reads: 500, load: Duration::from_millis(100) };

const SCHEMA: &str = "
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE conversations (id INTEGER PRIMARY KEY, user_id INT NOT NULL, title TEXT NOT NULL);
CREATE INDEX conversations_by_user ON conversations (user_id);
CREATE TABLE messages (id INTEGER PRIMARY KEY, conversation_id INT NOT NULL, body TEXT NOT NULL);
CREATE INDEX messages_by_conversation ON messages (conversation_id);
CREATE TABLE records (id INTEGER PRIMARY KEY, lot TEXT NOT NULL, item INT NOT NULL,
    status TEXT NOT NULL, amount INT NOT NULL);
CREATE TABLE calls (id INTEGER PRIMARY KEY, model TEXT NOT NULL, cost REAL NOT NULL);
CREATE TABLE cards (id INTEGER PRIMARY KEY, word TEXT NOT NULL, stage INT NOT NULL, note TEXT);
CREATE TABLE edges (source INT NOT NULL, target INT NOT NULL, weight REAL NOT NULL);
CREATE INDEX edges_by_source ON edges (source);
";

/// Makes the database at `path`.
pub(super) fn seed(path: &Path, records: i64) -> Result<()> {
    let mut bare = Connection::open(path).context("cannot make the database")?;
    bare.execute_batch(SCHEMA)?;
    let tx = bare.transaction()?;
    let numbers = "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < ?1)";
    let fill = |into: &str, count: i64| tx.execute(&format!("{numbers} {into}"), [count]);
    fill("INSERT INTO users SELECT i, 'user ' || i FROM n", USERS)?;
    let of_user =
        format!("INSERT INTO conversations SELECT i, i % {USERS} + 1, 'talk ' || i FROM n");
    fill(&of_user, CONVERSATIONS)?;
    let of_conversation = format!(
        "INSERT INTO messages SELECT i, i % {CONVERSATIONS} + 1, 'a message with some words ' || i
         FROM n"
    );
    fill(&of_conversation, CONVERSATIONS * MESSAGES)?;
    let lots = format!(
        "INSERT INTO records SELECT i, printf('L%08d', i * 7919 % {records}), i % 500,
         iif(i % 100 = 0, 'held', 'done'), i % 1000 FROM n"
    );
    fill(&lots, records)?;
    fill("INSERT INTO cards SELECT i, 'word ' || i, 0, NULL FROM n", 1_000)?;
    let edges = format!(
        "INSERT INTO edges SELECT i % {NODES} + 1, i * 31 % {NODES} + 1, i % 10 / 10.0 FROM n"
    );
    fill(&edges, NODES * EDGES)?;
    tx.commit()?;
    bare.execute_batch("ANALYZE; PRAGMA wal_checkpoint(TRUNCATE);")?;
    Ok(())
}

/// Copies of one database, each for one measurement.
pub(super) struct Copies {
    folder: tempfile::TempDir,
    original: PathBuf,
    pub(super) sizes: Sizes,
}

impl Copies {
    pub(super) fn make(sizes: Sizes) -> Result<Copies> {
        let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
        let original = folder.path().join("original.db");
        seed(&original, sizes.records)?;
        Ok(Copies { folder, original, sizes })
    }

    /// A fresh copy under this name.
    pub(super) fn fresh(&self, name: &str) -> Result<PathBuf> {
        let path = self.folder.path().join(format!("{name}.db"));
        for ending in ["", "-wal", "-shm"] {
            let left = PathBuf::from(format!("{}{ending}", path.display()));
            match std::fs::remove_file(&left) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(error).context("cannot remove an earlier copy");
                }
                _ => {}
            }
        }
        std::fs::copy(&self.original, &path).context("cannot copy the database")?;
        Ok(path)
    }

    /// A bare connection to a fresh copy.
    pub(super) fn bare(&self, name: &str) -> Result<Connection> {
        let bare = Connection::open(self.fresh(name)?)?;
        // As Forebay does it, so that the two differ in nothing else.
        bare.execute_batch("PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;")?;
        Ok(bare)
    }
}

/// Opens a database through Forebay.
pub(super) async fn open(path: &Path) -> Result<forebay::Db> {
    let url = format!("sqlite:{}", path.display());
    Ok(forebay::Builder::new(url).open().await?)
}
