//! A counter that many threads raise at once: each has one of its own, which nobody else writes, so
//! that counting takes no locked instruction.

use std::sync::atomic::{AtomicU64, Ordering};

use thread_local::ThreadLocal;

/// The count of one thread, on a line of the processor's cache for itself.
#[repr(align(64))]
#[derive(Debug, Default)]
struct Own(AtomicU64);

/// A sum over threads. A thread that begins takes over the count of one that has ended.
#[derive(Debug, Default)]
pub(crate) struct Counter(ThreadLocal<Own>);

impl Counter {
    /// Adds one; gives what this thread had counted before.
    #[inline]
    pub(crate) fn increment(&self) -> u64 {
        let Own(own) = self.0.get_or_default();
        // Two steps are as good as one where nobody else writes.
        let before = own.load(Ordering::Relaxed);
        own.store(before.wrapping_add(1), Ordering::Relaxed);
        before
    }

    /// Adds so many at once.
    pub(crate) fn add(&self, count: u64) {
        let Own(own) = self.0.get_or_default();
        own.store(own.load(Ordering::Relaxed).wrapping_add(count), Ordering::Relaxed);
    }

    pub(crate) fn sum(&self) -> u64 {
        self.0.iter().map(|Own(own)| own.load(Ordering::Relaxed)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_add_up() {
        let counter = Counter::default();
        std::thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| (0..1_000).for_each(|_| _ = counter.increment()));
            }
        });
        assert_eq!(counter.sum(), 16_000);
        // Threads that take over what those have counted.
        for _ in 0..100 {
            std::thread::scope(|scope| _ = scope.spawn(|| counter.increment()));
        }
        assert_eq!(counter.sum(), 16_100);
    }
}
