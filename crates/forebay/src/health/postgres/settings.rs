//! Settings that are not as their files say: those that wait, and those that are not understood.

use super::facts::Facts;
use crate::health::report::{HealthCheck, Severity};
use crate::health::size::counted;

/// Settings that are named.
const NAMED_MAX: usize = 5;

/// What waits until the server is started again.
pub(super) fn pending(facts: &Facts) -> HealthCheck {
    let check = HealthCheck::new("pending_settings").weight(5).limit("0");
    let Some(pending) = &facts.server.pending else {
        return check.found(Severity::Unknown, "the server does not say, or not to this user");
    };
    let check = check.value(counted(pending.len(), "setting", "settings"));
    if pending.is_empty() {
        return check.found(Severity::Ok, "the server runs with the settings that its files have");
    }
    let named: Vec<&str> = pending.iter().take(NAMED_MAX).map(String::as_str).collect();
    check
        .found(
            Severity::Notice,
            format!("settings change when the server is started again: {}", named.join(", ")),
        )
        .cure("start the server again, or set them back")
}

/// What the server would stumble over when it is started again.
pub(super) fn misread(facts: &Facts) -> HealthCheck {
    let check = HealthCheck::new("configuration").weight(30).limit("0");
    let Some(misread) = &facts.server.misread else {
        return check.found(Severity::Unknown, "only a superuser is told");
    };
    let check = check.value(counted(misread.len(), "line", "lines"));
    if misread.is_empty() {
        return check.found(Severity::Ok, "the server understands its files");
    }
    let named: Vec<&str> = misread.iter().take(NAMED_MAX).map(String::as_str).collect();
    check
        .found(
            Severity::Warning,
            format!(
                "the server does not understand its files: what was changed in them is not in \
                 force, and it may not start again: {}",
                named.join(", ")
            ),
        )
        .cure("correct the line, then: SELECT pg_reload_conf();")
}
