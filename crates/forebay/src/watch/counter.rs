//! A counter that many cores raise without contending for one cache line.

use std::sync::atomic::{AtomicU64, Ordering};

/// A power of two: `stripe` takes the upper three bits of a hash.
const STRIPES: usize = 8;

#[repr(align(64))]
#[derive(Debug, Default)]
struct Stripe(AtomicU64);

/// A sum kept in stripes; each thread raises its own.
#[derive(Debug, Default)]
pub(super) struct Counter([Stripe; STRIPES]);

impl Counter {
    /// Adds one; gives what the stripe of this thread held before.
    #[inline]
    pub(super) fn increment(&self) -> u64 {
        self.0[stripe()].0.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn sum(&self) -> u64 {
        self.0.iter().map(|stripe| stripe.0.load(Ordering::Relaxed)).sum()
    }
}

/// The stripe of this thread, from the place of its own storage. It only spreads threads; no
/// result depends on it.
#[inline]
fn stripe() -> usize {
    thread_local! {
        static MARK: u8 = const { 0 };
    }
    let place = MARK.with(|mark| std::ptr::from_ref(mark).addr()) as u64;
    (place.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 61) as usize
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
    }
}
