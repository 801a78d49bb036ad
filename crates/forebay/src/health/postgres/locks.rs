//! Sessions that wait for locks of others.

use super::facts::Facts;
use super::transactions::lasting;
use crate::health::report::HealthCheck;

/// Seconds from which on it is critical.
const CRITICAL: u64 = 300;

pub(super) fn check(facts: &Facts) -> HealthCheck {
    let check = HealthCheck::new("blocked_sessions").weight(30).limit("10 s");
    let fine = "nobody waits for a lock for long";
    let text = "sessions wait for locks that others do not give back";
    let cure = "SELECT pg_terminate_backend(PROCESS); -- ends the one that is waited for";
    lasting(check, facts.server.blocked.as_deref(), CRITICAL, [fine, text, cure])
}
