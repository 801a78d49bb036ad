//! Tags, as far as deleting by them goes: which numbers of deletions they have. Two tags that fall
//! into one slot cost a needless read, never an answer that was deleted.

use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::fast::RandomState;

const SLOTS: usize = 4_096;

/// The slot of a tag.
pub(crate) type Label = u16;

/// The deletions, by slot.
pub(super) struct Deletions {
    hasher: RandomState,
    last: AtomicU64,
    /// The last one of everything.
    all: AtomicU64,
    /// The last write, which has a number as well.
    write: AtomicU64,
    slots: Box<[AtomicU64; SLOTS]>,
}

/// The number of a deletion. What was read under it has seen all reasons for those up to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Number(u64);

impl Deletions {
    pub(super) fn new() -> Deletions {
        let slots: Vec<AtomicU64> = (0..SLOTS).map(|_| AtomicU64::new(0)).collect();
        let slots = slots.into_boxed_slice().try_into().expect("there are as many as asked for");
        Deletions {
            hasher: RandomState::default(),
            last: AtomicU64::new(0),
            all: AtomicU64::new(0),
            write: AtomicU64::new(0),
            slots,
        }
    }

    /// The slot of a tag.
    pub(super) fn label(&self, tag: &str) -> Label {
        (self.hasher.hash_one(tag) % SLOTS as u64) as Label
    }

    /// The number of the last deletion. To be taken before what is to be kept is read.
    pub(super) fn number(&self) -> Number {
        Number(self.last.load(Ordering::SeqCst))
    }

    /// Deletes what has this label. In force when it returns, for what is being read as well.
    pub(super) fn delete(&self, label: Label) {
        let number = self.next();
        self.slots[usize::from(label) % SLOTS].fetch_max(number, Ordering::SeqCst);
    }

    /// Deletes everything.
    pub(super) fn delete_all(&self) {
        let number = self.next();
        self.all.fetch_max(number, Ordering::SeqCst);
    }

    /// Something was written, and is about to be acknowledged.
    pub(super) fn note_write(&self) {
        let number = self.next();
        self.write.fetch_max(number, Ordering::SeqCst);
    }

    /// Whether something was written since `born` was taken.
    pub(super) fn has_written(&self, born: Number) -> bool {
        self.write.load(Ordering::SeqCst) > born.0
    }

    /// Whether what was read under `born` with these labels has not been deleted.
    pub(super) fn spares(&self, born: Number, labels: &[Label]) -> bool {
        let is_spared = |slot: &AtomicU64| slot.load(Ordering::SeqCst) <= born.0;
        is_spared(&self.all)
            && labels.iter().all(|label| is_spared(&self.slots[usize::from(*label) % SLOTS]))
    }

    /// Taken before the slot is written: whoever begins to read in between has a number of its own
    /// that is as high, and began after the deletion was asked for.
    fn next(&self) -> u64 {
        self.last.fetch_add(1, Ordering::SeqCst) + 1
    }
}
