//! Indexes that no read has used.

use super::facts::Facts;
use crate::health::report::{HealthCheck, Severity};
use crate::health::size::{bytes, counted};

/// Days that the server has to have counted: some reports come once in two weeks.
const DAYS_MIN: u64 = 14;

/// Indexes that are named.
const NAMED_MAX: usize = 10;

pub(super) fn check(facts: &Facts) -> HealthCheck {
    let check = HealthCheck::new("unused_indexes").weight(5).limit("0");
    let Some((days, unused)) = &facts.unused else {
        return check.found(Severity::Unknown, "since when the server counts is not known");
    };
    if *days < DAYS_MIN {
        let text = match days {
            0 => format!("the server has counted for less than a day, and {DAYS_MIN} are needed"),
            _ => format!("the server has counted for {days} days only, and {DAYS_MIN} are needed"),
        };
        return check.found(Severity::Unknown, text);
    }
    let check = check.value(counted(unused.len(), "index", "indexes"));
    if unused.is_empty() {
        return check.found(Severity::Ok, format!("in {days} days every large index was used"));
    }
    let named = unused.iter().take(NAMED_MAX);
    let names: Vec<String> =
        named.clone().map(|(name, size)| format!("{name} ({})", bytes(*size))).collect();
    let text = format!(
        "no read has used these indexes in {days} days, on this server; ask its standbys, too: {}",
        names.join(", ")
    );
    named.fold(check.found(Severity::Notice, text), |check, (name, _)| {
        check.cure(format!("DROP INDEX CONCURRENTLY {name};"))
    })
}
