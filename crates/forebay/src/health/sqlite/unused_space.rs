//! Space within the pages of tables that holds nothing. A look at free pages does not show it: rows
//! that were deleted here and there leave pages half empty. Only a deep look tells.

use super::facts::Facts;
use crate::health::report::{HealthCheck, Severity};
use crate::health::size::{bytes, counted};

/// Unused bytes of a table below which it does not matter.
const BYTES_MIN: u64 = 1 << 20;

/// The share of its pages from which on it does, in percent. Rows that come in the order of their
/// numbers leave about 1 to 10 %, others up to 35.
const SHARE: u64 = 45;

/// Tables that are named.
const NAMED_MAX: usize = 5;

pub(super) fn check(facts: &Facts) -> HealthCheck {
    let check = HealthCheck::new("unused_space").weight(10).limit("0");
    let Some(deep) = &facts.deep else {
        return check.found(Severity::Unknown, "pages were not looked at; a deep look does it");
    };
    let Some(statistics) = &deep.statistics else {
        return check.found(
            Severity::Unknown,
            "this SQLite was built without DBSTAT, or pages cannot be read",
        );
    };
    let share = |unused: u64, all: u64| (unused * 100).checked_div(all).unwrap_or(0);
    let sparse: Vec<String> = statistics
        .tables
        .iter()
        .filter_map(|table| {
            let unused = table.unused_bytes.filter(|unused| *unused >= BYTES_MIN)?;
            let share = share(unused, table.bytes);
            (share >= SHARE)
                .then(|| format!("{} ({share} % of {})", table.name, bytes(table.bytes)))
        })
        .collect();
    let check = check.value(counted(sparse.len(), "table", "tables"));
    if sparse.is_empty() {
        return check.found(Severity::Ok, "the pages of all tables are well filled");
    }
    let named = sparse.iter().take(NAMED_MAX).map(String::as_str).collect::<Vec<_>>().join(", ");
    check
        .found(
            Severity::Notice,
            format!("rows lie far apart, so that more pages are read than need be: {named}"),
        )
        .cure("VACUUM; -- writes the whole file anew, and nobody else can write meanwhile")
}
