//! Whether there is anything in the file. One that was named by mistake is often empty: SQLite
//! takes it for a database, and so nothing else is wrong with it.

use super::facts::Facts;
use crate::health::report::{HealthCheck, Severity};
use crate::health::size::counted;

pub(super) fn check(facts: &Facts) -> HealthCheck {
    let check = HealthCheck::new("contents").weight(10);
    if facts.is_empty_file() {
        return check
            .value("0 bytes")
            .found(Severity::Warning, "nothing was ever written to the file: is it the right one?")
            .cure("check the path");
    }
    let tables = facts.schema.tables.len();
    let text = if tables == 0 { "no table was made yet" } else { "it has a schema" };
    check.value(counted(tables, "table", "tables")).found(Severity::Ok, text)
}
