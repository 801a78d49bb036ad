//! The tables that a transaction may have changed, as far as its statements tell.

use super::versions::slot_of_table;

/// The tables that a transaction may have changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum WriteSet {
    /// These and no others, by slot. A fence counts slots of key values in as well.
    Tables(Vec<u32>),
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
        WriteSet::slots(names.into_iter().map(slot_of_table).collect())
    }

    /// Whatever has these slots.
    pub(super) fn slots(mut slots: Vec<u32>) -> WriteSet {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TABLES: [&str; 6] = ["users", "Users", "posts", "votes", "tags", "a table"];

    fn names(indices: &[usize]) -> Vec<&'static str> {
        indices.iter().map(|index| TABLES[*index]).collect()
    }

    proptest! {
        #[test]
        fn merging_is_union(a in proptest::collection::vec(0..6usize, 0..5),
                            b in proptest::collection::vec(0..6usize, 0..5)) {
            let mut merged = WriteSet::tables(names(&a));
            merged.merge(&WriteSet::tables(names(&b)));
            prop_assert_eq!(merged, WriteSet::tables(names(&a).into_iter().chain(names(&b))));
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
