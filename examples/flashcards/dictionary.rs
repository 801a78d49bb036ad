//! The way to the dictionary: memory, then the disk, then the API behind a breaker, a limiter that
//! keeps to what the API allows, and retries. What it once said outlives the process.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use forebay::{Again, Breaker, Cache, Disk, Limiter, Quota, Result, Retry};

use super::api::Api;

/// Calls a second that the API allows.
const CALLS_PER_SECOND: u32 = 200;

#[derive(Clone)]
pub(super) struct Dictionary {
    pub(super) cache: Cache,
    pub(super) disk: Disk,
    pub(super) breaker: Breaker,
    pub(super) limiter: Limiter,
    pub(super) retry: Retry,
    pub(super) api: Arc<Api>,
}

impl Dictionary {
    pub(super) async fn open(folder: &Path, ttl: Duration) -> Result<Dictionary> {
        let disk = Disk::builder(folder.join("answers")).bytes_max(256 << 20).open().await?;
        let breaker =
            Breaker::builder().named("dictionary").open_for(Duration::from_secs(2)).build();
        let cache = Cache::builder("answers")
            .ttl(ttl)
            // What is in use is loaded again before it expires, so that nobody waits for it.
            .refresh_ahead(ttl / 10)
            .stale_if_error(Duration::from_hours(30 * 24))
            .guarded_by(&breaker)
            .disk(disk.clone())
            .build()?;
        let quota = Quota::per_second(CALLS_PER_SECOND);
        let api = Api { quota: Limiter::new(quota), calls: 0.into(), is_down: false.into() };
        // A little less than is allowed, so that what is in line is not refused there.
        let quota = Quota::per_second(CALLS_PER_SECOND * 9 / 10).burst(CALLS_PER_SECOND / 2);
        let limiter = Limiter::builder(quota).wait_max(Duration::from_secs(5)).build();
        let retry = Retry::new(3).backoff(Duration::from_millis(20), Duration::from_millis(500));
        Ok(Dictionary { cache, disk, breaker, limiter, retry, api: Arc::new(api) })
    }

    /// What `stage` makes of a word. Of all who ask for one, one asks the API.
    pub(super) async fn ask(&self, stage: &str, word: &str) -> Result<Arc<String>> {
        let (own, key) = (self.clone(), format!("{stage}:{word}"));
        let entry = self.cache.entry(&key).tag(format!("word:{word}")).tag(stage);
        entry.get_or_load(move || own.load(key)).await
    }

    /// Loads what stands under a key, `stage:word`.
    async fn load(self, key: String) -> Result<String, &'static str> {
        let (stage, word) = key.split_once(':').unwrap_or_default();
        let call = || async {
            self.limiter.acquire("").await.map_err(|_| "too many are in line")?;
            self.api.call(stage, word).await
        };
        self.retry.run_any(call, |_: &&'static str| Again::Soon).await
    }

    /// Loads what was asked for most before the process ended.
    pub(super) async fn warm(&self, list: &Path) {
        let own = self.clone();
        let load = move |key: Vec<u8>| own.clone().load(String::from_utf8_lossy(&key).into_owned());
        if let Err(error) = self.cache.warm_from(list, load).await {
            tracing::warn!(%error, "begins cold");
        }
    }
}
