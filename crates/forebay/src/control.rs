//! The switches of the cache as an application holds them. They keep no state: the engine does.

use std::time::Duration;

use crate::engine::Engine;
use crate::error::Result;
use crate::mode::{CacheMode, StatementRef};

/// The switches of a database's cache, from `Db::cache`.
///
/// They are in force for reads that begin after the call. Entries outlive a switch to off and back
/// on, and those that a write has made untrue meanwhile are not served. A statement's own switch
/// counts before those of the tables that it reads, of which the least counts (off, shadow, on),
/// and these count before the one for all.
#[derive(Clone, Copy)]
pub struct CacheControl<'a>(&'a Engine);

impl<'a> CacheControl<'a> {
    pub(crate) fn new(engine: &'a Engine) -> CacheControl<'a> {
        CacheControl(engine)
    }

    /// The switch for all.
    pub fn mode(&self) -> CacheMode {
        self.0.cache_mode()
    }

    /// Sets the switch for all.
    pub fn set_mode(&self, mode: impl Into<CacheMode>) {
        self.0.set_cache_mode(mode.into());
    }

    /// Sets the switch of the statements that read `table`, by itself or through views, or with
    /// `None` takes it away. An error ([`crate::Error::is_usage`]) beyond 1,000 tables.
    pub fn set_table_mode(&self, table: &str, mode: impl Into<Option<CacheMode>>) -> Result<()> {
        self.0.set_table_mode(table, mode.into())
    }

    /// Sets the switch of one statement, by its fingerprint (`u64`) or by the name given with
    /// `named` (`&str`), or with `None` takes it away. It need not have run yet. A statement that
    /// an audit has switched off is let in again. An error ([`crate::Error::is_usage`]) beyond
    /// 1,000 statements.
    pub fn set_query_mode(
        &self,
        statement: impl Into<StatementRef>,
        mode: impl Into<Option<CacheMode>>,
    ) -> Result<()> {
        self.0.set_statement_mode(&statement.into(), mode.into())
    }

    /// Waits until answers can be cached, for `limit` at most: a PostgreSQL server has to be
    /// followed first, which takes some 50 ms from when the database was opened. Why nothing is
    /// cached, if so; what may still become of a server that cannot be reached is not waited for.
    /// Cancel safe.
    pub async fn ready(&self, limit: Duration) -> Option<String> {
        self.0.ready(limit).await
    }

    /// Sets how many bytes of answers are kept at most; those that have no room any more are thrown
    /// out. The bound for answers under words of their own (`policy_bytes`) stays.
    pub fn set_bytes(&self, bytes: u64) {
        self.0.set_cache_bytes(bytes);
    }

    /// Drops every entry.
    pub fn clear(&self) {
        self.0.clear_cache();
    }

    /// Drops every entry that rests on `table`. Cost: a pass over all entries.
    pub fn clear_table(&self, table: &str) {
        self.0.clear_cached_table(table);
    }

    /// Drops every entry of one statement, by its fingerprint (`u64`) or by the name given with
    /// `named` (`&str`), and whatever is kept by a policy. Cost: a pass over all entries.
    pub fn clear_query(&self, statement: impl Into<StatementRef>) {
        self.0.clear_cached_statement(&statement.into());
    }
}

impl std::fmt::Debug for CacheControl<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CacheControl").field("mode", &self.mode()).finish_non_exhaustive()
    }
}
