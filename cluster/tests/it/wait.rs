//! Waiting for what is needed, with a limit.

use std::time::{Duration, Instant};

const WAIT_MAX: Duration = Duration::from_secs(120);

/// Returns when `is_so`, and fails when that takes too long.
#[track_caller]
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < WAIT_MAX, "not within {WAIT_MAX:?}: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Long enough for what would happen to happen.
pub(crate) const SILENCE: Duration = Duration::from_millis(300);
