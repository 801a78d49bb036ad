//! Tests of the cache as a whole, on a clock that is moved by hand.

#[cfg(feature = "disk")]
mod disk;
#[cfg(feature = "disk")]
mod disk_model;
mod evidence;
mod face;
mod guarded;
mod interleaving;
mod keep;
mod load;
mod many;
mod model;
#[cfg(any(feature = "disk", feature = "redis"))]
mod order;
// Without a tier nothing is stopped.
#[cfg_attr(not(any(feature = "disk", feature = "redis")), allow(dead_code))]
mod pauses;
mod saved;
mod stale;
mod steps;
mod warming;

use std::time::Duration;

pub(crate) use pauses::Pauses;

use super::{Cache, CacheBuilder};
use crate::clock::Clock;

/// A cache with its clock.
pub(super) fn built(words: impl FnOnce(CacheBuilder) -> CacheBuilder) -> (Cache, Clock) {
    let clock = Clock::manual();
    let builder = words(Cache::builder("test").refresh_ahead(Duration::ZERO));
    (builder.clock(clock.clone()).build().unwrap(), clock)
}

pub(super) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Waits until something is so.
pub(super) async fn until(mut is_so: impl FnMut() -> bool) {
    let limit = std::time::Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(std::time::Instant::now() < limit, "it did not become so within 20 s");
        tokio::task::yield_now().await;
        std::thread::sleep(Duration::from_micros(50));
    }
}
