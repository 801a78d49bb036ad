//! Loading many keys before anybody asks for them, some at a time.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::Cacheable;
use super::cache::Cache;
use super::failure::Cause;
use crate::error::Result;

/// Loads that run at a time unless it is said otherwise.
const CONCURRENCY: usize = 8;

/// How far a warming has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WarmProgress {
    /// Keys that are there now, whether they were loaded for it or had been there.
    pub warm: u64,
    /// Keys whose load failed.
    pub failed: u64,
}

type Listener<'a> = Box<dyn FnMut(WarmProgress) + Send + 'a>;

/// How a cache is to be warmed. See [`Cache::warm`].
#[must_use = "nothing is loaded until `load` is called"]
pub struct Warming<'a> {
    cache: &'a Cache,
    concurrency: usize,
    listener: Option<Listener<'a>>,
}

impl Cache {
    /// Loads what is not there yet under `keys`, at most 8 at a time, and waits for it. A load that
    /// fails is counted and logged, and does not end the others.
    ///
    /// When it is dropped, no more loads are begun.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), forebay::Error> {
    /// # async fn fetch(n: u32) -> Result<String, std::io::Error> { Ok(format!("page {n}")) }
    /// # let cache = forebay::Cache::builder("app").build()?;
    /// let keys = (0..100).map(|n| format!("page:{n}"));
    /// let warm = cache.warm(keys, |key| async move {
    ///     fetch(key["page:".len()..].parse().unwrap_or(0)).await
    /// });
    /// assert_eq!(warm.await.warm, 100);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn warm<K, T, E, F, Fut>(
        &self,
        keys: impl IntoIterator<Item = K>,
        load: F,
    ) -> WarmProgress
    where
        K: AsRef<[u8]> + Clone + Send + 'static,
        T: Cacheable,
        E: Into<Cause> + 'static,
        F: Fn(K) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
    {
        self.warming().load(keys, load).await
    }

    /// The same with words of its own.
    pub fn warming(&self) -> Warming<'_> {
        Warming { cache: self, concurrency: CONCURRENCY, listener: None }
    }
}

impl<'a> Warming<'a> {
    /// How many loads run at a time; at least 1. Default: 8.
    pub fn concurrency(mut self, loads: usize) -> Self {
        self.concurrency = loads.max(1);
        self
    }

    /// Is called after each key.
    pub fn on_progress(mut self, listener: impl FnMut(WarmProgress) + Send + 'a) -> Self {
        self.listener = Some(Box::new(listener));
        self
    }

    /// As [`Cache::warm`].
    pub async fn load<K, T, E, F, Fut>(
        mut self,
        keys: impl IntoIterator<Item = K>,
        load: F,
    ) -> WarmProgress
    where
        K: AsRef<[u8]> + Clone + Send + 'static,
        T: Cacheable,
        E: Into<Cause> + 'static,
        F: Fn(K) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
    {
        let load = Arc::new(load);
        let mut keys = keys.into_iter();
        let mut running = JoinSet::new();
        let mut progress = WarmProgress::default();
        loop {
            while running.len() < self.concurrency
                && let Some(key) = keys.next()
            {
                let (cache, load) = (self.cache.clone(), load.clone());
                running.spawn(async move {
                    let asked = key.clone();
                    cache.get_or_load(key, move || load(asked)).await.map(|_: Arc<T>| ())
                });
            }
            let Some(joined) = running.join_next().await else { return progress };
            match joined {
                Ok(Ok(())) => progress.warm += 1,
                Ok(Err(error)) => {
                    tracing::warn!(cache = self.cache.core.name, %error, "warming a key failed");
                    progress.failed += 1;
                }
                Err(_) => progress.failed += 1,
            }
            if let Some(listener) = &mut self.listener {
                listener(progress);
            }
        }
    }
}

impl std::fmt::Debug for Warming<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Warming").field("concurrency", &self.concurrency).finish_non_exhaustive()
    }
}
