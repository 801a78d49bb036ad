//! Indexes that a database can do without: no read has used them, or others find the same. It
//! decides by what was read, and asks nothing.

use super::catalogue::{Catalogue, Index, Table};

/// Days that the server has to have counted: some reports come once in two weeks.
const DAYS_MIN: u64 = 14;

/// Why an index is needless.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Why<'a> {
    Unused(u64),
    Duplicate(&'a Index),
    Prefix(&'a Index),
}

/// All that are needless, with their tables.
pub(super) fn needless(catalogue: &Catalogue) -> Vec<(&Table, &Index, Why<'_>)> {
    let mut found = Vec::new();
    for table in catalogue.tables.values().filter(|table| !table.is_partitioned) {
        for index in &table.indexes {
            let may_go = index.is_valid && !index.is_unique && !index.is_kept;
            let why = redundant(index, table).or_else(|| unused(index, table, catalogue));
            found.extend(why.filter(|_| may_go).map(|why| (table, index, why)));
        }
    }
    found
}

fn redundant<'a>(index: &Index, table: &'a Table) -> Option<Why<'a>> {
    let others = table.indexes.iter().filter(|other| other.name != index.name);
    let mut others = others.filter(|other| other.is_valid && other.filter == index.filter);
    others.find_map(|other| {
        let is_alike = other.method == index.method;
        let holds = index
            .included
            .iter()
            .all(|name| other.included.contains(name) || other.columns.contains(name));
        if !is_alike || !holds {
            return None;
        }
        if other.keys == index.keys {
            // Of two that are the same, the one with the later name goes.
            let stays = other.is_unique || other.is_kept || other.name < index.name;
            let is_larger = other.included.len() > index.included.len();
            return (stays || is_larger).then_some(Why::Duplicate(other));
        }
        let is_prefix = index.method == "btree" && other.keys.starts_with(&index.keys);
        is_prefix.then_some(Why::Prefix(other))
    })
}

fn unused<'a>(index: &Index, table: &Table, catalogue: &Catalogue) -> Option<Why<'a>> {
    let days = catalogue.counted_days.filter(|days| *days >= DAYS_MIN)?;
    // Deleting a parent looks for its children, however seldom that happens.
    let is_of_key = table.references.iter().any(|columns| {
        let lead = index.columns.iter().take(columns.len());
        index.filter.is_none()
            && lead.filter(|name| columns.contains(name)).count() == columns.len()
    });
    (index.scans == 0 && !is_of_key && !catalogue.is_standby).then_some(Why::Unused(days))
}
