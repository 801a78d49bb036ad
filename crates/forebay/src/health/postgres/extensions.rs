//! Extensions whose objects are of an older version than the server's code.

use super::facts::Facts;
use super::listed::{Words, listed};
use crate::health::report::{HealthCheck, Severity};

pub(super) fn check(facts: &Facts) -> HealthCheck {
    let words = Words {
        one: "extension",
        many: "extensions",
        fine: "extensions are as new as the server has them",
        text: "extensions were not updated when the server was",
    };
    let check = HealthCheck::new("extensions").weight(5);
    listed(check, &facts.objects.outdated, Severity::Notice, &words)
}
