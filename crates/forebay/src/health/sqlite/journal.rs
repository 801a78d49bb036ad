//! How changes are journalled.

use super::facts::Facts;
use crate::health::report::{HealthCheck, Severity};

pub(super) fn check(facts: &Facts) -> HealthCheck {
    let check = HealthCheck::new("journal_mode").weight(30).limit("wal");
    let Some(mode) = &facts.journal else {
        return check.found(Severity::Unknown, "SQLite does not say");
    };
    let check = check.value(mode);
    if facts.is_empty_file() {
        return check.found(Severity::Ok, "the file is empty: who writes to it first decides");
    }
    match mode.as_str() {
        "wal" => check.found(Severity::Ok, "readers and the writer do not wait for each other"),
        "memory" if facts.path.is_none() => check.found(Severity::Ok, "the database is in memory"),
        "off" | "memory" => check
            .found(Severity::Warning, "a crash in the middle of a transaction damages the database")
            .cure("PRAGMA journal_mode = wal;"),
        _ => check
            .found(
                Severity::Warning,
                "each write waits for all reads, and each read for the write; commits of other \
                 processes are not noticed as they come, so that answers are not cached",
            )
            .cure("PRAGMA journal_mode = wal; -- once; the file remembers it"),
    }
}
