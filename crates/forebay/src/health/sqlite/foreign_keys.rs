//! Whether this handle enforces the foreign keys of the schema.

use super::facts::Facts;
use crate::health::report::{HealthCheck, Severity};

pub(super) fn check(facts: &Facts) -> HealthCheck {
    let count = facts.schema.references.len();
    let check = HealthCheck::new("foreign_keys").weight(30).limit("on");
    match facts.enforces_foreign_keys {
        None => check.found(Severity::Unknown, "SQLite does not say"),
        Some(true) => check.value("on").found(Severity::Ok, "foreign keys are enforced"),
        Some(false) if count == 0 => {
            check.value("off").found(Severity::Ok, "the schema has no foreign keys")
        }
        Some(false) => check
            .value("off")
            .found(
                Severity::Warning,
                format!(
                    "the schema has {count} foreign keys, and none is enforced: rows may be left \
                     that refer to nothing"
                ),
            )
            .cure("leave out `foreign_keys(false)` when the database is opened"),
    }
}
