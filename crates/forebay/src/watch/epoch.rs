//! When counting began, so that times can be kept as small numbers, and shown as times of day. The
//! time of day is read once; a clock of the system that is set afterwards moves nothing.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The beginning of counting.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Epoch {
    began: Instant,
    began_ms: u64,
}

impl Epoch {
    /// Begins at `began`, which is `at` by the time of day.
    pub(crate) fn new(began: Instant, at: SystemTime) -> Epoch {
        Epoch { began, began_ms: millis(at) }
    }

    /// How long counting has gone on at `now`.
    pub(crate) fn since(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.began)
    }

    /// The time of day at `now`, in milliseconds since 1970.
    pub(crate) fn ms(&self, now: Instant) -> u64 {
        self.ms_after(self.since(now))
    }

    /// The time of day when counting has gone on for so long, in milliseconds since 1970.
    #[inline]
    pub(crate) fn ms_after(&self, gone: Duration) -> u64 {
        let gone = u64::try_from(gone.as_millis()).unwrap_or(u64::MAX);
        self.began_ms.saturating_add(gone)
    }
}

/// Milliseconds since 1970.
pub(crate) fn millis(at: SystemTime) -> u64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// The time of day of so many milliseconds since 1970; `None` for 0, which stands for never.
pub(crate) fn time_of_day(ms: u64) -> Option<SystemTime> {
    (ms > 0).then(|| UNIX_EPOCH.checked_add(Duration::from_millis(ms))).flatten()
}
