//! Answers of the live member of which it is known that no later move of the boundary had happened
//! when they were read: a cache that gives them again need not be doubted. It keeps no answers.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use foldhash::fast::RandomState;

use crate::row::{Rows, Trace};

/// Answers that are known again at most.
const SEEN_MAX: usize = 10_000;

/// By the place of the rows: their trace, and a generation that was current after they were read.
#[derive(Default)]
pub(super) struct Seen(Mutex<HashMap<usize, (Trace, i64), RandomState>>);

impl Seen {
    fn lock(&self) -> MutexGuard<'_, HashMap<usize, (Trace, i64), RandomState>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that `generation` was current after these had been read.
    pub(super) fn note(&self, answers: &[Rows], generation: i64) {
        let mut seen = self.lock();
        for rows in answers {
            if seen.len() >= SEEN_MAX {
                seen.retain(|_, (trace, _)| !trace.is_gone());
            }
            if seen.len() >= SEEN_MAX {
                seen.clear();
            }
            // A trace that is kept keeps the place from being that of other rows.
            seen.entry(rows.place()).or_insert_with(|| (rows.trace(), generation));
        }
    }

    /// Whether all of these were read before the boundary went beyond `generation`.
    pub(super) fn knows(&self, answers: &[Rows], generation: i64) -> bool {
        let seen = self.lock();
        answers.iter().all(|rows| seen.get(&rows.place()).is_some_and(|(_, of)| *of <= generation))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Rows {
        Rows::new(std::sync::Arc::new([]), Vec::new())
    }

    #[test]
    fn only_the_same_rows_are_known_again() {
        let seen = Seen::default();
        let (first, second) = (rows(), rows());
        assert_eq!(first, second);
        assert!(seen.knows(&[], 0));
        seen.note(std::slice::from_ref(&first), 3);
        let check = |answers: &[&Rows], generation, expect| {
            let answers: Vec<Rows> = answers.iter().map(|rows| (*rows).clone()).collect();
            assert_eq!(seen.knows(&answers, generation), expect, "{generation}");
        };
        check(&[&first], 3, true);
        check(&[&first], 4, true);
        check(&[&first], 2, false);
        check(&[&second], 3, false);
        check(&[&first, &second], 3, false);
        seen.note(&[second.clone(), first.clone()], 5);
        check(&[&first], 3, true);
        check(&[&first, &second], 4, false);
        check(&[&first, &second], 5, true);
    }

    #[test]
    fn it_is_bounded_and_mixes_nothing_up() {
        let seen = Seen::default();
        for generation in 0..3 * SEEN_MAX as i64 {
            let rows = rows();
            assert!(!seen.knows(std::slice::from_ref(&rows), i64::MAX), "{generation}");
            seen.note(std::slice::from_ref(&rows), generation);
            assert!(seen.knows(&[rows], generation));
            assert!(seen.lock().len() <= SEEN_MAX);
        }
        let kept: Vec<Rows> = (0..=SEEN_MAX).map(|_| rows()).collect();
        seen.note(&kept, 1);
        assert!(seen.lock().len() <= SEEN_MAX);
    }
}
