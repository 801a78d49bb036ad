//! Whether the server has connections left.

use super::facts::Facts;
use crate::health::report::{HealthCheck, Severity};

/// The share in use from which on it is time to act, in percent, and from which on it is late.
const WARNING: u64 = 80;
const CRITICAL: u64 = 95;

pub(super) fn check(facts: &Facts) -> HealthCheck {
    let check = HealthCheck::new("connections").weight(40).limit(format_args!("{WARNING} %"));
    let max = facts.number("max_connections");
    let kept = facts.number("superuser_reserved_connections").unwrap_or(0);
    let (Some(used), Some(max)) = (facts.connections, max) else {
        return check.found(Severity::Unknown, "the server does not say, or not to this user");
    };
    let max = max.saturating_sub(kept).max(1);
    let share = used * 100 / max;
    let check = check.value(format_args!("{used} of {max}"));
    if share < WARNING {
        return check.found(Severity::Ok, "there are connections left");
    }
    let severity = if share < CRITICAL { Severity::Warning } else { Severity::Critical };
    check
        .found(severity, "the server soon refuses connections, or does so already")
        .cure("end idle ones, make the pools of applications smaller, or raise max_connections")
}
