//! Rows whose foreign key refers to nothing. Only a deep look tells.

use super::facts::Facts;
use crate::health::report::{HealthCheck, Severity};

/// Tables that are named.
const NAMED_MAX: usize = 5;

pub(super) fn check(facts: &Facts) -> HealthCheck {
    let check = HealthCheck::new("orphans").weight(30).limit("0");
    if facts.schema.references.is_empty() {
        return check.value(0).found(Severity::Ok, "the schema has no foreign keys");
    }
    let Some(deep) = &facts.deep else {
        return check.found(
            Severity::Unknown,
            "rows that refer to nothing were not looked for; a deep look does it",
        );
    };
    let Some(orphans) = &deep.orphans else {
        return check.found(Severity::Unknown, "the rows cannot be read");
    };
    let rows: u64 = orphans.iter().map(|(_, _, rows)| rows).sum();
    let check = check.value(format_args!("{rows} {}", if rows == 1 { "row" } else { "rows" }));
    if rows == 0 {
        return check.found(Severity::Ok, "every row refers to one that is there");
    }
    let named = orphans.iter().take(NAMED_MAX);
    let named: Vec<String> = named
        .map(|(table, parent, rows)| format!("{rows} of {table} that refer to {parent}"))
        .collect();
    check
        .found(Severity::Warning, format!("rows refer to what is not there: {}", named.join(", ")))
        .cure("PRAGMA foreign_key_check; -- lists them; delete them, or put back what they need")
}
