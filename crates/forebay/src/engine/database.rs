//! The parts of one open database, put together.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use foldhash::fast::RandomState;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use tokio::runtime::Handle;

use super::entry::Entry;
use super::flight::Flights;
use super::pinned::Closing;
use super::template::Template;
use super::trust::{Trust, TrustSettings};
use super::worker::blocking;
use crate::backend::Limits;
use crate::backend::sqlite::{
    self, CatchUp, Connector, Location, Opened, Role, StatementCounters, Sweep, Sweeper,
};
use crate::cache::{Store, Text, TextHasher};
use crate::error::Result;
use crate::invalidate::Header;
use crate::mode::CacheMode;
use crate::pool::{self, Pool, Visitor};
use crate::watch::Fingerprints;

/// Templates expected; with long texts there are fewer of them.
const TEMPLATES_ESTIMATE: usize = 10_000;

/// Bytes that a template takes, beside its text and what is known of it.
const TEMPLATE_BYTES: u64 = 1_000;

/// Bytes of all templates together; the least used go first.
pub(super) const TEMPLATES_BYTES_MAX: u64 = 40_000_000;

/// How often the file is looked after: replaced under us, in a state that cannot be told from
/// others, or dead entries to be dropped.
const TEND_INTERVAL: Duration = Duration::from_secs(1);

/// Weighs a template with its text, which may be long, and with what is known of it.
#[derive(Clone)]
pub(super) struct ByContent;

impl Weighter<Text, Arc<Template>> for ByContent {
    fn weight(&self, text: &Text, template: &Arc<Template>) -> u64 {
        TEMPLATE_BYTES + (text.sql.len() + template.analysis.size()) as u64
    }
}

/// Everything that can be set.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) location: Location,
    pub(crate) sqlite: sqlite::Options,
    pub(crate) readers: pool::Options,
    pub(crate) writer: pool::Options,
    pub(crate) sessions: pool::Options,
    pub(crate) trust: TrustSettings,
    pub(crate) cache_bytes: u64,
    pub(crate) limits: Limits,
    /// The longest a reader may hold a snapshot between statements.
    pub(crate) hold_max: Duration,
    pub(crate) statement_timeout: Option<Duration>,
    pub(crate) transaction_idle_timeout: Duration,
    pub(crate) transaction_timeout: Duration,
}

/// An open database.
pub(crate) struct Engine {
    /// Before the pools, so that it has ended when they are closed.
    _sweeper: Option<Sweeper>,
    pub(super) readers: Pool<Connector>,
    pub(super) writer: Pool<Connector>,
    pub(super) sessions: Pool<Connector>,
    pub(super) catchup: Arc<CatchUp>,
    pub(super) store: Store<Entry>,
    pub(super) flights: Flights,
    pub(crate) texts: TextHasher,
    pub(super) templates: Cache<Text, Arc<Template>, ByContent, RandomState>,
    pub(super) fingerprints: Fingerprints,
    pub(super) counters: Arc<StatementCounters>,
    limits: Limits,
    pub(super) statement_timeout: Option<Duration>,
    pub(super) transaction_idle_timeout: Duration,
    pub(super) transaction_timeout: Duration,
    /// One connection serves every role.
    pub(super) is_single: bool,
    pub(super) closing: Arc<Closing>,
    pub(super) trust: Trust,
    /// Itself, for what runs in the background, and the runtime that it was opened in.
    pub(super) this: Weak<Engine>,
    pub(super) runtime: Handle,
    has_moved: AtomicBool,
}

impl Engine {
    /// Opens the database.
    pub(crate) async fn open(settings: Settings) -> Result<Arc<Engine>> {
        let (location, options) = (settings.location.clone(), settings.sqlite.clone());
        let opened = blocking(move || sqlite::open(location, options)).await?;
        let counters = Arc::new(StatementCounters::default());
        let connector = |role| Connector::new(&opened, counters.clone(), role);
        let is_single = opened.location == Location::Memory;
        let (readers, writer, sessions) = if is_single {
            let only = Pool::new(connector(Role::Only), settings.writer)?;
            (only.clone(), only.clone(), only)
        } else {
            let readers = Pool::new(connector(Role::Reader), settings.readers)?;
            let writer = Pool::new(connector(Role::Writer), settings.writer)?;
            (readers, writer, Pool::new(connector(Role::Session), settings.sessions)?)
        };
        let sweeper = hold_snapshots(&opened, &readers, settings.hold_max);
        let engine = Arc::new_cyclic(|this| Engine {
            _sweeper: sweeper,
            readers,
            writer,
            sessions,
            catchup: opened.catchup,
            store: Store::new(settings.cache_bytes),
            flights: Flights::new(),
            texts: TextHasher::default(),
            templates: Cache::with(
                TEMPLATES_ESTIMATE,
                TEMPLATES_BYTES_MAX,
                ByContent,
                RandomState::default(),
                quick_cache::sync::DefaultLifecycle::default(),
            ),
            fingerprints: Fingerprints::new(),
            counters,
            limits: settings.limits,
            statement_timeout: settings.statement_timeout,
            transaction_idle_timeout: settings.transaction_idle_timeout,
            transaction_timeout: settings.transaction_timeout,
            is_single,
            closing: Closing::new(),
            trust: Trust::new(settings.trust),
            this: this.clone(),
            runtime: Handle::current(),
            has_moved: AtomicBool::new(false),
        });
        tend(&engine);
        Ok(engine)
    }

    /// Whether the cache cannot be kept exact, whatever its switch says.
    pub(super) fn cannot_cache(&self) -> bool {
        self.has_moved.load(Ordering::Relaxed) || self.catchup.blind().is_some()
    }

    /// How large a collected answer may become unless the caller says otherwise.
    #[inline]
    pub(crate) fn limits(&self) -> Limits {
        self.limits
    }

    /// Why nothing is served from the cache, if so.
    pub(super) fn cache_off(&self) -> Option<String> {
        if self.has_moved.load(Ordering::Relaxed) {
            Some("the database file was deleted or replaced".to_owned())
        } else if let Some(why) = self.catchup.blind() {
            Some(why.to_owned())
        } else {
            match self.cache_mode() {
                CacheMode::On => None,
                CacheMode::Off => Some("it is switched off".to_owned()),
                CacheMode::Shadow => Some(
                    "it runs in shadow: answers are kept and compared, and the database serves"
                        .to_owned(),
                ),
            }
        }
    }

    /// An error when the file under its name is no longer the one that was opened.
    pub(super) fn check_moved(&self) -> Result<()> {
        if self.has_moved.load(Ordering::Relaxed) {
            return Err(CatchUp::moved_error());
        }
        Ok(())
    }

    /// Waits for statements in flight and closes every connection.
    pub(crate) async fn close(&self) {
        self.closing.begin();
        self.catchup.end_surveys();
        self.readers.close().await;
        self.writer.close().await;
        self.sessions.close().await;
        self.catchup.flush();
        self.store.retain(|_| false);
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

/// Looks after the database until it is dropped.
fn tend(engine: &Arc<Engine>) {
    let weak = Arc::downgrade(engine);
    tokio::spawn(async move {
        let mut flushes = 0;
        loop {
            tokio::time::sleep(TEND_INTERVAL).await;
            let Some(engine) = weak.upgrade() else { return };
            let catchup = engine.catchup.clone();
            let look = move || {
                catchup.draw_salts();
                Ok(catchup.has_moved())
            };
            let has_moved = blocking(look).await.unwrap_or(false);
            if has_moved && !engine.has_moved.load(Ordering::Relaxed) {
                tracing::error!("the database file was deleted or replaced; it must be reopened");
                engine.has_moved.store(true, Ordering::Relaxed);
                engine.trust.switches.close();
            }
            engine.drop_dead(&mut flushes);
            if engine.is_keeping() && engine.catchup.wants_survey() {
                let catchup = engine.catchup.clone();
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
    });
}

impl Engine {
    /// Drops entries that nothing can revive once they crowd out others: an answer that a write
    /// made stale is found out when it is asked for, or here.
    fn drop_dead(&self, flushes: &mut u64) {
        let is_crowded = self.store.bytes() > self.store.bytes_max() / 2;
        let was_flushed = std::mem::replace(flushes, self.catchup.flushes()) != *flushes;
        if is_crowded || was_flushed {
            self.store.retain(|entry| {
                let lives = self.catchup.is_valid(&entry.ticket);
                if !lives {
                    self.count_dropped(entry);
                }
                lives
            });
        }
    }
}
