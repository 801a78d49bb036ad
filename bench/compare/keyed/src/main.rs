//! `forebay::Cache` beside moka, quick_cache, foyer and `cached`: a hit, a hit through the call
//! that could load, and 64 callers of one cold key. It checks what each answers before it measures,
//! and they take turns.

use std::future::Future;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use outcome::{Options, Outcome, median};

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

/// Its memory alone, without a disk.
#[derive(Clone)]
struct Foyer(foyer_memory::Cache<String, Arc<u64>>);

impl Contender for Foyer {
    fn name(&self) -> &'static str {
        "foyer"
    }

    async fn get(&self, key: &str) -> Option<Arc<u64>> {
        self.0.get(key).map(|entry| entry.value().clone())
    }

    async fn get_or_load<F>(&self, key: &str, load: F) -> Arc<u64>
    where
        F: Future<Output = u64> + Send + 'static,
    {
        let load = || async { Ok::<_, std::convert::Infallible>(Arc::new(load.await)) };
        let entry = self.0.get_or_fetch(key, load).await.expect("the load does not fail");
        entry.value().clone()
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

/// What one contender took in each round, in nanoseconds.
struct Times {
    name: &'static str,
    get: Vec<f64>,
    get_or_load: Vec<f64>,
    /// All callers of a cold key, one load included.
    cold: Vec<f64>,
    /// Loads of the cold key, of all rounds.
    loads: u32,
}

impl Times {
    async fn new(cache: &impl Contender) -> Result<Times, Fault> {
        for (n, key) in keys().iter().enumerate() {
            cache.get_or_load(key, async move { n as u64 }).await;
        }
        for (n, key) in keys().iter().enumerate() {
            if cache.get(key).await.as_deref() != Some(&(n as u64)) {
                return Err(format!("{} has lost {key}", cache.name()).into());
            }
        }
        let (get, get_or_load, cold) = (Vec::new(), Vec::new(), Vec::new());
        Ok(Times { name: cache.name(), get, get_or_load, cold, loads: 0 })
    }
}

fn keys() -> Vec<String> {
    (0..KEYS).map(|n| format!("page:{n}")).collect()
}

/// One round of one contender; the cold key is another one in each.
async fn round(cache: impl Contender, mut times: Times) -> Result<Times, Fault> {
    let keys = keys();
    let began = Instant::now();
    for n in 0..HITS {
        black_box(cache.get(&keys[n % KEYS]).await);
    }
    times.get.push(began.elapsed().as_nanos() as f64 / HITS as f64);
    let began = Instant::now();
    for n in 0..HITS {
        black_box(cache.get_or_load(&keys[n % KEYS], async { 0 }).await);
    }
    times.get_or_load.push(began.elapsed().as_nanos() as f64 / HITS as f64);
    let runs = Arc::new(AtomicU32::new(0));
    let cold = format!("cold:{}", times.cold.len());
    let began = Instant::now();
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let (cache, runs, cold) = (cache.clone(), runs.clone(), cold.clone());
            tokio::spawn(async move {
                let load = async move {
                    runs.fetch_add(1, Ordering::SeqCst);
                    tokio::time::sleep(LOAD).await;
                    1
                };
                cache.get_or_load(&cold, load).await
            })
        })
        .collect();
    for caller in callers {
        caller.await?;
    }
    times.cold.push(began.elapsed().as_nanos() as f64);
    times.loads += runs.load(Ordering::SeqCst);
    Ok(times)
}

/// All rounds, in which the contenders take turns. Forebay comes first.
async fn race(rounds: usize) -> Result<Vec<Times>, Fault> {
    let ttl = Duration::from_secs(3_600);
    let ours = Forebay(forebay::Cache::builder("compare").ttl(ttl).build()?);
    let moka = moka::future::Cache::builder().max_capacity(10 * KEYS as u64).time_to_live(ttl);
    let moka = Moka(moka.build());
    let quick = Quick(Arc::new(quick_cache::sync::Cache::new(10 * KEYS)));
    let foyer = Foyer(foyer_memory::CacheBuilder::new(10 * KEYS).build());
    let cached = cached::LruTtlCache::builder().max_size(10 * KEYS).ttl(ttl).build()?;
    let cached = Cached(Arc::new(tokio::sync::Mutex::new(cached)));
    let mut of_ours = Times::new(&ours).await?;
    let mut of_moka = Times::new(&moka).await?;
    let mut of_quick = Times::new(&quick).await?;
    let mut of_foyer = Times::new(&foyer).await?;
    let mut of_cached = Times::new(&cached).await?;
    for _ in 0..rounds {
        of_ours = tokio::spawn(round(ours.clone(), of_ours)).await??;
        of_moka = tokio::spawn(round(moka.clone(), of_moka)).await??;
        of_quick = tokio::spawn(round(quick.clone(), of_quick)).await??;
        of_foyer = tokio::spawn(round(foyer.clone(), of_foyer)).await??;
        of_cached = tokio::spawn(round(cached.clone(), of_cached)).await??;
    }
    Ok(vec![of_ours, of_moka, of_quick, of_foyer, of_cached])
}

fn print(all: &[Times], rounds: usize) {
    for times in all {
        let [get, get_or_load, cold] =
            [&times.get, &times.get_or_load, &times.cold].map(|rounds| median(rounds.clone()));
        println!(
            "{:<12} get {get:>6.0} ns   get_or_load {get_or_load:>6.0} ns   {CALLERS} callers of \
             a cold key: {:.1} load(s), {:.2} of its time",
            times.name,
            f64::from(times.loads) / rounds as f64,
            cold / LOAD.as_nanos() as f64,
        );
    }
}

fn outcome(all: &[Times]) -> Outcome {
    let mut outcome = Outcome::default();
    let lock = include_str!("../Cargo.lock");
    outcome.locked(lock, &["forebay", "moka", "quick_cache", "foyer-memory", "cached"]);
    let operations: [(&str, fn(&Times) -> &[f64]); 3] = [
        ("get from a keyed cache", |times| &times.get),
        ("get_or_load from a keyed cache", |times| &times.get_or_load),
        ("64 callers of a cold key, a load of 50 ms", |times| &times.cold),
    ];
    for (operation, of) in operations {
        let sides: Vec<_> = all.iter().map(|times| (times.name, of(times))).collect();
        outcome.operation(operation, sides[0], &sides[1..]);
    }
    outcome
}

fn main() -> Result<(), Fault> {
    let options = Options::from_args(5)?;
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(2).enable_time().build()?;
    let all = runtime.block_on(race(options.rounds))?;
    match options.json {
        true => outcome(&all).print(),
        false => print(&all, options.rounds),
    }
    Ok(())
}
