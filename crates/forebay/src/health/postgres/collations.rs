//! Texts that the system sorts otherwise than when their indexes were made.

use super::facts::Facts;
use super::listed::{Words, listed};
use crate::health::report::{HealthCheck, Severity};

pub(super) fn check(facts: &Facts) -> HealthCheck {
    let words = Words {
        one: "collation",
        many: "collations",
        fine: "texts are sorted as when their indexes were made",
        text: "the system's library sorts otherwise than the one that indexes were made with, so \
               that reads by them may miss rows, and unique ones take rows twice; make the \
               indexes of texts anew first (REINDEX), then record the version",
    };
    let check = HealthCheck::new("collations").weight(40);
    listed(check, &facts.objects.resorted, Severity::Warning, &words)
}
