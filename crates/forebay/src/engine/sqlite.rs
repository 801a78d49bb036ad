//! What an engine has of an SQLite database: its pools, how it notices commits, and what looks
//! after the file.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::connection::Connection;
use super::database::Engine;
use super::origin::{Counters, Origin, Purpose};
use super::purge::Purge;
use super::worker::blocking;
use crate::backend::sqlite::{
    self, CatchUp, Connector, Foreign, Location, Opened, Role, StatementCounters, Sweep, Sweeper,
    Traces,
};
use crate::error::Result;
use crate::invalidate::Header;
use crate::pool::{self, HolderLabel, Pool, Visitor};
use crate::stats::{ForeignStats, StatementCacheStats};

/// How often the file is looked after: replaced under us, in a state that cannot be told from
/// others, or dead entries to be dropped.
const TEND_INTERVAL: Duration = Duration::from_secs(1);

const MOVED: &str = "the database file was deleted or replaced";

/// Everything that can be set of an SQLite database.
#[derive(Clone, Debug)]
pub(crate) struct SqliteSettings {
    pub(crate) location: Location,
    pub(crate) options: sqlite::Options,
    pub(crate) readers: pool::Options,
    pub(crate) writer: pool::Options,
    pub(crate) sessions: pool::Options,
    /// The longest a reader may hold a snapshot between statements.
    pub(crate) hold_max: Duration,
}

/// An open SQLite database.
pub(super) struct Sqlite {
    /// Before the pools, so that it has ended when they are closed.
    _sweeper: Option<Sweeper>,
    pub(super) readers: Pool<Connector>,
    pub(super) writer: Pool<Connector>,
    pub(super) sessions: Pool<Connector>,
    pub(super) catchup: Arc<CatchUp>,
    statements: Arc<StatementCounters>,
    /// One connection serves every role.
    pub(super) is_single: bool,
    /// Asked for, or because the file may not be written.
    pub(super) is_read_only: bool,
    has_moved: AtomicBool,
    traces: Option<Traces>,
}

impl Sqlite {
    /// Opens the database.
    pub(super) async fn open(settings: SqliteSettings) -> Result<Sqlite> {
        let (location, options) = (settings.location, settings.options);
        let opened = blocking(move || sqlite::open(location, options)).await?;
        let statements = Arc::new(StatementCounters::default());
        let connector = |role| Connector::new(&opened, statements.clone(), role);
        let is_single = opened.location == Location::Memory;
        let (readers, writer, sessions) = if is_single {
            let only = Pool::new(connector(Role::Only), settings.writer)?;
            (only.clone(), only.clone(), only)
        } else {
            let readers = Pool::new(connector(Role::Reader), settings.readers)?;
            let writer = Pool::new(connector(Role::Writer), settings.writer)?;
            (readers, writer, Pool::new(connector(Role::Session), settings.sessions)?)
        };
        Ok(Sqlite {
            _sweeper: hold_snapshots(&opened, &readers, settings.hold_max),
            readers,
            writer,
            sessions,
            catchup: opened.catchup,
            statements,
            is_single,
            is_read_only: opened.options.read_only,
            has_moved: AtomicBool::new(false),
            traces: opened.traces,
        })
    }

    /// An error when the file under its name is no longer the one that was opened.
    #[inline]
    pub(super) fn check_moved(&self) -> Result<()> {
        if self.has_moved.load(Ordering::Relaxed) {
            return Err(CatchUp::moved_error());
        }
        Ok(())
    }

    /// Why the cache cannot be kept exact.
    pub(super) fn blind(&self) -> Option<&str> {
        match self.has_moved.load(Ordering::Relaxed) {
            true => Some(MOVED),
            false => self.catchup.blind(),
        }
    }

    /// A connection, in turn.
    pub(super) async fn acquire(
        &self,
        purpose: Purpose,
        holder: HolderLabel,
    ) -> Result<Connection> {
        let pool = match purpose {
            Purpose::Read => &self.readers,
            Purpose::Write => &self.writer,
            Purpose::Session => &self.sessions,
        };
        Ok(Connection::sqlite(pool.acquire(holder).await?))
    }

    pub(super) fn counters(&self) -> Counters {
        Counters {
            readers: self.readers.stats(),
            writer: self.writer.stats(),
            sessions: self.sessions.stats(),
            statements: StatementCacheStats {
                hits: self.statements.hits.load(Ordering::Relaxed),
                misses: self.statements.misses.load(Ordering::Relaxed),
            },
            foreign: foreign(self.catchup.foreign()),
            capture_gaps: self.catchup.gaps(),
        }
    }

    pub(super) async fn close(&self) {
        self.catchup.end_surveys();
        self.readers.close().await;
        self.writer.close().await;
        self.sessions.close().await;
        if let Some(traces) = self.traces.clone() {
            // What it may fail with is no concern of who has read the database.
            let removed = blocking(move || {
                traces.remove();
                Ok(())
            });
            let _ = removed.await;
        }
    }
}

fn foreign(counted: Foreign) -> ForeignStats {
    let flushed: u64 = counted.flushed.iter().map(|(_, count)| count).sum();
    ForeignStats {
        seen: counted.precise + flushed,
        precise: counted.precise,
        flushed: counted.flushed,
        mapped_pages: counted.pages.into(),
        loose_pages: counted.loose.into(),
    }
}

/// Lets readers hold their snapshots for up to `max`: two ticks of the sweeper.
fn hold_snapshots(opened: &Opened, readers: &Pool<Connector>, max: Duration) -> Option<Sweeper> {
    if max.is_zero() || opened.catchup.header().is_none() {
        return None;
    }
    let sweep = Readers { visitor: readers.visitor(), catchup: opened.catchup.clone() };
    Sweeper::start(&opened.leases, max / 2, sweep)
}

/// What the sweeper works on.
struct Readers {
    visitor: Visitor<Connector>,
    catchup: Arc<CatchUp>,
}

impl Sweep for Readers {
    fn end_overdue(&self) {
        self.visitor.visit(|reader| reader.is_overdue(), |reader| reader.end_snapshot());
    }

    fn position(&self) -> (Header, bool) {
        let header = self.catchup.header().unwrap_or_default();
        (header, self.catchup.backfilled() == header.frames())
    }

    fn checkpoint(&self) {
        self.catchup.checkpoint();
    }
}

/// Looks after the file of an engine on SQLite until the engine is dropped.
pub(super) async fn tend(weak: Weak<Engine>) {
    let mut purge = Purge::default();
    loop {
        tokio::time::sleep(TEND_INTERVAL).await;
        let Some(engine) = weak.upgrade() else { return };
        #[cfg(feature = "postgres")]
        let Origin::Sqlite(sqlite) = &engine.origin else { return };
        #[cfg(not(feature = "postgres"))]
        let Origin::Sqlite(sqlite) = &engine.origin;
        let catchup = sqlite.catchup.clone();
        let look = move || {
            catchup.draw_salts();
            Ok(catchup.has_moved())
        };
        let has_moved = blocking(look).await.unwrap_or(false);
        if has_moved && !sqlite.has_moved.load(Ordering::Relaxed) {
            tracing::error!("{MOVED}; it must be reopened");
            sqlite.has_moved.store(true, Ordering::Relaxed);
            engine.trust.switches.close();
        }
        engine.purge(&mut purge).await;
        engine.tend_shelf();
        if engine.is_keeping() && sqlite.catchup.wants_survey() {
            let catchup = sqlite.catchup.clone();
            drop(engine);
            let surveyed = blocking(move || {
                catchup.survey();
                Ok(())
            });
            if let Err(error) = surveyed.await {
                tracing::warn!(%error, "the pages of the database were not mapped");
            }
        }
    }
}
