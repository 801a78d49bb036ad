//! How often what is there no more was asked for, until it is loaded again: what expires, or is
//! made untrue by a write, is as hot after that as before. It is bounded, and may forget.

use std::hash::BuildHasher as _;
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::fast::RandomState;

use super::key::KeyRef;

/// Keys that are remembered; two of them in one slot, and the older one is forgotten.
const SLOTS: usize = 4_096;

/// The askings of keys whose entries have gone.
pub(super) struct Askings {
    /// Half of a key's hash, and its askings.
    slots: Box<[AtomicU64]>,
    state: RandomState,
}

impl Default for Askings {
    fn default() -> Askings {
        let slots = std::iter::repeat_with(AtomicU64::default).take(SLOTS).collect();
        Askings { slots, state: RandomState::default() }
    }
}

impl Askings {
    /// The entry of a key has gone.
    pub(super) fn note(&self, key: KeyRef<'_>, asked: u32) {
        let (slot, name) = self.place(key);
        slot.store(name | u64::from(asked), Ordering::Relaxed);
    }

    /// The key has an entry again; how often the one before was asked for, if that is remembered.
    pub(super) fn take(&self, key: KeyRef<'_>) -> u32 {
        let (slot, name) = self.place(key);
        let found = slot.load(Ordering::Relaxed);
        let asked = found & u64::from(u32::MAX);
        if found & !u64::from(u32::MAX) != name || asked == 0 {
            return 0;
        }
        slot.store(0, Ordering::Relaxed);
        u32::try_from(asked).unwrap_or(u32::MAX)
    }

    fn place(&self, key: KeyRef<'_>) -> (&AtomicU64, u64) {
        let hash = self.state.hash_one(key);
        let at = usize::try_from(hash % SLOTS as u64).unwrap_or(0);
        (&self.slots[at], hash & !u64::from(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyed::space::Space;
    use proptest::prelude::*;
    use std::collections::HashMap;
    use std::sync::Arc;

    proptest! {
        /// A map is the model, of which some may be forgotten.
        #[test]
        fn what_is_remembered_is_what_was_noted(steps in proptest::collection::vec(
            (any::<bool>(), 0_u32..9_000, 0_u32..9), 1..200,
        )) {
            let (askings, space) = (Askings::default(), Arc::new(Space::default()));
            let mut model: HashMap<u32, u32> = HashMap::new();
            for (notes, key, asked) in steps {
                let bytes = key.to_le_bytes();
                let named = KeyRef { space: &space, bytes: &bytes };
                if notes {
                    askings.note(named, asked);
                    model.insert(key, asked);
                } else {
                    let (found, expect) = (askings.take(named), model.remove(&key).unwrap_or(0));
                    prop_assert!(found == expect || found == 0, "{found} is not {expect}");
                }
                if notes && asked > 6 {
                    prop_assert_eq!(askings.take(named), asked, "nothing came between");
                    model.remove(&key);
                }
            }
        }
    }
}
