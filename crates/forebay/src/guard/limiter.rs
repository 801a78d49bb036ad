//! A rate limiter in this process: who may, how long to wait, and waiting in turn. What a quota is
//! and what a key has used is decided elsewhere, single-threaded.

use std::fmt;
use std::hash::BuildHasher as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use foldhash::fast::RandomState;

use super::ledger::{Joined, Ledger, Line, Patience, Refusal};
use super::name::Name;
use super::quota::{Nanos, Quota};
use crate::clock::Clock;
use crate::error::{Error, Kind, Result};

/// Keys with something in use that are kept at most, unless the builder says otherwise.
const KEYS_MAX: usize = 100_000;

/// The longest key, so that keys are bounded in bytes too.
pub(crate) const KEY_BYTES_MAX: usize = 1_024;

/// The longest wait in line, unless the builder says otherwise.
const WAIT_MAX: Duration = Duration::from_secs(10);

/// Callers in line for one key at most, unless the builder says otherwise.
const WAITING_MAX: usize = 1_000;

/// Locks that the keys are shared out among, where there may be many keys.
const SHARDS: usize = 16;

/// Below so many keys a shard could be full long before the others are.
const SHARDED_KEYS_MIN: usize = 10_000;

/// Admits as much as a [`Quota`] allows to each key, such as a user, an address or a tenant. A
/// clone is cheap and is the same limiter.
///
/// A key is any text or bytes, up to 1,024 bytes, and is compared whole. What has no key takes an
/// empty one. For each key that has something in use about 150 bytes are kept, and the key itself;
/// when there are `keys_max` of them, other keys are refused until one is unused again, since a
/// limiter that forgot could be made to forget. Time is counted by the monotonic clock. A call
/// takes a lock for a moment; nothing runs in the background.
///
/// ```
/// use forebay::{Limiter, Quota};
///
/// let limiter = Limiter::new(Quota::per_minute(100).burst(2));
/// assert!(limiter.try_acquire("user:7").is_ok());
/// assert!(limiter.try_acquire("user:7").is_ok());
/// let refused = limiter.try_acquire("user:7").unwrap_err();
/// assert!(refused.is_rate_limited() && refused.retry_after().is_some());
/// assert!(limiter.try_acquire("user:8").is_ok(), "each key has a quota of its own");
/// ```
#[derive(Clone)]
pub struct Limiter {
    inner: Arc<Inner>,
}

struct Inner {
    name: Name,
    patience: Patience,
    keys_max: usize,
    clock: Clock,
    began: Instant,
    hasher: RandomState,
    shards: Box<[Mutex<Ledger>]>,
}

/// Settings of a [`Limiter`], from [`Limiter::builder`].
#[derive(Clone, Debug)]
pub struct LimiterBuilder {
    quota: Quota,
    name: Name,
    keys_max: usize,
    wait_max: Duration,
    waiting_max: usize,
    clock: Clock,
}

/// Counters of a [`Limiter`] since it was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LimiterStats {
    /// Calls that were admitted.
    pub admitted: u64,
    /// Of these, calls that had to wait.
    pub waited: u64,
    /// Calls that were refused, or that gave up waiting.
    pub refused: u64,
    /// Callers that wait now.
    pub waiting: usize,
    /// Keys kept now: those with something in use, and some that nobody has looked at since.
    pub keys: usize,
}

/// What became of one call.
#[cfg(feature = "http")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attempt {
    Admitted,
    /// It could be admitted after this time; `None`: never.
    Refused(Option<Duration>),
    /// No other key can be kept.
    Full,
}

impl LimiterBuilder {
    /// What errors and logs call it; empty by default.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> LimiterBuilder {
        self.name = Name(name.into());
        self
    }

    /// Keys with something in use that are kept; 100,000 by default. With 10,000 and more they are
    /// shared out among 16 locks, one of which may have its share before all are there.
    #[must_use]
    pub fn keys_max(mut self, keys_max: usize) -> LimiterBuilder {
        self.keys_max = keys_max;
        self
    }

    /// The longest that [`Limiter::acquire`] waits; 10 s by default.
    #[must_use]
    pub fn wait_max(mut self, wait_max: Duration) -> LimiterBuilder {
        self.wait_max = wait_max;
        self
    }

    /// Callers that may wait for one key; 1,000 by default.
    #[must_use]
    pub fn waiting_max(mut self, waiting_max: usize) -> LimiterBuilder {
        self.waiting_max = waiting_max;
        self
    }

    /// The limiter.
    pub fn build(self) -> Limiter {
        let shards = if self.keys_max < SHARDED_KEYS_MIN { 1 } else { SHARDS };
        let ledger = |_| Mutex::new(Ledger::new(self.quota.clone(), self.keys_max / shards));
        Limiter {
            inner: Arc::new(Inner {
                patience: Patience {
                    wait_max: nanos(self.wait_max),
                    waiting_max: self.waiting_max,
                },
                keys_max: self.keys_max,
                began: self.clock.now(),
                hasher: RandomState::default(),
                shards: (0..shards).map(ledger).collect(),
                name: self.name,
                clock: self.clock,
            }),
        }
    }

    #[cfg(test)]
    pub(crate) fn clock(mut self, clock: Clock) -> LimiterBuilder {
        self.clock = clock;
        self
    }
}

impl Limiter {
    /// A limiter with the defaults of [`LimiterBuilder`].
    pub fn new(quota: Quota) -> Limiter {
        Limiter::builder(quota).build()
    }

    /// Settings for a limiter.
    pub fn builder(quota: Quota) -> LimiterBuilder {
        LimiterBuilder {
            quota,
            name: Name::default(),
            keys_max: KEYS_MAX,
            wait_max: WAIT_MAX,
            waiting_max: WAITING_MAX,
            clock: Clock::real(),
        }
    }

    /// Admits one call for `key`, or refuses it at once ([`Error::is_rate_limited`]) and says when
    /// it could be admitted ([`Error::retry_after`]). A refusal uses up nothing.
    ///
    /// Who waits in [`Limiter::acquire`] comes first.
    pub fn try_acquire(&self, key: impl AsRef<[u8]>) -> Result<()> {
        self.try_acquire_many(key, 1)
    }

    /// The same for a call that counts as `cost`: all of it is admitted, or none. A cost above the
    /// burst of the quota is never admitted.
    pub fn try_acquire_many(&self, key: impl AsRef<[u8]>, cost: u32) -> Result<()> {
        let key = checked(key.as_ref())?;
        let taken = self.ledger(key).take(key, cost, self.now());
        taken.map_err(|refusal| self.error(refusal, cost))
    }

    /// Admits one call for `key`, in turn with others that wait for the same key.
    ///
    /// It is refused at once ([`Error::is_rate_limited`]) when it would have to wait for longer
    /// than `wait_max`, or behind `waiting_max` others; and after `wait_max` in any case. Dropping
    /// the future uses up nothing. It must be polled to its end: whoever is first in line and does
    /// not go on holds up the others. Timers tick in milliseconds: with a burst of less than what
    /// comes back in two of them, a line moves more slowly than the quota allows.
    pub async fn acquire(&self, key: impl AsRef<[u8]>) -> Result<()> {
        self.acquire_many(key, 1).await
    }

    /// The same for a call that counts as `cost`.
    pub async fn acquire_many(&self, key: impl AsRef<[u8]>, cost: u32) -> Result<()> {
        let key = checked(key.as_ref())?;
        let joined = self.ledger(key).join(key, cost, self.now(), self.inner.patience);
        let line = match joined.map_err(|refusal| self.error(refusal, cost))? {
            Joined::Admitted => return Ok(()),
            Joined::InLine(line) => line,
        };
        let mut place = InLine { limiter: self, key, cost, is_left: false };
        let wait_max = Duration::from_nanos(self.inner.patience.wait_max);
        match tokio::time::timeout(wait_max, self.wait_in(line, key, cost)).await {
            Ok(()) => {
                place.is_left = true;
                Ok(())
            }
            Err(_) => {
                drop(place);
                let refusal = self.ledger(key).judge(key, cost, self.now()).err();
                Err(self.error(refusal.unwrap_or(Refusal::Wait(0)), cost))
            }
        }
    }

    async fn wait_in(&self, line: Line, key: &[u8], cost: u32) {
        // It is never closed.
        let _turn = line.acquire().await;
        loop {
            let taken = self.ledger(key).take_first(key, cost, self.now());
            match taken {
                Ok(()) => return,
                Err(wait) => tokio::time::sleep(Duration::from_nanos(wait)).await,
            }
        }
    }

    /// Calls for `key` that would be admitted now, such as for a header that tells a client.
    pub fn available(&self, key: impl AsRef<[u8]>) -> u32 {
        let key = key.as_ref();
        self.ledger(key).available(key, self.now())
    }

    /// Admits one call for `key` or refuses it, and tells what is left then. The key has to be
    /// short enough.
    #[cfg(feature = "http")]
    pub(crate) fn attempt(&self, key: &[u8]) -> (Attempt, smallvec::SmallVec<[super::Left; 2]>) {
        let (mut ledger, now) = (self.ledger(key), self.now());
        let attempt = match ledger.take(key, 1, now) {
            Ok(()) => Attempt::Admitted,
            Err(Refusal::Wait(wait)) => Attempt::Refused(Some(Duration::from_nanos(wait))),
            Err(Refusal::Never) => Attempt::Refused(None),
            Err(Refusal::Full(_)) => Attempt::Full,
        };
        (attempt, ledger.left(key, now))
    }

    /// Counters since it was made.
    pub fn stats(&self) -> LimiterStats {
        let mut stats = LimiterStats::default();
        for shard in &self.inner.shards {
            let ledger = lock(shard);
            stats.admitted += ledger.admitted;
            stats.waited += ledger.waited;
            stats.refused += ledger.refused;
            stats.waiting += ledger.waiting;
            stats.keys += ledger.keys();
        }
        stats
    }

    fn ledger(&self, key: &[u8]) -> MutexGuard<'_, Ledger> {
        let shards = &self.inner.shards;
        let index = match shards.len() {
            1 => 0,
            count => (self.inner.hasher.hash_one(key) % count as u64) as usize,
        };
        lock(&shards[index])
    }

    fn now(&self) -> Nanos {
        nanos(self.inner.clock.now().saturating_duration_since(self.inner.began))
    }

    #[cold]
    fn error(&self, refusal: Refusal, cost: u32) -> Error {
        let Inner { name, keys_max, .. } = &*self.inner;
        let (text, wait) = match refusal {
            Refusal::Wait(wait) => {
                let wait = Duration::from_nanos(wait);
                let text = format!(
                    "the rate limit{name} is reached for this key; try again in {wait:.3?}, or ask \
                     less often"
                );
                (text, Some(wait))
            }
            Refusal::Never => (
                format!(
                    "the rate limit{name} never admits {cost} at once; ask for fewer, or raise the \
                     burst of its quota"
                ),
                None,
            ),
            Refusal::Full(wait) => (
                format!(
                    "the rate limit{name} keeps {keys_max} keys at most (`keys_max`), which all \
                     are in use; raise it, or limit by what there is less of"
                ),
                Some(Duration::from_nanos(wait)),
            ),
        };
        Error::new(Kind::RateLimited, text).with_retry_after(wait)
    }
}

impl fmt::Debug for Limiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limiter").field("name", &self.inner.name.0).finish_non_exhaustive()
    }
}

/// A place in line; left when it is dropped.
struct InLine<'a> {
    limiter: &'a Limiter,
    key: &'a [u8],
    cost: u32,
    /// The ledger knows it already, since its turn came.
    is_left: bool,
}

impl Drop for InLine<'_> {
    fn drop(&mut self) {
        if !self.is_left {
            self.limiter.ledger(self.key).give_up(self.key, self.cost);
        }
    }
}

fn checked(key: &[u8]) -> Result<&[u8]> {
    if key.len() <= KEY_BYTES_MAX {
        return Ok(key);
    }
    Err(Error::usage(format!(
        "a key of a limiter has {KEY_BYTES_MAX} bytes at most, and this one has {}; limit by \
         something shorter, such as an id",
        key.len()
    )))
}

fn lock(ledger: &Mutex<Ledger>) -> MutexGuard<'_, Ledger> {
    ledger.lock().unwrap_or_else(PoisonError::into_inner)
}

fn nanos(time: Duration) -> Nanos {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
