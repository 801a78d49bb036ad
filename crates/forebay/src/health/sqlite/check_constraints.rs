//! Rows that a CHECK of their table refuses, as after it was added behind SQLite's back or switched
//! off. Only a deep look tells, through a handle that may write.

use super::facts::Facts;
use crate::health::report::{HealthCheck, Severity};

/// Tables that are named.
const NAMED_MAX: usize = 5;

pub(super) fn check(facts: &Facts) -> HealthCheck {
    let check = HealthCheck::new("check_constraints").weight(20).limit("0");
    let Some(deep) = &facts.deep else {
        let text = "rows were not held against the constraints; a deep look does it";
        return check.found(Severity::Unknown, text);
    };
    let Some(refused) = &deep.refused else {
        let text = "SQLite looks at no CHECK of a file that is opened for reading only; a handle \
                    that may write does it";
        return check.found(Severity::Unknown, text);
    };
    let rows: u64 = refused.values().sum();
    let check = check.value(format_args!("{rows} {}", if rows == 1 { "row" } else { "rows" }));
    if rows == 0 {
        return check.found(Severity::Ok, "every row meets the constraints of its table");
    }
    let named = refused.iter().take(NAMED_MAX);
    let named: Vec<String> = named.map(|(table, rows)| format!("{rows} of {table}")).collect();
    check
        .found(
            Severity::Warning,
            format!("a CHECK of their table refuses these rows: {}", named.join(", ")),
        )
        .cure("PRAGMA integrity_check; -- names their tables; correct the rows, or the constraint")
}
