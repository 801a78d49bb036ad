//! The space that is left where the database lies.

use super::facts::Facts;
use crate::health::report::{HealthCheck, Severity};
use crate::health::size::bytes;

/// Bytes free below which writes are about to fail.
const CRITICAL: u64 = 100 << 20;

/// Bytes free below which it is time to act.
const WARNING: u64 = 1 << 30;

pub(super) fn check(facts: &Facts) -> HealthCheck {
    let check = HealthCheck::new("disk_space").weight(50);
    let free = |least: u64| format!("{} free", bytes(least));
    let Some(disk) = facts.disk else {
        return match facts.path {
            None => check.found(Severity::Ok, "the database is in memory"),
            Some(_) => check.found(Severity::Unknown, "the file system does not say"),
        };
    };
    let check = check.value(format_args!("{} of {}", free(disk.free), bytes(disk.total)));
    // A VACUUM writes the database once more, and so does a migration that rebuilds a table.
    let copy = facts.bytes().unwrap_or(0);
    if disk.free < CRITICAL {
        check
            .found(Severity::Critical, "writes are about to fail, and have failed perhaps")
            .limit(free(CRITICAL))
            .data_loss()
            .cure("free some space, or move the database to a larger file system")
    } else if disk.free < WARNING {
        check
            .found(Severity::Warning, "the file system is nearly full")
            .limit(free(WARNING))
            .cure("free some space, or move the database to a larger file system")
    } else if disk.free < copy {
        check.limit(free(copy)).found(
            Severity::Notice,
            "there is less space than the database is large: VACUUM, and a migration that \
             rebuilds a large table, do not fit",
        )
    } else {
        check
            .limit(free(WARNING))
            .found(Severity::Ok, "there is space for another copy of the database")
    }
}
