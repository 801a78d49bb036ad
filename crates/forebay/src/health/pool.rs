//! Whether the connections of this handle are enough.

use super::report::{HealthCheck, Severity};
use crate::stats::Stats;

/// The share of waits that end in a time-out from which on it is critical: one in so many.
const CRITICAL_ONE_IN: u64 = 100;

pub(super) fn check(stats: &Stats) -> HealthCheck {
    let check = HealthCheck::new("pool").weight(30).limit("0");
    let pools =
        [("reads", &stats.readers), ("writes", &stats.writer), ("sessions", &stats.sessions)];
    let timeouts: u64 = pools.iter().map(|(_, pool)| pool.timeouts).sum();
    let asked: u64 = pools.iter().map(|(_, pool)| pool.acquisitions).sum();
    let check = check.value(timeouts);
    if timeouts == 0 {
        return check.found(Severity::Ok, "everybody has had a connection in time");
    }
    let severity = match timeouts.saturating_mul(CRITICAL_ONE_IN) >= asked {
        true => Severity::Critical,
        false => Severity::Warning,
    };
    let busiest = pools.iter().max_by_key(|(_, pool)| pool.timeouts);
    let (name, pool) = busiest.expect("there are three");
    let text = format!(
        "callers have not had a connection in time, most of them for {name}: {} of {} are in use, \
         and {} callers wait now",
        pool.in_use, pool.max, pool.waiting
    );
    check
        .found(severity, text)
        .cure("look who holds a connection for long (`stats()`, `longest_holder`)")
        .cure("if nobody does, raise `max_size` or `max_overflow`")
}
