//! Getting a connection: at once where one is idle, else in line, within the time allowed.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::{Notify, Semaphore, TryAcquireError};
use tokio::time::{Instant as Deadline, timeout_at};

use crate::clock::Clock;
use crate::error::Result;
use crate::stats::PoolStats;

use super::checkout::{Checkout, Claim};
use super::connect::{Connect, HolderLabel};
use super::options::Options;
use super::report;
use super::shelf::{Shelf, SlotId, Taken};
use super::stats::Times;
use super::sweep::Background;

/// A pool of connections. Clones are cheap and share it; with the last one its background tasks
/// end, and what is idle is closed once nothing is in use.
pub(crate) struct Pool<C: Connect> {
    pub(super) core: Arc<Core<C>>,
    /// Not part of the core, since every checkout keeps that alive.
    background: Arc<Background>,
}

/// What the handles, the checkouts and the background tasks share.
pub(super) struct Core<C: Connect> {
    pub(super) connect: C,
    pub(super) options: Options,
    pub(super) clock: Clock,
    /// One per connection the pool may have; it hands them out first come, first served.
    pub(super) permits: Semaphore,
    shelf: Mutex<Shelf<C::Connection>>,
    times: Times,
    /// A closed pool has lost its last connection.
    drained: Notify,
}

impl<C: Connect> Clone for Pool<C> {
    fn clone(&self) -> Pool<C> {
        Pool { core: Arc::clone(&self.core), background: Arc::clone(&self.background) }
    }
}

impl<C: Connect> Pool<C> {
    /// Makes a pool and begins to open its idle connections in the background.
    ///
    /// # Errors
    /// If the options contradict each other, or outside of a tokio runtime.
    pub(crate) fn new(connect: C, options: Options) -> Result<Pool<C>> {
        Pool::with_clock(connect, options, Clock::real())
    }

    /// As [`Pool::new`], with another clock for lifetimes and idle times. How long a caller
    /// waits is measured by tokio's.
    pub(crate) fn with_clock(connect: C, options: Options, clock: Clock) -> Result<Pool<C>> {
        options.validate()?;
        let core = Arc::new(Core {
            connect,
            clock,
            permits: Semaphore::new(options.max()),
            shelf: Mutex::new(Shelf::new(options.clone())),
            times: Times::new(),
            drained: Notify::new(),
            options,
        });
        let background = Arc::new(Background::start(&core)?);
        Ok(Pool { core, background })
    }

    /// Gets a connection: the one given back last, or a new one. Those who wait are served in
    /// the order they came. Does not yield when a connection is idle. Cancel safe.
    ///
    /// # Errors
    /// `PoolExhausted` when none became free within `acquire_timeout`, `Open` when opening one
    /// took longer, `Closed` once the pool is closed, and what [`Connect::connect`] reports.
    pub(crate) async fn acquire(&self, holder: HolderLabel) -> Result<Checkout<C>> {
        let now = self.core.clock.now();
        let claimed = match self.core.permits.try_acquire() {
            Ok(permit) => match self.core.claim(Claim::new(&self.core, permit), holder, now)? {
                Claimed::Ready(checkout) => {
                    self.core.times.record_immediate();
                    return Ok(checkout);
                }
                Claimed::Slot(claim, id, holder) => Start::Open(claim, id, holder),
            },
            Err(TryAcquireError::NoPermits) => Start::Wait(holder),
            Err(TryAcquireError::Closed) => return Err(report::closed(&self.core.options)),
        };
        // Boxed, so that the future of the common case stays small.
        let checkout = Box::pin(self.core.acquire_in_time(claimed)).await?;
        self.core.times.record(self.core.clock.now().saturating_duration_since(now));
        Ok(checkout)
    }

    /// The counters at this instant.
    pub(crate) fn stats(&self) -> PoolStats {
        let core = &self.core;
        let now = core.clock.now();
        let (counts, longest) = {
            let shelf = core.shelf();
            (shelf.counts(), shelf.longest_held(now))
        };
        let times = core.times.summary();
        PoolStats {
            size: counts.idle + counts.in_use,
            idle: counts.idle,
            in_use: counts.in_use,
            waiting: counts.waiting,
            max: core.options.max(),
            acquisitions: times.count,
            timeouts: times.timeouts,
            opened: counts.opened,
            closed: counts.closed,
            acquire_mean: times.mean,
            acquire_p99: times.p99,
            longest_holder: longest.as_ref().map(report::holder),
        }
    }

    /// Closes the pool: who waits or asks from now on gets an error, what is idle is closed at
    /// once, what is in use when it comes back. Returns when all is closed. If the future is
    /// dropped the pool stays closed.
    pub(crate) async fn close(&self) {
        let core = &self.core;
        core.shelf().close();
        core.permits.close();
        loop {
            let retired = core.shelf().retire(core.clock.now());
            let Some((id, connection)) = retired else { break };
            let claim = Claim::of_closed(core, id);
            drop(connection);
            drop(claim);
        }
        loop {
            // Made before looking: a notification in between is not lost.
            let drained = core.drained.notified();
            if core.shelf().is_drained() {
                return;
            }
            drained.await;
        }
    }
}

/// Where the longer way begins.
enum Start<'a, C: Connect> {
    Wait(HolderLabel),
    Open(Claim<'a, C>, SlotId, HolderLabel),
}

/// What a permit brought.
pub(super) enum Claimed<'a, C: Connect> {
    Ready(Checkout<C>),
    Slot(Claim<'a, C>, SlotId, HolderLabel),
}

impl<C: Connect> Core<C> {
    pub(super) fn shelf(&self) -> MutexGuard<'_, Shelf<C::Connection>> {
        // The shelf panics only on an error of its own, before it changes anything.
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn vacate(&self, id: SlotId) {
        let drained = {
            let mut shelf = self.shelf();
            shelf.vacate(id);
            shelf.is_drained()
        };
        if drained {
            self.drained.notify_waiters();
        }
    }

    /// Takes an idle connection that passes its check, or a slot to open one for.
    pub(super) fn claim<'a>(
        self: &'a Arc<Self>,
        mut claim: Claim<'a, C>,
        mut holder: HolderLabel,
        now: Instant,
    ) -> Result<Claimed<'a, C>> {
        loop {
            let taken = self.shelf().take(holder, now);
            match taken {
                Taken::Closed => return Err(report::closed(&self.options)),
                Taken::Reserved(id, holder) => {
                    claim.slot = Some(id);
                    return Ok(Claimed::Slot(claim, id, holder));
                }
                Taken::Idle(id, mut connection) => {
                    claim.slot = Some(id);
                    if self.connect.check(&mut connection) {
                        return Ok(Claimed::Ready(Checkout::new(claim, id, connection, now)));
                    }
                    drop(connection);
                    holder = self.shelf().vacate_for_holder(id);
                    claim.slot = None;
                }
            }
        }
    }

    async fn acquire_in_time(self: &Arc<Self>, start: Start<'_, C>) -> Result<Checkout<C>> {
        let deadline = self.deadline();
        match start {
            Start::Open(claim, id, holder) => self.open(claim, id, holder, deadline).await,
            Start::Wait(holder) => {
                let claim = self.wait(deadline).await?;
                match self.claim(claim, holder, self.clock.now())? {
                    Claimed::Ready(checkout) => Ok(checkout),
                    Claimed::Slot(claim, id, holder) => {
                        self.open(claim, id, holder, deadline).await
                    }
                }
            }
        }
    }

    async fn wait(self: &Arc<Self>, deadline: Deadline) -> Result<Claim<'_, C>> {
        let mut place = Place::new(self);
        match timeout_at(deadline, self.permits.acquire()).await {
            Ok(Ok(permit)) => {
                place.leave_served();
                Ok(Claim::new(self, permit))
            }
            Ok(Err(_closed)) => Err(report::closed(&self.options)),
            Err(_elapsed) => {
                self.times.record_timeout();
                let now = self.clock.now();
                let (counts, longest) = {
                    let shelf = self.shelf();
                    (shelf.counts(), shelf.longest_held(now))
                };
                Err(report::exhausted(&self.options, counts, longest.as_ref()))
            }
        }
    }

    async fn open(
        self: &Arc<Self>,
        claim: Claim<'_, C>,
        id: SlotId,
        holder: HolderLabel,
        deadline: Deadline,
    ) -> Result<Checkout<C>> {
        let connection = self.connect_by(id, deadline).await?;
        let now = self.clock.now();
        if self.shelf().lend(id, holder, now) {
            return Ok(Checkout::new(claim, id, connection, now));
        }
        drop(connection);
        Err(report::closed(&self.options))
    }

    async fn connect_by(&self, id: SlotId, deadline: Deadline) -> Result<C::Connection> {
        let Ok(connected) = timeout_at(deadline, self.connect.connect()).await else {
            self.times.record_timeout();
            return Err(report::opening_timed_out(&self.options));
        };
        let connection = connected?;
        self.shelf().opened(id, self.clock.now());
        Ok(connection)
    }

    /// Opens one connection ahead of need. False: no more are needed, or none may be opened now.
    pub(super) async fn open_spare(self: &Arc<Self>) -> Result<bool> {
        let Ok(permit) = self.permits.try_acquire() else { return Ok(false) };
        let mut claim = Claim::new(self, permit);
        let Some(id) = self.shelf().reserve_spare() else { return Ok(false) };
        claim.slot = Some(id);
        let connection = self.connect_by(id, self.deadline()).await?;
        claim.give_back(id, connection);
        Ok(true)
    }

    /// Closes the idle connections that have no reason to stay. It has a permit for each, so
    /// that nobody opens another before it is closed; without a permit somebody is about to
    /// take what is idle.
    pub(super) fn retire_idle(self: &Arc<Self>) {
        let now = self.clock.now();
        while let Ok(permit) = self.permits.try_acquire() {
            let mut claim = Claim::new(self, permit);
            let retired = self.shelf().retire(now);
            let Some((id, connection)) = retired else { return };
            claim.slot = Some(id);
            drop(connection);
        }
    }

    fn deadline(&self) -> Deadline {
        let now = Deadline::now();
        let year = std::time::Duration::from_secs(365 * 86_400);
        now.checked_add(self.options.acquire_timeout).unwrap_or(now + year)
    }
}

/// A place in the line, counted as long as it is kept.
struct Place<'a, C: Connect> {
    core: &'a Arc<Core<C>>,
    served: bool,
}

impl<'a, C: Connect> Place<'a, C> {
    fn new(core: &'a Arc<Core<C>>) -> Place<'a, C> {
        core.shelf().enter_queue();
        Place { core, served: false }
    }

    /// Leaves the line with a permit.
    fn leave_served(&mut self) {
        self.core.shelf().leave_queue();
        self.served = true;
    }
}

impl<C: Connect> Drop for Place<'_, C> {
    /// Leaves the line with nothing: a connection above `max_size` may have been kept for it.
    fn drop(&mut self) {
        if self.served {
            return;
        }
        self.core.shelf().leave_queue();
        self.core.retire_idle();
    }
}
