//! A bulkhead: how many calls may be at work at once, and how many may wait for that. It keeps what
//! is slow from taking everything with it. It does not say how often or how long.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::name::Name;
use crate::error::{Error, Kind, Result};

/// The longest wait for a place, unless the builder says otherwise.
const WAIT_MAX: Duration = Duration::from_secs(10);

/// Lets so many calls be at work at once, and so many wait in turn for a place. A clone is cheap
/// and is the same bulkhead.
///
/// ```
/// use forebay::Bulkhead;
/// # async fn report() -> forebay::Result<u32> { Ok(1) }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> forebay::Result<()> {
/// let reports = Bulkhead::new(2, 0);
/// let (first, second) = (reports.enter().await?, reports.enter().await?);
/// assert!(reports.enter().await.unwrap_err().is_overloaded());
/// drop(first);
/// assert_eq!(reports.run(report()).await?, 1);
/// # drop(second);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Bulkhead {
    inner: Arc<Inner>,
}

struct Inner {
    name: Name,
    concurrent: usize,
    waiting_max: usize,
    wait_max: Duration,
    places: Arc<Semaphore>,
    waiting: AtomicUsize,
    admitted: AtomicU64,
    waited: AtomicU64,
    refused: AtomicU64,
}

/// Settings of a [`Bulkhead`], from [`Bulkhead::builder`].
#[derive(Clone, Debug)]
pub struct BulkheadBuilder {
    name: Name,
    concurrent: usize,
    waiting_max: usize,
    wait_max: Duration,
}

/// Counters of a [`Bulkhead`] since it was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BulkheadStats {
    /// Calls at work now.
    pub running: usize,
    /// Callers that wait now.
    pub waiting: usize,
    /// Calls that were let in.
    pub admitted: u64,
    /// Of these, calls that had to wait.
    pub waited: u64,
    /// Calls that were refused, or whose caller gave up waiting.
    pub refused: u64,
}

impl BulkheadBuilder {
    /// What errors call it; empty by default.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> BulkheadBuilder {
        self.name = Name(name.into());
        self
    }

    /// The longest wait for a place; 10 s by default.
    #[must_use]
    pub fn wait_max(mut self, wait_max: Duration) -> BulkheadBuilder {
        self.wait_max = wait_max;
        self
    }

    /// The bulkhead, with all places free.
    pub fn build(self) -> Bulkhead {
        let BulkheadBuilder { name, concurrent, waiting_max, wait_max } = self;
        Bulkhead {
            inner: Arc::new(Inner {
                name,
                concurrent,
                waiting_max,
                wait_max,
                places: Arc::new(Semaphore::new(concurrent)),
                waiting: AtomicUsize::new(0),
                admitted: AtomicU64::new(0),
                waited: AtomicU64::new(0),
                refused: AtomicU64::new(0),
            }),
        }
    }
}

impl Bulkhead {
    /// A bulkhead with the defaults of [`BulkheadBuilder`].
    pub fn new(concurrent: usize, waiting_max: usize) -> Bulkhead {
        Bulkhead::builder(concurrent, waiting_max).build()
    }

    /// Settings for a bulkhead that lets `concurrent` calls be at work at once, 1 at least, and
    /// `waiting_max` others wait.
    pub fn builder(concurrent: usize, waiting_max: usize) -> BulkheadBuilder {
        let concurrent = concurrent.clamp(1, Semaphore::MAX_PERMITS);
        BulkheadBuilder { name: Name::default(), concurrent, waiting_max, wait_max: WAIT_MAX }
    }

    /// A place, in turn with others who wait; given back when it is dropped.
    ///
    /// It is refused ([`Error::is_overloaded`]) at once when `waiting_max` others wait, and when
    /// none has become free within `wait_max`. Dropping the future gives up the place in line.
    pub async fn enter(&self) -> Result<Place> {
        if let Ok(permit) = self.inner.places.clone().try_acquire_owned() {
            return Ok(self.admit(permit));
        }
        let Some(in_line) = InLine::join(&self.inner) else {
            return Err(self.refuse("and as many wait"));
        };
        let acquired =
            tokio::time::timeout(self.inner.wait_max, self.inner.places.clone().acquire_owned());
        // It is never closed.
        let Ok(Ok(permit)) = acquired.await else {
            drop(in_line);
            return Err(self.late());
        };
        in_line.admitted();
        Ok(self.admit(permit))
    }

    /// A place if one is free, without waiting.
    pub fn try_enter(&self) -> Result<Place> {
        match self.inner.places.clone().try_acquire_owned() {
            Ok(permit) => Ok(self.admit(permit)),
            Err(_) => Err(self.refuse("and this one would not wait")),
        }
    }

    /// Does `work` once there is a place for it.
    pub async fn run<T, E: From<Error>>(
        &self,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let _place = self.enter().await?;
        work.await
    }

    /// Counters since it was made.
    pub fn stats(&self) -> BulkheadStats {
        let inner = &self.inner;
        BulkheadStats {
            running: inner.concurrent - inner.places.available_permits(),
            waiting: inner.waiting.load(Relaxed),
            admitted: inner.admitted.load(Relaxed),
            waited: inner.waited.load(Relaxed),
            refused: inner.refused.load(Relaxed),
        }
    }

    fn admit(&self, permit: OwnedSemaphorePermit) -> Place {
        self.inner.admitted.fetch_add(1, Relaxed);
        Place { _permit: permit }
    }

    #[cold]
    fn refuse(&self, why: &str) -> Error {
        self.inner.refused.fetch_add(1, Relaxed);
        let Inner { name, concurrent, waiting_max, .. } = &*self.inner;
        Error::new(
            Kind::Overloaded,
            format!(
                "the bulkhead{name} lets {concurrent} calls be at work and {waiting_max} wait; \
                 that many are at work, {why}; try again later, or allow more"
            ),
        )
    }

    #[cold]
    fn late(&self) -> Error {
        let Inner { name, concurrent, wait_max, .. } = &*self.inner;
        Error::new(
            Kind::Overloaded,
            format!(
                "the bulkhead{name} had no place within {wait_max:?}: it lets {concurrent} calls \
                 be at work; try again later, or allow more"
            ),
        )
    }
}

impl fmt::Debug for Bulkhead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Bulkhead");
        debug.field("name", &self.inner.name.0).finish_non_exhaustive()
    }
}

/// A place in a [`Bulkhead`], given back when it is dropped.
#[must_use = "the place is given back when it is dropped"]
#[derive(Debug)]
pub struct Place {
    _permit: OwnedSemaphorePermit,
}

/// A place in line. Dropped, its caller has given up.
struct InLine<'a> {
    inner: &'a Inner,
    is_admitted: bool,
}

impl InLine<'_> {
    fn join(inner: &Inner) -> Option<InLine<'_>> {
        let more = |waiting| (waiting < inner.waiting_max).then_some(waiting + 1);
        let joined = inner.waiting.fetch_update(Relaxed, Relaxed, more);
        joined.is_ok().then(|| InLine { inner, is_admitted: false })
    }

    fn admitted(mut self) {
        self.is_admitted = true;
    }
}

impl Drop for InLine<'_> {
    fn drop(&mut self) {
        self.inner.waiting.fetch_sub(1, Relaxed);
        let counter = if self.is_admitted { &self.inner.waited } else { &self.inner.refused };
        counter.fetch_add(1, Relaxed);
    }
}
