//! Versions in slots: a number per table, and per shape and key values, that a change raises. Two
//! of them in one slot cost a needless drop, never a stale answer, and the memory is fixed.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use smallvec::SmallVec;

use super::author::Author;
use super::sync::{AtomicU32, AtomicU64, Ordering};

/// Slots of tables; a schema with fewer than a hundred tables rarely shares one.
pub(super) const TABLES: usize = 4_096;

/// Slots of key values, a power of two. A thousand changes between two reads of an answer drop it
/// needlessly with a chance of 0.4 %.
const KEYS: usize = 262_144;

/// Groups of the slots of key values: fences around two slots of one group are not told apart.
#[cfg_attr(not(feature = "postgres"), allow(dead_code))]
pub(super) const GROUPS: usize = 4_096;

/// The slot of a table. Names are compared as SQLite does: ASCII case does not matter.
pub(super) fn slot_of_table(table: &str) -> u32 {
    let folded: SmallVec<[u8; 64]> = table.bytes().map(|b| b.to_ascii_lowercase()).collect();
    (FixedState::with_seed(0).hash_one(folded.as_slice()) % TABLES as u64) as u32
}

/// The slot of key values, which their shape has made into a number.
pub(super) fn slot_of_key(key: u64) -> u32 {
    (TABLES as u64 + key % KEYS as u64) as u32
}

/// The versions of everything.
#[derive(Debug)]
pub(super) struct Versions {
    numbers: Box<[AtomicU64]>,
    /// Who raised each number last.
    authors: Box<[AtomicU32]>,
}

impl Versions {
    pub(super) fn new() -> Versions {
        let slots = 0..TABLES + KEYS;
        Versions {
            numbers: slots.clone().map(|_| AtomicU64::new(0)).collect(),
            authors: slots.map(|_| AtomicU32::new(0)).collect(),
        }
    }

    #[inline]
    pub(super) fn get(&self, slot: u32) -> u64 {
        self.numbers[slot as usize].load(Ordering::Acquire)
    }

    pub(super) fn raise(&self, slot: u32, author: Author) {
        // Relaxed, and first: whoever sees the number raised sees this author or a later one.
        self.authors[slot as usize].store(author.number(), Ordering::Relaxed);
        self.numbers[slot as usize].fetch_add(1, Ordering::AcqRel);
    }

    /// Who raised a number last.
    pub(super) fn author(&self, slot: u32) -> Option<Author> {
        Author::of(self.authors[slot as usize].load(Ordering::Relaxed))
    }
}
