//! Deletions by tag: a number for each, written into a slot of its tag. An entry is of no deleted
//! tag as long as no slot of it holds a number above the one that was the last when its load began.
//! It holds no entries: a deletion costs the same, however many have the tag. Two tags in one slot
//! cost a needless miss, never an untrue hit.

use std::hash::{BuildHasher, Hasher};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::fast::FixedState;
use smallvec::SmallVec;

use super::space::Space;

/// Slots, a power of two: 2 MB, taken by the first deletion by tag. A thousand deletions between
/// two reads of an entry make it needlessly untrue with a chance of 0.4 % for each of its tags.
const SLOTS: usize = 262_144;

/// Which slots to look into.
pub(crate) type Slots = SmallVec<[u32; 4]>;

/// What was deleted by tag.
#[derive(Debug, Default)]
pub(crate) struct Tags {
    /// The number of the last deletion.
    last: AtomicU64,
    slots: OnceLock<Box<[AtomicU64]>>,
}

impl Tags {
    /// The number of the last deletion. A load notes it before it reads anything.
    pub(crate) fn last(&self) -> u64 {
        // Acquire: whoever sees a deletion's number also sees what it was asked for.
        self.last.load(Ordering::Acquire)
    }

    /// Makes whatever has `tag` in `space` or within it untrue, as far as its load began before.
    pub(crate) fn delete(&self, space: &Space, tag: &[u8]) {
        let slots = self.slots.get_or_init(|| (0..SLOTS).map(|_| AtomicU64::new(0)).collect());
        let number = self.last.fetch_add(1, Ordering::AcqRel) + 1;
        for slot in [slot_of(space.path(), tag), slot_of_any(space.path())] {
            slots[slot as usize].fetch_max(number, Ordering::AcqRel);
        }
    }

    /// Whether one of the slots holds a deletion after `number`.
    #[inline]
    pub(crate) fn has_deleted(&self, slots: &[u32], number: u64) -> bool {
        if slots.is_empty() {
            return false;
        }
        let Some(numbers) = self.slots.get() else { return false };
        slots.iter().any(|slot| numbers[*slot as usize].load(Ordering::Acquire) > number)
    }
}

/// The slots of a tag for a key in `space`: one for each namespace in which it may be deleted.
pub(crate) fn slots_of<'a>(space: &'a Space, tag: &'a [u8]) -> impl Iterator<Item = u32> + 'a {
    space.around().map(move |path| slot_of(path, tag))
}

/// The slots that tell whether any tag was deleted.
pub(crate) fn slots_of_any(space: &Space) -> impl Iterator<Item = u32> + '_ {
    space.around().map(slot_of_any)
}

fn slot_of(path: &[u8], tag: &[u8]) -> u32 {
    slot(path, 1, tag)
}

fn slot_of_any(path: &[u8]) -> u32 {
    slot(path, 0, &[])
}

fn slot(path: &[u8], kind: u8, tag: &[u8]) -> u32 {
    let mut hasher = FixedState::with_seed(0x7a95).build_hasher();
    hasher.write(path);
    hasher.write_u8(kind);
    hasher.write(tag);
    (hasher.finish() % SLOTS as u64) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deletion_reaches_what_began_before_it_in_its_namespace_and_within() {
        let tags = Tags::default();
        let root = Space::default();
        let (a, b) = (root.child("a"), root.child("b"));
        let inner = a.child("c");
        let slots = |space: &Space| slots_of(space, b"t").collect::<Slots>();
        let before = tags.last();
        assert!(!tags.has_deleted(&slots(&inner), before));
        tags.delete(&a, b"t");
        let after = tags.last();
        for (space, expect) in [(&inner, true), (&a, true), (&b, false), (&root, false)] {
            assert_eq!(tags.has_deleted(&slots(space), before), expect, "{space:?}");
            let any: Slots = slots_of_any(space).collect();
            assert_eq!(tags.has_deleted(&any, before), expect, "any tag in {space:?}");
        }
        assert!(!tags.has_deleted(&slots(&inner), after), "it began after");
        tags.delete(&root, b"t");
        assert!(tags.has_deleted(&slots(&inner), after));
        assert!(tags.has_deleted(&slots(&b), after));
        assert!(!tags.has_deleted(&slots_of(&b, b"u").collect::<Slots>(), before), "another tag");
    }
}
