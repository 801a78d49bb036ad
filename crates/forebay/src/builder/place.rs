//! From the settings of a builder to those of the database that its URL names.

use super::{Access, Builder, Capture, JournalMode, Synchronous};
use crate::backend::sqlite::{self, Location};
use crate::engine::{Place, SqliteSettings};
use crate::error::{Error, Result};
use crate::pool;

impl Builder {
    pub(super) fn place(&self) -> Result<Place> {
        match self.url.split_once("://") {
            Some(("postgres" | "postgresql", _)) => self.postgres(),
            _ => self.sqlite(),
        }
    }

    #[cfg(feature = "postgres")]
    fn postgres(&self) -> Result<Place> {
        use crate::backend::postgres::Config;
        use crate::engine::PostgresSettings;

        if let Some((name, _)) = self.pragmas.first() {
            return Err(Error::usage(format!(
                "`pragma` (here of {name}) sets something of SQLite; settings of PostgreSQL go \
                 into the URL: ?options=-c%20name%3Dvalue"
            )));
        }
        let mut config = Config::parse(&self.url)?;
        config.statement_cache = self.statement_cache;
        if self.read_only {
            config.settings.push(("default_transaction_read_only".into(), "on".into()));
        }
        let pool = self.pool("postgres", self.max_size, self.max_overflow, self.min_idle);
        pool.validate()?;
        let (ping_after, sole_writer) = (self.ping_after, self.sole_writer);
        Ok(Place::Postgres(PostgresSettings { config, pool, ping_after, sole_writer }))
    }

    #[cfg(not(feature = "postgres"))]
    fn postgres(&self) -> Result<Place> {
        Err(Error::usage(
            "the URL names a PostgreSQL database, and forebay was built without it: enable its \
             feature `postgres`",
        ))
    }

    fn sqlite(&self) -> Result<Place> {
        let location = Location::parse(&self.url)?;
        let readers = self.pool("reader", self.max_size, self.max_overflow, self.min_idle);
        let mut writer = self.pool("writer", 1, 0, 0);
        if location == Location::Memory {
            // Closing its only connection would lose the database.
            writer.idle_timeout = None;
            writer.max_lifetime = None;
        }
        let sessions = self.pool("session", self.max_sessions, 0, 0);
        for options in [&readers, &writer, &sessions] {
            options.validate()?;
        }
        Ok(Place::Sqlite(SqliteSettings {
            location,
            options: self.sqlite_options(),
            readers,
            writer,
            sessions,
            hold_max: self.snapshot_hold,
        }))
    }

    fn sqlite_options(&self) -> sqlite::Options {
        let shares = self.max_size as u64 + 1;
        sqlite::Options {
            remote: self.access == Access::Remote,
            create: self.create,
            read_only: self.read_only,
            synchronous: match self.synchronous {
                Synchronous::Off => "OFF",
                Synchronous::Normal => "NORMAL",
                Synchronous::Full => "FULL",
            },
            journal_mode: match self.journal_mode {
                JournalMode::Wal => "WAL",
                JournalMode::Delete => "DELETE",
                JournalMode::Truncate => "TRUNCATE",
            },
            busy_timeout: self.busy_timeout,
            foreign_keys: self.foreign_keys,
            page_cache_bytes_each: self.page_cache_bytes / shares,
            mmap_bytes: self.mmap_bytes,
            statement_cache: self.statement_cache,
            capture: match self.capture {
                Capture::Auto => None,
                Capture::Hook => Some(sqlite::Means::Hook),
                Capture::Reread => Some(sqlite::Means::Reread),
                Capture::Tables => Some(sqlite::Means::Tables),
            },
            map_pages: self.map_pages,
            pragmas: self.pragmas.clone(),
        }
    }

    fn pool(
        &self,
        name: &'static str,
        max_size: usize,
        max_overflow: usize,
        min_idle: usize,
    ) -> pool::Options {
        pool::Options {
            max_size,
            max_overflow,
            min_idle,
            acquire_timeout: self.acquire_timeout,
            idle_timeout: Some(self.idle_timeout),
            max_lifetime: Some(self.max_lifetime),
            ..pool::Options::new(name)
        }
    }
}
