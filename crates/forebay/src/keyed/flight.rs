//! Loads under way, by key: who begins one and who waits for it. The lock of a key's shard is also
//! what orders the end of its load with whatever changes what stands under the key. It runs no load
//! and stores nothing.

use std::any::TypeId;
use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use foldhash::fast::RandomState;
use tokio::sync::Semaphore;

use super::kept::Content;
use super::key::Key;
use super::life::{Moment, nanos};
use super::space::Space;
use super::tags::{Slots, Tags};
use crate::depend::Evidence;
use crate::error::Error;

const SHARDS: usize = 64;

/// Those who wait give up so much later than the load itself has to end.
pub(crate) const GRACE: Duration = Duration::from_secs(1);

type Shard = HashMap<Key, Arc<Flight>, RandomState>;

/// The loads under way. At most one entry per running load.
#[derive(Default)]
pub(crate) struct Flights {
    hasher: RandomState,
    shards: Box<[Mutex<Shard>]>,
}

/// The lock of the shard of a key: whoever has it is alone in changing what stands under the keys
/// of that shard. Nothing of a caller's is run or dropped under it.
pub(crate) struct Turn<'a>(MutexGuard<'a, Shard>);

/// Where a load runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Runs {
    /// In a task of its own.
    Task,
    /// On the thread of a caller that blocks.
    Thread,
}

/// What a load is begun with.
pub(crate) struct Departure {
    /// The number of the last deletion by tag.
    pub(crate) number: u64,
    /// Where a deletion of one of its tags is seen, as far as they are known before.
    pub(crate) slots: Slots,
    pub(crate) kind: TypeId,
    pub(crate) runs: Runs,
    pub(crate) began: Moment,
    pub(crate) load_timeout: Duration,
}

/// A load under way.
pub(crate) struct Flight {
    pub(crate) departure: Departure,
    landed: OnceLock<Landed>,
    /// Never has a permit; closed when it has landed.
    wake: Semaphore,
    parked: Mutex<()>,
    unpark: Condvar,
}

/// How a load has ended.
#[derive(Clone)]
pub(crate) enum Landed {
    Loaded {
        content: Content,
        /// `None`: it rests on its ttl alone.
        evidence: Option<Evidence>,
    },
    Failed(Arc<Error>),
    /// Its runtime was shut down before it had ended.
    Lost,
}

impl Landed {
    pub(crate) fn has_failed(&self) -> bool {
        !matches!(self, Landed::Loaded { .. })
    }
}

/// It has not landed within the time that a load may take.
#[derive(Debug)]
pub(crate) struct Overdue(pub(crate) Duration);

impl Flights {
    pub(crate) fn new() -> Flights {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Flights { hasher: RandomState::default(), shards }
    }

    /// Takes the lock of a key's shard.
    pub(crate) fn turn(&self, key: &Key) -> Turn<'_> {
        let shard = &self.shards[(self.hasher.hash_one(key) % SHARDS as u64) as usize];
        Turn(shard.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes out all flights in a namespace whose keys match, shard by shard: what they load is not
    /// kept.
    pub(crate) fn take_out_all(&self, matches: impl Fn(&Key) -> bool) {
        for shard in &self.shards {
            let mut flights = shard.lock().unwrap_or_else(PoisonError::into_inner);
            flights.retain(|key, _| !matches(key));
        }
    }

    pub(crate) fn len(&self) -> usize {
        let len = |shard: &Mutex<Shard>| shard.lock().unwrap_or_else(PoisonError::into_inner).len();
        self.shards.iter().map(len).sum()
    }
}

impl Turn<'_> {
    pub(crate) fn flight(&self, key: &Key) -> Option<&Arc<Flight>> {
        self.0.get(key)
    }

    /// Begins a flight; one that is under way is not the registered one any more.
    pub(crate) fn begin(&mut self, key: Key, departure: Departure) -> Arc<Flight> {
        let flight = Arc::new(Flight::new(departure));
        self.0.insert(key, flight.clone());
        flight
    }

    /// Takes out `flight`; false if it is not the registered one.
    pub(crate) fn end(&mut self, key: &Key, flight: &Arc<Flight>) -> bool {
        let is_registered = self.0.get(key).is_some_and(|found| Arc::ptr_eq(found, flight));
        if is_registered {
            self.0.remove(key);
        }
        is_registered
    }

    /// Takes out the flight of a key: what it loads is not kept.
    pub(crate) fn take_out(&mut self, key: &Key) {
        self.0.remove(key);
    }
}

impl Flight {
    pub(super) fn new(departure: Departure) -> Flight {
        let (landed, wake) = (OnceLock::new(), Semaphore::new(0));
        Flight { departure, landed, wake, parked: Mutex::default(), unpark: Condvar::new() }
    }

    /// Whether a caller that comes now may wait for it: of the caller's type, of no tag that was
    /// deleted since it began, and not past its time.
    pub(crate) fn is_fit(&self, kind: TypeId, tags: &Tags, now: Moment) -> bool {
        let Departure { number, slots, kind: own, began, load_timeout, .. } = &self.departure;
        let ends = began.saturating_add(nanos(*load_timeout)).saturating_add(nanos(GRACE));
        *own == kind && now < ends && !tags.has_deleted(slots, *number)
    }

    /// Tells everybody who waits how it ended. The first word holds.
    pub(crate) fn land(&self, landed: Landed) {
        if self.landed.set(landed).is_err() {
            return;
        }
        self.wake.close();
        drop(self.parked.lock().unwrap_or_else(PoisonError::into_inner));
        self.unpark.notify_all();
    }

    /// Waits for its end. Cancel safe.
    pub(crate) async fn landed(&self) -> Result<Landed, Overdue> {
        let limit = self.departure.load_timeout.saturating_add(GRACE);
        if self.landed.get().is_none() {
            // Closed: it has landed.
            let _ = tokio::time::timeout(limit, self.wake.acquire()).await;
        }
        self.landed.get().cloned().ok_or(Overdue(self.departure.load_timeout))
    }

    /// The same for a thread.
    pub(crate) fn park(&self) -> Result<Landed, Overdue> {
        let limit = self.departure.load_timeout.saturating_add(GRACE);
        let parked = self.parked.lock().unwrap_or_else(PoisonError::into_inner);
        let is_under_way = |_: &mut ()| self.landed.get().is_none();
        let waited = self.unpark.wait_timeout_while(parked, limit, is_under_way);
        drop(waited);
        self.landed.get().cloned().ok_or(Overdue(self.departure.load_timeout))
    }
}

/// The slots in which a flight looks for deletions: those of the tags that are known before, and
/// of any tag if its value will tell more.
pub(crate) fn departing_slots(known: &Slots, tells_more: bool, space: &Space) -> Slots {
    let mut slots = known.clone();
    if tells_more {
        slots.extend(super::tags::slots_of_any(space));
    }
    slots
}
