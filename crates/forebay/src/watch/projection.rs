//! What caching would have brought for one fingerprint, counted while the database answers.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::stats::ShadowStats;

/// How the comparison of an answer from the cache with the database's own came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compared {
    /// The same, as far as the statement determines its answer.
    Equal,
    /// Not the same: the cache would have been wrong.
    Different,
    /// They are not the same, and need not be: several answers are right.
    Undetermined,
    /// A write came in between, so that both may be right.
    Disturbed,
}

/// Counters of reads in shadow.
#[derive(Debug, Default)]
pub(crate) struct Projection {
    hits: AtomicU64,
    misses: AtomicU64,
    compared: AtomicU64,
    differing: AtomicU64,
    skipped: AtomicU64,
    saved_nanos: AtomicU64,
}

impl Projection {
    /// A read that the cache would have answered, and the time that this would have saved.
    pub(crate) fn hit(&self, saved: Duration, compared: Compared) {
        self.hits.fetch_add(1, Ordering::Relaxed);
        let nanos = u64::try_from(saved.as_nanos()).unwrap_or(u64::MAX);
        self.saved_nanos.fetch_add(nanos, Ordering::Relaxed);
        let counters: &[&AtomicU64] = match compared {
            Compared::Equal => &[&self.compared],
            Compared::Different => &[&self.compared, &self.differing],
            Compared::Undetermined | Compared::Disturbed => &[&self.skipped],
        };
        for counter in counters {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A read that the cache could not have answered.
    pub(crate) fn miss(&self) {
        self.misses.fetch_add(1, Ordering::Relaxed);
    }

    /// Adds what another one has counted.
    pub(super) fn absorb(&self, other: &Projection) {
        for (own, others) in [
            (&self.hits, &other.hits),
            (&self.misses, &other.misses),
            (&self.compared, &other.compared),
            (&self.differing, &other.differing),
            (&self.skipped, &other.skipped),
            (&self.saved_nanos, &other.saved_nanos),
        ] {
            own.fetch_add(others.load(Ordering::Relaxed), Ordering::Relaxed);
        }
    }

    pub(crate) fn snapshot(&self) -> ShadowStats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        ShadowStats {
            hits: read(&self.hits),
            misses: read(&self.misses),
            compared: read(&self.compared),
            differing: read(&self.differing),
            skipped: read(&self.skipped),
            saved: Duration::from_nanos(read(&self.saved_nanos)),
        }
    }
}
