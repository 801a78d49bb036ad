//! Whether the log is archived: without it no backup can be brought up to date, and the log is kept
//! until the disk is full.

use super::facts::Facts;
use crate::health::report::{HealthCheck, Severity};

/// Seconds without success from which on it is critical.
const CRITICAL: u64 = 3_600;

pub(super) fn check(facts: &Facts) -> HealthCheck {
    let check = HealthCheck::new("archiving").weight(40).limit("0 failures");
    let mode = facts.settings.get("archive_mode").map(String::as_str);
    let (Some(mode), Some(failed)) = (mode, &facts.server.unarchived) else {
        return check.found(Severity::Unknown, "the server does not say, or not to this user");
    };
    if mode == "off" {
        return check.value("off").found(Severity::Ok, "the log is not to be archived");
    }
    let is_empty = |name: &str| facts.settings.get(name).is_none_or(String::is_empty);
    if is_empty("archive_command") && is_empty("archive_library") {
        return check
            .value("nothing to do it")
            .found(
                Severity::Warning,
                "the log is to be archived, and nothing is said that does it: all of it is kept \
                 until the disk is full",
            )
            .cure("set archive_command or archive_library, or archive_mode = off");
    }
    let Some((piece, seconds)) = failed.first() else {
        return check.value("on").found(Severity::Ok, "the log is archived as it is written");
    };
    let severity = if *seconds < CRITICAL { Severity::Warning } else { Severity::Critical };
    check
        .value(format_args!("failing for {seconds} s"))
        .found(
            severity,
            format!(
                "{piece} could not be archived: backups fall behind, and the log is kept until \
                 the disk is full"
            ),
        )
        .cure("look in the server's log for what archive_command or archive_library says")
}
