//! The face of a cache for code that is not async. What has to ask a tier is run on the runtime
//! within which the cache was built, and waited for.

use std::sync::{Arc, mpsc};
use std::time::Duration;

use tokio::runtime::{Handle, RuntimeFlavor};

use super::Cacheable;
use super::cache::Cache;
use super::failure::Cause;
use super::thread::at_once;
use crate::error::{Error, Kind, Result};

/// How long what a runtime does for code that blocks is waited for: longer than any tier takes.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// A [`Cache`] for code that is not async. Without tiers it never waits for a runtime. With tiers,
/// whatever memory alone cannot do is run on the tokio runtime within which the cache was built,
/// and waited for, at most a minute; that cannot be done on a thread of a runtime that has only
/// one, where reads then miss and deletions are refused.
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
        let key = key.as_ref();
        let value = self.cache.get_now(key);
        if value.is_some() || self.cache.core.below.is_none() {
            return value;
        }
        let key = key.to_vec();
        self.run(|cache| async move { cache.get(key).await }).ok().flatten()
    }

    /// As [`Cache::set`].
    pub fn set<T: Cacheable>(&self, key: impl AsRef<[u8]>, value: T) {
        let key = key.as_ref().to_vec();
        let done = self.run(|cache| async move { cache.set(key, value).await });
        if let Err(error) = done {
            let cache = &self.cache.core.name;
            tracing::warn!(cache, %error, "setting a value is not acknowledged");
        }
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
        let key = key.as_ref();
        // The load itself asks no tier.
        if self.cache.core.below.is_some()
            && let Some(value) = self.get(key)
        {
            return Ok(value);
        }
        self.cache.entry(key).get_or_load_blocking(load)
    }

    /// As [`Cache::delete`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn delete(&self, key: impl AsRef<[u8]>) -> Result<bool> {
        let key = key.as_ref().to_vec();
        self.run(|cache| async move { cache.delete(key).await })?
    }

    /// As [`Cache::delete_pattern`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn delete_pattern(&self, pattern: impl AsRef<[u8]>) -> Result<u64> {
        let pattern = pattern.as_ref().to_vec();
        self.run(|cache| async move { cache.delete_pattern(pattern).await })?
    }

    /// As [`Cache::delete_by_tag`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn delete_by_tag(&self, tag: impl AsRef<str>) -> Result<()> {
        let tag = tag.as_ref().to_owned();
        self.run(|cache| async move { cache.delete_by_tag(tag).await })?
    }

    /// As [`Cache::clear`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn clear(&self) -> Result<u64> {
        self.run(|cache| async move { cache.clear().await })?
    }

    /// As [`Cache::increment`].
    ///
    /// # Errors
    ///
    /// As [`Cache::increment`].
    pub fn increment(&self, key: impl AsRef<[u8]>, by: i64) -> Result<i64> {
        let key = key.as_ref().to_vec();
        self.run(|cache| async move { cache.increment(key, by).await })?
    }

    /// As [`Cache::contains`].
    pub fn contains(&self, key: impl AsRef<[u8]>) -> bool {
        let key = key.as_ref().to_vec();
        self.run(|cache| async move { cache.contains(key).await }).unwrap_or(false)
    }

    /// As [`Cache::ttl`].
    pub fn ttl(&self, key: impl AsRef<[u8]>) -> Option<Duration> {
        let key = key.as_ref().to_vec();
        self.run(|cache| async move { cache.ttl(key).await }).ok().flatten()
    }

    /// As [`Cache::touch`].
    pub fn touch(&self, key: impl AsRef<[u8]>) -> bool {
        let key = key.as_ref().to_vec();
        self.run(|cache| async move { cache.touch(key).await }).unwrap_or(false)
    }

    /// Does what needs no waiting here, and else on the runtime of the tiers.
    fn run<T, F>(&self, work: impl FnOnce(Cache) -> F) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let work = work(self.cache.clone());
        let Some(below) = &self.cache.core.below else {
            return Ok(at_once(work).expect("there is nothing in memory to wait for"));
        };
        let is_single = |handle: &Handle| handle.runtime_flavor() == RuntimeFlavor::CurrentThread;
        let is_within = Handle::try_current().is_ok_and(|handle| is_single(&handle));
        let Some(runtime) = below.runtime.as_ref().filter(|own| !(is_within && is_single(own)))
        else {
            return Err(Error::usage(
                "a cache with tiers needs a runtime beside this thread: build it within one that \
                 has several, or use its async methods",
            ));
        };
        let (tell, told) = mpsc::sync_channel(1);
        // Nobody may be waiting any more.
        runtime.spawn(async move { drop(tell.send(work.await)) });
        told.recv_timeout(WAIT_MAX).map_err(|_| {
            let text = "the runtime of a cache did not answer: was it shut down, or is it blocked?";
            Error::new(Kind::Lost, text)
        })
    }
}
