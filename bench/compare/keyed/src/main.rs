//! `forebay::Cache` beside moka, quick_cache and `cached`: a hit, a hit through the call that
//! could load, and 64 callers of one cold key. It checks what each answers before it measures.

use std::future::Future;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

const KEYS: usize = 1_000;
const HITS: usize = 200_000;
const CALLERS: usize = 64;
const LOAD: Duration = Duration::from_millis(50);

type Fault = Box<dyn std::error::Error + Send + Sync>;

/// A cache under test, of numbers under texts.
trait Contender: Clone + Send + Sync + 'static {
    fn name(&self) -> &'static str;

    fn get(&self, key: &str) -> impl Future<Output = Option<Arc<u64>>> + Send;

    fn get_or_load<F>(&self, key: &str, load: F) -> impl Future<Output = Arc<u64>> + Send
    where
        F: Future<Output = u64> + Send + 'static;
}

#[derive(Clone)]
struct Forebay(forebay::Cache);

impl Contender for Forebay {
    fn name(&self) -> &'static str {
        "forebay"
    }

    async fn get(&self, key: &str) -> Option<Arc<u64>> {
        self.0.get(key).await
    }

    async fn get_or_load<F>(&self, key: &str, load: F) -> Arc<u64>
    where
        F: Future<Output = u64> + Send + 'static,
    {
        let load = || async { Ok::<_, forebay::Error>(load.await) };
        self.0.get_or_load(key, load).await.expect("the load does not fail")
    }
}

#[derive(Clone)]
struct Moka(moka::future::Cache<String, Arc<u64>>);

impl Contender for Moka {
    fn name(&self) -> &'static str {
        "moka"
    }

    async fn get(&self, key: &str) -> Option<Arc<u64>> {
        self.0.get(key).await
    }

    async fn get_or_load<F>(&self, key: &str, load: F) -> Arc<u64>
    where
        F: Future<Output = u64> + Send + 'static,
    {
        self.0.get_with_by_ref(key, async { Arc::new(load.await) }).await
    }
}

#[derive(Clone)]
struct Quick(Arc<quick_cache::sync::Cache<String, Arc<u64>>>);

impl Contender for Quick {
    fn name(&self) -> &'static str {
        "quick_cache"
    }

    async fn get(&self, key: &str) -> Option<Arc<u64>> {
        self.0.get(key)
    }

    async fn get_or_load<F>(&self, key: &str, load: F) -> Arc<u64>
    where
        F: Future<Output = u64> + Send + 'static,
    {
        let load = async { Ok::<_, std::convert::Infallible>(Arc::new(load.await)) };
        let Ok(value) = self.0.get_or_insert_async(key, load).await;
        value
    }
}

/// What the macro of `cached` makes of an async function with `sync_writes`: one lock around a
/// store, held while it loads. The crate has no single flight by itself.
#[derive(Clone)]
struct Cached(Arc<tokio::sync::Mutex<cached::LruTtlCache<String, Arc<u64>>>>);

impl Contender for Cached {
    fn name(&self) -> &'static str {
        "cached"
    }

    async fn get(&self, key: &str) -> Option<Arc<u64>> {
        use cached::Cached as _;
        self.0.lock().await.cache_get(key).cloned()
    }

    async fn get_or_load<F>(&self, key: &str, load: F) -> Arc<u64>
    where
        F: Future<Output = u64> + Send + 'static,
    {
        use cached::Cached as _;
        let mut store = self.0.lock().await;
        if let Some(value) = store.cache_get(key) {
            return value.clone();
        }
        let value = Arc::new(load.await);
        let _ = store.cache_set(key.to_owned(), value.clone());
        value
    }
}

async fn measure(cache: impl Contender) -> Result<(), Fault> {
    let keys: Vec<String> = (0..KEYS).map(|n| format!("page:{n}")).collect();
    for (n, key) in keys.iter().enumerate() {
        cache.get_or_load(key, async move { n as u64 }).await;
    }
    for (n, key) in keys.iter().enumerate() {
        if cache.get(key).await.as_deref() != Some(&(n as u64)) {
            return Err(format!("{} has lost {key}", cache.name()).into());
        }
    }
    let began = Instant::now();
    for n in 0..HITS {
        black_box(cache.get(&keys[n % KEYS]).await);
    }
    let get = began.elapsed() / HITS as u32;
    let began = Instant::now();
    for n in 0..HITS {
        black_box(cache.get_or_load(&keys[n % KEYS], async { 0 }).await);
    }
    let get_or_load = began.elapsed() / HITS as u32;
    let runs = Arc::new(AtomicU32::new(0));
    let began = Instant::now();
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let (cache, runs) = (cache.clone(), runs.clone());
            tokio::spawn(async move {
                let load = async move {
                    runs.fetch_add(1, Ordering::SeqCst);
                    tokio::time::sleep(LOAD).await;
                    1
                };
                cache.get_or_load("cold", load).await
            })
        })
        .collect();
    for caller in callers {
        caller.await?;
    }
    let cold = began.elapsed().as_secs_f64() / LOAD.as_secs_f64();
    let runs = runs.load(Ordering::SeqCst);
    println!(
        "{:<12} get {get:>8.0?}   get_or_load {get_or_load:>8.0?}   \
         {CALLERS} callers of a cold key: {runs} load(s), {cold:.2} of its time",
        cache.name(),
    );
    Ok(())
}

fn main() -> Result<(), Fault> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(2).enable_time().build()?;
    let ttl = Duration::from_secs(3_600);
    runtime.block_on(async {
        tokio::spawn(measure(Quick(Arc::new(quick_cache::sync::Cache::new(10 * KEYS))))).await??;
        let cache = forebay::Cache::builder("compare").ttl(ttl).build()?;
        tokio::spawn(measure(Forebay(cache))).await??;
        let moka = moka::future::Cache::builder().max_capacity(10 * KEYS as u64).time_to_live(ttl);
        tokio::spawn(measure(Moka(moka.build()))).await??;
        let cached = cached::LruTtlCache::builder().max_size(10 * KEYS).ttl(ttl).build()?;
        tokio::spawn(measure(Cached(Arc::new(tokio::sync::Mutex::new(cached))))).await??;
        Ok(())
    })
}
