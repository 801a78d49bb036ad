//! The time of day in milliseconds, which has a meaning beyond this process. It is read from the
//! system once and then follows the monotonic clock, so that a clock that is set while we run
//! moves no deadline.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::clock::Clock;

/// The longest time to live: what is meant to stay longer belongs into a database.
pub(super) const TTL_MAX: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// Tells the time of day.
#[derive(Clone, Debug)]
pub(super) struct Calendar {
    clock: Clock,
    started: Instant,
    started_ms: u64,
}

impl Calendar {
    pub(super) fn new(clock: Clock) -> Calendar {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Calendar::starting(clock, millis(since))
    }

    /// A calendar that says `started_ms` now.
    pub(super) fn starting(clock: Clock, started_ms: u64) -> Calendar {
        let started = clock.now();
        Calendar { clock, started, started_ms }
    }

    pub(super) fn now_ms(&self) -> u64 {
        let gone = self.clock.now().saturating_duration_since(self.started);
        self.started_ms.saturating_add(millis(gone))
    }

    /// The moment from which a value set now with `ttl` is no longer served.
    pub(super) fn deadline_ms(&self, ttl: Duration) -> u64 {
        self.now_ms().saturating_add(millis(ttl.min(TTL_MAX)))
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
