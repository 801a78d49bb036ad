//! A cache without its face: the entries, the loads under way, the deletions by tag, the time and
//! the counters. Here is what looks up, stores and removes; loading is in `load`.

use std::any::TypeId;
use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Instant;

use super::Cacheable;
use super::asked::Askings;
use super::codec::Codec;
use super::flight::{Flights, Turn};
use super::keep::Keepers;
use super::kept::{Content, Kept, Standing};
use super::key::{Key, KeyRef};
use super::known::Known;
use super::life::{Holds, Life, Loaded, Moment, nanos};
use super::policy::Policy;
use super::space::Space;
use super::stats::KeyedStats;
use super::tagged::Tagged;
use super::tags::{Slots, Tags};
use super::tally::{Cause, Tally};
use super::tiers::{Below, OnDisk};
use crate::cache::{Bounds, Evicted, Resident as _, Store};
use crate::clock::Clock;
use crate::depend;
use crate::error::{Error, Result};
use crate::glob::Glob;

/// Why what is made of nothing having been there has to rest on its own ttl.
const ABSENT: &str = "it rests on a cache having had nothing under a key";

/// Why what is made of a number that is counted up has to rest on its own ttl.
const COUNTED: &str = "it rests on a number that is counted in a cache";

/// What all handles of a cache share.
pub(crate) struct Core {
    /// What the cache is called, for the log.
    pub(super) name: String,
    pub(super) store: Store<Key, Kept>,
    pub(super) flights: Flights,
    pub(super) tags: Tags,
    pub(super) tally: Tally,
    pub(super) keepers: Keepers,
    pub(super) askings: Askings,
    /// The tiers that are asked when memory has nothing.
    pub(crate) below: Option<Below>,
    #[cfg(test)]
    pub(crate) pauses: super::tests::Pauses,
    clock: Clock,
    /// When dead entries were looked for last.
    pub(super) swept: AtomicU64,
    built: Instant,
}

/// What is asked for.
#[derive(Clone, Copy)]
pub(crate) struct Wanted {
    pub(crate) kind: TypeId,
    pub(crate) codec: Codec,
    /// Whether "there is none" is an answer.
    pub(crate) takes_nothing: bool,
}

/// What stands under a key, for somebody who can load it.
pub(crate) enum Found {
    Fresh(Arc<Kept>),
    /// Fresh, and to be loaded again behind the answer.
    Due(Arc<Kept>),
    /// Not fresh, and to be loaded again behind the answer if the flag says so.
    Stale(Arc<Kept>, bool),
    Nothing,
}

/// Which keys are meant.
pub(crate) enum Reach<'a> {
    /// Those of one namespace that match.
    Matching(&'a Space, Glob),
    /// Those of a namespace and all within it.
    Within(&'a Space),
}

impl Core {
    pub(crate) fn new(name: String, bounds: Bounds, clock: Clock, below: Option<Below>) -> Core {
        Core {
            name,
            store: Store::new(bounds),
            flights: Flights::new(),
            tags: Tags::default(),
            tally: Tally::default(),
            keepers: Keepers::default(),
            askings: Askings::default(),
            swept: AtomicU64::new(0),
            built: clock.now(),
            below,
            #[cfg(test)]
            pauses: Default::default(),
            clock,
        }
    }

    /// The time, as entries have it.
    #[inline]
    pub(crate) fn now(&self) -> Moment {
        nanos(self.clock.now().saturating_duration_since(self.built))
    }

    /// The fresh value under a key, for somebody who cannot load it.
    #[inline]
    pub(crate) fn get(&self, key: KeyRef<'_>, wanted: Wanted) -> Option<Arc<Kept>> {
        let now = self.now();
        let found = self.fresh(key, wanted, now);
        match &found {
            Some(kept) => {
                self.tally.hits.increment();
                kept.life.note_use(now);
                kept.hand_on();
            }
            None => {
                self.tally.misses.add(1);
                depend::doubt(ABSENT);
            }
        }
        found
    }

    /// The same without counting, and without noting a use.
    pub(crate) fn glance(&self, key: KeyRef<'_>) -> Option<Arc<Kept>> {
        depend::doubt(ABSENT);
        let now = self.now();
        let kept = self.store.peek(&key)?;
        (kept.standing(&self.tags, now) == Standing::Fresh).then_some(kept)
    }

    /// What stands under a key, for somebody who can load it.
    #[inline]
    pub(crate) fn find(&self, key: KeyRef<'_>, wanted: Wanted) -> Found {
        let now = self.now();
        let Some(kept) = self.store.get(&key) else { return self.found_nothing() };
        if !wanted.fits(&kept) {
            return self.found_nothing();
        }
        match kept.standing(&self.tags, now) {
            Standing::Fresh => {
                self.tally.hits.increment();
                kept.life.note_use(now);
                kept.hand_on();
                match kept.life.is_due(now, fastrand::f64) && kept.life.take_turn(now) {
                    true => Found::Due(kept),
                    false => Found::Fresh(kept),
                }
            }
            Standing::Expired if kept.life.is_stale(now) => {
                self.tally.misses.add(1);
                self.tally.stale.add(1);
                kept.hand_on_stale();
                let is_due = kept.life.take_turn(now);
                Found::Stale(kept, is_due)
            }
            standing => {
                self.drop_if_over(key, &kept, standing, now);
                self.found_nothing()
            }
        }
    }

    fn found_nothing(&self) -> Found {
        self.tally.misses.add(1);
        Found::Nothing
    }

    /// The fresh value under a key, not counted.
    #[inline]
    pub(super) fn fresh(&self, key: KeyRef<'_>, wanted: Wanted, now: Moment) -> Option<Arc<Kept>> {
        let kept = self.store.get(&key)?;
        if !wanted.fits(&kept) {
            return None;
        }
        match kept.standing(&self.tags, now) {
            Standing::Fresh => Some(kept),
            standing => {
                self.drop_if_over(key, &kept, standing, now);
                None
            }
        }
    }

    /// What may be given because a load has failed.
    pub(super) fn fallback(&self, key: KeyRef<'_>, wanted: Wanted) -> Option<Arc<Kept>> {
        let now = self.now();
        let kept = self.store.peek(&key).filter(|kept| wanted.fits(kept))?;
        match kept.standing(&self.tags, now) {
            Standing::Fresh => {
                kept.hand_on();
                Some(kept)
            }
            Standing::Expired | Standing::Untrue | Standing::Void if kept.life.is_fallback(now) => {
                self.tally.fallbacks.add(1);
                kept.hand_on_stale();
                Some(kept)
            }
            _ => None,
        }
    }

    fn drop_if_over(&self, key: KeyRef<'_>, kept: &Arc<Kept>, standing: Standing, now: Moment) {
        if let Some(cause) = over(kept, standing, now)
            && self.store.remove(&key, kept)
        {
            self.tally.dropped(cause, kept.size());
            self.askings.note(key, kept.life.asked());
        }
    }

    /// Keeps what a caller gives.
    pub(crate) fn set(
        &self,
        key: Key,
        content: Content,
        policy: &Policy,
        slots: Slots,
        on_disk: OnDisk,
    ) {
        let loaded = Loaded { began: self.now(), took: std::time::Duration::ZERO };
        let number = self.tags.last();
        let life = Life::new(policy, content.holds(), loaded, fastrand::f64());
        let kept = Kept::new(content, life, number, slots, None, Known::Alone);
        self.place(key, &kept, on_disk);
    }

    /// Puts an entry where what stands there and what is loaded for it is to go.
    pub(crate) fn place(&self, key: Key, kept: &Arc<Kept>, on_disk: OnDisk) {
        let mut turn = self.flights.turn(&key);
        turn.take_out(&key);
        if let Some(below) = &self.below {
            let is_deleted = self.tags.has_deleted(&kept.slots, kept.number);
            below.put(&below.name(&key), if is_deleted { OnDisk::Discard } else { on_disk });
        }
        let evicted = self.keep(&turn, key, kept);
        drop(turn);
        drop(evicted);
    }

    /// Adds to the number under a key; what is not there counts as 0. One that is there keeps its
    /// expiry.
    pub(crate) fn increment(
        &self,
        key: Key,
        by: i64,
        policy: &Policy,
        slots: Slots,
    ) -> Result<i64> {
        depend::doubt(COUNTED);
        // Declared before the lock, so that what it holds is dropped after it.
        let before;
        let mut turn = self.flights.turn(&key);
        // Before it is asked whether the entry is of a deleted tag.
        let (now, number) = (self.now(), self.tags.last());
        before = self.store.peek(&key.as_ref());
        let is_fresh = |kept: &Arc<Kept>| kept.standing(&self.tags, now) == Standing::Fresh;
        let counted = before.as_ref().filter(|before| is_fresh(before));
        let count = match counted.map(|before| before.number()) {
            None => Some(by),
            Some(Some(count)) => count.checked_add(by),
            Some(None) => return Err(Error::usage("what stands under this key is not a number")),
        };
        let count = count.ok_or_else(|| Error::usage("the number would not fit into 64 bits"))?;
        let content = Content::number(count);
        let loaded = Loaded { began: now, took: std::time::Duration::ZERO };
        let life = Life::new(policy, Holds::Value, loaded, fastrand::f64());
        let kept = match counted {
            None => Kept::new(content, life, number, slots, None, Known::Alone),
            Some(before) => {
                life.expire_with(&before.life);
                let mut all = before.slots.clone();
                all.extend(slots.into_iter().filter(|slot| !before.slots.contains(slot)));
                let (number, evidence) = (before.number, before.evidence.clone());
                Kept::new(content, life, number, all, evidence, Known::Alone)
            }
        };
        turn.take_out(&key);
        if let Some(below) = &self.below {
            // What is counted runs nothing of a caller's when it is written down.
            let codec = Codec::of::<i64>();
            below.put(&below.name(&key), below.for_disk_now(&key, &kept, policy, codec, now));
        }
        let evicted = self.keep(&turn, key, &kept);
        drop(turn);
        drop(evicted);
        Ok(count)
    }

    /// Stores an entry in place of what stands there. What it throws out is to be dropped without
    /// the lock.
    #[must_use]
    pub(super) fn keep(&self, _: &Turn<'_>, key: Key, kept: &Arc<Kept>) -> Evicted<Kept> {
        let before = self.store.peek(&key.as_ref());
        kept.life.asked_before(match &before {
            Some(before) => before.life.asked(),
            None => self.askings.take(key.as_ref()),
        });
        self.tally.kept(kept.size());
        let mut evicted = self.store.insert(key, kept.clone());
        for out in &evicted {
            let cause = match before.as_ref() {
                _ if Arc::ptr_eq(out, kept) => Cause::TooLarge,
                Some(before) if Arc::ptr_eq(out, before) => Cause::Replaced,
                _ => Cause::Capacity,
            };
            self.tally.dropped(cause, out.size());
        }
        evicted.extend(before);
        evicted
    }

    /// Removes what stands under a key; whether it was fresh.
    pub(crate) fn delete(&self, key: &Key) -> bool {
        let mut turn = self.flights.turn(key);
        turn.take_out(key);
        let taken = self.take(&turn, key);
        if let Some(below) = &self.below {
            below.discard(key);
        }
        drop(turn);
        let now = self.now();
        taken.is_some_and(|kept| kept.standing(&self.tags, now) == Standing::Fresh)
    }

    /// Takes out what stands under a key, to be dropped without the lock.
    pub(super) fn take(&self, _: &Turn<'_>, key: &Key) -> Option<Arc<Kept>> {
        let taken = self.store.take(&key.as_ref())?;
        self.askings.note(key.as_ref(), taken.life.asked());
        self.tally.dropped(Cause::Deleted, taken.size());
        Some(taken)
    }

    /// Removes all that is meant; how many of them were fresh. Cost: all entries.
    pub(crate) fn delete_all(&self, reach: &Reach<'_>) -> u64 {
        // What is stored after this is of a load that began after it, or was set.
        self.flights.take_out_all(|key| reach.holds(key));
        let taken = RefCell::new(Vec::new());
        self.store.retain(|key, kept| {
            let stays = !reach.holds(key);
            if !stays {
                taken.borrow_mut().push(kept.clone());
            }
            stays
        });
        let (taken, now) = (taken.into_inner(), self.now());
        taken.iter().for_each(|kept| self.tally.dropped(Cause::Deleted, kept.size()));
        let is_fresh = |kept: &&Arc<Kept>| kept.standing(&self.tags, now) == Standing::Fresh;
        taken.iter().filter(is_fresh).count() as u64
    }

    /// Drops what nobody can be given any more. Cost: all entries.
    pub(super) fn sweep(&self) {
        let now = self.now();
        let dead = RefCell::new(Vec::new());
        self.store.retain(|_, kept| {
            let cause = over(kept, kept.standing(&self.tags, now), now);
            if let Some(cause) = cause {
                dead.borrow_mut().push((cause, kept.clone()));
            }
            cause.is_none()
        });
        for (cause, kept) in dead.into_inner() {
            self.tally.dropped(cause, kept.size());
        }
    }

    pub(crate) fn stats(&self) -> KeyedStats {
        let tally = &self.tally;
        KeyedStats {
            hits: tally.hits.sum(),
            misses: tally.misses.get(),
            stale: tally.stale.get(),
            fallbacks: tally.fallbacks.get(),
            loads: tally.loads.get(),
            refreshes: tally.refreshes.get(),
            failures: tally.failures.get(),
            joined: tally.joined.get(),
            unproven: tally.unproven.get(),
            refused: tally.refused.get(),
            drops: tally.drops(),
            entries: self.store.len() as u64,
            bytes: tally.bytes.get(),
            bytes_max: self.store.bytes_max(),
            loading: self.flights.len() as u64,
            warm: self.keepers.len() as u64,
            load_times: tally.times(),
            load_time: tally.load_time(),
            disk: self.below.as_ref().and_then(Below::disk_stats),
            redis: self.below.as_ref().and_then(Below::redis_stats),
        }
    }

    /// What is known of changes by others to an entry, since what is known of its load.
    pub(crate) fn known_of(&self, key: &Key, tagged: &Tagged, known: &Known) -> Known {
        match &self.below {
            None => Known::Alone,
            Some(below) => below.known_since(key, tagged, known),
        }
    }
}

/// Why nobody can be given an entry any more, if so.
fn over(kept: &Kept, standing: Standing, now: Moment) -> Option<Cause> {
    match standing {
        Standing::Deleted => Some(Cause::Tag),
        Standing::Replaced => Some(Cause::Untrue),
        Standing::Void if !kept.life.is_fallback(now) => Some(Cause::Untrue),
        Standing::Expired | Standing::Untrue if kept.life.is_over(now) => Some(Cause::Expired),
        Standing::Unheard => None,
        Standing::Fresh | Standing::Expired | Standing::Untrue | Standing::Void => None,
    }
}

impl Wanted {
    /// A value of a type.
    #[inline]
    pub(crate) fn of<T: Cacheable>(takes_nothing: bool) -> Wanted {
        Wanted { kind: TypeId::of::<T>(), codec: Codec::of::<T>(), takes_nothing }
    }

    #[inline]
    pub(super) fn fits(self, kept: &Kept) -> bool {
        self.serves(&kept.content)
    }

    #[inline]
    pub(super) fn serves(self, content: &Content) -> bool {
        content.kind == self.kind && (self.takes_nothing || content.value.is_some())
    }
}

impl Found {
    /// What may be given.
    pub(super) fn content(&self) -> Option<Content> {
        match self {
            Found::Fresh(kept) | Found::Due(kept) | Found::Stale(kept, _) => {
                Some(kept.content.clone())
            }
            Found::Nothing => None,
        }
    }
}

impl Reach<'_> {
    pub(super) fn holds(&self, key: &Key) -> bool {
        match self {
            Reach::Matching(space, glob) => **space == *key.space && glob.matches(&key.bytes),
            Reach::Within(space) => space.holds(&key.space),
        }
    }
}
