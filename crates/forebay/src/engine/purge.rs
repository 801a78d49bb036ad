//! Dropping answers that a write has made untrue before somebody asks for them, which is when they
//! are found out otherwise: until then they crowd out others. Here is when, and how often.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::database::Engine;
use super::worker::blocking;

/// Looking at every entry takes one part of the time in so many and one, at most.
const REST: u32 = 20;

/// What is remembered from one look to the next.
#[derive(Debug, Default)]
pub(super) struct Purge {
    /// How often everything had been flushed.
    flushes: u64,
    /// When there may be another.
    next: Option<Instant>,
}

impl Purge {
    fn is_due(&self, now: Instant, is_crowded: bool, flushes: u64) -> bool {
        (is_crowded || flushes != self.flushes) && self.next.is_none_or(|next| now >= next)
    }

    /// One has ended `now`, and took so long.
    fn note(&mut self, now: Instant, took: Duration, flushes: u64) {
        *self = Purge { flushes, next: now.checked_add(took * REST) };
    }
}

impl Engine {
    /// Looks at every entry, if that may be of use and was not done just now; on a thread that may
    /// block. Cost: all entries; each part of the cache is locked for as long as its own take.
    pub(super) async fn purge(self: &Arc<Engine>, purge: &mut Purge) {
        let is_crowded = self.store.bytes() > self.store.bytes_max() / 2;
        let flushes = self.origin.flushes();
        if !purge.is_due(Instant::now(), is_crowded, flushes) {
            return;
        }
        let engine = self.clone();
        let look = move || {
            let began = Instant::now();
            engine.drop_dead();
            Ok(began.elapsed())
        };
        // It fails where the runtime is being shut down.
        if let Ok(took) = blocking(look).await {
            purge.note(Instant::now(), took, flushes);
        }
    }

    fn drop_dead(&self) {
        self.store.retain(|_, entry| {
            let lives = self.origin.is_valid(&entry.ticket);
            if !lives {
                self.count_dropped(entry);
            }
            lives
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_due_where_it_is_of_use_and_rests_in_between() {
        let began = Instant::now();
        let mut purge = Purge::default();
        let check = |purge: &Purge, after: u64, is_crowded: bool, flushes: u64, expect: bool| {
            let now = began + Duration::from_millis(after);
            assert_eq!(purge.is_due(now, is_crowded, flushes), expect, "{purge:?} {after}");
        };
        check(&purge, 0, false, 0, false);
        check(&purge, 0, true, 0, true);
        check(&purge, 0, false, 1, true);
        purge.note(began, Duration::from_millis(100), 1);
        check(&purge, 1_999, true, 1, false);
        check(&purge, 1_999, true, 2, false);
        check(&purge, 2_000, true, 1, true);
        // What was flushed meanwhile is not forgotten.
        check(&purge, 2_000, false, 2, true);
        check(&purge, 2_000, false, 1, false);
    }
}
