//! The handle of a cache or of a namespace in it. It composes nothing: what it does is in `core`,
//! `load` and `many`.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::Cacheable;
use super::blocking::Blocking;
use super::builder::CacheBuilder;
use super::core::{Core, Reach, Wanted};
use super::entry::CacheEntry;
use super::failure::Cause;
use super::key::{Key, KeyRef};
use super::policy::Policy;
use super::space::Space;
use super::stats::KeyedStats;
use crate::error::Result;
use crate::glob::Glob;
use crate::guard::Guards;

/// A cache for whatever an application computes or fetches, under keys of its own, with or without
/// a database. A clone is cheap and is the same cache.
///
/// ```
/// # use std::time::Duration;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), forebay::Error> {
/// # async fn fetch(n: u32) -> Result<String, std::io::Error> { Ok(format!("page {n}")) }
/// let cache = forebay::Cache::builder("app").ttl(Duration::from_secs(600)).build()?;
/// let pages = cache.namespace("pages");
///
/// let page = pages.get_or_load("42", || async { fetch(42).await }).await?; // runs the load
/// let again = pages.get_or_load("42", || async { fetch(42).await }).await?; // does not
/// assert_eq!(page, again);
///
/// pages.delete("42").await?;
/// assert_eq!(pages.get::<String>("42").await, None);
/// # Ok(())
/// # }
/// ```
///
/// A key is whatever gives bytes. It belongs to the namespace of the handle, and no bytes in a key
/// can reach another namespace. What stands under a key has one type: asked for as another, it is a
/// miss.
///
/// What is loaded through [`get_or_load`](Cache::get_or_load) rests on the queries that are run in
/// the load through a [`Db`](crate::Db): a write that changes one of their answers makes it untrue
/// at once. What was not read by queries is deleted by its key, by a pattern or by a tag, or
/// expires.
///
/// Once a deletion is acknowledged, nobody who asks after that is given a value whose load began
/// before it.
#[derive(Clone)]
pub struct Cache {
    pub(super) core: Arc<Core>,
    pub(super) space: Arc<Space>,
    pub(super) policy: Policy,
    pub(super) guards: Guards,
}

impl Cache {
    /// Settings for a cache; `name` is what it is called.
    pub fn builder(name: impl Into<String>) -> CacheBuilder {
        CacheBuilder::new(name.into())
    }

    /// A handle for the keys of a namespace within this one. Namespaces need not be declared; two
    /// handles of one name are the same namespace.
    #[must_use]
    pub fn namespace(&self, name: &str) -> Cache {
        let space = Arc::new(self.space.child(name));
        Cache { space, ..self.clone() }
    }

    /// A key with words of its own.
    pub fn entry(&self, key: impl AsRef<[u8]>) -> CacheEntry<'_> {
        CacheEntry::new(self, key.as_ref())
    }

    /// The same cache for code that is not async.
    pub fn blocking(&self) -> Blocking<'_> {
        Blocking::new(self)
    }

    /// The fresh value under a key, if there is one of this type.
    pub async fn get<T: Cacheable>(&self, key: impl AsRef<[u8]>) -> Option<Arc<T>> {
        let key = key.as_ref();
        if let Some(value) = self.get_now(key) {
            return Some(value);
        }
        self.core.below.as_ref()?;
        let key = self.key(key).to_key();
        let wanted = Wanted::of::<T>(false);
        let mut risen = self.core.rise(std::slice::from_ref(&key), wanted, &self.policy).await;
        risen.pop()??.content.get()
    }

    #[inline]
    pub(super) fn get_now<T: Cacheable>(&self, key: &[u8]) -> Option<Arc<T>> {
        let wanted = Wanted::of::<T>(false);
        self.core.get(self.key(key), wanted)?.content.get()
    }

    /// The fresh values under several keys, in their order.
    pub async fn get_many<T: Cacheable>(
        &self,
        keys: impl IntoIterator<Item: AsRef<[u8]>>,
    ) -> Vec<Option<Arc<T>>> {
        let (mut values, mut missing) = (Vec::new(), Vec::new());
        for (at, key) in keys.into_iter().enumerate() {
            let value = self.get_now(key.as_ref());
            if value.is_none() && self.core.below.is_some() {
                missing.push((at, self.key(key.as_ref()).to_key()));
            }
            values.push(value);
        }
        if missing.is_empty() {
            return values;
        }
        let (places, keys): (Vec<usize>, Vec<Key>) = missing.into_iter().unzip();
        let risen = self.core.rise(&keys, Wanted::of::<T>(false), &self.policy).await;
        for (at, risen) in places.into_iter().zip(risen) {
            values[at] = risen.and_then(|kept| kept.content.get());
        }
        values
    }

    /// Keeps a value in place of what stands under the key. A load of the key that is under way is
    /// not kept. Values larger than about a tenth of the bound are not kept either.
    ///
    /// With Redis it returns once all processes have been told, or have not: that is logged and
    /// counted (`unacknowledged`), and [`Cache::try_set`] says so.
    pub async fn set<T: Cacheable>(&self, key: impl AsRef<[u8]>, value: T) {
        self.entry(key).set(value).await;
    }

    /// The same for a value that is shared already.
    pub async fn set_shared<T: Cacheable>(&self, key: impl AsRef<[u8]>, value: Arc<T>) {
        self.entry(key).set_shared(value).await;
    }

    /// Keeps a value as [`Cache::set`] does, for those who have to know whether everybody is given
    /// it from now on.
    ///
    /// # Errors
    ///
    /// One that [`is_outcome_unknown`](crate::Error::is_outcome_unknown) when Redis has not
    /// acknowledged it. This process has nothing in memory then; Redis, and so other processes, may
    /// have the value from before or this one: repeat it, or delete the key. None without Redis: a
    /// disk that does not take a value forgets what it had.
    pub async fn try_set<T: Cacheable>(&self, key: impl AsRef<[u8]>, value: T) -> Result<()> {
        self.entry(key).try_set(value).await
    }

    /// The value under a key, loaded by `load` if there is none that is fresh.
    ///
    /// Of all who ask for one key at a time one load is run, in a task of its own on the tokio
    /// runtime of the caller who began it; the others wait and are given the same `Arc`. It goes on
    /// when callers give up, that is, drop the future. Who joins a load whose queries had run
    /// before his call is given what they say as long as no write has changed it since; else he
    /// loads anew.
    ///
    /// # Errors
    ///
    /// What the load fails with, for all who wait: an [`Error`](crate::Error) as it is, anything
    /// else as the source of one that [`is_load_failed`](crate::Error::is_load_failed), which a
    /// panic becomes too. [`is_timeout`](crate::Error::is_timeout) when it takes longer than
    /// `load_timeout`; nobody waits for more than a second longer. Nothing is stored then, what
    /// stood there stays. [`is_usage`](crate::Error::is_usage) within a load of the same key, and
    /// outside a tokio runtime with its time enabled.
    pub async fn get_or_load<T, E, F, Fut>(&self, key: impl AsRef<[u8]>, load: F) -> Result<Arc<T>>
    where
        T: Cacheable,
        E: Into<Cause>,
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
    {
        self.entry(key).get_or_load(load).await
    }

    /// The same where there may be none: that is kept as well, for the `negative_ttl`.
    ///
    /// # Errors
    ///
    /// As [`Cache::get_or_load`].
    pub async fn get_or_load_optional<T, E, F, Fut>(
        &self,
        key: impl AsRef<[u8]>,
        load: F,
    ) -> Result<Option<Arc<T>>>
    where
        T: Cacheable,
        E: Into<Cause>,
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Result<Option<T>, E>> + Send + 'static,
    {
        self.entry(key).get_or_load_optional(load).await
    }

    /// Removes what stands under a key; true if it was fresh. A load of it that is under way is not
    /// kept, and nobody who asks from now on is given what it loads.
    ///
    /// With tiers it is acknowledged once these have done it too: then no process that shares them
    /// is given what was there. Dropping the future leaves open whether that happens.
    ///
    /// # Errors
    ///
    /// None as long as there is only memory. With tiers, an error that
    /// [`is_outcome_unknown`](crate::Error::is_outcome_unknown) when one has not acknowledged it:
    /// this process has nothing in memory any more, but the tier may; repeat it.
    pub async fn delete(&self, key: impl AsRef<[u8]>) -> Result<bool> {
        self.core.delete_through(&self.key(key.as_ref()).to_key()).await
    }

    /// Removes the keys of this namespace, not of those within it, that match: `*` stands for any
    /// bytes, `?` for one, and `\` takes the next one literally. Gives how many were fresh. Cost:
    /// all entries.
    ///
    /// # Errors
    ///
    /// As [`Cache::delete`].
    pub async fn delete_pattern(&self, pattern: impl AsRef<[u8]>) -> Result<u64> {
        let reach = Reach::Matching(&self.space, Glob::new(pattern.as_ref()));
        self.core.delete_all_through(&reach).await
    }

    /// Makes untrue whatever has a tag, in this namespace and all within it. Cost: none that
    /// depends on the entries. They are found when they are asked for, so it cannot say how many.
    ///
    /// # Errors
    ///
    /// As [`Cache::delete`].
    pub async fn delete_by_tag(&self, tag: impl AsRef<str>) -> Result<()> {
        self.core.delete_by_tag_through(&self.space, tag.as_ref().as_bytes()).await
    }

    /// Removes everything in this namespace and all within it; how many were fresh. Cost: all
    /// entries.
    ///
    /// # Errors
    ///
    /// As [`Cache::delete`].
    pub async fn clear(&self) -> Result<u64> {
        self.core.delete_all_through(&Reach::Within(&self.space)).await
    }

    /// Adds `by` to the number under a key, atomically, and gives the sum. What is not there counts
    /// as 0 and gets the ttl of the cache; a number that is there keeps its expiry. It is an `i64`
    /// for [`Cache::get`].
    ///
    /// # Errors
    ///
    /// [`is_usage`](crate::Error::is_usage) when what stands there is no `i64`, and when the sum
    /// would not be one.
    pub async fn increment(&self, key: impl AsRef<[u8]>, by: i64) -> Result<i64> {
        self.entry(key).increment(by).await
    }

    /// Whether there is something fresh under a key, of whatever type; "there is none" is
    /// something. Not counted, and not noted as a use.
    pub async fn contains(&self, key: impl AsRef<[u8]>) -> bool {
        let key = key.as_ref();
        if self.contains_now(key) {
            return true;
        }
        self.core.glance_through(&self.key(key).to_key()).await.is_some()
    }

    pub(super) fn contains_now(&self, key: &[u8]) -> bool {
        self.core.glance(self.key(key)).is_some()
    }

    /// How long what stands under a key is still fresh, if it is; `Duration::MAX` when only a
    /// change ends it. Not counted, and not noted as a use.
    pub async fn ttl(&self, key: impl AsRef<[u8]>) -> Option<Duration> {
        let key = key.as_ref();
        match self.ttl_now(key) {
            None if self.core.below.is_some() => {
                self.core.glance_through(&self.key(key).to_key()).await
            }
            left => left,
        }
    }

    pub(super) fn ttl_now(&self, key: &[u8]) -> Option<Duration> {
        let kept = self.core.glance(self.key(key))?;
        Some(kept.life.left(self.core.now()))
    }

    /// Begins the ttl and the idle time of what stands under a key anew, if it is fresh, and says
    /// whether it was.
    pub async fn touch(&self, key: impl AsRef<[u8]>) -> bool {
        let key = key.as_ref();
        let was_here = self.touch_now(key);
        self.core.touch_through(&self.key(key).to_key()).await || was_here
    }

    pub(super) fn touch_now(&self, key: &[u8]) -> bool {
        let kept = self.core.glance(self.key(key));
        if let Some(kept) = &kept {
            kept.life.touch(self.core.now());
        }
        kept.is_some()
    }

    /// Keeps what stands under a key warm no longer; whether it was kept so.
    pub fn cool(&self, key: impl AsRef<[u8]>) -> bool {
        self.core.keepers.remove(&self.key(key.as_ref()).to_key())
    }

    /// Keeps nothing warm any longer in this namespace and all within it; how many entries were.
    ///
    /// What is kept warm holds what its load has captured. Where that is a handle of this cache, as
    /// it is for a [`cached`](macro@crate::cached) method of what has the cache in it, the cache
    /// stays as long as it keeps the entry warm, even if nobody else has a handle: this lets it go.
    pub fn cool_all(&self) -> usize {
        self.core.keepers.remove_all(&Reach::Within(&self.space))
    }

    /// The disk tier of the cache, if it has one: its health and its statistics are there.
    #[cfg(feature = "disk")]
    pub fn disk(&self) -> Option<&crate::tier::Disk> {
        self.core.below.as_ref()?.disk.as_ref()
    }

    /// The tier in Redis, if the cache has one: its statistics are there.
    #[cfg(feature = "redis")]
    pub fn redis(&self) -> Option<&crate::tier::redis::Redis> {
        self.core.below.as_ref()?.redis.as_ref()
    }

    /// What the cache has done since it was built, all namespaces together. Cost: a walk over the
    /// loads under way.
    pub fn stats(&self) -> KeyedStats {
        self.core.stats()
    }

    pub(super) fn key<'a>(&'a self, bytes: &'a [u8]) -> KeyRef<'a> {
        KeyRef { space: &self.space, bytes }
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").field("name", &self.core.name).finish_non_exhaustive()
    }
}
