//! Published tables whose rows nothing tells apart: the server refuses to change them.

use super::facts::Facts;
use super::listed::{Words, listed};
use crate::health::report::{HealthCheck, Severity};

pub(super) fn check(facts: &Facts) -> HealthCheck {
    let words = Words {
        one: "table",
        many: "tables",
        fine: "the rows of every published table can be told apart",
        text: "every UPDATE and DELETE of these published tables fails, for nothing says which \
               row it was",
    };
    let check = HealthCheck::new("replica_identity").weight(30);
    listed(check, &facts.objects.unidentified, Severity::Warning, &words)
}
