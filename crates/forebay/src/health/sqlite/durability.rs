//! What a power cut takes away.

use super::facts::Facts;
use crate::health::report::{HealthCheck, Severity};

pub(super) fn check(facts: &Facts) -> HealthCheck {
    let check = HealthCheck::new("synchronous").weight(50).limit("normal");
    if facts.path.is_none() {
        return check.found(Severity::Ok, "the database is in memory, and gone with the process");
    }
    match facts.synchronous {
        None => check.found(Severity::Unknown, "SQLite does not say"),
        Some(0) => check
            .value("off")
            .found(Severity::Critical, "a power cut may damage the database")
            .data_loss()
            .cure("open it with `synchronous(Synchronous::Normal)` or `Full`"),
        Some(1) => check.value("normal").found(
            Severity::Ok,
            "a power cut does no damage; the last commits before it may be lost",
        ),
        Some(_) => check.value("full").found(Severity::Ok, "no acknowledged commit is lost"),
    }
}
