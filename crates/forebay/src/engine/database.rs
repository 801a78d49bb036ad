//! The parts of one open database, put together.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use foldhash::fast::RandomState;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use tokio::runtime::Handle;

use super::call::Call;
use super::connection::Connection;
use super::entry::Entry;
use super::flight::Flights;
use super::keep;
use super::origin::{Origin, Purpose};
use super::pinned::Closing;
use super::policy::{Policy, Shelf};
#[cfg(feature = "postgres")]
use super::postgres::{self, Postgres, PostgresSettings};
use super::repeat::Repeats;
use super::rule::Rules;
use super::scribe::{Scribe, WatchSettings};
use super::sqlite::{self, Sqlite, SqliteSettings};
use super::template::Template;
use super::trust::{Trust, TrustSettings};
use crate::backend::Limits;
use crate::cache::{Bounds, Key, Store, Text, TextHasher};
use crate::clock::Clock;
use crate::error::{Error, Kind, Result};
use crate::guard::Guards;
use crate::mode::{CacheMode, Freshness};
use crate::pool::HolderLabel;
use crate::rule::Rule;
use crate::secret::Secret;
use crate::sql::Dialect;
use crate::watch::{Fingerprints, RepeatSettings, SlowLimits};

/// Templates expected; with long texts there are fewer of them.
const TEMPLATES_ESTIMATE: usize = 10_000;

/// Bytes that a template takes, beside its text and what is known of it.
const TEMPLATE_BYTES: u64 = 1_000;

/// Bytes of all templates together; the least used go first.
pub(super) const TEMPLATES_BYTES_MAX: u64 = 40_000_000;

/// How often it is looked whether the cache is ready.
const READY_POLL: Duration = Duration::from_millis(5);

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
    pub(crate) place: Place,
    pub(crate) trust: TrustSettings,
    pub(crate) watch: WatchSettings,
    pub(crate) guards: Guards,
    pub(crate) cache_bytes: u64,
    pub(crate) policy_bytes: u64,
    /// How answers may be kept, unless a query says otherwise.
    pub(crate) policy: Option<Arc<Policy>>,
    pub(crate) clock: Clock,
    pub(crate) limits: Limits,
    pub(crate) freshness: Freshness,
    pub(crate) statement_timeout: Option<Duration>,
    pub(crate) transaction_idle_timeout: Duration,
    pub(crate) transaction_timeout: Duration,
    /// What cursors of pages are authenticated with.
    pub(crate) cursor_key: Secret,
    pub(crate) repeats: RepeatSettings,
    pub(crate) rules: Vec<Rule>,
}

/// Where the database is, with the settings that only its kind has.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    Sqlite(SqliteSettings),
    #[cfg(feature = "postgres")]
    Postgres(PostgresSettings),
}

/// An open database.
pub(crate) struct Engine {
    pub(super) origin: Origin,
    pub(super) store: Store<Key, Entry>,
    pub(super) flights: Flights,
    pub(super) shelf: OnceLock<Shelf>,
    pub(super) policy_bytes: u64,
    policy: Option<Arc<Policy>>,
    pub(super) clock: Clock,
    pub(crate) texts: TextHasher,
    pub(super) templates: Cache<Text, Arc<Template>, ByContent, RandomState>,
    pub(super) fingerprints: Fingerprints,
    pub(super) repeats: Repeats,
    limits: Limits,
    freshness: Freshness,
    pub(super) statement_timeout: Option<Duration>,
    pub(super) transaction_idle_timeout: Duration,
    pub(super) transaction_timeout: Duration,
    pub(super) closing: Arc<Closing>,
    pub(super) trust: Trust,
    pub(super) scribe: Scribe,
    pub(super) statistics_file: Option<PathBuf>,
    pub(super) guards: Guards,
    pub(super) rules: Rules,
    cursor_key: Secret,
    /// Itself, for what runs in the background, and the runtime that it was opened in.
    pub(super) this: Weak<Engine>,
    pub(super) runtime: Handle,
}

impl Engine {
    /// Opens the database.
    pub(crate) async fn open(settings: Settings) -> Result<Arc<Engine>> {
        let origin = match settings.place {
            Place::Sqlite(settings) => Origin::Sqlite(Sqlite::open(settings).await?),
            #[cfg(feature = "postgres")]
            Place::Postgres(settings) => {
                Origin::Postgres(Box::new(Postgres::open(settings).await?))
            }
        };
        let dialect = origin.dialect();
        let (scribe, desk) = Scribe::new(&settings.watch);
        let fingerprints = Fingerprints::new(dialect, settings.watch.slow);
        if let Some(path) = settings.watch.statistics_file.clone() {
            keep::restore(path, &fingerprints).await;
        }
        let engine = Arc::new_cyclic(|this| Engine {
            origin,
            store: Store::new(Bounds { bytes_max: settings.cache_bytes, entries_max: None }),
            flights: Flights::new(),
            shelf: OnceLock::new(),
            policy_bytes: settings.policy_bytes,
            policy: settings.policy,
            clock: settings.clock,
            texts: TextHasher::default(),
            templates: Cache::with(
                TEMPLATES_ESTIMATE,
                TEMPLATES_BYTES_MAX,
                ByContent,
                RandomState::default(),
                quick_cache::sync::DefaultLifecycle::default(),
            ),
            fingerprints,
            repeats: Repeats::new(settings.repeats, dialect),
            limits: settings.limits,
            freshness: settings.freshness,
            statement_timeout: settings.statement_timeout,
            transaction_idle_timeout: settings.transaction_idle_timeout,
            transaction_timeout: settings.transaction_timeout,
            closing: Closing::new(),
            trust: Trust::new(settings.trust),
            scribe,
            statistics_file: settings.watch.statistics_file,
            guards: settings.guards,
            rules: Rules::none(),
            cursor_key: settings.cursor_key,
            this: this.clone(),
            runtime: Handle::current(),
        });
        engine.set_rules(settings.rules)?;
        drop(tokio::spawn(desk.work(engine.this.clone())));
        drop(tokio::spawn(Engine::keep_statistics(engine.this.clone())));
        match &engine.origin {
            Origin::Sqlite(_) => drop(tokio::spawn(sqlite::tend(engine.this.clone()))),
            #[cfg(feature = "postgres")]
            Origin::Postgres(_) => drop(tokio::spawn(postgres::tend(engine.this.clone()))),
        }
        Ok(engine)
    }

    /// Whether the cache cannot be kept exact, whatever its switch says.
    pub(super) fn cannot_cache(&self) -> bool {
        self.origin.is_blind()
    }

    /// The schema may have changed. PostgreSQL's stream tells that, and each template has the
    /// number of the schema that it is of.
    pub(super) fn forget_templates(&self) {
        match self.origin {
            Origin::Sqlite(_) => self.templates.clear(),
            #[cfg(feature = "postgres")]
            Origin::Postgres(_) => {}
        }
    }

    /// Sets how many bytes of answers are kept at most.
    pub(crate) fn set_cache_bytes(&self, bytes: u64) {
        self.store.set_bytes_max(bytes);
    }

    /// Sets what is slow from now on.
    pub(crate) fn set_slow_after(&self, after: Option<Duration>) {
        self.fingerprints.set_slow(SlowLimits { after });
        self.scribe.expect_slow(after.is_some());
    }

    /// How large a collected answer may become unless the caller says otherwise.
    #[inline]
    pub(crate) fn limits(&self) -> Limits {
        self.limits
    }

    /// Whose rules texts are cut by.
    pub(crate) fn dialect(&self) -> Dialect {
        self.origin.dialect()
    }

    /// What cursors of pages are authenticated with.
    pub(crate) fn cursor_key(&self) -> &Secret {
        &self.cursor_key
    }

    /// How answers may be kept, unless a query says otherwise.
    #[inline]
    pub(crate) fn policy(&self) -> Option<Arc<Policy>> {
        self.policy.clone()
    }

    /// Whether statements have to have the cache catch up, unless they say otherwise.
    #[inline]
    pub(crate) fn is_strict(&self) -> bool {
        self.is_strict_for(self.freshness)
    }

    /// Whether the cache has to catch up for this. At SQLite it always has.
    #[inline]
    pub(crate) fn is_strict_for(&self, freshness: Freshness) -> bool {
        freshness == Freshness::Strict && !matches!(self.origin, Origin::Sqlite(_))
    }

    /// The limit of a statement counts from here on. At SQLite it is one of the run alone: there
    /// is nobody to be asked before.
    pub(super) fn begin_limit(&self, call: &Call<'_>) {
        if !matches!(self.origin, Origin::Sqlite(_)) {
            call.deadline(self.statement_timeout);
        }
    }

    /// A connection for a statement, in turn, within the limit that has begun.
    pub(super) async fn acquire_for(
        &self,
        call: &Call<'_>,
        purpose: Purpose,
        holder: HolderLabel,
    ) -> Result<Connection> {
        let acquired = self.origin.acquire(purpose, holder);
        match call.until.get().copied().flatten() {
            None => acquired.await,
            Some(deadline) => match tokio::time::timeout_at(deadline.into(), acquired).await {
                Ok(acquired) => acquired,
                Err(_) => Err(Error::new(
                    Kind::Timeout,
                    "the time limit of the statement passed before a connection became free; \
                     raise the limit, or use more connections",
                )),
            },
        }
    }

    /// Has the cache catch up with what was committed before; false if it could not in time.
    #[cfg_attr(not(feature = "postgres"), expect(unused_variables, clippy::unused_async))]
    pub(super) async fn catch_up(&self, call: &Call<'_>) -> bool {
        match &self.origin {
            Origin::Sqlite(_) => true,
            #[cfg(feature = "postgres")]
            Origin::Postgres(postgres) => {
                postgres.catch_up(call.deadline(self.statement_timeout)).await
            }
        }
    }

    /// Waits until answers can be cached, or it is known why not, for `limit` at most.
    pub(crate) async fn ready(&self, limit: Duration) -> Option<String> {
        let until = tokio::time::Instant::now() + limit;
        while !self.is_decided() && tokio::time::Instant::now() < until {
            tokio::time::sleep(READY_POLL).await;
        }
        self.cache_off()
    }

    fn is_decided(&self) -> bool {
        match &self.origin {
            Origin::Sqlite(_) => true,
            #[cfg(feature = "postgres")]
            Origin::Postgres(postgres) => postgres.is_decided(),
        }
    }

    /// Why nothing is served from the cache, if so.
    pub(super) fn cache_off(&self) -> Option<String> {
        if let Some(why) = self.origin.blind() {
            return Some(why);
        }
        match self.cache_mode() {
            CacheMode::On => None,
            CacheMode::Off => Some("it is switched off".to_owned()),
            CacheMode::Shadow => Some(
                "it runs in shadow: answers are kept and compared, and the database serves"
                    .to_owned(),
            ),
        }
    }

    /// Waits for statements in flight and closes every connection.
    pub(crate) async fn close(&self) {
        self.closing.begin();
        self.scribe.flush().await;
        self.origin.close().await;
        self.save_statistics().await;
        self.origin.flush();
        self.store.retain(|_, _| false);
        self.clear_shelf();
    }
}
