//! Versions of tables, and tickets: the versions an answer was read under. An answer is true as
//! long as its ticket is valid, so a fill that lost a race against a write is dead on arrival.
//!
//! Tables are told apart by a slot that their name hashes to. Two tables in one slot cost a
//! needless drop, never a stale answer, and the memory is fixed.

use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::fast::FixedState;
use smallvec::SmallVec;

/// Number of slots; a schema with fewer than a hundred tables rarely shares one.
const SLOTS: usize = 4096;

/// One table, by name. Names are compared as SQLite does: ASCII case does not matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Slot(u16);

impl Slot {
    fn of(table: &str) -> Slot {
        let folded: SmallVec<[u8; 64]> = table.bytes().map(|b| b.to_ascii_lowercase()).collect();
        let hash = FixedState::with_seed(0).hash_one(folded.as_slice());
        Slot((hash % SLOTS as u64) as u16)
    }
}

/// The tables that an answer rests on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ReadSet(SmallVec<[Slot; 4]>);

impl<'a> FromIterator<&'a str> for ReadSet {
    fn from_iter<I: IntoIterator<Item = &'a str>>(tables: I) -> ReadSet {
        let mut slots: SmallVec<[Slot; 4]> = tables.into_iter().map(Slot::of).collect();
        slots.sort_unstable();
        slots.dedup();
        ReadSet(slots)
    }
}

/// The tables that a transaction may have changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum WriteSet {
    /// These and no others.
    Tables(Vec<Slot>),
    /// Not known: anything may have changed, the schema too.
    Everything,
}

impl WriteSet {
    /// No table.
    pub(crate) fn none() -> WriteSet {
        WriteSet::Tables(Vec::new())
    }

    /// Exactly these tables.
    pub(crate) fn tables<'a>(names: impl IntoIterator<Item = &'a str>) -> WriteSet {
        let mut slots: Vec<Slot> = names.into_iter().map(Slot::of).collect();
        slots.sort_unstable();
        slots.dedup();
        WriteSet::Tables(slots)
    }

    /// Adds what another statement of the same transaction may have changed.
    pub(crate) fn merge(&mut self, other: &WriteSet) {
        match (&mut *self, other) {
            (WriteSet::Everything, _) => {}
            (_, WriteSet::Everything) => *self = WriteSet::Everything,
            (WriteSet::Tables(mine), WriteSet::Tables(theirs)) => {
                for slot in theirs {
                    if let Err(at) = mine.binary_search(slot) {
                        mine.insert(at, *slot);
                    }
                }
            }
        }
    }
}

/// The versions of all tables.
#[derive(Debug)]
pub(crate) struct Versions {
    /// Raised when everything may have changed.
    epoch: AtomicU64,
    slots: Box<[AtomicU64]>,
}

/// The versions that an answer was read under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ticket {
    epoch: u64,
    versions: SmallVec<[(Slot, u64); 2]>,
}

impl Versions {
    pub(crate) fn new() -> Versions {
        let slots = (0..SLOTS).map(|_| AtomicU64::new(0)).collect();
        Versions { epoch: AtomicU64::new(0), slots }
    }

    /// The versions as they are now. Taken before the snapshot of a read is opened.
    pub(crate) fn ticket(&self, reads: &ReadSet) -> Ticket {
        let version = |slot: &Slot| (*slot, self.slot(*slot).load(Ordering::Acquire));
        Ticket {
            epoch: self.epoch.load(Ordering::Acquire),
            versions: reads.0.iter().map(version).collect(),
        }
    }

    /// Whether nothing that the ticket rests on has changed since it was taken.
    #[inline]
    pub(crate) fn is_valid(&self, ticket: &Ticket) -> bool {
        self.epoch.load(Ordering::Acquire) == ticket.epoch
            && ticket
                .versions
                .iter()
                .all(|(slot, version)| self.slot(*slot).load(Ordering::Acquire) == *version)
    }

    /// Applies a committed transaction: tickets that rest on what it wrote become void.
    pub(crate) fn apply(&self, writes: &WriteSet) {
        match writes {
            WriteSet::Everything => self.flush(),
            WriteSet::Tables(slots) => {
                for slot in slots {
                    self.slot(*slot).fetch_add(1, Ordering::AcqRel);
                }
            }
        }
    }

    /// Makes every ticket void.
    pub(crate) fn flush(&self) {
        self.epoch.fetch_add(1, Ordering::AcqRel);
    }

    /// How often everything was dropped.
    pub(crate) fn flushes(&self) -> u64 {
        self.epoch.load(Ordering::Relaxed)
    }

    #[inline]
    fn slot(&self, slot: Slot) -> &AtomicU64 {
        &self.slots[usize::from(slot.0)]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Step {
        Read(Vec<usize>),
        Write(Vec<usize>),
        Flush,
    }

    fn step() -> impl Strategy<Value = Step> {
        let tables = || proptest::collection::vec(0..TABLES.len(), 0..4);
        prop_oneof![
            4 => tables().prop_map(Step::Read),
            4 => tables().prop_map(Step::Write),
            1 => Just(Step::Flush),
        ]
    }

    const TABLES: [&str; 6] = ["users", "Users", "posts", "votes", "tags", "a table"];

    fn names(indices: &[usize]) -> Vec<&'static str> {
        indices.iter().map(|index| TABLES[*index]).collect()
    }

    proptest! {
        /// The model: a set of live tickets, each with its lower-cased tables.
        #[test]
        fn a_ticket_lives_until_one_of_its_tables_is_written(
            steps in proptest::collection::vec(step(), 1..60)
        ) {
            let versions = Versions::new();
            let mut tickets: Vec<(Ticket, HashSet<String>, bool)> = Vec::new();
            for step in steps {
                match step {
                    Step::Read(tables) => {
                        let reads: ReadSet = names(&tables).into_iter().collect();
                        let folded = names(&tables).iter().map(|t| t.to_lowercase()).collect();
                        tickets.push((versions.ticket(&reads), folded, true));
                    }
                    Step::Write(tables) => {
                        versions.apply(&WriteSet::tables(names(&tables)));
                        for table in names(&tables) {
                            let table = table.to_lowercase();
                            for (_, reads, live) in &mut tickets {
                                *live &= !reads.contains(&table);
                            }
                        }
                    }
                    Step::Flush => {
                        versions.apply(&WriteSet::Everything);
                        tickets.iter_mut().for_each(|(_, _, live)| *live = false);
                    }
                }
                for (ticket, reads, live) in &tickets {
                    prop_assert_eq!(versions.is_valid(ticket), *live, "{:?}", reads);
                }
            }
        }

        #[test]
        fn merging_is_union(a in proptest::collection::vec(0..6usize, 0..5),
                            b in proptest::collection::vec(0..6usize, 0..5)) {
            let mut merged = WriteSet::tables(names(&a));
            merged.merge(&WriteSet::tables(names(&b)));
            prop_assert_eq!(merged, WriteSet::tables(names(&a).into_iter().chain(names(&b))));
        }
    }

    #[test]
    fn the_tables_of_the_model_have_slots_of_their_own() {
        let mut seen = HashMap::new();
        for table in TABLES {
            let other = seen.insert(Slot::of(table), table.to_lowercase());
            assert!(other.is_none_or(|other| other == table.to_lowercase()));
        }
    }

    #[test]
    fn everything_swallows() {
        let mut writes = WriteSet::none();
        writes.merge(&WriteSet::Everything);
        writes.merge(&WriteSet::tables(["users"]));
        assert_eq!(writes, WriteSet::Everything);
    }
}
