//! What a crash of the server's machine takes away.

use super::facts::Facts;
use crate::health::report::{HealthCheck, Severity};

pub(super) fn check(facts: &Facts) -> HealthCheck {
    let check = HealthCheck::new("durability").weight(50).limit("on");
    let is_off = |name: &str| facts.settings.get(name).map(|value| value == "off");
    let is_on = |name: &str| facts.settings.get(name).is_some_and(|value| value == "on");
    if let Some(name) =
        ["zero_damaged_pages", "ignore_checksum_failure"].into_iter().find(|it| is_on(it))
    {
        return check
            .value(format_args!("{name} on"))
            .found(
                Severity::Critical,
                "damaged pages are read as if they were sound or empty: what was in them is lost \
                 without an error",
            )
            .data_loss()
            .cure(format!("ALTER SYSTEM RESET {name}; SELECT pg_reload_conf();"));
    }
    match (is_off("fsync"), is_off("full_page_writes")) {
        (Some(true), _) => check
            .value("fsync off")
            .found(Severity::Critical, "a crash of the machine may damage the database")
            .data_loss()
            .cure("ALTER SYSTEM SET fsync = on;"),
        (_, Some(true)) => check
            .value("full_page_writes off")
            .found(
                Severity::Critical,
                "a crash of the machine may leave pages half written, unless its file system \
                 forbids that",
            )
            .data_loss()
            .cure("ALTER SYSTEM SET full_page_writes = on;"),
        (Some(false), Some(false)) if is_off("synchronous_commit") == Some(true) => check
            .value("synchronous_commit off")
            .found(
                Severity::Notice,
                "a crash of the server takes away what was committed just before",
            )
            .cure("ALTER SYSTEM RESET synchronous_commit; -- or for a database or a role"),
        (Some(false), Some(false)) => {
            check.value("on").found(Severity::Ok, "what was acknowledged survives a crash")
        }
        _ => check.found(Severity::Unknown, "the server does not say, or not to this user"),
    }
}
