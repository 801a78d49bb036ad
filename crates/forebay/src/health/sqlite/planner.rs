//! The numbers by which SQLite chooses between indexes: whether ANALYZE has taken them, and whether
//! they are still true.

use super::facts::Facts;
use crate::health::report::{HealthCheck, Severity};
use crate::health::schema::LARGE_ROWS;
use crate::health::size::counted;

/// Tables that are named.
const NAMED_MAX: usize = 5;

/// Numbers are out of date when a table has so many times as many rows, or as few.
const FACTOR: u64 = 3;

const CURE: &str = "ANALYZE; -- or PRAGMA optimize; from time to time, for what has changed";

/// Whether there are numbers of each table among whose indexes there is a choice.
pub(super) fn analysed(facts: &Facts) -> HealthCheck {
    let schema = &facts.schema;
    let bare: Vec<&str> = schema
        .tables
        .iter()
        .filter(|table| table.is_large && schema.indexes_of(&table.name).nth(1).is_some())
        .filter(|table| !facts.analysed.contains_key(&table.name))
        .map(|table| table.name.as_str())
        .collect();
    let check = HealthCheck::new("planner_statistics").weight(15).limit("0");
    let check = check.value(counted(bare.len(), "table", "tables"));
    if bare.is_empty() {
        return check.found(
            Severity::Ok,
            format!("of each table with {LARGE_ROWS} rows and two indexes there are numbers"),
        );
    }
    let text = format!(
        "SQLite guesses which of several indexes to use, for it has no numbers of {}",
        some(&bare)
    );
    check.found(Severity::Notice, text).cure(CURE)
}

/// Whether they are still true. Only a deep look tells.
pub(super) fn up_to_date(facts: &Facts) -> HealthCheck {
    let check = HealthCheck::new("planner_statistics_age").weight(10).limit("0");
    let measured = facts.deep.as_ref().and_then(|deep| deep.statistics.as_ref());
    let Some(statistics) = measured else {
        return check.found(Severity::Unknown, "rows were not counted; a deep look does it");
    };
    let old: Vec<String> = statistics
        .tables
        .iter()
        .filter_map(|table| {
            let (now, then) = (table.rows?, *facts.analysed.get(&table.name)?);
            let (less, more) = (now.min(then), now.max(then));
            let is_old = more >= LARGE_ROWS && less.saturating_mul(FACTOR) < more;
            is_old.then(|| format!("{} ({now} rows, {then} when it was counted)", table.name))
        })
        .collect();
    let check = check.value(counted(old.len(), "table", "tables"));
    if facts.analysed.is_empty() {
        return check.found(Severity::Ok, "there are no numbers that could be out of date");
    }
    if old.is_empty() {
        return check.found(Severity::Ok, "the numbers by which SQLite plans are about right");
    }
    let old: Vec<&str> = old.iter().map(String::as_str).collect();
    let text = format!("SQLite plans by numbers that are not true any more: {}", some(&old));
    check.found(Severity::Notice, text).cure(CURE)
}

fn some(names: &[&str]) -> String {
    let more = names.len().saturating_sub(NAMED_MAX);
    let named = names[..names.len() - more].join(", ");
    if more == 0 { named } else { format!("{named} and {more} more") }
}
