//! Answers that rest on rows by the values of a partner: of another occurrence of a table in the
//! same statement, which names them. The values are known only when the answer has been read, so
//! a ticket begins by resting on every row, and is narrowed afterwards.
//!
//! Why nothing is lost in between: what the whole table's rows make untrue is noted first, the
//! slots of the values afterwards, and then it is seen whether the former has been raised.
//! Commits raise it before the latter, so a slot that was noted after a commit had raised it shows
//! that here. Windows are only made narrower, and one that has been touched stays so.

use std::sync::Arc;

use smallvec::SmallVec;

use super::basis::Need;
use super::comparand::{Comparand, Scalar};
use super::draft::{Awaited, Draft, Page};
use super::index::Index;
use super::resolve::{Bindings, Resolved};
use super::shape::{Form, Shape};
use super::sync::{AtomicU32, AtomicU64, Ordering};
use crate::sql::{Collation, Operand, Partner, Test};
use crate::value::Value;

/// Values that an answer may rest on by slots, and by the window of a page. With more it rests on
/// every row.
const SLOTS_MAX: usize = 128;
const AMONG_MAX: usize = 4_096;

/// Fills after a change for which the partner is asked.
const URGED_FILLS: u32 = 64;

/// Whether a partner is worth being asked: tables that nobody writes need no precision.
#[derive(Debug, Default)]
pub(super) struct Urge {
    /// The version that the last fill found.
    version: AtomicU64,
    left: AtomicU32,
}

/// What an answer rests on until its values are known.
pub(super) enum Rest {
    /// Every row, by this slot; slots of `shape` may take its place.
    Slot { slot: u32, version: u64, shape: Arc<Shape> },
    /// The windows of its page, which are of this shape.
    Page(Arc<Shape>),
}

impl Urge {
    /// Lets the next fill ask.
    #[cfg(test)]
    pub(super) fn rouse(&self) {
        self.version.store(u64::MAX, Ordering::Relaxed);
    }

    /// Whether to ask, for a fill that finds the rows of the table at this version.
    fn is_felt(&self, version: u64) -> bool {
        if self.version.swap(version, Ordering::Relaxed) != version {
            self.left.store(URGED_FILLS, Ordering::Relaxed);
            return true;
        }
        let less = |left: u32| left.checked_sub(1);
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }
}

impl Rest {
    /// Values that are of use.
    pub(super) fn values_max(&self) -> usize {
        match self {
            Rest::Slot { .. } => SLOTS_MAX,
            Rest::Page(_) => AMONG_MAX,
        }
    }
}

impl Index {
    /// Enters into a draft that an answer rests on rows by the values of a partner, if that can be
    /// had and is worth it.
    pub(super) fn await_partner(
        &self,
        number: usize,
        need: &Need,
        resolved: &Resolved,
        bindings: Bindings<'_>,
        draft: &mut Draft,
    ) -> bool {
        let Some(partner) = &need.occurrence.partner else { return false };
        let every = Form { columns: need.columns, ..Form::default() };
        let Some(every) = self.shape(&need.table, &every) else { return false };
        let slot = every.slot(every.key([]));
        let version = self.version(slot);
        let Some(operands) = operands(partner, bindings) else { return false };
        if !resolved.form.keys.is_empty() || !need.urge.is_felt(version) {
            return false;
        }
        let compared = (partner.column, Collation::Binary);
        let page = need.occurrence.top.as_ref().filter(|_| resolved.top.is_some());
        let rest = if page.is_some_and(|top| Page::limit(top, bindings).is_some()) {
            let resolved = resolved.beside(compared);
            let Some(shape) = self.shape(&need.table, &resolved.form) else { return false };
            if !self.admit_windows(need, &shape, &resolved, bindings, draft) {
                return false;
            }
            Rest::Page(shape)
        } else {
            let keys = SmallVec::from_slice(&[compared]);
            let form = Form { columns: need.columns, keys, ..Form::default() };
            let Some(shape) = self.shape(&need.table, &form) else { return false };
            Rest::Slot { slot, version, shape }
        };
        draft.awaited.push(Awaited { need: number, operands, rest });
        true
    }

    /// Narrows what awaits the values of a partner to the rows that have one of `values`; `None`
    /// when they are not known.
    pub(super) fn settle(&self, draft: &mut Draft, rest: Rest, values: Option<&[Value]>) {
        let values = values.and_then(comparands);
        match rest {
            Rest::Slot { slot, version, shape } => {
                let narrow = values.filter(|values| values.len() <= SLOTS_MAX).map(|values| {
                    let slot = |value: &Comparand| shape.slot(shape.key([value]));
                    values.iter().map(slot).map(|slot| (slot, self.version(slot))).collect()
                });
                let narrow = narrow.filter(|_: &Vec<_>| self.version(slot) == version);
                draft.rest_on(narrow.unwrap_or_else(|| vec![(slot, version)]));
            }
            Rest::Page(shape) => {
                let among = values.filter(|values| values.len() <= AMONG_MAX);
                draft.among = among.map(|values| {
                    let mut marks: Vec<u64> = values.iter().map(|it| shape.key([it])).collect();
                    marks.sort_unstable();
                    marks.into()
                });
            }
        }
    }
}

/// The values that limit a partner, by filter.
fn operands(partner: &Partner, bindings: Bindings<'_>) -> Option<Vec<Vec<Value>>> {
    let values = |operands: &[Operand]| -> Option<Vec<Value>> {
        operands.iter().map(|operand| bindings.value(operand).cloned()).collect()
    };
    let filters = partner.filters.iter().map(|(_, conjunct)| match &conjunct.test {
        Test::OneOf(operands) => values(operands),
        Test::Null | Test::Range { .. } => None,
    });
    filters.collect()
}

/// Values as they are compared, each once. NULL equals nothing.
fn comparands(values: &[Value]) -> Option<Vec<Comparand>> {
    let values = values.iter().filter(|value| **value != Value::Null);
    let known = values.map(|value| Comparand::of(Scalar::from(value), Collation::Binary));
    let mut known: Vec<Comparand> = known.collect::<Option<_>>()?;
    known.sort_unstable();
    known.dedup();
    Some(known)
}
