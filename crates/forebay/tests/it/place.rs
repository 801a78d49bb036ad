//! A database file in a folder of its own, with a bare connection to it as a second process
//! would have, and what it answers.

use std::path::PathBuf;
use std::process::Command;

use forebay::{Builder, Db, Error, Value};
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

/// The rows that `sql` answers, and whether they were in the cache.
pub(crate) async fn ask(db: &Db, sql: &str) -> (Vec<Vec<Value>>, bool) {
    let outcome = db.query(sql).fetch().await.unwrap();
    (outcome.rows.iter().map(|row| row.values().to_vec()).collect(), outcome.cached)
}

/// The rows as the database has them.
pub(crate) async fn truth(db: &Db, sql: &str) -> Vec<Vec<Value>> {
    let outcome = db.query(sql).no_cache().fetch().await.unwrap();
    outcome.rows.iter().map(|row| row.values().to_vec()).collect()
}

/// Whatever happened before: a write works, a read misses, hits, and is exact, and nothing is
/// held by anybody.
pub(crate) async fn assert_alive(db: &Db) {
    let alive = async {
        db.execute("CREATE TABLE IF NOT EXISTS alive (n INT)").await?;
        for _ in 0..2 {
            let read = db.query("SELECT count(*), max(n) FROM alive");
            let (count, _): (i64, Option<i64>) = read.one().await?;
            db.execute("INSERT INTO alive VALUES (?)").bind(count).await?;
            let seen: (i64, Option<i64>) =
                db.query("SELECT count(*), max(n) FROM alive").one().await?;
            assert_eq!(seen, (count + 1, Some(count)), "a write is seen by the next read");
            if db.stats().cache.off.is_none() {
                let read = db.query("SELECT count(*), max(n) FROM alive").fetch().await?;
                assert!(read.cached, "a second read hits");
            }
        }
        db.transaction(|tx| async move { tx.execute("DELETE FROM alive").await.map(|_| ()) })
            .await?;
        assert_eq!(db.query("SELECT count(*) FROM alive").scalar::<i64>().await?, 0);
        Ok::<(), Error>(())
    };
    let limit = std::time::Duration::from_secs(10);
    let alive = tokio::time::timeout(limit, alive).await;
    alive.expect("the database answers in time").expect("the database answers");
}

/// Where a child process finds the database it is to work on.
const CHILD: &str = "FOREBAY_TEST_CHILD";

/// The path of the database when this process is a child of another test.
pub(crate) fn child_path() -> Option<PathBuf> {
    std::env::var_os(CHILD).map(PathBuf::from)
}

/// This test binary, running `test` only, on the database at `path`; under `wrapper` if given.
pub(crate) fn child(wrapper: &[&str], test: &str, path: &std::path::Path) -> Command {
    let binary = std::env::current_exe().unwrap();
    let mut command = match wrapper {
        [program, args @ ..] => {
            let mut command = Command::new(program);
            command.args(args).arg(binary);
            command
        }
        [] => Command::new(binary),
    };
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]).env(CHILD, path);
    command
}
