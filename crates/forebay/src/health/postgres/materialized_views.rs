//! Materialised views that were never filled: a read of one fails.

use super::facts::Facts;
use super::listed::{Words, listed};
use crate::health::report::{HealthCheck, Severity};

pub(super) fn check(facts: &Facts) -> HealthCheck {
    let words = Words {
        one: "view",
        many: "views",
        fine: "every materialised view can be read",
        text: "reads of these materialised views fail until they have been filled",
    };
    let check = HealthCheck::new("materialized_views").weight(20);
    listed(check, &facts.objects.unfilled, Severity::Warning, &words)
}
