//! Lookups of single keys, gathered from all callers and loaded together. It keeps nothing: who
//! asks is given what was read after it asked.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::fmt;
use std::hash::Hash;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot::Receiver;

use super::batch::{Batch, Loaded};
use crate::depend::{self, Question};
use crate::error::{Error, Kind, Result};

/// Keys of one batch at most, unless the builder says otherwise.
const BATCH_MAX: usize = 100;

/// What a batch may fail with.
type Cause = Box<dyn StdError + Send + Sync>;

type Run<K, V> =
    dyn Fn(Vec<K>) -> Pin<Box<dyn Future<Output = Result<HashMap<K, V>>> + Send>> + Send + Sync;

/// Lookups of single keys that become few statements: what is asked for in one turn of the runtime,
/// by whatever number of callers, is loaded by one call of its function.
///
/// ```
/// use forebay::Loader;
///
/// # #[tokio::main]
/// # async fn main() -> forebay::Result<()> {
/// let db = forebay::open("sqlite::memory:").await?;
/// db.execute_batch("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
///                   INSERT INTO users VALUES (1, 'Ada'), (2, 'Grace')").await?;
/// let users: Loader<i64, (i64, String)> = Loader::new(move |ids| {
///     let db = db.clone();
///     async move {
///         db.query("SELECT id, name FROM users WHERE id IN (:keys)").load_one("id", ids).await
///     }
/// });
/// let (ada, nobody) = tokio::join!(users.load(1), users.load(3));
/// assert_eq!(ada?, Some((1, "Ada".to_owned())));
/// assert_eq!(nobody?, None);
/// # Ok(())
/// # }
/// ```
///
/// **Nothing is kept**, and no answer is older than its question: a lookup joins those whose
/// statement has not been sent, never one that has. So one loader may serve a whole process; the
/// cache of the [`crate::Db`] behind it answers what it knows.
///
/// The batch runs on a task of its own. A caller that gives up takes nothing from the others; a key
/// that nobody waits for any more is left out. An error, and a panic, is what everybody gets; one
/// of another library is the source of an [`Error::is_load_failed`]. What the batch reads counts as
/// read by each who waits, in the load of a [`crate::Cache`], too.
///
/// A clone is the same loader.
pub struct Loader<K, V>(Arc<Inner<K, V>>);

struct Inner<K, V> {
    run: Box<Run<K, V>>,
    batch_max: usize,
    delay: Duration,
    gathering: Mutex<Gathering<K, V>>,
}

struct Gathering<K, V> {
    /// Those who came since the last batch was sent.
    batch: Option<Batch<K, V>>,
    batches: u64,
}

/// Settings for a [`Loader`].
#[derive(Clone, Debug)]
#[must_use = "nothing is built until `build` is called"]
pub struct LoaderBuilder {
    batch_max: usize,
    delay: Duration,
}

impl LoaderBuilder {
    /// Keys of one batch at most: one that has as many is sent at once. 100 by default.
    pub fn max_batch(mut self, keys: usize) -> LoaderBuilder {
        self.batch_max = keys.max(1);
        self
    }

    /// How long a batch waits for more keys from when the first has come. Zero by default: as long
    /// as the tasks that are ready take to have their turn.
    pub fn delay(mut self, wait: Duration) -> LoaderBuilder {
        self.delay = wait;
        self
    }

    /// The loader that calls `load` with the keys of each batch, no key twice. What it leaves out
    /// of the map does not exist.
    pub fn build<K, V, E, F, Fut>(self, load: F) -> Loader<K, V>
    where
        E: Into<Box<dyn StdError + Send + Sync>>,
        F: Fn(Vec<K>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<HashMap<K, V>, E>> + Send + 'static,
    {
        let run = move |keys| {
            let loading = load(keys);
            let run: Pin<Box<dyn Future<Output = _> + Send>> =
                Box::pin(async move { loading.await.map_err(|error| failed(error.into())) });
            run
        };
        Loader(Arc::new(Inner {
            run: Box::new(run),
            batch_max: self.batch_max,
            delay: self.delay,
            gathering: Mutex::new(Gathering { batch: None, batches: 0 }),
        }))
    }
}

impl<K, V> Loader<K, V>
where
    K: Hash + Eq + Clone + Send + 'static,
    V: Clone + Send + 'static,
{
    /// The loader that calls `load` with the keys of each batch, no key twice. What it leaves out
    /// of the map does not exist.
    pub fn new<E, F, Fut>(load: F) -> Loader<K, V>
    where
        E: Into<Box<dyn StdError + Send + Sync>>,
        F: Fn(Vec<K>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<HashMap<K, V>, E>> + Send + 'static,
    {
        Self::builder().build(load)
    }

    /// Settings with their defaults.
    pub fn builder() -> LoaderBuilder {
        LoaderBuilder { batch_max: BATCH_MAX, delay: Duration::ZERO }
    }

    /// What there is under a key, read after this future was first polled. To be called within a
    /// tokio runtime.
    ///
    /// Cancel safe: dropped, it takes its key back if the batch has not been sent.
    pub async fn load(&self, key: K) -> Result<Option<V>> {
        let question = Question::begin();
        let waiting = self.join(key);
        let loaded = settle(waiting.await.ok());
        if let Some(question) = question {
            question.end();
        }
        loaded
    }

    /// The same for many keys, in their order.
    pub async fn load_all(&self, keys: impl IntoIterator<Item = K>) -> Result<Vec<Option<V>>> {
        let question = Question::begin();
        let waiting: Vec<_> = keys.into_iter().map(|key| self.join(key)).collect();
        let mut loaded = Vec::with_capacity(waiting.len());
        for waiting in waiting {
            loaded.push(settle(waiting.await.ok()));
        }
        if let Some(question) = question {
            question.end();
        }
        loaded.into_iter().collect()
    }

    fn join(&self, key: K) -> Receiver<Loaded<V>> {
        let mut gathering = self.0.gathering();
        let receiver = match &mut gathering.batch {
            Some(batch) => batch.join(key),
            None => {
                let number = gathering.batches;
                gathering.batches += 1;
                let batch = gathering.batch.insert(Batch::new(number));
                let receiver = batch.join(key);
                tokio::spawn(depart(self.0.clone(), number));
                receiver
            }
        };
        if gathering.batch.as_ref().is_some_and(|batch| batch.len() >= self.0.batch_max)
            && let Some(batch) = gathering.batch.take()
        {
            tokio::spawn(run(self.0.clone(), batch));
        }
        receiver
    }
}

impl<K, V> Inner<K, V> {
    fn gathering(&self) -> MutexGuard<'_, Gathering<K, V>> {
        self.gathering.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends a batch once others had time to join it, unless it was full before.
async fn depart<K, V>(inner: Arc<Inner<K, V>>, number: u64)
where
    K: Hash + Eq + Clone + Send + 'static,
    V: Clone + Send + 'static,
{
    match inner.delay.is_zero() {
        true => tokio::task::yield_now().await,
        false => tokio::time::sleep(inner.delay).await,
    }
    let batch = inner.gathering().batch.take_if(|batch| batch.number == number);
    if let Some(batch) = batch {
        run(inner, batch).await;
    }
}

/// Loads a batch, which nobody can join any more.
async fn run<K, V>(inner: Arc<Inner<K, V>>, mut batch: Batch<K, V>)
where
    K: Hash + Eq + Clone + Send + 'static,
    V: Clone + Send + 'static,
{
    let keys = batch.keys();
    if keys.is_empty() {
        return;
    }
    let (loaded, evidence) = depend::collect((inner.run)(keys)).await;
    batch.land(&loaded, &evidence);
}

/// The function of a loader has failed. An error of this crate stays what it is.
fn failed(cause: Cause) -> Error {
    match cause.downcast::<Error>() {
        Ok(error) => *error,
        Err(cause) => {
            let text = "the function of a loader failed: see the source of this error";
            Error::new(Kind::Load, text).with_cause(cause)
        }
    }
}

/// What was loaded, once it is noted what it rests on.
fn settle<V>(loaded: Option<Loaded<V>>) -> Result<Option<V>> {
    let Some((loaded, evidence)) = loaded else {
        depend::doubt(LOST);
        return Err(Error::new(
            Kind::Load,
            "the function of a loader panicked, or its runtime was shut down: see what the panic \
             has printed",
        ));
    };
    evidence.pass_on();
    if loaded.is_err() {
        depend::doubt(LOST);
    }
    loaded
}

/// Why what a caller does next rests on something that nobody vouches for.
const LOST: &str = "a loader in it failed";

impl<K, V> Clone for Loader<K, V> {
    fn clone(&self) -> Loader<K, V> {
        Loader(self.0.clone())
    }
}

impl<K, V> fmt::Debug for Loader<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loader").finish_non_exhaustive()
    }
}
