//! A table of 600,000 posts, and one of a note for each of 6,000 authors, on either database.

use std::path::Path;
use std::time::{Duration, Instant};

use cluster::{Cluster, Settings, Version};
use forebay::{Builder, Db, Setup};

pub type Fault = Box<dyn std::error::Error + Send + Sync>;

pub const POSTS: i64 = 600_000;
pub const AUTHORS: i64 = 6_000;

/// Posts lie about as they come: an author's are not beside one another.
const COLUMNS: &str = "n, n * 7919 % 6000, 'post ' || n, n / 3";

pub async fn sqlite(folder: &Path) -> Result<Db, Fault> {
    let url = format!("sqlite:{}", folder.join("bench.db").display());
    let db = Builder::new(url).cache(false).open().await?;
    db.execute_batch(&format!(
        "CREATE TABLE posts (id INTEGER PRIMARY KEY, author INT NOT NULL, title TEXT NOT NULL,
             at INT NOT NULL);
         INSERT INTO posts WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i
             LIMIT {POSTS}) SELECT {COLUMNS} FROM i;
         CREATE INDEX posts_at ON posts (at, id);
         CREATE TABLE notes AS SELECT id, author, title FROM posts WHERE id <= {AUTHORS};
         CREATE INDEX notes_author ON notes (author);
         ANALYZE;"
    ))
    .await?;
    Ok(db)
}

pub struct Server {
    cluster: Cluster,
    pub version: String,
}

pub fn postgres() -> Result<Server, Fault> {
    let version = Version::debian().ok_or("there is no PostgreSQL on this machine")?;
    let cluster = Cluster::start(Settings::on(&version))?;
    cluster.psql(&format!(
        "CREATE TABLE posts (id bigint PRIMARY KEY, author bigint NOT NULL, title text NOT NULL,
             at bigint NOT NULL);
         INSERT INTO posts SELECT {COLUMNS} FROM generate_series(1, {POSTS}::bigint) n;
         CREATE INDEX posts_at ON posts (at, id);
         CREATE TABLE notes AS SELECT id, author, title FROM posts WHERE id <= {AUTHORS};
         CREATE INDEX notes_author ON notes (author)"
    ))?;
    cluster.psql("VACUUM ANALYZE posts")?;
    cluster.psql("VACUUM ANALYZE notes")?;
    Ok(Server { cluster, version: version.number })
}

impl Server {
    /// Followed, so that statements are proven to read only, as where the cache is in use.
    pub async fn open(&self) -> Result<Db, Fault> {
        let setup = Setup::new(self.cluster.url())?;
        setup.apply(&setup.plan().await?, |_| {}).await?;
        let db = Builder::new(self.cluster.url()).max_overflow(0).worth_it(false).open().await?;
        let began = Instant::now();
        while let Some(why) = db.stats().cache.off {
            if began.elapsed() > Duration::from_secs(30) {
                return Err(why.into());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(db)
    }
}
