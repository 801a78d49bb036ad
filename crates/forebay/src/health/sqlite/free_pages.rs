//! Pages of the file that hold nothing: what was deleted leaves them, and new rows use them again.

use super::facts::Facts;
use crate::health::report::{HealthCheck, Severity};
use crate::health::size::bytes;

/// Free bytes below which it does not matter.
const BYTES_MIN: u64 = 16 << 20;

/// The share of the file from which on it does, in percent.
const SHARE: u64 = 25;

pub(super) fn check(facts: &Facts) -> HealthCheck {
    let check = HealthCheck::new("free_pages").weight(10).limit(format_args!("{SHARE} %"));
    let (Some(free), Some(pages), Some(page)) = (facts.free_pages, facts.pages, facts.page_bytes)
    else {
        return check.found(Severity::Unknown, "SQLite does not say");
    };
    let share = (free * 100).checked_div(pages).unwrap_or(0);
    let check = check.value(format_args!("{share} %, {}", bytes(free * page)));
    if free * page < BYTES_MIN || share < SHARE {
        return check.found(Severity::Ok, "little of the file is empty");
    }
    check
        .found(
            Severity::Notice,
            "a good part of the file is empty; new rows use it again, but backups copy it, and \
             the file does not become smaller by itself",
        )
        .cure("VACUUM; -- writes the whole file anew, and nobody else can write meanwhile")
}
