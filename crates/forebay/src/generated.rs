//! What the code calls that `cached` and `invalidates` write. It is public for that code alone: no
//! promise is made of anything in it.

use std::borrow::Borrow;
use std::convert::Infallible;
use std::error::Error as StdError;
use std::marker::PhantomData;
use std::sync::Arc;

use tokio::runtime::Handle;

pub use crate::keyed::Returned;

use crate::error::{Error, Result};
use crate::keyed::{Cache, CacheEntry, Cacheable, Wants};

type Cause = Box<dyn StdError + Send + Sync>;

/// How what a function gives becomes what a cache keeps, and comes back.
pub trait Form<Given> {
    /// What is kept.
    type Value: Cacheable;
    /// Whether there may be none.
    const TAKES_NOTHING: bool;
    /// To the cache.
    fn keep(given: Given) -> Option<Arc<Self::Value>>;
    /// From the cache.
    fn give(value: Option<Arc<Self::Value>>) -> Given;
}

/// A value, of which each caller gets a copy.
#[derive(Debug)]
pub struct Plain;

/// A value that callers share.
#[derive(Debug)]
pub struct Shared;

/// A value, or none.
#[derive(Debug)]
pub struct Optional;

/// A value that callers share, or none.
#[derive(Debug)]
pub struct OptionalShared;

const ASKED: &str = "nothing but a value was asked for";

impl<T: Cacheable + Clone> Form<T> for Plain {
    type Value = T;
    const TAKES_NOTHING: bool = false;
    fn keep(given: T) -> Option<Arc<T>> {
        Some(Arc::new(given))
    }
    fn give(value: Option<Arc<T>>) -> T {
        Arc::unwrap_or_clone(value.expect(ASKED))
    }
}

impl<T: Cacheable> Form<Arc<T>> for Shared {
    type Value = T;
    const TAKES_NOTHING: bool = false;
    fn keep(given: Arc<T>) -> Option<Arc<T>> {
        Some(given)
    }
    fn give(value: Option<Arc<T>>) -> Arc<T> {
        value.expect(ASKED)
    }
}

impl<T: Cacheable + Clone> Form<Option<T>> for Optional {
    type Value = T;
    const TAKES_NOTHING: bool = true;
    fn keep(given: Option<T>) -> Option<Arc<T>> {
        given.map(Arc::new)
    }
    fn give(value: Option<Arc<T>>) -> Option<T> {
        value.map(Arc::unwrap_or_clone)
    }
}

impl<T: Cacheable> Form<Option<Arc<T>>> for OptionalShared {
    type Value = T;
    const TAKES_NOTHING: bool = true;
    fn keep(given: Option<Arc<T>>) -> Option<Arc<T>> {
        given
    }
    fn give(value: Option<Arc<T>>) -> Option<Arc<T>> {
        value
    }
}

impl<T: Cacheable> Returned<T> {
    /// What the body of a function has given.
    pub fn of<F: Form<G, Value = T>, G>(given: G) -> Returned<T> {
        Returned::new(F::keep(given))
    }
}

/// Asks the cache for what an async function gives.
pub async fn ask<F, G, E, L>(
    entry: CacheEntry<'_>,
    tells_tags: bool,
    load: impl FnOnce() -> L,
) -> Result<G>
where
    F: Form<G>,
    E: Into<Cause>,
    L: Future<Output = Result<Returned<F::Value>, E>> + Send + 'static,
{
    let wants = Wants { takes_nothing: F::TAKES_NOTHING, tells_tags };
    entry.call(wants, load).await.map(F::give)
}

/// The same of what is kept warm: `make` gives what begins a load each time it is called.
pub async fn ask_warm<F, G, E, L, M>(
    entry: CacheEntry<'_>,
    tells_tags: bool,
    make: impl Fn() -> M,
) -> Result<G>
where
    F: Form<G>,
    E: Into<Cause> + 'static,
    M: Fn() -> L + Send + Sync + 'static,
    L: Future<Output = Result<Returned<F::Value>, E>> + Send + 'static,
{
    let wants = Wants { takes_nothing: F::TAKES_NOTHING, tells_tags };
    entry.call_warm(wants, make).await.map(F::give)
}

/// Asks the cache for what a function that is not async gives.
pub fn ask_here<F, G, E, L>(entry: CacheEntry<'_>, tells_tags: bool, load: L) -> Result<G>
where
    F: Form<G>,
    E: Into<Cause>,
    L: FnOnce() -> Result<Returned<F::Value>, E>,
{
    let wants = Wants { takes_nothing: F::TAKES_NOTHING, tells_tags };
    entry.call_here(wants, load).map(F::give)
}

/// What a function has given that was run past its cache.
pub fn alone<F: Form<G>, G>(returned: Result<Returned<F::Value>, Infallible>) -> G {
    let Ok(returned) = returned;
    F::give(returned.into_value())
}

/// Logs why a function is run past its cache.
pub fn note_passed(error: &Error) {
    tracing::warn!(%error, "a cached function is run past its cache");
}

/// Logs why a deletion was not acknowledged, where the function cannot say it.
pub fn note_unacknowledged(deleted: Result<()>) {
    if let Err(error) = deleted {
        tracing::error!(%error, "what a function invalidates could not be deleted");
    }
}

/// A key of two parts. The first, a template, does not reach into the second.
pub fn joined(text: &str, key: &(impl AsRef<[u8]> + ?Sized)) -> Vec<u8> {
    [text.as_bytes(), b":", key.as_ref()].concat()
}

/// What is lent, made to last.
#[derive(Debug)]
pub struct Own<T: ToOwned + ?Sized>(T::Owned);

/// Makes last what is lent.
pub fn own<T: ToOwned + ?Sized>(lent: &T) -> Own<T> {
    Own(lent.to_owned())
}

/// Makes last what may be lent.
pub fn own_option<T: ToOwned + ?Sized>(lent: Option<&T>) -> Option<Own<T>> {
    lent.map(own)
}

/// Makes it last once more, for another load.
pub fn again<T: ToOwned + ?Sized>(own: &Own<T>) -> Own<T> {
    Own(own.lend().to_owned())
}

/// The same of what there may be.
pub fn again_option<T: ToOwned + ?Sized>(own: &Option<Own<T>>) -> Option<Own<T>> {
    own.as_ref().map(again)
}

impl<T: ToOwned + ?Sized> Own<T> {
    /// Lends it again.
    pub fn lend(&self) -> &T {
        self.0.borrow()
    }
}

/// Whether a closure says yes to a value.
pub fn judged<T>(value: &T, judges: impl FnOnce(&T) -> bool) -> bool {
    judges(value)
}

/// What a closure says of a value.
pub fn told<T>(value: &T, tells: impl FnOnce(&T) -> String) -> String {
    tells(value)
}

/// A `Result`, by whatever name.
pub trait Fallible {
    /// What it gives.
    type Given;
    /// What it fails with.
    type Error;
}

impl<T, E> Fallible for std::result::Result<T, E> {
    type Given = T;
    type Error = E;
}

/// What a `Result` gives.
pub type GivenOf<R> = <R as Fallible>::Given;

/// What a `Result` fails with.
pub type ErrorOf<R> = <R as Fallible>::Error;

/// Is there twice for a `Result`, so that one whose name does not say that it is one is refused:
/// its errors would be kept.
pub trait NoResult<Which> {
    /// Has no meaning.
    const NAMED: () = ();
}

impl<T: ?Sized> NoResult<()> for T {}

impl<T, E> NoResult<Infallible> for std::result::Result<T, E> {}

/// A way to find out what a function itself has failed with.
#[derive(Debug)]
pub struct Failure<E>(PhantomData<fn() -> E>);

impl<E> Failure<E> {
    /// For errors of this type.
    #[allow(clippy::new_without_default, reason = "it is for generated code")]
    pub fn new() -> Failure<E> {
        Failure(PhantomData)
    }
}

/// Errors that can be copied are given to all who waited, as they were.
pub trait OwnFailure<E> {
    /// The function's own error, if the load has failed with it.
    fn own(&self, error: &Error) -> Option<E>;
}

impl<E: StdError + Clone + 'static> OwnFailure<E> for Failure<E> {
    fn own(&self, error: &Error) -> Option<E> {
        let cause = error.is_load_failed().then(|| error.source()).flatten()?;
        cause.downcast_ref().cloned()
    }
}

/// All others come as the source of an error of the cache.
pub trait OtherFailure<E> {
    /// None.
    fn own(&self, error: &Error) -> Option<E>;
}

impl<E> OtherFailure<E> for &Failure<E> {
    fn own(&self, _: &Error) -> Option<E> {
        None
    }
}

/// What a function deletes when it has succeeded. Dropped before that is known, it deletes as well:
/// the function may have had its effect.
#[derive(Debug)]
pub struct Deletions {
    cache: Cache,
    left: Vec<Deletion>,
    /// Whether a task of its own was begun for what was left: there is no second one.
    is_task: bool,
}

#[derive(Debug)]
enum Deletion {
    Key(String),
    Pattern(String),
    Tag(String),
}

impl Deletions {
    /// None yet, of this cache.
    pub fn new(cache: &Cache) -> Deletions {
        Deletions { cache: cache.clone(), left: Vec::new(), is_task: false }
    }

    /// A key.
    pub fn key(&mut self, key: String) {
        self.left.push(Deletion::Key(key));
    }

    /// All keys that match.
    pub fn pattern(&mut self, pattern: String) {
        self.left.push(Deletion::Pattern(pattern));
    }

    /// All that has a tag.
    pub fn tag(&mut self, tag: String) {
        self.left.push(Deletion::Tag(tag));
    }

    /// Nothing is to be deleted after all.
    pub fn waive(&mut self) {
        self.left.clear();
    }

    /// Deletes all of it, and is acknowledged.
    pub async fn run(mut self) -> Result<()> {
        let mut outcome = Ok(());
        // Taken out once it is done, so that whoever gives this up leaves the rest to the drop.
        while let Some(deletion) = self.left.last() {
            let done = deletion.run(&self.cache).await;
            outcome = outcome.and(done);
            self.left.pop();
        }
        outcome
    }

    /// The same on this thread.
    pub fn run_here(mut self) -> Result<()> {
        let mut outcome = Ok(());
        for deletion in self.left.drain(..) {
            outcome = outcome.and(deletion.run_here(&self.cache));
        }
        outcome
    }
}

impl Drop for Deletions {
    fn drop(&mut self) {
        if self.left.is_empty() {
            return;
        }
        let left = std::mem::take(&mut self.left);
        let rest = Deletions { cache: self.cache.clone(), left, is_task: true };
        match Handle::try_current() {
            Ok(runtime) if !self.is_task => {
                runtime.spawn(async move { note_unacknowledged(rest.run().await) });
            }
            _ => note_unacknowledged(rest.run_here()),
        }
    }
}

impl Deletion {
    async fn run(&self, cache: &Cache) -> Result<()> {
        match self {
            Deletion::Key(key) => cache.delete(key).await.map(drop),
            Deletion::Pattern(pattern) => cache.delete_pattern(pattern).await.map(drop),
            Deletion::Tag(tag) => cache.delete_by_tag(tag).await,
        }
    }

    fn run_here(&self, cache: &Cache) -> Result<()> {
        let cache = cache.blocking();
        match self {
            Deletion::Key(key) => cache.delete(key).map(drop),
            Deletion::Pattern(pattern) => cache.delete_pattern(pattern).map(drop),
            Deletion::Tag(tag) => cache.delete_by_tag(tag),
        }
    }
}
