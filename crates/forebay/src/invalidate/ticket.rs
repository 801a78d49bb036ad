//! Tickets: the versions that an answer was read under. An answer is true as long as its ticket
//! is valid, so a fill that lost a race against a write is dead on arrival.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use smallvec::SmallVec;

use super::window::Window;

/// The versions that an answer was read under, and its windows.
#[derive(Clone)]
pub(crate) struct Ticket {
    pub(super) epoch: u64,
    pub(super) versions: SmallVec<[(u32, u64); 3]>,
    pub(super) windows: Option<Arc<[Arc<Window>]>>,
}

impl Ticket {
    /// A ticket that is never valid: of an answer of which nobody knows what it rests on.
    pub(crate) fn of_nothing() -> Ticket {
        Ticket { epoch: u64::MAX, versions: SmallVec::new(), windows: None }
    }

    /// Bytes that the ticket takes beside itself, those of its windows in the index included.
    pub(crate) fn heap_size(&self) -> usize {
        /// A window, its node, and its places in two maps (measured).
        const WINDOW_BYTES: usize = 400;
        let spilled = if self.versions.spilled() { self.versions.capacity() * 16 } else { 0 };
        let window = |window: &Arc<Window>| WINDOW_BYTES + window.among_size();
        let windows = self.windows.iter().flat_map(|windows| windows.iter());
        spilled + windows.map(window).sum::<usize>()
    }

    /// Where its windows lie: clones of a ticket share them, and no other ticket has them.
    fn address_of_windows(&self) -> Option<usize> {
        self.windows.as_ref().map(|windows| Arc::as_ptr(windows).cast::<()>().addr())
    }
}

/// Two tickets are equal if one is void exactly when the other is: they are of the same versions
/// and have the very same windows.
impl PartialEq for Ticket {
    fn eq(&self, other: &Ticket) -> bool {
        self.epoch == other.epoch
            && self.versions == other.versions
            && self.address_of_windows() == other.address_of_windows()
    }
}

impl Eq for Ticket {}

impl Hash for Ticket {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.epoch, &self.versions[..], self.address_of_windows()).hash(state);
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let windows = self.windows.as_ref().map_or(0, |windows| windows.len());
        write!(
            f,
            "ticket of epoch {}, {} slots, {windows} windows",
            self.epoch,
            self.versions.len()
        )
    }
}
