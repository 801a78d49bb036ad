//! One key with words of its own, until something is done with it.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use smallvec::{SmallVec, smallvec};

use super::Cacheable;
use super::cache::Cache;
use super::codec::Codec;
use super::core::{Found, Wanted};
use super::failure::{Cause, overdue};
use super::guarded::{guarded, guarded_here};
use super::hooks::{Admits, AnyType, Hooks, Only};
use super::kept::Content;
use super::key::KeyRef;
use super::load::{Ask, Batch, Load};
use super::policy::Policy;
use super::space::Space;
use super::tagged::Tagged;
use super::warm_entry::WarmEntry;
use super::words::words;
use crate::error::Result;
use crate::guard::{Breaker, Bulkhead, Guards, Limiter};

/// A key of a [`Cache`], with words that hold for what is loaded or set under it; words that are
/// not said are those of the cache. What stands under a key keeps the words that it was stored
/// with.
#[must_use = "nothing happens until it is loaded or set"]
pub struct CacheEntry<'a, V = AnyType> {
    pub(super) cache: &'a Cache,
    key: SmallVec<[u8; 48]>,
    policy: Policy,
    pub(super) guards: Guards,
    tagged: Tagged,
    pub(super) hooks: Hooks,
    pub(super) is_past: bool,
    type_of_value: PhantomData<fn() -> V>,
}

impl<'a> CacheEntry<'a> {
    pub(super) fn new(cache: &'a Cache, key: &[u8]) -> CacheEntry<'a> {
        CacheEntry {
            cache,
            key: SmallVec::from_slice(key),
            policy: cache.policy,
            guards: cache.guards.clone(),
            tagged: Tagged::new(cache.core.below.is_some()),
            hooks: Hooks::default(),
            is_past: false,
            type_of_value: PhantomData,
        }
    }
}

impl<'a, V> CacheEntry<'a, V> {
    words!();

    /// A name by which it can be deleted, together with all else that has it.
    pub fn tag(mut self, tag: impl AsRef<str>) -> Self {
        self.tagged.add(&self.cache.space, tag.as_ref().as_bytes());
        self
    }

    /// The same for several.
    pub fn tags(mut self, tags: impl IntoIterator<Item: AsRef<str>>) -> Self {
        for tag in tags {
            self = self.tag(tag);
        }
        self
    }

    /// Tags that are read out of the value once it is loaded. It can be deleted by them even while
    /// it is loading. To be called once it is loaded, not at a hit.
    pub fn tags_by<T, I>(
        mut self,
        tags: impl Fn(&T) -> I + Send + Sync + 'static,
    ) -> CacheEntry<'a, Only<T>>
    where
        T: Cacheable,
        I: IntoIterator<Item: AsRef<str>>,
        V: Admits<T>,
    {
        self.hooks.tells(tags);
        self.of_type()
    }

    /// Keeps a loaded value only if `keeps` says so; those who asked for it are given it in any
    /// case. What stood there before stays.
    pub fn cache_if<T: Cacheable>(
        mut self,
        keeps: impl Fn(&T) -> bool + Send + Sync + 'static,
    ) -> CacheEntry<'a, Only<T>>
    where
        V: Admits<T>,
    {
        self.hooks.keeps(keeps);
        self.of_type()
    }

    /// Loads it again in the background as soon as it has gone or is not true any more, so that it
    /// is never cold: looked after five times a second, at most 4 loads at a time, the most asked
    /// first, and with a pause between two loads of one key. It begins with the first
    /// `get_or_load`, on the tokio runtime of that caller, and goes on until [`Cache::cool`] or
    /// until the last handle of the cache is dropped. At most 1,000 keys of a cache.
    ///
    /// The load is kept with it: a load that holds a handle of the cache keeps the cache for ever.
    pub fn keep_warm(self) -> WarmEntry<'a, V> {
        WarmEntry::new(self)
    }

    /// Loads for this caller alone: nothing is looked up, shared or kept.
    pub fn no_cache(mut self) -> Self {
        self.is_past = true;
        self
    }

    fn of_type<T>(self) -> CacheEntry<'a, Only<T>> {
        let CacheEntry { cache, key, policy, guards, tagged, hooks, is_past, .. } = self;
        CacheEntry {
            cache,
            key,
            policy,
            guards,
            tagged,
            hooks,
            is_past,
            type_of_value: PhantomData,
        }
    }

    /// Keeps a value in place of what stands there. See [`Cache::set`].
    pub async fn set<T: Cacheable>(self, value: T)
    where
        V: Admits<T>,
    {
        self.set_shared(Arc::new(value)).await;
    }

    /// The same for a value that is shared already.
    pub async fn set_shared<T: Cacheable>(self, value: Arc<T>)
    where
        V: Admits<T>,
    {
        let name = &self.cache.core.name;
        if let Err(error) = self.try_set_shared(value).await {
            tracing::warn!(cache = name, %error, "setting a value is not acknowledged");
        }
    }

    /// Keeps a value, and says when that is not acknowledged. See [`Cache::try_set`].
    ///
    /// # Errors
    ///
    /// As [`Cache::try_set`].
    pub async fn try_set<T: Cacheable>(self, value: T) -> Result<()>
    where
        V: Admits<T>,
    {
        self.try_set_shared(Arc::new(value)).await
    }

    /// The same for a value that is shared already.
    ///
    /// # Errors
    ///
    /// As [`Cache::try_set`].
    pub async fn try_set_shared<T: Cacheable>(mut self, value: Arc<T>) -> Result<()>
    where
        V: Admits<T>,
    {
        if self.is_past {
            return Ok(());
        }
        let (key, core) = (self.key_ref().to_key(), &self.cache.core);
        if self.hooks.look_at(&*value, &self.cache.space, &mut self.tagged) {
            let content = Content::of(Some(value));
            core.set_through(key, content, &self.policy, self.tagged, Codec::of::<T>()).await
        } else {
            core.delete_through(&key).await.map(drop)
        }
    }

    /// Adds `by` to the number under the key, atomically, and gives the sum. See
    /// [`Cache::increment`].
    pub async fn increment(self, by: i64) -> Result<i64> {
        let key = self.key_ref().to_key();
        self.cache.core.increment_through(key, by, &self.policy, self.tagged).await
    }

    /// The value under the key, loaded by `load` if there is none that is fresh. See
    /// [`Cache::get_or_load`].
    pub async fn get_or_load<T, E, F, Fut>(self, load: F) -> Result<Arc<T>>
    where
        T: Cacheable,
        V: Admits<T>,
        E: Into<Cause>,
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
    {
        let load = async move { load().await.map(Some) };
        let content = self.ask::<T, E>(false, load).await?;
        Ok(content.get().expect("nothing but a value of this type was asked for"))
    }

    /// The same where there may be none, which is kept as well. See
    /// [`Cache::get_or_load_optional`].
    pub async fn get_or_load_optional<T, E, F, Fut>(self, load: F) -> Result<Option<Arc<T>>>
    where
        T: Cacheable,
        V: Admits<T>,
        E: Into<Cause>,
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Result<Option<T>, E>> + Send + 'static,
    {
        let load = async move { load().await };
        Ok(self.ask::<T, E>(true, load).await?.get())
    }

    /// The same for code that is not async: `load` is run on this thread. See
    /// [`Blocking::get_or_load`](crate::Blocking::get_or_load).
    pub fn get_or_load_blocking<T, E>(self, load: impl FnOnce() -> Result<T, E>) -> Result<Arc<T>>
    where
        T: Cacheable,
        V: Admits<T>,
        E: Into<Cause>,
    {
        let wanted = Wanted::of::<T>(false);
        let content = if self.is_past {
            Content::of(Some(Arc::new(guarded_here(&self.guards, self.limit(), load)?)))
        } else {
            let (hooks, space) = (&self.hooks, &self.cache.space);
            let is_spelled = self.cache.core.below.is_some();
            let load = || {
                let loaded = guarded_here(&self.guards, self.limit(), load)?;
                Ok(smallvec![hooks.look(Some(loaded), space, is_spelled)])
            };
            self.answer_here(wanted, || self.how(wanted), load)?
        };
        Ok(content.get().expect("nothing but a value of this type was asked for"))
    }

    pub(super) async fn ask<T: Cacheable, E: Into<Cause>>(
        self,
        takes_nothing: bool,
        load: impl Future<Output = Result<Option<T>, E>> + Send + 'static,
    ) -> Result<Content> {
        let wanted = Wanted::of::<T>(takes_nothing);
        if self.is_past {
            return Ok(Content::of(self.load_alone(load).await?.map(Arc::new)));
        }
        self.answer(wanted, || self.how(wanted), || self.batch(load)).await
    }

    /// What is under the key, by the load that `begin` gives if there has to be one.
    pub(super) async fn answer(
        &self,
        wanted: Wanted,
        how: impl FnOnce() -> Ask,
        begin: impl FnOnce() -> Load,
    ) -> Result<Content> {
        let (core, key) = (&self.cache.core, self.key_ref());
        match core.find(key, wanted) {
            Found::Fresh(kept) | Found::Stale(kept, false) => Ok(kept.content.clone()),
            Found::Due(kept) | Found::Stale(kept, true) => {
                core.refresh(key, &how(), begin());
                Ok(kept.content.clone())
            }
            Found::Nothing => core.fetch(key, &how(), begin()).await,
        }
    }

    /// The same by a load that blocks.
    pub(super) fn answer_here(
        &self,
        wanted: Wanted,
        how: impl FnOnce() -> Ask,
        load: impl FnOnce() -> Result<Batch>,
    ) -> Result<Content> {
        let (core, key) = (&self.cache.core, self.key_ref());
        match core.find(key, wanted) {
            Found::Fresh(kept) | Found::Due(kept) => Ok(kept.content.clone()),
            Found::Stale(..) | Found::Nothing => core.fetch_on_thread(key, &how(), load),
        }
    }

    /// What is loaded for this caller alone.
    pub(super) async fn load_alone<R, E: Into<Cause>>(
        &self,
        load: impl Future<Output = Result<R, E>>,
    ) -> Result<R> {
        let limit = self.limit();
        let loaded = Box::pin(guarded(&self.guards, limit, load));
        tokio::time::timeout(limit, loaded).await.unwrap_or_else(|_| Err(overdue(limit)))
    }

    fn batch<T: Cacheable, E: Into<Cause>>(
        &self,
        load: impl Future<Output = Result<Option<T>, E>> + Send + 'static,
    ) -> Load {
        self.batcher().batch(load)
    }

    pub(super) fn batcher(&self) -> Batcher {
        Batcher {
            guards: self.guards.clone(),
            limit: self.limit(),
            hooks: self.hooks.clone(),
            space: self.cache.space.clone(),
            is_spelled: self.cache.core.below.is_some(),
        }
    }

    pub(super) fn limit(&self) -> Duration {
        self.policy.load_timeout
    }

    pub(super) fn how(&self, wanted: Wanted) -> Ask {
        Ask {
            policy: self.policy,
            tagged: self.tagged.clone(),
            tells_more: self.hooks.tell_more(),
            wanted,
        }
    }

    pub(super) fn key_ref(&self) -> KeyRef<'_> {
        KeyRef { space: &self.cache.space, bytes: &self.key }
    }
}

/// What a load of an entry needs of it.
#[derive(Clone)]
pub(super) struct Batcher {
    pub(super) guards: Guards,
    pub(super) limit: Duration,
    pub(super) hooks: Hooks,
    pub(super) space: Arc<Space>,
    pub(super) is_spelled: bool,
}

impl Batcher {
    /// What is loaded if the guards let it, looked at by the hooks.
    pub(super) fn batch<T: Cacheable, E: Into<Cause>>(
        self,
        load: impl Future<Output = Result<Option<T>, E>> + Send + 'static,
    ) -> Load {
        Box::pin(async move {
            let loaded = guarded(&self.guards, self.limit, load).await?;
            Ok(smallvec![self.hooks.look(loaded, &self.space, self.is_spelled)])
        })
    }
}

impl<V> std::fmt::Debug for CacheEntry<'_, V> {
    /// Without the key, which may be a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CacheEntry").field("policy", &self.policy).finish_non_exhaustive()
    }
}
