//! How long it takes to read one row by its number.

use std::time::Duration;

use super::report::{HealthCheck, Severity};

/// From here on something is wrong with the disk, or the machine is overloaded.
const CRITICAL: Duration = Duration::from_millis(100);

/// From here on it is slow.
const WARNING: Duration = Duration::from_millis(20);

pub(super) fn check(read: Option<Duration>) -> HealthCheck {
    let check = HealthCheck::new("indexed_read").weight(20).limit(format_args!("{WARNING:?}"));
    let Some(time) = read else {
        return check.found(Severity::Ok, "there is no table large enough to be timed");
    };
    let check = check.value(format_args!("{time:.1?}"));
    if time < WARNING {
        return check.found(Severity::Ok, "one row is read by its number at once");
    }
    let severity = if time < CRITICAL { Severity::Warning } else { Severity::Critical };
    check
        .found(
            severity,
            "reading one row by its number takes long: the disk or the machine is busy",
        )
        .cure("look what else uses the disk, and whether memory is short")
}
