//! A database file in a folder of its own, with a bare connection to it as a second process
//! would have.

use std::path::PathBuf;

use forebay::{Builder, Db};
use rusqlite::Connection;
use tempfile::TempDir;

pub(crate) struct Place {
    dir: TempDir,
}

impl Place {
    pub(crate) fn new() -> Place {
        Place { dir: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.dir.path().join("app.db")
    }

    pub(crate) fn builder(&self) -> Builder {
        Builder::new(format!("sqlite:{}", self.path().display()))
    }

    pub(crate) async fn open(&self, script: &str) -> Db {
        let db = self.builder().open().await.unwrap();
        db.execute_batch(script).await.unwrap();
        db
    }

    /// A connection that Forebay knows nothing of. Its page cache and locks are its own; only
    /// the file is shared, as with another process.
    pub(crate) fn bare(&self) -> Connection {
        let bare = Connection::open(self.path()).unwrap();
        bare.busy_timeout(std::time::Duration::from_secs(5)).unwrap();
        bare.execute_batch("PRAGMA foreign_keys = ON").unwrap();
        bare
    }
}
