//! Which writes drop which entries: a count for each pair of a read and a write, by fingerprint,
//! up to a bound. What drops an entry is told by whoever noticed that it was dropped.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use foldhash::fast::RandomState;

/// Pairs counted one by one; about 50 bytes each.
const PAIRS_MAX: usize = 1_000;

/// Counts of pairs of a read and a write.
#[derive(Default)]
pub(crate) struct Drops {
    pairs: Mutex<HashMap<Pair, u64, RandomState>>,
    other: AtomicU64,
}

/// A read, by the id of its fingerprint, and the number of the write that dropped an entry of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Pair {
    pub(crate) read: u64,
    /// `None` where that is not known.
    pub(crate) write: Option<u32>,
}

impl Drops {
    pub(crate) fn count(&self, pair: Pair) {
        let mut pairs = self.pairs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = pairs.get_mut(&pair) {
            *count += 1;
        } else if pairs.len() < PAIRS_MAX {
            pairs.insert(pair, 1);
        } else {
            self.other.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Every pair with its count, the largest first.
    pub(crate) fn pairs(&self) -> Vec<(Pair, u64)> {
        let pairs = self.pairs.lock().unwrap_or_else(PoisonError::into_inner);
        let mut pairs: Vec<(Pair, u64)> =
            pairs.iter().map(|(pair, count)| (*pair, *count)).collect();
        pairs.sort_unstable_by_key(|(pair, count)| {
            (std::cmp::Reverse(*count), pair.read, pair.write)
        });
        pairs
    }

    /// Drops that belong to none of the pairs.
    pub(crate) fn other(&self) -> u64 {
        self.other.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_bounded_and_none_is_lost() {
        let drops = Drops::default();
        let pair = |read, write| Pair { read, write };
        for read in 0..PAIRS_MAX as u64 + 5 {
            drops.count(pair(read, Some(1)));
        }
        drops.count(pair(3, Some(1)));
        drops.count(pair(3, None));
        let pairs = drops.pairs();
        assert_eq!((pairs.len(), drops.other()), (PAIRS_MAX, 6));
        assert_eq!(pairs[..2], [(pair(3, Some(1)), 2), (pair(0, Some(1)), 1)]);
    }
}
