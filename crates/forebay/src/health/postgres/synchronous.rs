//! Standbys that every commit waits for, and that are not there.

use super::facts::Facts;
use crate::health::report::{HealthCheck, Severity};

pub(super) fn check(facts: &Facts) -> HealthCheck {
    let check = HealthCheck::new("synchronous_standbys").weight(50).limit("1");
    let setting = |name: &str| facts.settings.get(name).map(String::as_str);
    let (Some(names), Some(commit)) =
        (setting("synchronous_standby_names"), setting("synchronous_commit"))
    else {
        return check.found(Severity::Unknown, "the server does not say, or not to this user");
    };
    if names.is_empty() || matches!(commit, "off" | "local") {
        return check.value("none").found(Severity::Ok, "commits wait for no standby");
    }
    match facts.server.synchronous {
        None => check.found(Severity::Unknown, "the server does not say, or not to this user"),
        Some(0) => check
            .value("0")
            .found(
                Severity::Critical,
                format!("every commit waits, for none of the standbys is connected: {names}"),
            )
            .cure("start a standby")
            .cure(
                "or let commits go on: ALTER SYSTEM RESET synchronous_standby_names; \
                 SELECT pg_reload_conf();",
            ),
        Some(n) => {
            check.value(n).found(Severity::Ok, "the standbys that commits wait for are there")
        }
    }
}
