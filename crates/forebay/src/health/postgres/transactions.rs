//! Transactions that last: they hold locks, and vacuum cannot remove what they might still see.

use super::facts::Facts;
use crate::health::report::{HealthCheck, Severity};

/// Transactions that are named.
const NAMED_MAX: usize = 3;

/// Seconds from which on a transaction that works is critical, for all that it holds back.
const LONG_CRITICAL: u64 = 6 * 3_600;

/// Seconds from which on one that waits for its client is.
const IDLE_CRITICAL: u64 = 3_600;

const CURE: &str =
    "SELECT pg_terminate_backend(PROCESS); -- ends one; its transaction is rolled back";

pub(super) fn long(facts: &Facts) -> HealthCheck {
    let check = HealthCheck::new("long_transactions").weight(20).limit("5 min");
    let fine = "no statement has run for minutes";
    let text = "a statement has run for long, and vacuum removes nothing that it might see";
    lasting(check, facts.long.as_deref(), LONG_CRITICAL, [fine, text, CURE])
}

pub(super) fn idle(facts: &Facts) -> HealthCheck {
    let check = HealthCheck::new("idle_transactions").weight(30).limit("1 min");
    let fine = "no transaction waits for its client";
    let text = "a client has a transaction open and does nothing: others wait for its locks";
    lasting(check, facts.idle.as_deref(), IDLE_CRITICAL, [fine, text, CURE])
}

/// No session holds one, and no restart ends it.
pub(super) fn prepared(facts: &Facts) -> HealthCheck {
    let check = HealthCheck::new("prepared_transactions").weight(30).limit("1 min");
    let fine = "no prepared transaction is left";
    let text = "whoever prepared these transactions has not ended them: they hold their locks, \
                and vacuum removes nothing that they might see";
    let cure = "COMMIT PREPARED 'NAME'; or ROLLBACK PREPARED 'NAME'; -- in its database";
    lasting(check, facts.server.prepared.as_deref(), IDLE_CRITICAL, [fine, text, cure])
}

/// What is said of that which lasts: that there is none, what it means, and what to do.
pub(super) fn lasting(
    check: HealthCheck,
    found: Option<&[(String, u64)]>,
    critical: u64,
    [fine, text, cure]: [&str; 3],
) -> HealthCheck {
    let Some(found) = found else {
        return check.found(Severity::Unknown, "the server does not say, or not to this user");
    };
    let Some((_, longest)) = found.first() else {
        return check.value("none").found(Severity::Ok, fine);
    };
    let severity = if *longest < critical { Severity::Warning } else { Severity::Critical };
    let named = found.iter().take(NAMED_MAX).map(|(who, seconds)| format!("{who} ({seconds} s)"));
    let named: Vec<String> = named.collect();
    check
        .value(format_args!("{longest} s"))
        .found(severity, format!("{text}: {}", named.join(", ")))
        .cure(cure)
}
