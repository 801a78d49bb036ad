//! The face of a cache for code that is not async.

use std::sync::Arc;
use std::time::Duration;

use super::Cacheable;
use super::cache::Cache;
use super::failure::Cause;
use crate::error::Result;

/// A [`Cache`] for code that is not async. It never waits for a runtime.
#[derive(Clone, Copy, Debug)]
pub struct Blocking<'a> {
    cache: &'a Cache,
}

impl<'a> Blocking<'a> {
    pub(super) fn new(cache: &'a Cache) -> Blocking<'a> {
        Blocking { cache }
    }

    pub(super) fn cache(&self) -> &'a Cache {
        self.cache
    }

    /// As [`Cache::get`].
    pub fn get<T: Cacheable>(&self, key: impl AsRef<[u8]>) -> Option<Arc<T>> {
        self.cache.get_now(key.as_ref())
    }

    /// As [`Cache::set`].
    pub fn set<T: Cacheable>(&self, key: impl AsRef<[u8]>, value: T) {
        self.cache.entry(key).set_now(Arc::new(value));
    }

    /// The value under a key, loaded by `load` on this thread if there is none that is fresh.
    ///
    /// Of several threads that block for one key, one loads and the others wait for it, for a
    /// second longer than `load_timeout` at most; the load itself is not stopped. One that finds a
    /// load of an async caller under way does not wait, since it may hold the very thread which
    /// that needs: it loads for itself, and what it got is not kept.
    ///
    /// # Errors
    ///
    /// As [`Cache::get_or_load`].
    pub fn get_or_load<T, E>(
        &self,
        key: impl AsRef<[u8]>,
        load: impl FnOnce() -> Result<T, E>,
    ) -> Result<Arc<T>>
    where
        T: Cacheable,
        E: Into<Cause>,
    {
        self.cache.entry(key).get_or_load_blocking(load)
    }

    /// As [`Cache::delete`].
    ///
    /// # Errors
    ///
    /// None as long as there is only memory.
    pub fn delete(&self, key: impl AsRef<[u8]>) -> Result<bool> {
        Ok(self.cache.delete_now(key.as_ref()))
    }

    /// As [`Cache::delete_pattern`].
    ///
    /// # Errors
    ///
    /// None as long as there is only memory.
    pub fn delete_pattern(&self, pattern: impl AsRef<[u8]>) -> Result<u64> {
        Ok(self.cache.delete_pattern_now(pattern.as_ref()))
    }

    /// As [`Cache::delete_by_tag`].
    ///
    /// # Errors
    ///
    /// None as long as there is only memory.
    pub fn delete_by_tag(&self, tag: impl AsRef<str>) -> Result<()> {
        self.cache.delete_by_tag_now(tag.as_ref());
        Ok(())
    }

    /// As [`Cache::clear`].
    ///
    /// # Errors
    ///
    /// None as long as there is only memory.
    pub fn clear(&self) -> Result<u64> {
        Ok(self.cache.clear_now())
    }

    /// As [`Cache::increment`].
    ///
    /// # Errors
    ///
    /// As [`Cache::increment`].
    pub fn increment(&self, key: impl AsRef<[u8]>, by: i64) -> Result<i64> {
        self.cache.entry(key).increment_now(by)
    }

    /// As [`Cache::contains`].
    pub fn contains(&self, key: impl AsRef<[u8]>) -> bool {
        self.cache.contains_now(key.as_ref())
    }

    /// As [`Cache::ttl`].
    pub fn ttl(&self, key: impl AsRef<[u8]>) -> Option<Duration> {
        self.cache.ttl_now(key.as_ref())
    }

    /// As [`Cache::touch`].
    pub fn touch(&self, key: impl AsRef<[u8]>) -> bool {
        self.cache.touch_now(key.as_ref())
    }
}
