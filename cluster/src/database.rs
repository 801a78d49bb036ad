//! A database for one test.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;

use super::conf::OWNER;
use super::server::Cluster;
use super::session::Session;
use super::shared::shared;
use super::version::Version;

/// How long sessions and slots may take to let go of a database that is dropped.
const DROP_WAIT_MAX: Duration = Duration::from_secs(10);

const POLL: Duration = Duration::from_millis(20);

/// A database of its own on a cluster; dropped, with the sessions in it, when this is.
pub struct Database {
    cluster: Arc<Cluster>,
    name: String,
}

impl Database {
    /// An empty one on the cluster that the tests of this process share.
    pub fn create(version: &Version) -> Result<Database> {
        Database::on(&shared(version)?)
    }

    /// An empty one on this cluster.
    pub fn on(cluster: &Arc<Cluster>) -> Result<Database> {
        static CREATED: AtomicU64 = AtomicU64::new(0);
        let name = format!("test{}", CREATED.fetch_add(1, Ordering::Relaxed));
        cluster.create_database(&name)?;
        Ok(Database { cluster: Arc::clone(cluster), name })
    }

    /// Its server.
    pub fn cluster(&self) -> &Arc<Cluster> {
        &self.cluster
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The address for user `postgres`.
    pub fn url(&self) -> String {
        self.cluster.url_for(OWNER, &self.name)
    }

    /// Opens a session of user `postgres`.
    pub fn session(&self) -> Result<Session> {
        self.cluster.session(&self.name)
    }

    /// Runs statements; what comes back looks as with `psql -At`.
    pub fn psql(&self, sql: &str) -> Result<String> {
        self.cluster.psql_in(&self.name, sql)
    }

    /// Ends the sessions, since those that hold a slot keep FORCE from doing it, then drops it.
    fn remove(&self) -> Result<()> {
        let name = &self.name;
        let mut session = self.cluster.session("postgres")?;
        let start = Instant::now();
        loop {
            session.query(&format!(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
            ))?;
            let dropped = session.query(&format!("DROP DATABASE {name} WITH (FORCE)"));
            if dropped.is_ok() || start.elapsed() > DROP_WAIT_MAX {
                return dropped.map(drop);
            }
            std::thread::sleep(POLL);
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // What cannot be dropped goes with its cluster.
        let _ = self.remove();
    }
}
