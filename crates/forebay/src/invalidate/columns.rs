//! A set of a table's columns, small enough to be compared in a few instructions.

/// Columns by number. The numbers from 127 on share one place: two of them are taken for each
/// other, which costs a needless drop in very wide tables, never a missed one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct ColumnSet(u128);

/// The place that all further columns share.
const LAST: u16 = 127;

impl ColumnSet {
    pub(crate) const NONE: ColumnSet = ColumnSet(0);
    pub(crate) const ALL: ColumnSet = ColumnSet(u128::MAX);

    pub(crate) fn insert(&mut self, column: u16) {
        self.0 |= 1 << column.min(LAST);
    }

    pub(crate) fn contains(self, column: u16) -> bool {
        self.0 & (1 << column.min(LAST)) != 0
    }

    /// Whether the two have a column in common.
    pub(crate) fn meets(self, other: ColumnSet) -> bool {
        self.0 & other.0 != 0
    }

    pub(crate) fn union(self, other: ColumnSet) -> ColumnSet {
        ColumnSet(self.0 | other.0)
    }
}

impl FromIterator<u16> for ColumnSet {
    fn from_iter<I: IntoIterator<Item = u16>>(columns: I) -> ColumnSet {
        let mut set = ColumnSet::NONE;
        columns.into_iter().for_each(|column| set.insert(column));
        set
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_never_misses_what_a_set_of_numbers_holds(
            a in proptest::collection::btree_set(0..300u16, 0..20),
            b in proptest::collection::btree_set(0..300u16, 0..20),
        ) {
            let set = |columns: &BTreeSet<u16>| columns.iter().copied().collect::<ColumnSet>();
            let fold = |columns: &BTreeSet<u16>| -> BTreeSet<u16> {
                columns.iter().map(|column| (*column).min(LAST)).collect()
            };
            let meets = !fold(&a).is_disjoint(&fold(&b));
            prop_assert_eq!(set(&a).meets(set(&b)), meets);
            prop_assert!(a.iter().all(|column| set(&a).contains(*column)));
            prop_assert!(a.iter().all(|column| ColumnSet::ALL.contains(*column)));
            let both: BTreeSet<u16> = a.union(&b).copied().collect();
            prop_assert_eq!(set(&a).union(set(&b)), set(&both));
        }
    }
}
