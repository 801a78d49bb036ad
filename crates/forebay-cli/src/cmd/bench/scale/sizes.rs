//! Which sizes are measured, and how long.

use std::time::Duration;

use crate::args::BenchArgs;

/// The sizes of a run, the smallest first.
pub(super) struct Sizes {
    pub(super) entries: Vec<u64>,
    pub(super) rows: Vec<u64>,
    pub(super) clients: Vec<u64>,
    /// Writes among a hundred operations.
    pub(super) write_percent: Vec<u64>,
    /// Rows that one transaction changes.
    pub(super) changed: Vec<u64>,
    /// Operations that are timed at each size.
    pub(super) samples: usize,
    /// How long each number of clients is at work.
    pub(super) load: Duration,
    /// The whole run.
    pub(super) within: Duration,
}

const ENTRIES_MIN: u64 = 1_000;
const ROWS_MIN: u64 = 10_000;

impl Sizes {
    pub(super) fn of(args: &BenchArgs) -> Sizes {
        if args.small {
            return Sizes {
                entries: vec![100, 1_000],
                rows: vec![1_000, 10_000],
                clients: vec![1, 10],
                write_percent: vec![0, 10, 50],
                changed: vec![1, 100],
                samples: 100,
                load: Duration::from_millis(100),
                within: args.within.0,
            };
        }
        Sizes {
            entries: powers(ENTRIES_MIN, args.max_entries),
            rows: powers(ROWS_MIN, args.max_rows),
            clients: vec![1, 10, 100, 1_000],
            write_percent: vec![0, 1, 2, 5, 10, 20, 50],
            changed: powers(1, 100_000),
            samples: 2_000,
            load: Duration::from_secs(2),
            within: args.within.0,
        }
    }
}

/// Each ten times the one before.
fn powers(from: u64, to: u64) -> Vec<u64> {
    std::iter::successors(Some(from), |size| size.checked_mul(10))
        .take_while(|size| *size <= to)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_powers_of_ten_up_to_the_last() {
        assert_eq!(powers(10, 10), [10]);
        assert_eq!(powers(10, 99_999), [10, 100, 1_000, 10_000]);
        assert_eq!(powers(1, u64::MAX).len(), 20);
        assert_eq!(powers(10, 9), [] as [u64; 0]);
    }
}
