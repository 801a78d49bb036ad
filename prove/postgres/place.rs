//! Where a database is, and what can be done to the server that it is on: processes stopped and
//! ended, commits held back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use cluster::{Cluster, Database, Follow, Settings, Version, installed};
use forebay::{Builder, CacheMode, Db, Setup};

use crate::bare::Bare;

/// The longest that a stream may take to begin.
const LIVE_MAX: Duration = Duration::from_secs(60);

/// Connections of a handle.
const CONNECTIONS: usize = 6;

const POLL: Duration = Duration::from_millis(1);

/// A private server, and a synchronous standby of it: as long as that is frozen, commits are in the
/// log and nobody sees them.
pub(crate) struct Server {
    /// Before the primary, which must not wait for one that is gone.
    standby: Cluster,
    pub(crate) primary: Arc<Cluster>,
}

/// A database on a private server.
pub(crate) struct Place {
    pub(crate) database: Database,
    pub(crate) server: Arc<Server>,
}

impl Server {
    /// One of this major version; of the newest that is installed, without one.
    pub(crate) fn start(version: Option<u32>) -> Result<Arc<Server>> {
        let is_asked = |it: &&Version| version.is_none_or(|major| it.major == major);
        let Some(version) = installed().iter().rev().find(is_asked) else {
            bail!("PostgreSQL {} is not installed: run ./test", version.unwrap_or_default());
        };
        let mut settings = Settings::on(version);
        settings.lines.push("autovacuum = off".to_owned());
        settings.lines.push("jit = off".to_owned());
        let primary = Arc::new(Cluster::start(settings)?);
        primary.psql("CREATE ROLE writer")?;
        let standby = Cluster::standby_of(&primary, Follow::Synchronously)?;
        Ok(Arc::new(Server { standby, primary }))
    }

    /// Has commits wait: they are in the log, and nobody sees them.
    pub(crate) fn hold_commits(&self) -> Result<()> {
        self.standby.freeze()
    }

    /// Has them wait no longer.
    pub(crate) fn release_commits(&self) -> Result<()> {
        self.standby.thaw()
    }
}

impl Place {
    /// A new database on the server.
    pub(crate) fn on(server: &Arc<Server>) -> Result<Place> {
        Ok(Place { database: Database::on(&server.primary)?, server: server.clone() })
    }

    pub(crate) fn cluster(&self) -> &Arc<Cluster> {
        self.database.cluster()
    }

    pub(crate) fn bare(&self) -> Result<Bare> {
        Bare::open(self.cluster(), self.database.name())
    }

    /// Prepares the database for the cache, as `forebay setup` does.
    pub(crate) async fn set_up(&self) -> Result<()> {
        let setup = Setup::new(self.database.url())?;
        setup.apply(&setup.plan().await?, |_| {}).await?;
        Ok(())
    }

    /// Opens it, and waits until answers are kept.
    pub(crate) async fn open(&self) -> Result<Db> {
        self.open_with(CONNECTIONS).await
    }

    /// The same with so many connections.
    pub(crate) async fn open_with(&self, connections: usize) -> Result<Db> {
        let db = Builder::new(self.database.url())
            .max_size(connections)
            .cache(CacheMode::On)
            .worth_it(false)
            .audit_one_in(0)
            .open()
            .await?;
        live(&db).await?;
        Ok(db)
    }
}

/// Waits until answers are kept.
pub(crate) async fn live(db: &Db) -> Result<()> {
    let began = Instant::now();
    while let Some(why) = db.stats().cache.off {
        if began.elapsed() > LIVE_MAX {
            bail!("nothing is cached after {LIVE_MAX:?}: {why}");
        }
        tokio::time::sleep(POLL).await;
    }
    Ok(())
}

/// The server's process that sends the stream, if there is one.
pub(crate) fn sender(bare: &mut Bare) -> Result<Option<u32>> {
    Ok(senders(bare)?.first().copied())
}

/// All such processes, if several follow.
pub(crate) fn senders(bare: &mut Bare) -> Result<Vec<u32>> {
    let sql = "SELECT active_pid FROM pg_replication_slots \
               WHERE database = current_database() AND active";
    let cells = bare.run(sql)?.into_iter().flatten().flatten();
    cells.map(|pid| pid.parse().context("the server's process has no number")).collect()
}

/// Ends the stream.
pub(crate) fn end_stream(bare: &mut Bare) -> Result<()> {
    let sql = "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots \
               WHERE database = current_database() AND active";
    bare.run(sql).map(drop)
}

/// Ends all sessions of others in this database, or about half of them.
pub(crate) fn end_sessions(bare: &mut Bare, all: bool) -> Result<()> {
    let some = if all { "true" } else { "pid % 2 = 0" };
    let sql = format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() \
               AND datname = current_database() AND backend_type = 'client backend' AND {some}"
    );
    bare.run(&sql).map(drop)
}

/// Whether a commit waits for a standby, within a short time.
pub(crate) async fn is_held(bare: &mut Bare) -> Result<bool> {
    let sql = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
    for _ in 0..40 {
        if bare.number(sql)? > 0 {
            return Ok(true);
        }
        tokio::time::sleep(POLL).await;
    }
    Ok(false)
}
