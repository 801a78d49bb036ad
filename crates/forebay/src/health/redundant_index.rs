//! Indexes that another one makes needless: they cost each write, and space.

use super::report::{HealthCheck, Severity};
use super::schema::{Index, Schema};
use super::size::counted;

/// Indexes that are named.
const NAMED_MAX: usize = 20;

pub(super) fn check(schema: &Schema) -> HealthCheck {
    let indexes = &schema.indexes;
    let pairs: Vec<(&Index, &Index)> = indexes
        .iter()
        .filter_map(|index| Some((index, indexes.iter().find(|by| is_needless(index, by))?)))
        .collect();
    let check = HealthCheck::new("redundant_indexes").weight(10).limit("0");
    let check = check.value(counted(pairs.len(), "index", "indexes"));
    if pairs.is_empty() {
        return check.found(Severity::Ok, "no index begins with the columns of another");
    }
    let named = pairs.iter().take(NAMED_MAX);
    let names: Vec<String> =
        named.clone().map(|(index, by)| format!("{} by {}", index.name, called(by))).collect();
    let text = format!(
        "each write keeps indexes up to date that others make needless: {}",
        names.join("; ")
    );
    named.fold(check.found(Severity::Notice, text), |check, (index, _)| {
        check.cure(format!("DROP INDEX{} {};", schema.concurrently, index.sql))
    })
}

/// An index as its owner knows it: those that SQLite makes for a constraint have no name of theirs.
fn called(index: &Index) -> String {
    if !index.name.starts_with("sqlite_autoindex_") {
        return index.name.clone();
    }
    let columns: Vec<&str> = index.keys.iter().filter_map(|key| key.column.as_deref()).collect();
    format!("the key of {} ({})", index.table, columns.join(", "))
}

/// Whether `by` finds whatever `index` finds, in the same order. One that has to be unique is
/// needed for that; of two that are the same, the one with the later name goes.
pub(crate) fn is_needless(index: &Index, by: &Index) -> bool {
    let is_same = index.keys == by.keys;
    let stays = !index.is_own || index.is_unique || index.is_partial || by.is_partial;
    let has_expression = |it: &Index| it.keys.iter().any(|key| key.column.is_none());
    if stays || has_expression(index) || index.table != by.table || index.name == by.name {
        return false;
    }
    by.keys.starts_with(&index.keys)
        && (!is_same || by.is_unique || !by.is_own || by.name < index.name)
}
