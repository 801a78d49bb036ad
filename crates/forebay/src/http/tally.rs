//! What is counted of the requests of one route.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::histogram::Histogram;
use super::requests::RouteStats;
use crate::watch::Account;

/// How a request has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// It was answered with this status.
    Answered(u16),
    /// The service behind the layer has failed without an answer.
    Failed,
    /// It was dropped before there was an answer: its client has gone, or its handler panicked.
    GivenUp,
}

/// The counters of one route.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// By class: 1xx to 5xx.
    classes: [AtomicU64; 5],
    limited: AtomicU64,
    failed: AtomicU64,
    given_up: AtomicU64,
    slow: AtomicU64,
    statements: AtomicU64,
    hits: AtomicU64,
    database_nanos: AtomicU64,
    times: Histogram,
}

const TOO_MANY: u16 = 429;

impl Tally {
    /// Counts a request that took so long until the head of its answer.
    pub(super) fn add(&self, ended: Ended, took: Duration, account: &Account, is_slow: bool) {
        let raise = |counter: &AtomicU64, by: u64| counter.fetch_add(by, Ordering::Relaxed);
        match ended {
            Ended::Answered(status) => {
                let class = usize::from(status / 100).clamp(1, 5) - 1;
                raise(&self.classes[class], 1);
                raise(&self.limited, u64::from(status == TOO_MANY));
            }
            Ended::Failed => _ = raise(&self.failed, 1),
            Ended::GivenUp => _ = raise(&self.given_up, 1),
        }
        raise(&self.slow, u64::from(is_slow));
        let sum = account.sum();
        raise(&self.statements, sum.statements);
        raise(&self.hits, sum.hits);
        let nanos = u64::try_from(sum.database.as_nanos()).unwrap_or(u64::MAX);
        raise(&self.database_nanos, nanos);
        self.times.add(took);
    }

    pub(super) fn snapshot(&self, route: &str) -> RouteStats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let classes = [0, 1, 2, 3, 4].map(|class| read(&self.classes[class]));
        let (failed, given_up) = (read(&self.failed), read(&self.given_up));
        RouteStats {
            route: route.to_owned(),
            requests: classes.iter().sum::<u64>() + failed + given_up,
            classes,
            limited: read(&self.limited),
            failed,
            given_up,
            slow: read(&self.slow),
            statements: read(&self.statements),
            hits: read(&self.hits),
            database_time: Duration::from_nanos(read(&self.database_nanos)),
            time: self.times.sum(),
            times: self.times.buckets(),
        }
    }
}
