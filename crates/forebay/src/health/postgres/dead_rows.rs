//! Rows that were deleted or replaced, and that vacuum has not removed.

use super::facts::Facts;
use crate::health::report::{HealthCheck, Severity};
use crate::health::size::counted;

/// Tables that are named.
const NAMED_MAX: usize = 5;

pub(super) fn check(facts: &Facts) -> HealthCheck {
    let check = HealthCheck::new("dead_rows").weight(15).limit("0");
    let Some(dead) = &facts.dead else {
        return check.found(Severity::Unknown, "the server does not say, or not to this user");
    };
    let check = check.value(counted(dead.len(), "table", "tables"));
    if dead.is_empty() {
        return check.found(Severity::Ok, "vacuum keeps up with all tables");
    }
    let named = dead.iter().take(NAMED_MAX);
    let named: Vec<String> =
        named.map(|(name, dead, live)| format!("{name} ({dead} dead, {live} alive)")).collect();
    check
        .found(
            Severity::Warning,
            format!(
                "these tables have twice as many dead rows as vacuum should leave, so that more \
                 pages are read than need be: {}",
                named.join(", ")
            ),
        )
        .cure("VACUUM (VERBOSE, ANALYZE) TABLE; -- says what holds it back, if something does")
}
