//! An SQLite database with a clock that is moved by hand, and somebody who writes past it.

use std::time::{Duration, Instant};

use crate::builder::Builder;
use crate::clock::Clock;
use crate::db::Db;
use crate::stats::{PolicyStats, Stats};

pub(super) const ONE: &str = "SELECT v FROM t WHERE id = 1";

pub(super) struct World {
    pub(super) db: Db,
    pub(super) clock: Clock,
    bare: rusqlite::Connection,
    _folder: tempfile::TempDir,
}

impl World {
    pub(super) async fn open(set: impl FnOnce(Builder) -> Builder) -> World {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let clock = Clock::manual();
        let builder = Builder::new(format!("sqlite:{}", path.display())).clock(&clock);
        let db = set(builder.audit_one_in(1)).open().await.unwrap();
        let script = "CREATE TABLE t (id INTEGER PRIMARY KEY, v INT);
             INSERT INTO t VALUES (1, 0), (2, 0), (3, 0)";
        db.execute_batch(script).await.unwrap();
        let bare = rusqlite::Connection::open(path).unwrap();
        bare.busy_timeout(Duration::from_secs(20)).unwrap();
        World { db, clock, bare, _folder: folder }
    }

    /// Writes past the library.
    pub(super) fn by_others(&self, sql: &str) {
        self.bare.execute_batch(sql).unwrap();
    }

    pub(super) async fn set(&self, value: i64) {
        self.db.execute("UPDATE t SET v = ? WHERE id = 1").bind(value).await.unwrap();
    }

    pub(super) fn pass(&self, seconds: f64) {
        self.clock.advance(Duration::from_secs_f64(seconds));
    }

    pub(super) fn policies(&self) -> PolicyStats {
        self.db.stats().cache.policies
    }

    pub(super) async fn until(&self, what: &str, holds: impl Fn(&Stats) -> bool) {
        let began = Instant::now();
        while !holds(&self.db.stats()) {
            assert!(began.elapsed() < Duration::from_secs(20), "{what}: {:#?}", self.db.stats());
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

pub(super) const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The value and whether it was at hand.
pub(super) async fn ask(query: crate::Query<'_>) -> (i64, bool) {
    let outcome = query.fetch().await.unwrap();
    let crate::Value::Integer(value) = outcome.rows.values(0)[0] else { panic!("a number") };
    (value, outcome.cached)
}
