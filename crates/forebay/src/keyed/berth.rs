//! The place of a load under way: whoever has it ends the flight, once. Dropped before that, the
//! flight is lost, and those who wait load for themselves.

use std::sync::Arc;

use super::core::Core;
use super::flight::{Flight, Landed};
use super::kept::Kept;
use super::key::Key;
use super::tiers::{Asked, OnDisk};
use crate::cache::Evicted;

/// A flight of which somebody is in charge.
pub(super) struct Berth {
    core: Arc<Core>,
    pub(super) key: Key,
    pub(super) flight: Arc<Flight>,
    has_landed: bool,
}

/// What becomes of what stands under a key.
pub(super) enum Change {
    Keep(Arc<Kept>),
    Remove,
    Leave,
}

impl Berth {
    pub(super) fn new(core: &Arc<Core>, key: Key, flight: Arc<Flight>) -> Berth {
        Berth { core: core.clone(), key, flight, has_landed: false }
    }

    /// What the tiers are asked for it; `None` where there are none.
    pub(super) fn asked(&self) -> Option<Asked> {
        let below = self.core.below.as_ref()?;
        Some(below.asked(&self.key, self.flight.departure.known.clone()))
    }

    /// Changes what stands under the key, unless somebody has taken the flight out, and tells
    /// everybody who waits. Whoever changes what stands there takes the flight out first; what the
    /// disk has changes under the same lock.
    pub(super) fn land(mut self, change: Change, on_disk: OnDisk, landed: Landed) {
        self.has_landed = true;
        let core = &self.core;
        let mut turn = core.flights.turn(&self.key);
        let out: Evicted<Kept> = if turn.end(&self.key, &self.flight) {
            let is_deleted = match &change {
                Change::Keep(kept) => core.tags.has_deleted(&kept.slots, kept.number),
                Change::Remove | Change::Leave => false,
            };
            if let Some(below) = &core.below {
                let on_disk = if is_deleted { OnDisk::Discard } else { on_disk };
                below.put(&below.name(&self.key), on_disk);
            }
            match change {
                Change::Keep(kept) => core.keep(&turn, self.key.clone(), &kept),
                Change::Remove => core.take(&turn, &self.key).into_iter().collect(),
                Change::Leave => Evicted::new(),
            }
        } else {
            core.tally.refused.add(u64::from(matches!(change, Change::Keep(_))));
            match change {
                Change::Keep(kept) => vec![kept],
                Change::Remove | Change::Leave => Evicted::new(),
            }
        };
        drop(turn);
        drop(out);
        self.flight.land(landed);
    }
}

impl Drop for Berth {
    fn drop(&mut self) {
        if !self.has_landed {
            self.core.flights.turn(&self.key).end(&self.key, &self.flight);
            self.flight.land(Landed::Lost);
        }
    }
}
