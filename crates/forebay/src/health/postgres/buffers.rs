//! Whether the pages that are read are in the server's memory.

use super::facts::Facts;
use crate::health::report::{HealthCheck, Severity};

/// Pages below which the share says nothing.
const PAGES_MIN: u64 = 100_000;

/// The share found in memory below which it is worth knowing, in percent.
const NOTICE: u64 = 90;

pub(super) fn check(facts: &Facts) -> HealthCheck {
    let check = HealthCheck::new("buffer_hits").weight(10).limit(format_args!("{NOTICE} %"));
    let Some((hit, read)) = facts.pages else {
        return check.found(Severity::Unknown, "the server does not say, or not to this user");
    };
    let all = hit + read;
    if all < PAGES_MIN {
        return check.found(Severity::Unknown, "too little was read to tell");
    }
    let share = hit * 100 / all;
    let check = check.value(format_args!("{share} %"));
    if share >= NOTICE {
        return check.found(Severity::Ok, "most pages are found in the server's memory");
    }
    check
        .found(
            Severity::Notice,
            "many pages are not found in the server's memory; the system may have them in its own",
        )
        .cure("raise shared_buffers to a quarter of the memory, if it is less")
}
