//! A database of one's own, of each kind that is here, with somebody beside who writes past the
//! library, and a value that is made of several answers.

use std::time::{Duration, Instant};

use super::super::{Evidence, collect, inherit};
use crate::builder::Builder;
use crate::db::Db;
use crate::error::Result;
use crate::mode::Freshness;

/// The longest that something may take which the library does by itself.
const SOON_MAX: Duration = Duration::from_secs(30);

const SCHEMA: &str = "
    CREATE TABLE users (id BIGINT PRIMARY KEY, name TEXT, karma BIGINT);
    CREATE TABLE posts (id BIGINT PRIMARY KEY, author BIGINT, title TEXT, score BIGINT);
    CREATE TABLE votes (post BIGINT, usr BIGINT, up BIGINT, PRIMARY KEY (post, usr));
    CREATE TABLE quiet (id BIGINT PRIMARY KEY, v TEXT);
    CREATE TABLE mark (id BIGINT PRIMARY KEY, v TEXT);
    INSERT INTO users VALUES (1, 'Ada', 1), (2, 'Grace', 2), (3, 'Edith', 3), (4, 'Mary', 4);
    INSERT INTO posts VALUES (1, 1, 'one', 10), (2, 1, 'two', 20), (3, 2, 'three', 30),
        (4, 3, 'four', 40), (5, 4, 'five', 50), (6, 1, 'six', 5), (7, 2, 'seven', 1);
    INSERT INTO votes VALUES (1, 2, 1), (1, 3, 1), (3, 1, -1), (5, 1, 1);
    INSERT INTO quiet VALUES (1, 'q'); INSERT INTO mark VALUES (1, 'm')";

pub(super) struct World {
    pub(super) db: Db,
    bare: Bare,
}

enum Bare {
    /// The file lies in the folder as long as this lives.
    Sqlite { bare: std::sync::Mutex<rusqlite::Connection>, _folder: tempfile::TempDir },
    #[cfg(all(feature = "postgres", unix))]
    Postgres(cluster::Database),
}

/// Runs `check` on an SQLite file, and on each version of PostgreSQL that is installed.
pub(super) fn on_each(test: &str, check: impl AsyncFn(&World) + Copy) {
    in_time(async { check(&World::sqlite().await).await });
    #[cfg(all(feature = "postgres", unix))]
    cluster::for_each_version(test, |version| {
        in_time(async { check(&World::postgres(version).await).await });
    });
    let _ = test;
}

fn in_time(work: impl Future<Output = ()>) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let limit = Duration::from_secs(120);
    runtime.block_on(async { tokio::time::timeout(limit, work).await.expect("in two minutes") });
}

impl World {
    async fn sqlite() -> World {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let db = open(&format!("sqlite:{}", path.display())).await;
        db.execute_batch(SCHEMA).await.unwrap();
        let bare = rusqlite::Connection::open(path).unwrap();
        bare.busy_timeout(SOON_MAX).unwrap();
        World { db, bare: Bare::Sqlite { bare: bare.into(), _folder: folder } }
    }

    #[cfg(all(feature = "postgres", unix))]
    async fn postgres(version: &cluster::Version) -> World {
        let bare = cluster::Database::create(version).unwrap();
        bare.psql(SCHEMA).unwrap();
        let setup = crate::setup::Setup::new(bare.url()).unwrap();
        setup.apply(&setup.plan().await.unwrap(), |_| {}).await.unwrap();
        let db = open(&bare.url()).await;
        let world = World { db, bare: Bare::Postgres(bare) };
        world.soon("it is followed", async || world.db.stats().cache.off.is_none()).await;
        world.caught_up().await;
        world
    }

    /// Parameters are written `?` here.
    pub(super) fn sql(&self, sql: &str) -> String {
        match &self.bare {
            Bare::Sqlite { .. } => sql.to_owned(),
            #[cfg(all(feature = "postgres", unix))]
            Bare::Postgres(_) => sql.replace('?', "$1"),
        }
    }

    /// Writes past the library.
    pub(super) fn by_others(&self, sql: &str) {
        match &self.bare {
            Bare::Sqlite { bare, .. } => bare.lock().unwrap().execute_batch(sql).unwrap(),
            #[cfg(all(feature = "postgres", unix))]
            Bare::Postgres(bare) => drop(bare.psql(sql).unwrap()),
        }
    }

    /// Waits until what was committed before is known of, and nothing is fenced off for it.
    pub(super) async fn caught_up(&self) {
        const MARK: &str = "SELECT v FROM mark WHERE id = 1";
        self.soon("it has caught up", async || {
            let read = self.db.query(MARK).freshness(Freshness::Strict);
            read.fetch().await.unwrap().cached
        })
        .await;
    }

    pub(super) async fn soon(&self, what: &str, holds: impl AsyncFn() -> bool) {
        let began = Instant::now();
        while !holds().await {
            assert!(began.elapsed() < SOON_MAX, "not soon: {what}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// What `work` gives, with what it rests on, as soon as that is known: a server may not show
    /// to everybody yet what was written before.
    pub(super) async fn proven<T>(&self, work: impl AsyncFn() -> T) -> (T, Evidence) {
        let began = Instant::now();
        loop {
            let (done, evidence) = collect(work()).await;
            match evidence.unproven() {
                None => return (done, evidence),
                Some(why) => assert!(began.elapsed() < SOON_MAX, "{why}"),
            }
        }
    }

    /// The value for a user, with what it rests on.
    pub(super) async fn load(&self, user: i64) -> (String, Evidence) {
        let (value, evidence) = collect(self.compose(user, true)).await;
        (value.unwrap(), evidence)
    }

    /// The same as soon as it is proven.
    pub(super) async fn proven_load(&self, user: i64) -> (String, Evidence) {
        let (value, evidence) = self.proven(async || self.compose(user, true).await).await;
        (value.unwrap(), evidence)
    }

    /// The value as the database has it.
    pub(super) async fn truth(&self, user: i64) -> String {
        self.compose(user, false).await.unwrap()
    }

    /// Four answers over three tables: one of them read in another task, one in a load within.
    async fn compose(&self, user: i64, cached: bool) -> Result<String> {
        let db = &self.db;
        let about = self.sql("SELECT name, karma FROM users WHERE id = ?");
        let about = rows(db, &about, Some(user), cached).await?;
        let posts = self.sql(
            "SELECT p.id, p.title, p.score FROM posts p JOIN users u ON u.id = p.author
             WHERE u.id = ? ORDER BY p.id",
        );
        let posts = tokio::spawn(inherit({
            let db = db.clone();
            async move { rows(&db, &posts, Some(user), cached).await }
        }));
        let votes = self.sql(
            "SELECT count(*), CAST(coalesce(sum(v.up), 0) AS BIGINT) FROM votes v
             JOIN posts p ON p.id = v.post WHERE p.author = ?",
        );
        let (votes, _) = collect(rows(db, &votes, Some(user), cached)).await;
        let best = "SELECT title FROM posts WHERE score > 5 ORDER BY score DESC, id LIMIT 3";
        let best = rows(db, best, None, cached).await?;
        Ok([about, posts.await.unwrap()?, votes?, best].join("; "))
    }
}

async fn open(url: &str) -> Db {
    Builder::new(url).worth_it(false).audit_one_in(0).open().await.unwrap()
}

pub(super) async fn rows(db: &Db, sql: &str, param: Option<i64>, cached: bool) -> Result<String> {
    let query = db.query(sql);
    let query = param.into_iter().fold(query, |query, param| query.bind(param));
    let query = if cached { query } else { query.no_cache() };
    let rows = query.fetch().await?.rows;
    let rows: Vec<_> = (0..rows.len()).map(|row| format!("{:?}", rows.values(row))).collect();
    Ok(rows.join(", "))
}
