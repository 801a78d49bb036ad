//! The shelf: answers that are kept because of what their callers said, with what has to be known
//! to judge them. It decides nothing, and asks no database.
//!
//! Nobody looks here who has not said a word, so nothing here can weaken what is promised to the
//! others.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, Weak};
use std::time::{Duration, Instant};

use smallvec::SmallVec;
use tokio::sync::Semaphore;

use super::asked::Asked;
use super::label::{Deletions, Label, Number};
use super::words::{Age, Policy};
use crate::cache::{Bounds, Key, KeyRef, Resident, Store};
use crate::clock::Clock;
use crate::engine::entry::Entry;
use crate::engine::flight::Flights;
use crate::stats::{PolicyStats, SpaceStats};

/// Reads behind an answer that run at once; a further one waits for the next who asks.
const REFRESHES_MAX: usize = 4;

/// Answers that are kept warm at once; further ones are read when they are asked for.
const WARM_MAX: usize = 1_000;

/// Labels that an answer takes over from the one that it replaces, its own included.
const LABELS_MAX: usize = 64;

/// Spaces of one database at most, those included that no rule names any more.
const SPACES_MAX: usize = 1_000;

/// What is kept for those who have said how.
pub(in crate::engine) struct Shelf {
    store: Store<Key, Kept>,
    spaces: RwLock<Vec<Arc<Space>>>,
    pub(super) flights: Flights,
    pub(super) deletions: Deletions,
    pub(super) refreshes: Arc<Semaphore>,
    pub(super) counts: Counts,
    warm: Mutex<Vec<Weak<Kept>>>,
    clock: Clock,
    opened: Instant,
}

/// Answers with a bound of their own, apart from the others.
struct Space {
    name: Box<str>,
    store: Store<Key, Kept>,
}

/// Which space an answer lies in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SpaceId(usize);

/// What was done with it.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) aged: AtomicU64,
    pub(super) revalidated: AtomicU64,
    pub(super) on_error: AtomicU64,
    pub(super) refreshes: AtomicU64,
    pub(super) refresh_failures: AtomicU64,
    pub(super) tag_deletions: AtomicU64,
}

/// Nanoseconds since the shelf was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Stamp(u64);

/// A stamp that is moved on.
#[derive(Debug)]
struct Moving(AtomicU64);

/// One answer.
pub(super) struct Kept {
    pub(super) answer: Arc<Entry>,
    /// Before its statement was sent.
    read_at: Stamp,
    /// When it was last known to be true.
    true_at: Moving,
    /// When the database last failed to replace it; the beginning for never.
    failed_at: Moving,
    asked_at: Moving,
    /// How often it was asked for, those before it included.
    uses: AtomicU64,
    born: Number,
    labels: SmallVec<[Label; 2]>,
    space: Option<SpaceId>,
    is_refreshing: AtomicBool,
    /// What to ask to have it again, if it is to be kept warm, and how long that took.
    pub(super) warm: Option<(Asked, Duration)>,
}

/// Somebody reads an answer again, until dropped.
pub(super) struct Refreshing(Arc<Kept>);

/// What is to be kept, from before it is read.
pub(super) struct Sowing {
    born: Number,
    read_at: Stamp,
}

impl Shelf {
    pub(in crate::engine) fn new(bytes_max: u64, clock: Clock) -> Shelf {
        Shelf {
            store: Store::new(Bounds { bytes_max, entries_max: None }),
            spaces: RwLock::default(),
            flights: Flights::new(),
            deletions: Deletions::new(),
            refreshes: Arc::new(Semaphore::new(REFRESHES_MAX)),
            counts: Counts::default(),
            warm: Mutex::default(),
            opened: clock.now(),
            clock,
        }
    }

    pub(super) fn now(&self) -> Stamp {
        Stamp(nanos(self.clock.now().saturating_duration_since(self.opened)))
    }

    /// To be called before what is to be kept is read.
    pub(super) fn sow(&self) -> Sowing {
        Sowing { born: self.deletions.number(), read_at: self.now() }
    }

    /// The space of this name, from now on with this bound; `None` if there are too many.
    pub(in crate::engine) fn space(&self, name: &str, bytes_max: u64) -> Option<SpaceId> {
        let mut spaces = self.spaces.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = spaces.iter().position(|space| *space.name == *name) {
            spaces[at].store.set_bytes_max(bytes_max);
            return Some(SpaceId(at));
        }
        if spaces.len() >= SPACES_MAX {
            return None;
        }
        let store = Store::new(Bounds { bytes_max, entries_max: None });
        spaces.push(Arc::new(Space { name: name.into(), store }));
        Some(SpaceId(spaces.len() - 1))
    }

    /// Uses the store that an answer lies in.
    fn within<R>(&self, space: Option<SpaceId>, use_it: impl FnOnce(&Store<Key, Kept>) -> R) -> R {
        let Some(SpaceId(at)) = space else { return use_it(&self.store) };
        let space = self.spaces()[at].clone();
        use_it(&space.store)
    }

    fn spaces(&self) -> RwLockReadGuard<'_, Vec<Arc<Space>>> {
        self.spaces.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The answer under `key` in the space of this policy, unless it was deleted, or lacks one of
    /// its labels.
    pub(super) fn get(&self, key: &KeyRef<'_>, policy: &Policy) -> Option<Arc<Kept>> {
        let kept = self.within(policy.space, |store| {
            let kept = store.get(key)?;
            let is_spared = self.deletions.spares(kept.born, &kept.labels);
            if !is_spared {
                store.remove(key, &kept);
            }
            is_spared.then_some(kept)
        })?;
        policy.labels.iter().all(|label| kept.labels.contains(label)).then_some(kept)
    }

    /// Keeps an answer. Its labels are those of whoever asked, and those of the answer that it
    /// replaces, so that callers with different ones do not take it from one another; and it is
    /// kept warm if that was.
    pub(super) fn keep(
        &self,
        key: Key,
        sowing: &Sowing,
        answer: Arc<Entry>,
        policy: &Policy,
        warm: Option<Asked>,
    ) {
        let before = self.within(policy.space, |store| store.get(&key.as_ref()));
        let mut labels = policy.labels.clone();
        for label in before.iter().flat_map(|before| &before.labels) {
            if labels.len() < LABELS_MAX && !labels.contains(label) {
                labels.push(*label);
            }
        }
        let now = self.now();
        let took = now.since(sowing.read_at);
        let warm_before = before.as_ref().and_then(|before| before.warm.as_ref());
        let warm = warm.or_else(|| warm_before.map(|(asked, _)| asked.clone()));
        let asked_at = before.as_ref().map_or(now, |before| before.asked_at.get());
        let kept = Arc::new(Kept {
            answer,
            read_at: sowing.read_at,
            true_at: Moving::at(sowing.read_at),
            failed_at: Moving::at(Stamp::default()),
            asked_at: Moving::at(asked_at),
            uses: AtomicU64::new(before.map_or(0, |before| before.uses())),
            born: sowing.born,
            labels,
            space: policy.space,
            is_refreshing: AtomicBool::new(false),
            warm: warm.map(|asked| (asked, took)),
        });
        if kept.warm.is_some() {
            let mut warm = self.warm();
            warm.retain(|it| it.strong_count() > 0);
            if warm.len() < WARM_MAX {
                warm.push(Arc::downgrade(&kept));
            }
        }
        self.within(policy.space, |store| store.insert(key, kept));
    }

    /// What is kept warm and is still there, the most asked first.
    pub(super) fn all_warm(&self) -> Vec<Arc<Kept>> {
        let all: Vec<Arc<Kept>> = self.warm().iter().filter_map(Weak::upgrade).collect();
        let is_there = |kept: &Arc<Kept>| {
            let (asked, _) = kept.warm.as_ref()?;
            let found = self.within(kept.space, |store| store.get(&asked.key().as_ref()))?;
            Arc::ptr_eq(&found, kept).then_some(())
        };
        let mut all: Vec<_> = all.into_iter().filter(|kept| is_there(kept).is_some()).collect();
        all.sort_by_key(|kept| std::cmp::Reverse(kept.uses()));
        all
    }

    fn warm(&self) -> MutexGuard<'_, Vec<Weak<Kept>>> {
        self.warm.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows every answer. Cost: all of them.
    pub(super) fn each(&self, look: impl Fn(&Kept)) {
        let look = |_: &Key, kept: &Arc<Kept>| {
            look(kept);
            true
        };
        self.store.retain(look);
        self.spaces().iter().for_each(|space| space.store.retain(look));
    }

    /// Deletes everything, what is being read included.
    pub(in crate::engine) fn clear(&self) {
        self.deletions.delete_all();
        self.store.retain(|_, _| false);
        self.spaces().iter().for_each(|space| space.store.retain(|_, _| false));
    }

    pub(in crate::engine) fn stats(&self) -> PolicyStats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let counts = &self.counts;
        PolicyStats {
            entries: self.store.len() as u64,
            bytes: self.store.bytes(),
            bytes_max: self.store.bytes_max(),
            spaces: self.spaces().iter().map(|space| space.stats()).collect(),
            evictions: self.store.evictions(),
            aged: read(&counts.aged),
            revalidated: read(&counts.revalidated),
            on_error: read(&counts.on_error),
            refreshes: read(&counts.refreshes),
            refresh_failures: read(&counts.refresh_failures),
            tag_deletions: read(&counts.tag_deletions),
        }
    }
}

impl Space {
    fn stats(&self) -> SpaceStats {
        SpaceStats {
            name: self.name.to_string(),
            entries: self.store.len() as u64,
            bytes: self.store.bytes(),
            bytes_max: self.store.bytes_max(),
            evictions: self.store.evictions(),
        }
    }
}

impl Kept {
    /// It was asked for.
    pub(super) fn used(&self, now: Stamp) {
        // Nobody else has use for it, and all who ask would write to one line of the cache.
        if self.warm.is_some() {
            self.uses.fetch_add(1, Ordering::Relaxed);
            self.asked_at.reach(now);
        }
    }

    fn uses(&self) -> u64 {
        self.uses.load(Ordering::Relaxed)
    }

    /// It is true, as of a look at the database that began at `now`.
    pub(super) fn is_true_at(&self, now: Stamp) {
        self.true_at.reach(now);
    }

    /// The database could not replace it.
    pub(super) fn failed(&self, now: Stamp) {
        self.failed_at.reach(Stamp(now.0.max(1)));
    }

    /// For how long nobody has asked for it.
    pub(super) fn idle(&self, now: Stamp) -> Duration {
        now.since(self.asked_at.get())
    }

    /// Since the database last failed to replace it.
    pub(super) fn since_failure(&self, now: Stamp) -> Option<Duration> {
        let at = self.failed_at.get();
        (at != Stamp::default()).then(|| now.since(at))
    }

    pub(super) fn age(&self, now: Stamp, is_true: bool, deletions: &Deletions) -> Age {
        Age {
            read: now.since(self.read_at),
            untrue: (!is_true).then(|| now.since(self.true_at.get())),
            is_overwritten: deletions.has_written(self.born),
        }
    }

    /// The right to read it again, if nobody has it.
    pub(super) fn refresh(self: &Arc<Kept>) -> Option<Refreshing> {
        let was = self.is_refreshing.swap(true, Ordering::AcqRel);
        (!was).then(|| Refreshing(self.clone()))
    }
}

impl Drop for Refreshing {
    fn drop(&mut self) {
        self.0.is_refreshing.store(false, Ordering::Release);
    }
}

impl Resident for Kept {
    fn size(&self) -> usize {
        let asked = self.warm.as_ref().map_or(0, |(asked, _)| asked.size());
        size_of::<Kept>() + self.answer.size() + 2 * self.labels.len() + asked
    }
}

impl Stamp {
    /// Nothing, if `earlier` is the later one.
    fn since(self, earlier: Stamp) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Moving {
    fn at(stamp: Stamp) -> Moving {
        Moving(AtomicU64::new(stamp.0))
    }

    fn get(&self) -> Stamp {
        Stamp(self.0.load(Ordering::Relaxed))
    }

    /// Moves on to `stamp`, never back.
    fn reach(&self, stamp: Stamp) {
        // A load spares most writers the line of the cache.
        if self.get() < stamp {
            self.0.fetch_max(stamp.0, Ordering::Relaxed);
        }
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
