//! What a piece of work rested on, and whether it still is so.
//!
//! Why a value that was made of several answers may be kept: `docs/design/dependency-capture.md`.

use std::hash::{Hash, Hasher};
use std::sync::{Arc, Weak};

use crate::invalidate::Ticket;
use crate::watch::Record;

/// Who answers queries, and can say later whether an answer is still the one.
pub(crate) trait Authority: Send + Sync {
    /// Whether it knows by now of every change that was made before this call, and is allowed to
    /// answer by itself at all. To be asked before `upholds`.
    fn is_current(&self) -> bool;

    /// Whether an answer is what the database says, as of the last time that `is_current` said yes.
    fn upholds(&self, part: &Part) -> bool;

    /// Whether an answer can never be upheld again.
    fn has_dropped(&self, part: &Part) -> bool;
}

/// One answer that something rests on: what it rests on itself, and the statement it is of.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) ticket: Ticket,
    pub(crate) record: Arc<Record>,
}

/// The parts that one authority answers for. It is not kept open for their sake.
pub(super) struct Ground {
    pub(super) authority: Weak<dyn Authority>,
    pub(super) parts: Box<[Part]>,
}

/// What the queries inside a piece of work rest on. A clone is cheap.
#[derive(Clone)]
pub(crate) struct Evidence {
    pub(super) grounds: Arc<[Ground]>,
    pub(super) unproven: Option<&'static str>,
}

impl Evidence {
    /// Whether every answer that was collected is what its database says now. All answers of one
    /// database are true at one instant, that of its `is_current`. No I/O; tens of nanoseconds for
    /// a database, and some for a part.
    ///
    /// False is not the last word: a database may not be able to tell just now. See
    /// [`Evidence::is_void`].
    pub(crate) fn is_true(&self) -> bool {
        self.grounds.iter().all(Ground::is_true)
    }

    /// Whether it can never be true again, so that what rests on it need not be kept.
    pub(crate) fn is_void(&self) -> bool {
        self.grounds.iter().any(Ground::is_void)
    }

    /// Whether no statement was run inside.
    pub(crate) fn is_empty(&self) -> bool {
        self.grounds.is_empty() && self.unproven.is_none()
    }

    /// Why the work may rest on more than was collected, if so. What was collected holds all the
    /// same: once it is not true, neither is what was made of it.
    pub(crate) fn unproven(&self) -> Option<&str> {
        self.unproven
    }

    /// Bytes that it takes beside itself, about; answers in the cache may share some of them.
    pub(crate) fn heap_size(&self) -> usize {
        let of_part = |part: &Part| size_of::<Part>() + part.ticket.heap_size();
        let of_ground =
            |ground: &Ground| size_of::<Ground>() + ground.parts.iter().map(of_part).sum::<usize>();
        self.grounds.iter().map(of_ground).sum()
    }
}

impl Ground {
    fn is_true(&self) -> bool {
        let Some(authority) = self.authority.upgrade() else { return false };
        authority.is_current() && self.parts.iter().all(|part| authority.upholds(part))
    }

    fn is_void(&self) -> bool {
        let Some(authority) = self.authority.upgrade() else { return true };
        self.parts.iter().any(|part| authority.has_dropped(part))
    }
}

impl Default for Evidence {
    fn default() -> Evidence {
        Evidence { grounds: Arc::new([]), unproven: None }
    }
}

impl std::fmt::Debug for Evidence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts: usize = self.grounds.iter().map(|ground| ground.parts.len()).sum();
        f.debug_struct("Evidence").field("parts", &parts).field("unproven", &self.unproven).finish()
    }
}

impl PartialEq for Part {
    fn eq(&self, other: &Part) -> bool {
        self.ticket == other.ticket && Arc::ptr_eq(&self.record, &other.record)
    }
}

impl Eq for Part {}

impl Hash for Part {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.ticket.hash(state);
    }
}
