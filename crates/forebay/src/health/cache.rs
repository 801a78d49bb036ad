//! Whether the cache is what it promises to be, and on.

use super::report::{HealthCheck, Severity};
use crate::mode::CacheMode;
use crate::stats::Stats;

pub(super) fn check(stats: &Stats) -> HealthCheck {
    let check = HealthCheck::new("cache").weight(50).limit("0");
    let cache = &stats.cache;
    let differing = cache.audit.differing;
    let check = check.value(differing);
    if differing > 0 {
        return check
            .found(
                Severity::Critical,
                format!(
                    "answers from the cache were not those of the database: {differing} of {} that \
                     were asked for again; the cache is off for their statements",
                    cache.audit.compared
                ),
            )
            .cure("report it, with what `stats().cache.differences` says");
    }
    match (&cache.off, cache.mode) {
        (Some(why), CacheMode::On) => {
            check.found(Severity::Notice, format!("nothing is cached: {why}"))
        }
        (_, CacheMode::On) => check.found(Severity::Ok, "no answer of it was found to be wrong"),
        (_, mode) => check.found(Severity::Ok, format!("it is switched to {mode}")),
    }
}
