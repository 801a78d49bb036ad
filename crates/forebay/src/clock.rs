//! The time as a value that is passed in, so that what depends on it can be tested without
//! waiting, and the time of day, which has a meaning beyond this process. It does not sleep.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Tells the time: the real one, or in tests one that is moved by hand. Clones agree.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clock {
    #[cfg(test)]
    manual: Option<std::sync::Arc<std::sync::Mutex<Instant>>>,
    #[cfg(test)]
    is_tokios: bool,
}

impl Clock {
    pub(crate) fn real() -> Clock {
        Clock::default()
    }

    #[inline]
    pub(crate) fn now(&self) -> Instant {
        #[cfg(test)]
        if let Some(manual) = &self.manual {
            return *manual.lock().expect("moving the clock does not panic");
        }
        #[cfg(test)]
        if self.is_tokios {
            return tokio::time::Instant::now().into_std();
        }
        Instant::now()
    }

    /// The clock that tokio's timers go by, which a test may have paused.
    #[cfg(test)]
    pub(crate) fn tokios() -> Clock {
        Clock { manual: None, is_tokios: true }
    }

    /// A clock that stands still until it is advanced.
    #[cfg(test)]
    pub(crate) fn manual() -> Clock {
        let manual = std::sync::Arc::new(std::sync::Mutex::new(Instant::now()));
        Clock { manual: Some(manual), is_tokios: false }
    }

    #[cfg(test)]
    pub(crate) fn advance(&self, by: std::time::Duration) {
        let manual = self.manual.as_ref().expect("only a manual clock can be advanced");
        *manual.lock().expect("moving the clock does not panic") += by;
    }
}

/// Tells the time of day in milliseconds. It is read from the system once and then follows the
/// clock, so that a clock of the system that is set while we run moves no deadline.
#[derive(Clone, Debug)]
pub(crate) struct Calendar {
    clock: Clock,
    started: Instant,
    started_ms: u64,
}

impl Calendar {
    pub(crate) fn new(clock: Clock) -> Calendar {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Calendar::starting(clock, millis(since))
    }

    /// A calendar that says `started_ms` now.
    pub(crate) fn starting(clock: Clock, started_ms: u64) -> Calendar {
        let started = clock.now();
        Calendar { clock, started, started_ms }
    }

    pub(crate) fn now_ms(&self) -> u64 {
        let gone = self.clock.now().saturating_duration_since(self.started);
        self.started_ms.saturating_add(millis(gone))
    }
}

/// Whole milliseconds, as many as there may be.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
