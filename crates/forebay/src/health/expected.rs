//! Indexes and foreign keys that the application says it needs.

use super::options::Relation;
use super::report::{HealthCheck, Severity};
use super::schema::{Schema, is_named};

/// None, if no index was named.
pub(super) fn indexes(schema: &Schema, expected: &[String]) -> Option<HealthCheck> {
    let is_there = |name: &String| schema.indexes.iter().any(|index| is_named(&index.name, name));
    let missing: Vec<&str> =
        expected.iter().filter(|name| !is_there(name)).map(String::as_str).collect();
    let check = HealthCheck::new("expected_indexes").weight(40).limit("0");
    judge(check, expected.len(), &missing, "indexes", "run the migration that makes them")
}

/// None, if no relation was named.
pub(super) fn relations(schema: &Schema, expected: &[Relation]) -> Option<HealthCheck> {
    let is_there = |wanted: &&Relation| {
        schema.references.iter().any(|it| {
            is_named(&it.table, &wanted.table)
                && is_named(&it.parent, &wanted.parent)
                && it.columns.iter().any(|column| column.eq_ignore_ascii_case(&wanted.column))
        })
    };
    let missing: Vec<String> = expected
        .iter()
        .filter(|wanted| !is_there(wanted))
        .map(|it| format!("{}.{} to {}", it.table, it.column, it.parent))
        .collect();
    let missing: Vec<&str> = missing.iter().map(String::as_str).collect();
    let check = HealthCheck::new("expected_relations").weight(30).limit("0");
    judge(check, expected.len(), &missing, "foreign keys", "run the migration that declares them")
}

fn judge(
    check: HealthCheck,
    expected: usize,
    missing: &[&str],
    what: &str,
    cure: &str,
) -> Option<HealthCheck> {
    if expected == 0 {
        return None;
    }
    let check = check.value(format_args!("{} of {expected}", missing.len()));
    Some(if missing.is_empty() {
        check.found(Severity::Ok, format!("all {expected} {what} that are expected are there"))
    } else {
        let found = format!("{what} that are expected are not there: {}", missing.join(", "));
        check.found(Severity::Warning, found).cure(cure)
    })
}
