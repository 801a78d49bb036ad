//! How the SQLite in this program was compiled.

use super::facts::Facts;
use crate::health::report::{HealthCheck, Severity};

pub(super) fn check(facts: &Facts) -> HealthCheck {
    let check = HealthCheck::new("build").weight(5).limit("with STAT4");
    if facts.compile_options.is_empty() {
        return check.found(Severity::Unknown, "SQLite does not say");
    }
    let has = |option: &str| facts.compile_options.iter().any(|it| it == option);
    if has("ENABLE_STAT4") {
        return check.value("with STAT4").found(Severity::Ok, "ANALYZE takes samples, too");
    }
    check.value("without STAT4").found(
        Severity::Notice,
        "SQLite knows how often values occur on the average only, and takes an index for rare and \
         frequent ones alike; the bundled one has STAT4",
    )
}
