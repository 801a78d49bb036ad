//! Sequences that come to their end: the next INSERT fails then.

use super::facts::Facts;
use crate::health::report::{HealthCheck, Severity};

/// The share that is used from which on it is critical, in percent. A warning begins at half.
const CRITICAL: u64 = 90;

/// Sequences that are named.
const NAMED_MAX: usize = 5;

pub(super) fn check(facts: &Facts) -> HealthCheck {
    let check = HealthCheck::new("sequences").weight(40).limit("50 %");
    let Some(sequences) = &facts.sequences else {
        return check.found(Severity::Unknown, "the server does not say, or not to this user");
    };
    let Some((_, most)) = sequences.first() else {
        return check.found(Severity::Ok, "no sequence has used half of its numbers");
    };
    let severity = if *most < CRITICAL { Severity::Warning } else { Severity::Critical };
    let named = sequences.iter().take(NAMED_MAX).map(|(name, share)| format!("{name} ({share} %)"));
    let named: Vec<String> = named.collect();
    check
        .value(format_args!("{most} %"))
        .found(severity, format!("inserts fail once the numbers are used up: {}", named.join(", ")))
        .cure("make its column bigint, and: ALTER SEQUENCE … AS bigint;")
}
