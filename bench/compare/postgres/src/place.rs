//! A server of one's own with a table of 100,000 rows, prepared for the cache.

use std::time::{Duration, Instant};

use cluster::{Cluster, Settings, Version};
use forebay::{Builder, Db, Setup};

pub type Fault = Box<dyn std::error::Error + Send + Sync>;

/// Connections of each pool.
pub const CONNECTIONS: usize = 10;

/// Rows of the table.
pub const ROWS: i32 = 100_000;

pub struct Place {
    cluster: Cluster,
    pub version: String,
}

impl Place {
    pub fn new() -> Result<Place, Fault> {
        let version = Version::debian().ok_or("there is no PostgreSQL on this machine")?;
        let cluster = Cluster::start(Settings::on(&version))?;
        cluster.psql(&format!(
            "CREATE TABLE users (id int PRIMARY KEY, name text NOT NULL, email text NOT NULL, \
             age int NOT NULL); INSERT INTO users SELECT n, 'user ' || n, 'user' || n || \
             '@example.com', n % 90 FROM generate_series(1, {ROWS}) n"
        ))?;
        cluster.psql("VACUUM ANALYZE users")?;
        Ok(Place { cluster, version: version.number })
    }

    pub fn url(&self) -> String {
        self.cluster.url()
    }

    pub fn port(&self) -> u16 {
        self.cluster.port()
    }

    /// The same database by way of whoever listens at this port.
    pub fn url_at(&self, port: u16) -> String {
        format!("postgres://postgres@127.0.0.1:{port}/postgres")
    }

    pub async fn set_up(&self) -> Result<(), Fault> {
        let setup = Setup::new(self.url())?;
        let status = setup.apply(&setup.plan().await?, |_| {}).await?;
        match status.findings.into_iter().find(|finding| finding.is_fault) {
            Some(finding) => Err(finding.text.into()),
            None => Ok(()),
        }
    }

    /// Opens Forebay, and waits until the server is followed.
    pub async fn open(&self, cache: bool) -> Result<Db, Fault> {
        let builder = Builder::new(self.url()).max_size(CONNECTIONS).max_overflow(0).cache(cache);
        let db = builder.worth_it(false).open().await?;
        let began = Instant::now();
        while let Some(why) = db.stats().cache.off.filter(|_| cache) {
            if began.elapsed() > Duration::from_secs(30) {
                return Err(why.into());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(db)
    }
}
