//! How long to pause before another try: exponential, with full jitter. It waits for nothing and
//! has no chance of its own.

use std::time::Duration;

/// The pauses of a retry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Backoff {
    /// Before the first try but one, at most; twice as long before the next, and so on.
    pub(super) base: Duration,
    pub(super) max: Duration,
    pub(super) has_jitter: bool,
}

/// What comes after a try that has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    After(Duration),
    /// No further try, or none that would begin in time.
    Never,
}

/// What bounds the tries.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) retries_max: u32,
    pub(super) time_max: Duration,
}

impl Backoff {
    /// The pause before the try number `retry`, from 0. `chance` is from 0 to 1.
    pub(super) fn pause(self, retry: u32, chance: f64) -> Duration {
        let longest = self.base.saturating_mul(2u32.saturating_pow(retry)).min(self.max);
        // Full jitter: callers that failed together come back spread over the whole time.
        if self.has_jitter { longest.mul_f64(chance.clamp(0.0, 1.0)) } else { longest }
    }

    /// What follows when `retries` tries beside the first have failed after `passed`, and whoever
    /// refused the last asks for a pause of `asked`.
    pub(super) fn next(
        self,
        bounds: Bounds,
        retries: u32,
        passed: Duration,
        asked: Duration,
        chance: f64,
    ) -> Next {
        // On top of what was asked for, or all who were refused would come back at once.
        let pause = asked.saturating_add(self.pause(retries, chance));
        if retries >= bounds.retries_max || passed.saturating_add(pause) >= bounds.time_max {
            return Next::Never;
        }
        Next::After(pause)
    }
}
