//! Foreign keys whose column has no index: deleting or renaming a parent reads all its children's
//! table, and so does asking for the children of a parent.

use super::report::{HealthCheck, Severity};
use super::schema::{LARGE_ROWS, Reference, Schema, quoted};
use super::size::counted;

/// Foreign keys that are named.
const NAMED_MAX: usize = 20;

pub(super) fn check(schema: &Schema) -> HealthCheck {
    let check = HealthCheck::new("foreign_key_indexes").weight(20).limit("0");
    let is_large = |it: &&Reference| schema.table(&it.table).is_some_and(|table| table.is_large);
    let mut bare: Vec<&Reference> =
        schema.references.iter().filter(is_large).filter(|it| !is_indexed(schema, it)).collect();
    bare.sort_by(|a, b| (&a.table, &a.columns).cmp(&(&b.table, &b.columns)));
    bare.dedup_by(|a, b| (&a.table, &a.columns) == (&b.table, &b.columns));
    let check = check.value(counted(bare.len(), "key", "keys"));
    if bare.is_empty() {
        let text =
            format!("every foreign key of tables with {LARGE_ROWS} rows or more has an index");
        return check.found(Severity::Ok, text);
    }
    let names: Vec<String> = bare
        .iter()
        .take(NAMED_MAX)
        .map(|it| format!("{} ({})", it.table, it.columns.join(", ")))
        .collect();
    let text = format!(
        "each delete of a parent, and each look for its children, reads the whole table: {}",
        names.join("; ")
    );
    let check = check.found(Severity::Warning, text);
    let needs_own = |it: &&Reference| !bare.iter().any(|by| leads(by, it));
    let needed = bare.iter().copied().filter(needs_own).take(NAMED_MAX);
    needed.fold(check, |check, it| check.cure(cure(schema, it)))
}

/// Whether an index for `by` begins with the columns of `it`, which needs none of its own then.
fn leads(by: &Reference, it: &Reference) -> bool {
    by.table == it.table
        && by.columns.len() > it.columns.len()
        && it.columns.iter().all(|column| by.columns[..it.columns.len()].contains(column))
}

fn is_indexed(schema: &Schema, reference: &Reference) -> bool {
    let is_in =
        |column: &str| reference.columns.iter().any(|wanted| wanted.eq_ignore_ascii_case(column));
    let alias = schema.table(&reference.table).and_then(|table| table.rowid_alias.as_deref());
    let count = reference.columns.len();
    (count == 1 && alias.is_some_and(is_in))
        || schema.indexes_of(&reference.table).any(|index| {
            let lead = index.keys.iter().take(count);
            let is_led = lead.filter(|key| key.column.as_deref().is_some_and(is_in)).count();
            !index.is_partial && is_led == count
        })
}

fn cure(schema: &Schema, reference: &Reference) -> String {
    let table = reference.table.rsplit('.').next().unwrap_or_default();
    let name = format!("{table}_{}", reference.columns.join("_"));
    let columns: Vec<String> = reference.columns.iter().map(|it| quoted(it)).collect();
    format!(
        "CREATE INDEX{} {} ON {} ({});",
        schema.concurrently,
        quoted(&name),
        reference.sql,
        columns.join(", ")
    )
}
