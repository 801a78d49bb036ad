//! The settings of the tier and their bounds, as its parts read them.

use std::time::Duration;

use super::fuse::Terms;

/// How long a counter, a tag, or anything else is kept at most: ten years, in milliseconds.
const TTL_MS_MAX: u128 = 10 * 365 * 24 * 60 * 60 * 1_000;

/// What all parts may read.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) namespace: String,
    /// The limit of one call.
    pub(super) timeout: Duration,
    /// How many calls may be under way at one server.
    pub(super) calls_max: usize,
    /// How many connections share the calls to one server.
    pub(super) connections: usize,
    pub(super) value_bytes_max: usize,
    /// For how long a process is on the roll.
    pub(super) hearing: Duration,
    /// The limit of going over all keys.
    pub(super) sweep_max: Duration,
    pub(super) fuse: Terms,
}

impl Default for Settings {
    fn default() -> Settings {
        let timeout = Duration::from_millis(250);
        Settings {
            namespace: "forebay".to_owned(),
            timeout,
            calls_max: 1_024,
            connections: 2,
            value_bytes_max: 8 << 20,
            hearing: Duration::from_secs(1),
            sweep_max: Duration::from_secs(30),
            fuse: Terms {
                faults: 5,
                open_for: Duration::from_millis(500),
                open_for_max: Duration::from_secs(10),
                trial_max: 2 * timeout,
            },
        }
    }
}

/// A time as Redis takes it: whole milliseconds, at least one, at most ten years.
pub(super) fn milliseconds(time: Duration) -> u64 {
    let millis = time.as_nanos().div_ceil(1_000_000).clamp(1, TTL_MS_MAX);
    u64::try_from(millis).expect("ten years are fewer milliseconds than a u64 counts")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rounded_up_and_bounded() {
        let check = |time: Duration, expect: u64| assert_eq!(milliseconds(time), expect);
        check(Duration::ZERO, 1);
        check(Duration::from_nanos(1), 1);
        check(Duration::from_micros(1_001), 2);
        check(Duration::from_secs(2), 2_000);
        check(Duration::MAX, 315_360_000_000);
    }
}
