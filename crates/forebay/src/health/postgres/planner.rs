//! The numbers by which the server chooses its plans.

use super::facts::Facts;
use crate::health::report::{HealthCheck, Severity};
use crate::health::size::counted;

pub(super) fn check(facts: &Facts) -> HealthCheck {
    let check = HealthCheck::new("planner_statistics").weight(15).limit("0");
    let Some(tables) = &facts.unanalysed else {
        return check.found(Severity::Unknown, "the server does not say, or not to this user");
    };
    let check = check.value(counted(tables.len(), "table", "tables"));
    if tables.is_empty() {
        return check.found(Severity::Ok, "of each large table there are numbers");
    }
    check
        .found(
            Severity::Notice,
            format!("the server plans without numbers of {}", tables.join(", ")),
        )
        .cure("ANALYZE;")
}
