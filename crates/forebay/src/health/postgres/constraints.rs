//! Constraints that are looked at for new rows only: older ones may be otherwise.

use super::facts::Facts;
use super::listed::{Words, listed};
use crate::health::report::{HealthCheck, Severity};

pub(super) fn check(facts: &Facts) -> HealthCheck {
    let words = Words {
        one: "constraint",
        many: "constraints",
        fine: "all rows meet all constraints",
        text: "only rows written since they were added are known to meet these constraints, and \
               the planner does not rely on them",
    };
    let check = HealthCheck::new("unvalidated_constraints").weight(10);
    listed(check, &facts.objects.unvalidated, Severity::Notice, &words)
}
