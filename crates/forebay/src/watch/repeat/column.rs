//! The values that one result column of a statement has had in a scope, up to a bound.

use super::digest::{Digest, Key};

/// Values of one column at most.
const VALUES_MAX: usize = 256;

/// The values of a column, each with when it was seen first.
#[derive(Debug, Default)]
pub(super) struct Column {
    /// A digest in the upper half, the time in the lower.
    seen: Vec<u64>,
    is_sorted: bool,
    /// None of them is a small number.
    is_wide: bool,
}

impl Column {
    /// Notes a value, and says whether it is kept.
    pub(super) fn note(&mut self, key: Key, at: u32) -> bool {
        if self.seen.len() >= VALUES_MAX {
            self.settle();
            if self.seen.len() >= VALUES_MAX {
                return false;
            }
        }
        self.is_wide = key.is_wide && (self.is_wide || self.seen.is_empty());
        self.seen.push(u64::from(key.digest.0) << 32 | u64::from(at));
        self.is_sorted = false;
        true
    }

    /// Whether this value was seen before that time.
    pub(super) fn had(&mut self, digest: Digest, before: u32) -> bool {
        self.settle();
        let least = u64::from(digest.0) << 32;
        let place = self.seen.partition_point(|it| *it < least);
        self.seen.get(place).is_some_and(|it| *it < least | u64::from(before))
    }

    /// How many different ones there were.
    pub(super) fn distinct(&mut self) -> usize {
        self.settle();
        self.seen.len()
    }

    pub(super) fn is_wide(&self) -> bool {
        self.is_wide
    }

    pub(super) fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }

    /// Orders them, each with its first time alone.
    fn settle(&mut self) {
        if !self.is_sorted {
            self.seen.sort_unstable();
            self.seen.dedup_by_key(|it| *it >> 32);
            self.is_sorted = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Beside a list that is searched from its beginning.
        #[test]
        fn finds_what_a_list_finds(
            notes in prop::collection::vec((0u32..40, any::<bool>()), 0..200),
            asked in prop::collection::vec((0u32..45, 0u32..220), 0..30),
        ) {
            let mut column = Column::default();
            for (at, (digest, is_wide)) in notes.iter().enumerate() {
                let key = Key { digest: Digest(*digest), is_wide: *is_wide };
                prop_assert!(column.note(key, at as u32));
                if at % 17 == 0 {
                    column.distinct();
                }
            }
            for (digest, before) in asked {
                let expect = notes.iter().take(before as usize).any(|(it, _)| *it == digest);
                prop_assert_eq!(column.had(Digest(digest), before), expect);
            }
            let mut all: Vec<u32> = notes.iter().map(|(it, _)| *it).collect();
            all.sort_unstable();
            all.dedup();
            prop_assert_eq!(column.distinct(), all.len());
            let is_wide = !notes.is_empty() && notes.iter().all(|(_, is_wide)| *is_wide);
            prop_assert_eq!(column.is_wide(), is_wide);
        }
    }

    #[test]
    fn is_bounded() {
        let mut column = Column::default();
        let kept =
            (0..1_000).filter(|n| column.note(Key { digest: Digest(*n), is_wide: true }, *n));
        assert_eq!(kept.count(), VALUES_MAX);
    }
}
