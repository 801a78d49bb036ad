//! Indexes that are not valid: writes keep them up to date, and reads do not use them.

use super::facts::Facts;
use crate::health::report::{HealthCheck, Severity};
use crate::health::size::counted;

pub(super) fn check(facts: &Facts) -> HealthCheck {
    let check = HealthCheck::new("invalid_indexes").weight(20).limit("0");
    let Some(invalid) = &facts.invalid else {
        return check.found(Severity::Unknown, "the server does not say, or not to this user");
    };
    let check = check.value(counted(invalid.len(), "index", "indexes"));
    if invalid.is_empty() {
        return check.found(Severity::Ok, "every index can be used");
    }
    let text = format!(
        "making these indexes was stopped half-way; they cost each write and help no read: {}",
        invalid.join(", ")
    );
    invalid.iter().fold(check.found(Severity::Warning, text), |check, name| {
        check.cure(format!("REINDEX INDEX CONCURRENTLY {name};"))
    })
}
