//! Loads under way, by key: who begins one and who waits for it. The lock of a key's shard is also
//! what orders the end of its load with whatever changes what stands under the key. It runs no load
//! and stores nothing.

use std::any::TypeId;
use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use foldhash::fast::RandomState;
use tokio::sync::Semaphore;

use super::kept::Content;
use super::key::Key;
use super::known::{Known, Trust};
use super::life::{Moment, nanos};
use super::space::Space;
use super::tags::{Slots, Tags};
use super::tiers::{FILL_MAX, LOOK_MAX};
use crate::depend::Evidence;
use crate::error::Error;

const SHARDS: usize = 64;

/// Those who wait give up so much later than the load itself has to end.
pub(crate) const GRACE: Duration = Duration::from_secs(1);

/// How long loads may take beside what the caller's load takes, when tiers are asked.
const BELOW_MAX: Duration = LOOK_MAX.saturating_add(FILL_MAX);

#[derive(Default)]
struct Shard {
    flights: HashMap<Key, Arc<Flight>, RandomState>,
    /// How often something was changed under one of its keys, or might have been.
    changes: u64,
}

/// The loads under way. At most one entry per running load.
#[derive(Default)]
pub(crate) struct Flights {
    /// The loads that were begun.
    begun: AtomicU64,
    hasher: RandomState,
    shards: Box<[Mutex<Shard>]>,
}

/// The lock of the shard of a key: whoever has it is alone in changing what stands under the keys
/// of that shard. Nothing of a caller's is run or dropped under it.
pub(crate) struct Turn<'a> {
    begun: &'a AtomicU64,
    shard: MutexGuard<'a, Shard>,
}

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
    /// What is known since it began of changes by others: of the key, and of any tag.
    pub(crate) known: Known,
    /// Whether tiers are asked before the load, and filled after it.
    pub(crate) is_deep: bool,
}

/// Whether a caller may wait for a load that is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    Yes,
    /// It may be older than a change by others which was not heard. So wait for its end, and for
    /// the next one.
    Unheard,
    No,
}

/// A load under way.
pub(crate) struct Flight {
    pub(crate) departure: Departure,
    /// Which of all loads it is, in the order of their beginnings.
    number: u64,
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
        Flights { begun: AtomicU64::new(0), hasher: RandomState::default(), shards }
    }

    /// How many loads were begun: the next ones have higher numbers.
    pub(crate) fn begun(&self) -> u64 {
        self.begun.load(Ordering::SeqCst)
    }

    /// Takes the lock of a key's shard.
    pub(crate) fn turn(&self, key: &Key) -> Turn<'_> {
        let shard = &self.shards[(self.hasher.hash_one(key) % SHARDS as u64) as usize];
        Turn { begun: &self.begun, shard: shard.lock().unwrap_or_else(PoisonError::into_inner) }
    }

    /// Takes out all flights in a namespace whose keys match, shard by shard: what they load is not
    /// kept.
    pub(crate) fn take_out_all(&self, matches: impl Fn(&Key) -> bool) {
        for shard in &self.shards {
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            shard.flights.retain(|key, _| !matches(key));
            shard.changes += 1;
        }
    }

    pub(crate) fn len(&self) -> usize {
        let lock = |shard: &Mutex<Shard>| {
            shard.lock().unwrap_or_else(PoisonError::into_inner).flights.len()
        };
        self.shards.iter().map(lock).sum()
    }
}

impl Turn<'_> {
    pub(crate) fn flight(&self, key: &Key) -> Option<&Arc<Flight>> {
        self.shard.flights.get(key)
    }

    /// How often something was changed under a key of the shard.
    pub(crate) fn changes(&self) -> u64 {
        self.shard.changes
    }

    /// Begins a flight; one that is under way is not the registered one any more.
    pub(crate) fn begin(&mut self, key: Key, departure: Departure) -> Arc<Flight> {
        let number = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
        let flight = Arc::new(Flight::new(departure, number));
        self.shard.flights.insert(key, flight.clone());
        flight
    }

    /// Takes out `flight`; false if it is not the registered one.
    pub(crate) fn end(&mut self, key: &Key, flight: &Arc<Flight>) -> bool {
        let registered = self.shard.flights.get(key);
        let is_registered = registered.is_some_and(|found| Arc::ptr_eq(found, flight));
        if is_registered {
            self.take_out(key);
        }
        is_registered
    }

    /// Takes out the flight of a key: what it loads is not kept.
    pub(crate) fn take_out(&mut self, key: &Key) {
        self.shard.flights.remove(key);
        self.shard.changes += 1;
    }
}

impl Flight {
    /// One that nobody joins.
    pub(super) fn unregistered(departure: Departure) -> Flight {
        Flight::new(departure, 0)
    }

    fn new(departure: Departure, number: u64) -> Flight {
        let (landed, wake) = (OnceLock::new(), Semaphore::new(0));
        Flight { departure, number, landed, wake, parked: Mutex::default(), unpark: Condvar::new() }
    }

    /// Whether a caller may wait for it that comes now, or came when `begun` loads had begun: it
    /// is of the caller's type, of no tag that was deleted since it began, not past its time, and
    /// of nothing that others have changed since, unless it began after the caller had come.
    pub(crate) fn fit(&self, kind: TypeId, tags: &Tags, now: Moment, begun: u64) -> Fit {
        let Departure { number, slots, kind: own, began, known, .. } = &self.departure;
        let ends = began.saturating_add(nanos(self.patience()));
        if *own != kind || now >= ends || tags.has_deleted(slots, *number) {
            return Fit::No;
        }
        match known.trust() {
            _ if self.number > begun => Fit::Yes,
            Trust::Yes => Fit::Yes,
            Trust::NotNow => Fit::Unheard,
            Trust::Over => Fit::No,
        }
    }

    /// How long it is waited for at most.
    fn patience(&self) -> Duration {
        let below = if self.departure.is_deep { BELOW_MAX } else { Duration::ZERO };
        self.departure.load_timeout.saturating_add(GRACE).saturating_add(below)
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
        let limit = self.patience();
        if self.landed.get().is_none() {
            // Closed: it has landed.
            let _ = tokio::time::timeout(limit, self.wake.acquire()).await;
        }
        self.landed.get().cloned().ok_or(Overdue(self.departure.load_timeout))
    }

    /// The same for a thread.
    pub(crate) fn park(&self) -> Result<Landed, Overdue> {
        let limit = self.patience();
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
