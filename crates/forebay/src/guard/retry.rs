//! Trying again what failed for a while: with growing pauses, and within a time. Only for work that
//! may be done twice; it cannot know whether it may.

use std::fmt;
use std::future::Future;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use super::backoff::{Backoff, Bounds, Next};
use super::name::Name;
use crate::clock::Clock;
use crate::error::{Error, Result};

/// Before this has passed, another try may begin, unless the caller says otherwise.
const TIME_MAX: Duration = Duration::from_secs(30);

/// Which errors may be gone with another try.
type Judge = Arc<dyn Fn(&Error) -> bool + Send + Sync>;

/// Does work again when it failed for a reason that may pass. A clone is cheap and counts together
/// with it.
///
/// Use it only for work that may be done twice, such as reading, or a write that sets what it would
/// set anyway: a try that failed may have had its effect. It is for a single place; where several
/// layers retry, their tries multiply.
///
/// The pause before a try is a random time of up to `base`, then up to twice as long, and so on, up
/// to `max`. When the error says how long to wait ([`Error::retry_after`]), the pause is added to
/// that.
///
/// ```
/// use forebay::Retry;
/// use std::time::Duration;
/// # async fn load() -> forebay::Result<u32> { Ok(1) }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> forebay::Result<()> {
/// let retry = Retry::new(3)
///     .backoff(Duration::from_millis(50), Duration::from_secs(2))
///     .within(Duration::from_secs(10));
/// let loaded = retry.run(|| load()).await?;
/// # assert_eq!(loaded, 1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Retry {
    name: Name,
    bounds: Bounds,
    backoff: Backoff,
    is_transient: Judge,
    clock: Clock,
    counters: Arc<Counters>,
}

/// What an error of another kind than [`Error`] says about another try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// It would fail again, or may not be done twice.
    No,
    /// It may succeed.
    Soon,
    /// It may succeed, but not before this has passed.
    After(Duration),
}

/// Counters of a [`Retry`] and its clones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetryStats {
    /// Times that work was asked for.
    pub runs: u64,
    /// Tries beside the first.
    pub retries: u64,
    /// Runs that succeeded with such a try.
    pub recovered: u64,
    /// Runs that failed although trying again might have helped: there was no try or no time left.
    pub exhausted: u64,
}

#[derive(Default)]
struct Counters {
    runs: AtomicU64,
    retries: AtomicU64,
    recovered: AtomicU64,
    exhausted: AtomicU64,
}

impl Retry {
    /// Up to `retries` tries beside the first, with pauses from 100 ms up to 5 s, with jitter, all
    /// begun within 30 s, for errors that are [`Error::is_transient`] and after which it is known
    /// that there was no effect.
    pub fn new(retries: u32) -> Retry {
        Retry {
            name: Name::default(),
            bounds: Bounds { retries_max: retries, time_max: TIME_MAX },
            backoff: Backoff {
                base: Duration::from_millis(100),
                max: Duration::from_secs(5),
                has_jitter: true,
            },
            is_transient: Arc::new(|error| error.is_transient() && !error.is_outcome_unknown()),
            clock: Clock::real(),
            counters: Arc::default(),
        }
    }

    /// What logs call it; empty by default.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Retry {
        self.name = Name(name.into());
        self
    }

    /// The longest pause before the second try, twice as long before each further one, and the
    /// longest of all.
    #[must_use]
    pub fn backoff(mut self, base: Duration, max: Duration) -> Retry {
        (self.backoff.base, self.backoff.max) = (base, max);
        self
    }

    /// Whether a pause is a random part of its longest, so that callers who failed together do not
    /// come back together; true by default.
    #[must_use]
    pub fn jitter(mut self, has_jitter: bool) -> Retry {
        self.backoff.has_jitter = has_jitter;
        self
    }

    /// No try begins later than this after the first; a pause that would last longer is not made,
    /// and the error is returned at once. 30 s by default. A try that is running is not ended by
    /// it: see [`crate::TimeLimit`].
    #[must_use]
    pub fn within(mut self, time: Duration) -> Retry {
        self.bounds.time_max = time;
        self
    }

    /// Which errors are tried again.
    #[must_use]
    pub fn on(mut self, is_transient: impl Fn(&Error) -> bool + Send + Sync + 'static) -> Retry {
        self.is_transient = Arc::new(is_transient);
        self
    }

    /// Does `work` until it succeeds, fails for good, or no try or time is left; the last error is
    /// returned then. Dropping the future drops the try that is running.
    pub async fn run<T, F>(&self, work: impl FnMut() -> F) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        let judge = |error: &Error| match ((self.is_transient)(error), error.retry_after()) {
            (false, _) => Again::No,
            (true, None) => Again::Soon,
            (true, Some(wait)) => Again::After(wait),
        };
        self.run_any(work, judge).await
    }

    /// The same for work with errors of its own, which `judge` judges.
    pub async fn run_any<T, E, F>(
        &self,
        mut work: impl FnMut() -> F,
        judge: impl Fn(&E) -> Again,
    ) -> Result<T, E>
    where
        F: Future<Output = Result<T, E>>,
    {
        self.counters.runs.fetch_add(1, Relaxed);
        let began = self.clock.now();
        let mut retries = 0;
        loop {
            let error = match work().await {
                Ok(value) => {
                    self.counters.recovered.fetch_add((retries > 0).into(), Relaxed);
                    return Ok(value);
                }
                Err(error) => error,
            };
            let asked = match judge(&error) {
                Again::No => return Err(error),
                Again::Soon => Duration::ZERO,
                Again::After(wait) => wait,
            };
            let passed = self.clock.now().saturating_duration_since(began);
            match self.backoff.next(self.bounds, retries, passed, asked, chance()) {
                Next::After(pause) => tokio::time::sleep(pause).await,
                Next::Never => {
                    self.counters.exhausted.fetch_add(1, Relaxed);
                    let retry = &*self.name.0;
                    tracing::debug!(retry, retries, ?passed, "no further try");
                    return Err(error);
                }
            }
            retries += 1;
            self.counters.retries.fetch_add(1, Relaxed);
        }
    }

    /// Counters since it was made.
    pub fn stats(&self) -> RetryStats {
        let counters = &self.counters;
        RetryStats {
            runs: counters.runs.load(Relaxed),
            retries: counters.retries.load(Relaxed),
            recovered: counters.recovered.load(Relaxed),
            exhausted: counters.exhausted.load(Relaxed),
        }
    }

    #[cfg(test)]
    pub(super) fn clock(mut self, clock: Clock) -> Retry {
        self.clock = clock;
        self
    }
}

impl fmt::Debug for Retry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Retry { name, bounds, backoff, .. } = self;
        let mut debug = f.debug_struct("Retry");
        debug.field("name", &name.0).field("bounds", bounds).field("backoff", backoff);
        debug.finish_non_exhaustive()
    }
}

/// A number from 0 to 1.
fn chance() -> f64 {
    // Each state of this kind hashes the same differently.
    let chance = RandomState::new().hash_one(0) as u32;
    f64::from(chance) / f64::from(u32::MAX)
}
