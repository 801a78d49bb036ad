//! Counts of requests, by route and status. The routes are ours and the statuses few, so that no
//! client can make the table grow.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Counts since the start.
#[derive(Default)]
pub(crate) struct Tally(Mutex<BTreeMap<(&'static str, u16), Count>>);

/// Requests of one route that were answered with one status.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Count {
    pub(crate) requests: u64,
    /// From the head of the request to the head of the answer.
    pub(crate) time: Duration,
}

impl Tally {
    pub(crate) fn add(&self, route: &'static str, status: u16, time: Duration) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry((route, status)).or_default();
        count.requests += 1;
        count.time += time;
    }

    pub(crate) fn counts(&self) -> Vec<(&'static str, u16, Count)> {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.iter().map(|((route, status), count)| (*route, *status, *count)).collect()
    }
}
