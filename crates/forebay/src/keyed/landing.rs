//! The end of a load: what it gave is stored if it may be, and everybody who waits is told.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::runtime::Handle;

use super::caught::{Caught, Panicked};
use super::chain::Link;
use super::core::Core;
use super::failure::{overdue, panicked};
use super::flight::{Flight, Landed};
use super::kept::Kept;
use super::key::Key;
use super::life::{Holds, Life, Loaded, nanos};
use super::load::{Ask, Batch, Load, Produced};
use super::policy::Policy;
use super::tags::Slots;
use super::thread;
use crate::depend::{self, Evidence};
use crate::error::{Error, Result};

/// How often what nobody can be given any more is looked for while the store is crowded.
const SWEEP_EVERY: Duration = Duration::from_secs(10);

/// Loads under way that end together. Dropped before their end, they are lost.
pub(super) struct Departed {
    core: Arc<Core>,
    flights: Vec<(Key, Arc<Flight>)>,
    is_behind: bool,
}

/// What becomes of what stands under a key.
enum Change {
    Keep(Arc<Kept>),
    Remove,
    Leave,
}

/// What all values of a load share.
struct Common<'a> {
    policy: &'a Policy,
    slots: &'a Slots,
    loaded: Loaded,
    evidence: Option<Evidence>,
}

impl Departed {
    pub(super) fn new(core: &Arc<Core>, flights: Vec<(Key, Arc<Flight>)>) -> Departed {
        core.tally.loads.add(flights.len() as u64);
        Departed { core: core.clone(), flights, is_behind: false }
    }

    /// Nobody waits for it.
    pub(super) fn behind(mut self) -> Departed {
        self.is_behind = true;
        self
    }

    /// Spawns the load.
    pub(super) fn depart(self, ask: &Ask, load: Load, runtime: &Handle) {
        let (policy, slots) = (ask.policy, ask.slots.clone());
        let link = self.link();
        runtime.spawn(async move {
            let began = self.core.now();
            let loading = Caught::new(load);
            let limited = tokio::time::timeout(policy.load_timeout, loading);
            let (ended, evidence) = depend::collect(link.around(limited)).await;
            let done = match ended {
                Ok(Ok(done)) => done,
                Ok(Err(Panicked)) => Err(panicked()),
                Err(_) => Err(overdue(policy.load_timeout)),
            };
            let took = Duration::from_nanos(self.core.now().saturating_sub(began));
            self.land(done, &policy, &slots, Loaded { began, took }, evidence);
        });
    }

    /// Runs a load that blocks, on this thread.
    pub(super) fn run_here(self, ask: &Ask, load: impl FnOnce() -> Result<Batch>) {
        let link = self.link();
        let began = self.core.now();
        let caught = || catch_unwind(AssertUnwindSafe(load)).unwrap_or_else(|_| Err(panicked()));
        let (done, evidence) = thread::collect(|| link.around_thread(caught));
        let took = Duration::from_nanos(self.core.now().saturating_sub(began));
        self.land(done, &ask.policy, &ask.slots, Loaded { began, took }, evidence);
    }

    fn link(&self) -> Arc<Link> {
        Link::new(&self.core, self.flights.iter().map(|(key, _)| key.clone()).collect())
    }

    /// Stores what was loaded, and tells it to everybody who waits.
    fn land(
        mut self,
        done: Result<Batch>,
        policy: &Policy,
        slots: &Slots,
        loaded: Loaded,
        evidence: Evidence,
    ) {
        let core = self.core.clone();
        core.tally.loaded(loaded.took);
        let evidence = (!policy.ttl_only && !evidence.is_empty()).then_some(evidence);
        let is_unproven = evidence.as_ref().is_some_and(|all| all.unproven().is_some());
        core.tally.unproven.add(u64::from(is_unproven));
        let flights = std::mem::take(&mut self.flights);
        match done {
            Ok(batch) => {
                debug_assert_eq!(batch.len(), flights.len());
                let common = Common { policy, slots, loaded, evidence };
                for ((key, flight), produced) in flights.into_iter().zip(batch) {
                    core.land(key, &flight, produced, &common);
                }
            }
            Err(error) => self.fail(flights, error),
        }
        core.sweep_if_crowded();
    }

    fn fail(&self, flights: Vec<(Key, Arc<Flight>)>, error: Error) {
        self.core.tally.failures.add(flights.len() as u64);
        if self.is_behind {
            tracing::warn!(cache = self.core.name, %error, "a load behind an answer failed");
        }
        let error = Arc::new(error);
        for (key, flight) in flights {
            self.core.flights.turn(&key).end(&key, &flight);
            flight.land(Landed::Failed(error.clone()));
        }
    }
}

impl Drop for Departed {
    fn drop(&mut self) {
        for (key, flight) in self.flights.drain(..) {
            self.core.flights.turn(&key).end(&key, &flight);
            flight.land(Landed::Lost);
        }
    }
}

impl Core {
    fn land(&self, key: Key, flight: &Arc<Flight>, produced: Produced, common: &Common<'_>) {
        let content = produced.content.clone();
        let change = self.change(flight, produced, common);
        let mut turn = self.flights.turn(&key);
        // Whoever changes what stands under the key takes the flight out first.
        let out = match (turn.end(&key, flight), change) {
            (true, Change::Keep(kept)) => self.keep(&turn, key, &kept),
            (true, Change::Remove) => self.take(&turn, &key).into_iter().collect(),
            (true, Change::Leave) => Vec::new(),
            (false, change) => {
                self.tally.refused.add(u64::from(matches!(change, Change::Keep(_))));
                drop(turn);
                drop(change);
                return flight.land(Landed::Loaded { content, evidence: common.evidence.clone() });
            }
        };
        drop(turn);
        drop(out);
        flight.land(Landed::Loaded { content, evidence: common.evidence.clone() });
    }

    fn change(&self, flight: &Flight, produced: Produced, common: &Common<'_>) -> Change {
        let Common { policy, slots, loaded, evidence } = common;
        let Produced { content, slots: told, is_kept } = produced;
        let holds = content.holds();
        if holds == Holds::Nothing && policy.negative_ttl.is_zero() {
            return Change::Remove;
        }
        let slots: Slots = slots.iter().copied().chain(told).collect();
        let is_bounded = policy.ttl.is_some() || holds == Holds::Nothing;
        let is_proven = evidence.as_ref().is_none_or(|all| all.unproven().is_none());
        let is_true = evidence.as_ref().is_none_or(Evidence::is_true);
        let number = flight.departure.number;
        let is_deleted = self.tags.has_deleted(&slots, number);
        if !is_kept || !is_true || is_deleted || !(is_bounded || is_proven) {
            self.tally.refused.add(1);
            return Change::Leave;
        }
        let life = Life::new(policy, holds, *loaded, fastrand::f64());
        Change::Keep(Kept::new(content, life, number, slots, evidence.clone()))
    }

    /// Entries that nobody can be given are found when they are asked for, or here once they crowd
    /// out others.
    fn sweep_if_crowded(&self) {
        let (now, swept) = (self.now(), self.swept.load(Ordering::Relaxed));
        let is_crowded = self.store.bytes() > self.store.bytes_max() / 2;
        if !is_crowded || now.saturating_sub(swept) < nanos(SWEEP_EVERY) {
            return;
        }
        let order = Ordering::Relaxed;
        if self.swept.compare_exchange(swept, now, order, order).is_ok() {
            self.sweep();
        }
    }
}
