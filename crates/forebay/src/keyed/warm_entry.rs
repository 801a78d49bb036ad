//! One key with words of its own, to be kept warm.

use std::sync::Arc;

use super::Cacheable;
use super::core::Wanted;
use super::entry::CacheEntry;
use super::failure::Cause;
use super::hooks::{Admits, AnyType};
use super::keep::Keeper;
use crate::error::Result;

/// A key of a [`Cache`](crate::Cache) that is kept warm. See [`CacheEntry::keep_warm`].
#[derive(Debug)]
#[must_use = "nothing happens until it is loaded"]
pub struct WarmEntry<'a, V = AnyType>(CacheEntry<'a, V>);

impl<'a, V> WarmEntry<'a, V> {
    pub(super) fn new(entry: CacheEntry<'a, V>) -> WarmEntry<'a, V> {
        WarmEntry(entry)
    }

    /// As [`Cache::get_or_load`](crate::Cache::get_or_load), but that `load` is kept and called
    /// again for each load. As long as the key is kept warm, the load of the first call is the one
    /// that is run in the background.
    pub async fn get_or_load<T, E, F, Fut>(self, load: F) -> Result<Arc<T>>
    where
        T: Cacheable,
        V: Admits<T>,
        E: Into<Cause> + 'static,
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
    {
        let WarmEntry(entry) = self;
        let wanted = Wanted::of::<T>(false);
        let load = Arc::new(load);
        let keeper = || {
            let (load, batcher) = (load.clone(), entry.batcher());
            let load = move || {
                let load = load.clone();
                batcher.clone().batch(async move { load().await.map(Some) })
            };
            Keeper::new(entry.how(wanted), Box::new(load))
        };
        if !entry.is_past {
            entry.cache.core.keep_warm(&entry.key_ref().to_key(), keeper);
        }
        let content = entry.ask::<T, E>(false, async move { load().await.map(Some) }).await?;
        Ok(content.get().expect("nothing but a value of this type was asked for"))
    }
}
