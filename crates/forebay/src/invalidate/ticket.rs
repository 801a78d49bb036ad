//! Tickets: the versions that an answer was read under. An answer is true as long as its ticket
//! is valid, so a fill that lost a race against a write is dead on arrival.

use std::fmt;
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
    /// Bytes that the ticket takes beside itself, those of its windows in the index included.
    pub(crate) fn heap_size(&self) -> usize {
        /// A window, its node, and its places in two maps (measured).
        const WINDOW_BYTES: usize = 400;
        let spilled = if self.versions.spilled() { self.versions.capacity() * 16 } else { 0 };
        let window = |window: &Arc<Window>| WINDOW_BYTES + window.among_size();
        let windows = self.windows.iter().flat_map(|windows| windows.iter());
        spilled + windows.map(window).sum::<usize>()
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
