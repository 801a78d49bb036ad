//! One connection out of the pool, and the way back, which no holder can forget: what was taken
//! comes back when it is dropped, also by a panic or a cancelled future.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::SemaphorePermit;

use super::acquire::Core;
use super::connect::Connect;
use super::shelf::SlotId;

/// A connection in use. It goes back to the pool when it is dropped, on any thread, with or
/// without a runtime.
pub(crate) struct Checkout<C: Connect> {
    core: Arc<Core<C>>,
    id: SlotId,
    /// Empty only while it is being dropped.
    connection: Option<C::Connection>,
    since: Instant,
    discarded: bool,
}

impl<C: Connect> Checkout<C> {
    pub(super) fn new(
        mut claim: Claim<'_, C>,
        id: SlotId,
        connection: C::Connection,
        since: Instant,
    ) -> Self {
        // The checkout answers for the slot and the permit from here on.
        claim.passed_on = true;
        let core = Arc::clone(claim.core);
        Checkout { core, id, connection: Some(connection), since, discarded: false }
    }

    /// Since when it has been in use.
    pub(crate) fn since(&self) -> Instant {
        self.since
    }

    /// Closes the connection instead of giving it back.
    pub(crate) fn discard(mut self) {
        self.discarded = true;
    }
}

impl<C: Connect> Deref for Checkout<C> {
    type Target = C::Connection;

    #[inline]
    fn deref(&self) -> &C::Connection {
        self.connection.as_ref().expect("a checkout has its connection until it is dropped")
    }
}

impl<C: Connect> DerefMut for Checkout<C> {
    #[inline]
    fn deref_mut(&mut self) -> &mut C::Connection {
        self.connection.as_mut().expect("a checkout has its connection until it is dropped")
    }
}

impl<C: Connect> Drop for Checkout<C> {
    fn drop(&mut self) {
        let claim = Claim { core: &self.core, slot: Some(self.id), passed_on: false };
        let Some(mut connection) = self.connection.take() else { return };
        // A holder that panicked may have left anything behind, and what it left must not lie
        // idle, for instance with a lock on the database.
        let broken = self.discarded
            || (std::thread::panicking() && !self.core.connect.check(&mut connection));
        if broken {
            drop(connection);
        } else {
            claim.give_back(self.id, connection);
        }
    }
}

/// The right to one connection: a permit, and the slot once there is one.
///
/// When it is dropped the slot is vacated and then the permit returned, in this order: whoever
/// gets the permit must find a vacant slot. A connection is closed before its claim is dropped,
/// so that never more than the pool's maximum are open.
pub(super) struct Claim<'a, C: Connect> {
    core: &'a Arc<Core<C>>,
    pub(super) slot: Option<SlotId>,
    /// A checkout has both now.
    passed_on: bool,
}

impl<'a, C: Connect> Claim<'a, C> {
    pub(super) fn new(core: &'a Arc<Core<C>>, permit: SemaphorePermit<'_>) -> Claim<'a, C> {
        permit.forget();
        Claim { core, slot: None, passed_on: false }
    }

    /// For closing what is idle when the pool is closed. Nobody can get the permit that this
    /// claim returns and never had, since the semaphore is closed by then.
    pub(super) fn of_closed(core: &'a Arc<Core<C>>, slot: SlotId) -> Claim<'a, C> {
        Claim { core, slot: Some(slot), passed_on: false }
    }

    /// Puts the connection of the slot on the shelf, or closes it if it is not to be kept.
    pub(super) fn give_back(mut self, id: SlotId, connection: C::Connection) {
        let surplus = self.core.shelf().keep(id, connection);
        if surplus.is_none() {
            self.slot = None;
        }
        drop(surplus);
    }
}

impl<C: Connect> Drop for Claim<'_, C> {
    fn drop(&mut self) {
        if self.passed_on {
            return;
        }
        if let Some(id) = self.slot {
            self.core.vacate(id);
        }
        self.core.permits.add_permits(1);
    }
}
