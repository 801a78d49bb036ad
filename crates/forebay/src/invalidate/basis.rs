//! What the answers of a statement rest on, before its parameters are known: for each occurrence
//! of a table the columns used, the conjuncts that its rows must meet, and the bound of a page.

use std::sync::Arc;

use super::columns::ColumnSet;
use super::partner::Urge;
use super::versions::slot_of_table;
use crate::sql::{Occurrence, Partner};

/// What the answers of a statement rest on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Basis(pub(super) Vec<Need>);

/// One occurrence of a table.
#[derive(Clone, Debug)]
pub(super) struct Need {
    /// In lower case.
    pub(super) table: Box<str>,
    pub(super) slot: u32,
    pub(super) columns: ColumnSet,
    pub(super) occurrence: Occurrence,
    pub(super) urge: Arc<Urge>,
}

impl Basis {
    /// The basis of a statement in which tables occur so, each with the columns used of it.
    pub(crate) fn new(occurrences: impl IntoIterator<Item = (Occurrence, ColumnSet)>) -> Basis {
        let mut needs: Vec<Need> = Vec::new();
        for (occurrence, columns) in occurrences {
            let need = Need::new(occurrence, columns);
            if !needs.iter().any(|known| known.covers(&need)) {
                needs.push(need);
            }
        }
        Basis(needs)
    }
}

impl Basis {
    /// Bytes that it takes, about.
    pub(crate) fn size(&self) -> usize {
        let need = |need: &Need| size_of::<Need>() + need.table.len() + need.occurrence.size();
        self.0.iter().map(need).sum()
    }

    /// The partner of an occurrence that a draft awaits.
    pub(crate) fn partner(&self, need: usize) -> Option<&Partner> {
        self.0.get(need)?.occurrence.partner.as_ref()
    }
}

impl Need {
    fn new(occurrence: Occurrence, columns: ColumnSet) -> Need {
        let used = occurrence.conjuncts.iter().map(|conjunct| conjunct.column);
        let used = used.chain(occurrence.top.as_ref().map(|top| top.column));
        let used = used.chain(occurrence.partner.as_ref().map(|partner| partner.column));
        let used: ColumnSet = used.collect();
        Need {
            table: occurrence.table.to_ascii_lowercase().into(),
            slot: slot_of_table(&occurrence.table),
            columns: columns.union(used),
            occurrence,
            urge: Arc::default(),
        }
    }

    /// Whether nothing can matter to `other` that does not matter to this.
    fn covers(&self, other: &Need) -> bool {
        let Occurrence { table: _, conjuncts, top, partner } = &self.occurrence;
        let is_plain = conjuncts.is_empty() && top.is_none() && partner.is_none();
        let is_same = self.occurrence == other.occurrence;
        self.table == other.table
            && self.columns.union(other.columns) == self.columns
            && (is_plain || is_same)
    }
}
