//! Opening a database: every setting, its default and its check in one place.

mod place;
mod watching;

use std::sync::Arc;
use std::time::Duration;

use crate::backend::Limits;
use crate::clock::Clock;
use crate::db::Db;
use crate::engine::{Engine, Policy, Settings, TrustSettings, WatchSettings, check_rules};
use crate::error::{Error, Kind, Result};
use crate::guard::{Breaker, Bulkhead, Guards, Limiter};
use crate::mode::{CacheMode, Freshness};
use crate::rule::Rule;
use crate::secret::Secret;
use crate::watch::{RepeatSettings, RepeatWatch};

/// The most prepared statements that one connection may be asked to keep.
const STATEMENT_CACHE_MAX: usize = 100_000;

/// How long a snapshot is held unless the builder says otherwise. Opening one costs some
/// microseconds, so that a longer time would save next to nothing; a checkpoint that has to wait
/// for so long is not noticed.
const SNAPSHOT_HOLD: Duration = Duration::from_millis(50);

/// Below this, ending snapshots would cost more than holding them saves.
const SNAPSHOT_HOLD_MIN: Duration = Duration::from_millis(2);

/// Above this, the log could not be cut for too long.
const SNAPSHOT_HOLD_MAX: Duration = Duration::from_secs(1);

/// Opens the database at `url` with the defaults of [`Builder`].
///
/// `url` is `sqlite:path/to/file.db`, `sqlite::memory:`, a bare path, or, with the feature
/// `postgres`, `postgres://user:password@host:port/database`. It must be called within a tokio
/// runtime.
pub async fn open(url: impl AsRef<str>) -> Result<Db> {
    Builder::new(url).open().await
}

/// How durable a commit is when the machine loses power (`PRAGMA synchronous`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Synchronous {
    /// No syncs: a power cut can damage the database.
    Off,
    /// The default: safe against damage; the last commits may be lost at a power cut.
    Normal,
    /// Every commit is on disk before it is acknowledged.
    Full,
}

/// Who sends the statements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// The application itself.
    Local,
    /// Remote clients: ATTACH, VACUUM INTO, extensions, other files, PRAGMAs that reach beyond
    /// the client's own session, and writes to the schema table are denied.
    Remote,
}

/// How changes are journalled (`PRAGMA journal_mode`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JournalMode {
    /// The default: a write-ahead log. Readers and the writer do not wait for each other, and
    /// commits of other processes are noticed, so the cache can be exact.
    Wal,
    /// A rollback journal, deleted after each transaction. The cache is off.
    Delete,
    /// A rollback journal, cut to nothing after each transaction. The cache is off.
    Truncate,
}

/// How it is learned which rows our own writes change. Whichever is in force, answers are exact;
/// it decides how many of them a write drops needlessly, and what a write costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capture {
    /// The default: [`Capture::Hook`] where SQLite was compiled with it, else
    /// [`Capture::Reread`].
    Auto,
    /// SQLite shows every row before and after a change: 0.1 to 0.4 µs each. It needs
    /// `LIBSQLITE3_FLAGS = "-DSQLITE_ENABLE_PREUPDATE_HOOK"` in the environment in which the
    /// application is built; without it, opening is an error that says so.
    Hook,
    /// SQLite tells which rows have changed, and rows that a cached answer may rest on are read
    /// before and after the commit: 7 µs for a commit of one row. Whole tables count as
    /// changed where SQLite does not tell all: WITHOUT ROWID tables, statements that replace
    /// rows or change rowids, and more than 2,000 rows in one transaction; also for a database
    /// in memory.
    Reread,
    /// A write counts as a change of every row of the tables that it may write, triggers and
    /// foreign keys included. It costs nothing.
    Tables,
}

/// Settings for a database, and the way to open it.
#[derive(Clone, Debug)]
pub struct Builder {
    url: String,
    access: Access,
    create: bool,
    read_only: bool,
    max_size: usize,
    max_overflow: usize,
    min_idle: usize,
    acquire_timeout: Duration,
    idle_timeout: Duration,
    max_lifetime: Duration,
    ping_after: Duration,
    max_sessions: usize,
    transaction_idle_timeout: Duration,
    transaction_timeout: Duration,
    statement_timeout: Option<Duration>,
    snapshot_hold: Duration,
    max_result_rows: usize,
    max_result_bytes: usize,
    statement_cache: usize,
    cache: CacheMode,
    cache_bytes: u64,
    policy: Policy,
    policy_bytes: u64,
    clock: Clock,
    freshness: Freshness,
    worth_it: bool,
    audit_one_in: u32,
    audit_parameters: bool,
    journal_mode: JournalMode,
    synchronous: Synchronous,
    busy_timeout: Duration,
    foreign_keys: bool,
    page_cache_bytes: u64,
    mmap_bytes: u64,
    capture: Capture,
    map_pages: bool,
    sole_writer: bool,
    pragmas: Vec<(String, String)>,
    guards: Guards,
    watch: WatchSettings,
    watch_repeats: RepeatWatch,
    repeat_threshold: u32,
    rules: Vec<Rule>,
    /// `None` in the inner one if it is too short.
    cursor_key: Option<Option<Secret>>,
}

macro_rules! settings {
    ($($(#[$doc:meta])* $name:ident: $type:ty;)*) => {
        impl Builder {$(
            $(#[$doc])*
            #[must_use]
            pub fn $name(mut self, $name: $type) -> Builder {
                self.$name = $name;
                self
            }
        )*}
    };
}

settings! {
    /// Who sends the statements; [`Access::Local`] by default.
    access: Access;
    /// Create the file when it is missing; true by default.
    create: bool;
    /// Open for reading only, and leave the file as it is; a file that may not be written is
    /// opened so by itself. The cache is off then.
    read_only: bool;
    /// Readers kept at most, or connections of any kind to PostgreSQL; 10 by default.
    max_size: usize;
    /// Connections beyond `max_size` while the load lasts; 20 by default.
    max_overflow: usize;
    /// Of these, kept open while idle; 3 by default.
    min_idle: usize;
    /// The longest wait for a connection, and for the turn to write; 5 s by default.
    acquire_timeout: Duration;
    /// Idle connections above `min_idle` are closed after this; 300 s by default.
    idle_timeout: Duration;
    /// Connections are replaced after this; 3,600 s by default.
    max_lifetime: Duration;
    /// A connection to PostgreSQL that lay idle for so long has to answer a ping before it is used
    /// again; 30 s by default.
    ping_after: Duration;
    /// Session connections (interactive transactions) at most; 20 by default. At PostgreSQL they
    /// are of the same pool as all others.
    max_sessions: usize;
    /// The longest a transaction may lie idle between statements; 10 s by default.
    transaction_idle_timeout: Duration;
    /// The longest a transaction may last; 60 s by default.
    transaction_timeout: Duration;
    /// The longest one statement may run; no limit by default.
    statement_timeout: Option<Duration>;
    /// The longest a reader keeps its read transaction open for the next read while nothing is
    /// committed; 50 ms by default, zero to end it with each statement. Another process that
    /// wants to truncate the log, or to leave WAL, may have to wait for so long.
    snapshot_hold: Duration;
    /// Rows of one collected answer at most; 10,000,000 by default.
    max_result_rows: usize;
    /// Bytes of one collected answer at most; 256 MiB by default.
    max_result_bytes: usize;
    /// Prepared statements kept per connection; 128 by default.
    statement_cache: usize;
    /// Bytes of cached answers at most; 100 MB by default.
    cache_bytes: u64;
    /// Bytes of answers kept for queries with a `ttl`, a tag or another such word, beside those in
    /// `cache_bytes`; 20 MB by default. None are taken as long as no such query is asked.
    policy_bytes: u64;
    /// How fresh answers from the cache have to be, unless a statement says otherwise;
    /// [`Freshness::Followed`] by default. It makes a difference at PostgreSQL only.
    freshness: Freshness;
    /// Whether statements whose answers cost more to keep than that saves go past the cache, until
    /// they are tried again; true by default.
    worth_it: bool;
    /// One hit in so many is asked of the database again, beside its caller, and compared; 1,000
    /// by default, 0 for none. A difference empties the cache and switches it off for that
    /// statement.
    audit_one_in: u32;
    /// Whether the differences in the statistics show the parameters of the statement; false by
    /// default, since they may be private.
    audit_parameters: bool;
    /// How it is learned which rows a write changes; [`Capture::Auto`] by default.
    capture: Capture;
    /// Whether commits of other processes drop only the answers of the tables whose pages they
    /// change; true by default. It takes reading the whole database once after the first such
    /// commit, and now and then again, up to two seconds each; without it they empty the cache.
    map_pages: bool;
    /// That **nobody writes to the PostgreSQL database but through this handle** and its clones:
    /// rows, the schema, roles; false by default. Then answers are cached where the server cannot
    /// be followed, for want of rights or of `wal_level`, and each write drops all answers from
    /// the tables that it may change. If somebody else writes after all, answers stay out of date
    /// until a write through here drops them. It is not used where the database was prepared by
    /// `forebay setup`: `Explanation::freshness` and `ReplicationStats::sole` say what is in force.
    /// It has no meaning at SQLite.
    sole_writer: bool;
    /// Which statements are watched for being repeated where one would do; those of scopes by
    /// default. See [`Db::repeats`].
    watch_repeats: RepeatWatch;
    /// Repetitions in one scope that are too many, from 2 to 1,000; 5 by default. Where it is
    /// proven that their keys come from an earlier answer, three fifths of it are, 3 at least.
    repeat_threshold: u32;
    /// `PRAGMA journal_mode`; WAL by default.
    journal_mode: JournalMode;
    /// `PRAGMA synchronous`; NORMAL by default.
    synchronous: Synchronous;
    /// The longest wait for a lock that another process holds; 5 s by default.
    busy_timeout: Duration;
    /// `PRAGMA foreign_keys`; on by default.
    foreign_keys: bool;
    /// Page cache in bytes, shared out among the writer and `max_size` readers; 64 MB by default.
    /// Overflow and session connections take a share of the same size each while they last.
    page_cache_bytes: u64;
    /// `PRAGMA mmap_size` in bytes; 0 (off) by default, because a file that shrinks under a
    /// mapping ends the process. 256 MiB is a good size where that cannot happen.
    mmap_bytes: u64;
}

impl Builder {
    /// Settings with their defaults for the database at `url`.
    pub fn new(url: impl AsRef<str>) -> Builder {
        Builder {
            url: url.as_ref().to_owned(),
            access: Access::Local,
            create: true,
            read_only: false,
            max_size: 10,
            max_overflow: 20,
            min_idle: 3,
            acquire_timeout: Duration::from_secs(5),
            idle_timeout: Duration::from_secs(300),
            max_lifetime: Duration::from_secs(3_600),
            ping_after: Duration::from_secs(30),
            max_sessions: 20,
            transaction_idle_timeout: Duration::from_secs(10),
            transaction_timeout: Duration::from_secs(60),
            statement_timeout: None,
            snapshot_hold: SNAPSHOT_HOLD,
            max_result_rows: 10_000_000,
            max_result_bytes: 256 << 20,
            statement_cache: 128,
            cache: CacheMode::On,
            cache_bytes: 100_000_000,
            policy: Policy::default(),
            policy_bytes: 20_000_000,
            clock: Clock::real(),
            freshness: Freshness::Followed,
            worth_it: true,
            audit_one_in: 1_000,
            audit_parameters: false,
            journal_mode: JournalMode::Wal,
            synchronous: Synchronous::Normal,
            busy_timeout: Duration::from_secs(5),
            foreign_keys: true,
            page_cache_bytes: 64_000_000,
            mmap_bytes: 0,
            capture: Capture::Auto,
            map_pages: true,
            sole_writer: false,
            pragmas: Vec::new(),
            guards: Guards::default(),
            watch: watching::defaults(),
            watch_repeats: RepeatWatch::Scopes,
            repeat_threshold: 5,
            rules: Vec::new(),
            cursor_key: None,
        }
    }

    /// The key that cursors of pages are authenticated with, at least 16 bytes that nobody can
    /// guess. By default each opened database has one of its own, made by chance, so that its
    /// cursors are refused after a restart and by other processes. It is in no log.
    #[must_use]
    pub fn cursor_key(mut self, key: impl AsRef<[u8]>) -> Builder {
        self.cursor_key = Some(Secret::chosen(key.as_ref()));
        self
    }

    /// Whether answers are cached: a [`CacheMode`], or `true` and `false` for on and off; on by
    /// default. [`Db::cache`] changes it at run time.
    #[must_use]
    pub fn cache(mut self, mode: impl Into<CacheMode>) -> Builder {
        self.cache = mode.into();
        self
    }

    /// [`crate::Query::ttl`] for every query that says nothing else; none by default. It lets
    /// answers be kept at a PostgreSQL server that cannot be followed, for as long.
    #[must_use]
    pub fn ttl(mut self, limit: Duration) -> Builder {
        self.policy.ttl = Some(limit);
        self
    }

    /// [`crate::Query::ttl_only`] for every query that says nothing else: **nothing that is read
    /// through this handle is exact then**, its own writes included, unless a query says `exact`
    /// or `no_cache`. None by default.
    #[must_use]
    pub fn ttl_only(mut self, limit: Duration) -> Builder {
        self.policy.ttl_only = Some(limit);
        self
    }

    /// [`crate::Query::stale_while_revalidate`] for every query that says nothing else; zero by
    /// default.
    #[must_use]
    pub fn stale_while_revalidate(mut self, limit: Duration) -> Builder {
        self.policy.stale_while_revalidate = limit;
        self
    }

    /// [`crate::Query::stale_if_error`] for every query that says nothing else; zero by default.
    #[must_use]
    pub fn stale_if_error(mut self, limit: Duration) -> Builder {
        self.policy.stale_if_error = limit;
        self
    }

    /// Asks `breaker` before anything is sent to the database, and tells it how that ends: reads
    /// that the cache does not answer, writes, scripts, and the beginning of a transaction, of a
    /// session that needs a connection of its own, or of a stream. None by default.
    #[must_use]
    pub fn breaker(mut self, breaker: &Breaker) -> Builder {
        self.guards.breaker = Some(breaker.clone());
        self
    }

    /// Asks `limiter` whether `key`, which stands for this database, may send another of these.
    /// None by default.
    #[must_use]
    pub fn limit(mut self, limiter: &Limiter, key: impl AsRef<[u8]>) -> Builder {
        self.guards.limit = Some((limiter.clone(), key.as_ref().into()));
        self
    }

    /// Lets only so many of these be at work at once as `bulkhead` does; a transaction is one until
    /// its end, with all that is asked within it, and so is a stream. None by default; the pool has
    /// bounds of its own.
    #[must_use]
    pub fn bulkhead(mut self, bulkhead: &Bulkhead) -> Builder {
        self.guards.bulkhead = Some(bulkhead.clone());
        self
    }

    /// A rule for the statements that it fits, without touching the queries themselves. Of several
    /// the first that fits counts; [`Db::set_rules`] changes them at run time.
    #[must_use]
    pub fn rule(mut self, rule: Rule) -> Builder {
        self.rules.push(rule);
        self
    }

    /// The clock by which answers age.
    #[cfg(test)]
    pub(crate) fn clock(mut self, clock: &Clock) -> Builder {
        self.clock = clock.clone();
        self
    }

    /// Runs `PRAGMA name = value` on every connection. Name and value may only have letters,
    /// digits, `_`, `-` and `.`; PRAGMAs that Forebay keeps itself are refused by `open`.
    #[must_use]
    pub fn pragma(mut self, name: &str, value: &str) -> Builder {
        self.pragmas.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Opens the database. Errors name the file and what to do: a missing file, a directory, a
    /// file that is not a database or is damaged, or one that another process keeps locked.
    pub async fn open(self) -> Result<Db> {
        Ok(Db::new(Engine::open(self.settings()?).await?))
    }

    fn settings(self) -> Result<Settings> {
        self.validate()?;
        Ok(Settings {
            place: self.place()?,
            trust: TrustSettings {
                mode: self.cache,
                audit_one_in: self.audit_one_in,
                audit_parameters: self.audit_parameters,
                worth_it: self.worth_it,
            },
            guards: self.guards,
            watch: self.watch,
            cache_bytes: self.cache_bytes,
            policy: (self.policy != Policy::default()).then(|| Arc::new(self.policy)),
            policy_bytes: self.policy_bytes,
            clock: self.clock,
            limits: Limits { rows_max: self.max_result_rows, bytes_max: self.max_result_bytes },
            freshness: self.freshness,
            statement_timeout: self.statement_timeout,
            transaction_idle_timeout: self.transaction_idle_timeout,
            transaction_timeout: self.transaction_timeout,
            cursor_key: secret(self.cursor_key)?,
            rules: self.rules,
            repeats: RepeatSettings { watch: self.watch_repeats, threshold: self.repeat_threshold },
        })
    }

    fn validate(&self) -> Result<()> {
        check_rules(&self.rules)?;
        if !(1..=STATEMENT_CACHE_MAX).contains(&self.statement_cache) {
            return Err(Error::usage(format!(
                "statement_cache is {}; use 1 to {STATEMENT_CACHE_MAX}",
                self.statement_cache
            )));
        }
        if !(2..=1_000).contains(&self.repeat_threshold) {
            let found = self.repeat_threshold;
            return Err(Error::usage(format!("repeat_threshold is {found}; use 2 to 1,000")));
        }
        let hold = self.snapshot_hold;
        if !hold.is_zero() && !(SNAPSHOT_HOLD_MIN..=SNAPSHOT_HOLD_MAX).contains(&hold) {
            return Err(Error::usage(format!(
                "snapshot_hold is {hold:?}; use {SNAPSHOT_HOLD_MIN:?} to {SNAPSHOT_HOLD_MAX:?}, \
                 or zero to hold nothing"
            )));
        }
        for (name, limit) in [
            ("transaction_timeout", self.transaction_timeout),
            ("transaction_idle_timeout", self.transaction_idle_timeout),
        ] {
            if limit.is_zero() {
                let text = format!("{name} is 0, so that no transaction could ever be committed");
                return Err(Error::usage(text));
            }
        }
        Ok(())
    }
}

/// The key that was chosen, or one made by chance.
fn secret(chosen: Option<Option<Secret>>) -> Result<Secret> {
    match chosen {
        Some(Some(secret)) => Ok(secret),
        Some(None) => Err(Error::usage(
            "cursor_key is shorter than 16 bytes, so that it could be guessed; make one by chance \
             and keep it with the other secrets",
        )),
        None => Secret::random().map_err(|error| {
            let text = "the system gave no random bytes for the key of cursors; set cursor_key";
            Error::new(Kind::Open, text).with_cause(error)
        }),
    }
}
