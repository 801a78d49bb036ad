//! Sequences that give out numbers which their columns have already, as after rows were copied in
//! with their numbers. Only a deep look tells.

use super::facts::Facts;
use super::listed::{Words, listed};
use crate::health::report::{HealthCheck, Severity};

pub(super) fn check(facts: &Facts) -> HealthCheck {
    let check = HealthCheck::new("sequence_positions").weight(30);
    if facts.objects.overtaken.is_none() {
        let text = "sequences were not compared with their columns; a deep look does it";
        return check.found(Severity::Unknown, text);
    }
    let words = Words {
        one: "sequence",
        many: "sequences",
        fine: "every sequence is beyond the numbers of its column",
        text: "inserts fail, or numbers come twice, until these sequences have passed the numbers \
               that their columns have",
    };
    listed(check, &facts.objects.overtaken, Severity::Warning, &words)
}
