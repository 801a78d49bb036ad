//! What a write may change: whole tables, and of some tables only rows that have certain values in
//! certain columns, before the write as well as after it. It does not find that out; and in which
//! slots answers rest on such rows, the index tells.

use std::borrow::Cow;

use super::basis::{Basis, Need};
use super::comparand::Comparand;
use super::resolve::{Bindings, Resolved};
use super::shape::Compared;
use super::write::WriteSet;
use crate::sql::{Conjunct, Operand, Test};
use crate::value::Value;

/// Tables of which only some rows are told; with more of them whole tables count.
const ROWS_MAX: usize = 16;

/// Combinations of values per table that are told apart.
const KEYS_MAX: usize = 16;

/// What a write may change.
#[derive(Clone, Debug)]
pub(crate) struct Extent {
    /// Any row of these.
    pub(super) tables: WriteSet,
    pub(super) rows: Vec<Rows>,
}

/// Rows of a table.
#[derive(Clone, Debug)]
pub(super) struct Rows {
    /// In lower case.
    pub(super) table: Box<str>,
    pub(super) slot: u32,
    /// The columns, ordered by number.
    pub(super) columns: Vec<Compared>,
    /// Their values, one list per combination.
    pub(super) keys: Vec<Vec<Comparand>>,
}

impl Extent {
    /// Any row of these tables.
    pub(crate) fn of(tables: WriteSet) -> Extent {
        Extent { tables, rows: Vec::new() }
    }

    /// Nothing.
    pub(crate) fn none() -> Extent {
        Extent::of(WriteSet::none())
    }

    /// Anything, the schema too.
    pub(crate) fn everything() -> Extent {
        Extent::of(WriteSet::Everything)
    }

    /// Any row of `beside`, and rows that meet the equalities of `target` before the write and
    /// after it; `None` when their values cannot be told, or are too many.
    pub(crate) fn of_rows(
        target: &Basis,
        bindings: Bindings<'_>,
        beside: &WriteSet,
    ) -> Option<Extent> {
        let rows: Option<Vec<Rows>> =
            target.0.iter().map(|need| Rows::of(need, bindings)).collect();
        Some(Extent { tables: beside.clone(), rows: rows? })
    }

    pub(crate) fn is_none(&self) -> bool {
        self.rows.is_empty() && self.tables == WriteSet::none()
    }

    pub(crate) fn is_everything(&self) -> bool {
        self.tables == WriteSet::Everything
    }

    /// Adds what another statement of the same transaction may change.
    pub(crate) fn merge(&mut self, other: &Extent) {
        self.tables.merge(&other.tables);
        self.rows.extend(other.rows.iter().cloned());
        if self.rows.len() > ROWS_MAX {
            self.tables = self.whole();
            self.rows.clear();
        }
    }

    /// The same or more: all of these tables.
    pub(super) fn whole(&self) -> WriteSet {
        let mut whole = self.tables.clone();
        self.rows.iter().for_each(|rows| whole.merge(&WriteSet::Tables(vec![rows.slot])));
        whole
    }
}

impl Rows {
    fn of(need: &Need, bindings: Bindings<'_>) -> Option<Rows> {
        let Resolved { form, keys, .. } = Resolved::of(&told(need, bindings), bindings)?;
        if form.keys.is_empty() || keys.len() > KEYS_MAX {
            return None;
        }
        Some(Rows {
            table: need.table.clone(),
            slot: need.slot,
            columns: form.keys.into_vec(),
            keys: keys.into_iter().map(|key| key.into_vec()).collect(),
        })
    }

    /// Where the values of these columns are among those that are told; `None` unless all of them
    /// are told.
    pub(super) fn places(&self, columns: &[Compared]) -> Option<Vec<usize>> {
        let place = |column: &Compared| self.columns.iter().position(|told| told == column);
        columns.iter().map(place).collect()
    }
}

/// The same without the equalities with NULL: they tell nothing of what is inserted.
fn told<'n>(need: &'n Need, bindings: Bindings<'_>) -> Cow<'n, Need> {
    let is_null = |operand: &Operand| matches!(bindings.value(operand), Some(Value::Null));
    let is_void = |conjunct: &Conjunct| match &conjunct.test {
        Test::OneOf(operands) => operands.iter().any(is_null),
        Test::Null | Test::Range { .. } => false,
    };
    if !need.occurrence.conjuncts.iter().any(is_void) {
        return Cow::Borrowed(need);
    }
    let mut need = need.clone();
    need.occurrence.conjuncts.retain(|conjunct| !is_void(conjunct));
    Cow::Owned(need)
}
