//! Entries that are kept warm: a task looks after them and loads again what has gone or is not
//! true any more, the most asked first, some at a time, and none too often.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Place;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use foldhash::fast::RandomState;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use super::core::{Core, Reach};
use super::kept::Standing;
use super::key::Key;
use super::life::{Moment, nanos};
use super::load::{Ask, Load};

/// Entries of a cache that may be kept warm.
const KEEPERS_MAX: usize = 1_000;

/// How often they are looked after.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Loads of them that run at a time.
const CONCURRENCY: usize = 4;

/// The time between two loads of one of them: so many times what the last one took, and at least
/// and at most these. Writes in a row then cost one load, not one each.
const GAP_LOADS: u32 = 4;
const GAP_MIN: Duration = Duration::from_secs(1);
const GAP_MAX: Duration = Duration::from_secs(60);

/// What is kept warm.
#[derive(Default)]
pub(super) struct Keepers {
    all: Mutex<HashMap<Key, Arc<Keeper>, RandomState>>,
    is_tended: AtomicBool,
}

/// How to load an entry that is kept warm.
pub(super) struct Keeper {
    ask: Ask,
    load: Box<dyn Fn() -> Load + Send + Sync>,
    /// Askings since it was loaded last, of which half carry over.
    asked: AtomicU64,
    /// It is not loaded again before.
    not_before: AtomicU64,
    /// Loads in a row that failed.
    failures: AtomicU32,
}

/// The task that looks after a cache; dropped with its runtime, it makes room for another.
struct Tending(Weak<Core>);

impl Keepers {
    fn all(&self) -> MutexGuard<'_, HashMap<Key, Arc<Keeper>, RandomState>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn len(&self) -> usize {
        self.all().len()
    }

    /// What a runtime that was shut down had begun is not under way any more.
    fn resume(&self) {
        for keeper in self.all().values() {
            let order = Ordering::Relaxed;
            let _ = keeper.not_before.compare_exchange(Moment::MAX, 0, order, order);
        }
    }

    /// Keeps an entry warm no longer; whether it was.
    pub(super) fn remove(&self, key: &Key) -> bool {
        // Dropped without the lock: it holds what is a caller's.
        let removed = self.all().remove(key);
        removed.is_some()
    }
}

impl Keepers {
    /// Keeps nothing warm any longer of what is meant; how many were.
    pub(super) fn remove_all(&self, reach: &Reach<'_>) -> usize {
        // Dropped without the lock, as above.
        let removed: Vec<_> = self.all().extract_if(|key, _| reach.holds(key)).collect();
        removed.len()
    }
}

impl Keeper {
    pub(super) fn new(ask: Ask, load: Box<dyn Fn() -> Load + Send + Sync>) -> Keeper {
        let (asked, not_before, failures) = Default::default();
        Keeper { ask, load, asked, not_before, failures }
    }

    /// Notes how a load that began at `now` has ended.
    fn note(&self, has_failed: bool, now: Moment, took: Duration) {
        let before = self.failures.load(Ordering::Relaxed);
        let failures = if has_failed { before.saturating_add(1) } else { 0 };
        self.failures.store(failures, Ordering::Relaxed);
        let gap = (took * GAP_LOADS).max(GAP_MIN) * 2_u32.saturating_pow(failures.min(6));
        let next = now.saturating_add(nanos(gap.min(GAP_MAX)));
        self.not_before.store(next, Ordering::Relaxed);
        let asked = self.asked.load(Ordering::Relaxed);
        self.asked.fetch_sub(asked / 2, Ordering::Relaxed);
    }
}

impl Core {
    /// Keeps an entry warm from now on, and notes that it is asked for. What was said first holds.
    pub(super) fn keep_warm(self: &Arc<Core>, key: &Key, keeper: impl FnOnce() -> Keeper) {
        let mut all = self.keepers.all();
        let is_full = all.len() >= KEEPERS_MAX;
        match all.entry(key.clone()) {
            Place::Occupied(place) => _ = place.get().asked.fetch_add(1, Ordering::Relaxed),
            Place::Vacant(_) if is_full => {
                drop(all);
                tracing::warn!(cache = self.name, "{KEEPERS_MAX} entries are kept warm: no more");
                return;
            }
            Place::Vacant(place) => {
                let keeper = keeper();
                // Whoever asks first is about to load it: to find nothing there until then is no
                // reason to load it twice.
                let next = self.now().saturating_add(nanos(GAP_MIN));
                keeper.not_before.store(next, Ordering::Relaxed);
                place.insert(Arc::new(keeper));
            }
        }
        drop(all);
        let Ok(runtime) = Handle::try_current() else { return };
        if !self.keepers.is_tended.swap(true, Ordering::AcqRel) {
            runtime.spawn(Tending(Arc::downgrade(self)).run());
        }
    }

    /// What is to be loaded now, the most asked first.
    fn cold(&self) -> Vec<(Key, Arc<Keeper>)> {
        let all: Vec<_> = {
            let all = self.keepers.all();
            all.iter().map(|(key, keeper)| (key.clone(), keeper.clone())).collect()
        };
        let now = self.now();
        let may_begin = |keeper: &Keeper| now >= keeper.not_before.load(Ordering::Relaxed);
        let mut cold = all;
        cold.retain(|(key, keeper)| may_begin(keeper) && self.is_cold(key));
        cold.sort_by_key(|(_, keeper)| std::cmp::Reverse(keeper.asked.load(Ordering::Relaxed)));
        cold
    }

    /// Whether there is nothing fresh under a key, or it should be loaded again.
    fn is_cold(&self, key: &Key) -> bool {
        let now = self.now();
        let Some(kept) = self.store.peek(&key.as_ref()) else { return true };
        kept.standing(&self.tags, now) != Standing::Fresh || kept.life.is_due(now, || 0.0)
    }

    async fn rewarm(self: Arc<Core>, key: Key, keeper: Arc<Keeper>) {
        let began = self.now();
        if self.below.is_some() && self.glance(key.as_ref()).is_none() {
            // It may have gone from memory alone.
            self.rise(std::slice::from_ref(&key), keeper.ask.wanted, &keeper.ask.policy).await;
        }
        // Somebody may have loaded it meanwhile.
        if !self.is_cold(&key) {
            return keeper.not_before.store(0, Ordering::Relaxed);
        }
        let has_failed = match self.reload(&key, &keeper.ask, (keeper.load)()) {
            Some(flight) => flight.landed().await.is_ok_and(|landed| landed.has_failed()),
            None => false,
        };
        let took = Duration::from_nanos(self.now().saturating_sub(began));
        keeper.note(has_failed, began, took);
    }
}

impl Tending {
    async fn run(self) {
        let places = Arc::new(Semaphore::new(CONCURRENCY));
        let mut looks = tokio::time::interval(LOOK_EVERY);
        if let Some(core) = self.0.upgrade() {
            core.keepers.resume();
        }
        loop {
            looks.tick().await;
            let Some(core) = self.0.upgrade() else { return };
            for (key, keeper) in core.cold() {
                let Ok(place) = places.clone().try_acquire_owned() else { break };
                // Until it is known how long it takes, nobody else begins it.
                keeper.not_before.store(Moment::MAX, Ordering::Relaxed);
                let core = core.clone();
                tokio::spawn(async move {
                    core.rewarm(key, keeper).await;
                    drop(place);
                });
            }
        }
    }
}

impl Drop for Tending {
    fn drop(&mut self) {
        if let Some(core) = self.0.upgrade() {
            core.keepers.is_tended.store(false, Ordering::Release);
        }
    }
}
