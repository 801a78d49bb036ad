//! Whether the file is sound: pages, rows, indexes. Only a deep look tells.

use super::facts::Facts;
use crate::health::report::{HealthCheck, Severity};
use crate::health::size::counted;

/// Faults that are named.
const NAMED_MAX: usize = 8;

pub(super) fn check(facts: &Facts) -> HealthCheck {
    let check = HealthCheck::new("integrity").weight(100).limit("0").data_loss();
    let Some(deep) = &facts.deep else {
        return check
            .found(Severity::Unknown, "the file was not read as a whole; a deep look does it");
    };
    let check = check.value(counted(deep.faults.len(), "fault", "faults"));
    if deep.faults.is_empty() {
        return check.found(Severity::Ok, "integrity_check finds the file sound");
    }
    let first = deep.faults[..deep.faults.len().min(NAMED_MAX)].join("; ");
    let more = match deep.faults.len().saturating_sub(NAMED_MAX) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    check
        .found(Severity::Critical, format!("the file is damaged: {first}{more}"))
        .cure("stop writing to it, and keep a copy of the file with its -wal as it is")
        .cure("restore the last backup that is sound, or have sqlite3 .recover read what is left")
}
