//! How far standbys are behind.

use super::facts::Facts;
use crate::health::report::{HealthCheck, Severity};

/// Milliseconds from which on a standby is late.
const WARNING: u64 = 60_000;

pub(super) fn check(facts: &Facts) -> HealthCheck {
    let check = HealthCheck::new("standbys").weight(20).limit("60 s");
    let Some(standbys) = &facts.standbys else {
        return check.found(Severity::Unknown, "the server does not say, or not to this user");
    };
    let Some((name, late)) = standbys.first() else {
        return check.value("none").found(Severity::Ok, "no standby is behind");
    };
    let check = check.value(format_args!("{late} ms"));
    if *late < WARNING {
        return check.found(Severity::Ok, "standbys follow");
    }
    check
        .found(Severity::Warning, format!("{name} is behind: what is read there is old"))
        .cure("look for long queries on the standby, and for a slow disk or network")
}
