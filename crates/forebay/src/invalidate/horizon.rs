//! The position that the cache reflects: every change up to it has been applied to the entries.
//! Readers compare it with the database's own position without a lock.

use super::header::Header;
use super::sync::{AtomicU64, Ordering, fence};

/// A header that one writer replaces and many readers compare, as a sequence lock.
///
/// The writer is whoever holds the catch-up gate; there is never more than one.
#[derive(Debug, Default)]
pub(crate) struct Horizon {
    /// Odd while the words are being replaced.
    sequence: AtomicU64,
    words: [AtomicU64; 6],
}

impl Horizon {
    /// Makes `header` the position that the cache reflects. Everything that has to be dropped
    /// for it must have been dropped before: the store below publishes that too.
    pub(crate) fn publish(&self, header: Header) {
        let sequence = self.sequence.load(Ordering::Relaxed);
        self.sequence.store(sequence.wrapping_add(1), Ordering::Relaxed);
        fence(Ordering::Release);
        for (word, value) in self.words.iter().zip(header.0) {
            word.store(value, Ordering::Relaxed);
        }
        self.sequence.store(sequence.wrapping_add(2), Ordering::Release);
    }

    /// The position that `observe` reads from the database, if it is the one that the cache
    /// reflects; `None` when it is another or was just being replaced.
    ///
    /// `observe` runs between the two looks at the sequence, so the horizon stood still while the
    /// database's words were read.
    #[inline]
    pub(crate) fn matches(&self, observe: impl FnOnce() -> Header) -> Option<Header> {
        let before = self.sequence.load(Ordering::Acquire);
        let known = self.load();
        let seen = observe();
        fence(Ordering::Acquire);
        let after = self.sequence.load(Ordering::Relaxed);
        (before & 1 == 0 && before == after && known == seen).then_some(seen)
    }

    /// The words as they are; only the holder of the gate can rely on them.
    #[inline]
    pub(crate) fn load(&self) -> Header {
        Header(std::array::from_fn(|index| self.words[index].load(Ordering::Relaxed)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    use super::*;

    #[test]
    fn matches_only_what_was_published() {
        let horizon = Horizon::default();
        let [first, second] = [Header([1; 6]), Header([2; 6])];
        horizon.publish(first);
        assert_eq!(horizon.matches(|| first), Some(first));
        assert_eq!(horizon.matches(|| second), None);
        horizon.publish(second);
        assert_eq!(horizon.matches(|| first), None);
        // Replaced while the database was being looked at.
        assert_eq!(
            horizon.matches(|| {
                horizon.publish(first);
                second
            }),
            None
        );
    }

    #[test]
    fn never_matches_a_mixture() {
        let horizon = Arc::new(Horizon::default());
        let stop = Arc::new(AtomicBool::new(false));
        let writer = std::thread::spawn({
            let (horizon, stop) = (horizon.clone(), stop.clone());
            move || {
                let mut n = 1;
                while !stop.load(Ordering::Relaxed) {
                    horizon.publish(Header([n, !n, n, !n, n, !n]));
                    n += 1;
                }
            }
        });
        for _ in 0..200_000 {
            let guess = horizon.load();
            if let Some(Header(words)) = horizon.matches(|| guess)
                && words != [0; 6]
            {
                assert!(words.iter().step_by(2).all(|word| *word == words[0]), "{words:?}");
                assert!(words.iter().skip(1).step_by(2).all(|word| *word == !words[0]));
            }
        }
        stop.store(true, Ordering::Relaxed);
        writer.join().unwrap();
    }
}
