//! Shapes: in which columns answers rest on a table. Answers of one shape differ only in values,
//! so a changed row has to be looked at once per shape, however many answers there are.

use std::hash::{BuildHasher, Hash, Hasher};

use foldhash::fast::RandomState;
use smallvec::SmallVec;

use super::change::Point;
use super::columns::ColumnSet;
use super::comparand::{Comparand, Scalar};
use super::sync::{Mutex, MutexGuard, PoisonError};
use super::versions::slot_of_key;
use super::window::Windows;
use crate::sql::Collation;

/// A column, and the collation under which it is compared.
pub(super) type Compared = (u16, Collation);

/// What tells one shape of a table from another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Form {
    /// Columns whose change matters, those of the conjuncts included.
    pub(super) columns: ColumnSet,
    /// Columns that must equal a value, ordered by number.
    pub(super) keys: SmallVec<[Compared; 2]>,
    /// Columns that must lie in an interval, two at most.
    pub(super) ranged: SmallVec<[Compared; 2]>,
}

/// A registered shape.
pub(super) struct Shape {
    form: Form,
    pub(super) columns: ColumnSet,
    hasher: RandomState,
    windows: Mutex<Windows>,
    /// The slot whose version a row raises that cannot be told.
    unclear: u32,
}

impl Form {
    /// Every change of the table matters.
    pub(super) fn whole() -> Form {
        Form { columns: ColumnSet::ALL, ..Form::default() }
    }
}

impl Shape {
    pub(super) fn new(form: Form) -> Shape {
        let columns = form.columns;
        // Each shape has a seed of its own, so equal values of two shapes lie in different slots.
        let hasher = RandomState::default();
        let unclear = slot_of_key(hasher.hash_one("unclear"));
        Shape { form, columns, hasher, windows: Mutex::default(), unclear }
    }

    /// The key values of an image as one number; `None` when a value cannot be told. Two images
    /// with one number are taken for each other, which costs a needless drop.
    pub(super) fn key_of<'a>(&self, image: impl Fn(u16) -> Scalar<'a>) -> Option<u64> {
        let mut state = self.hasher.build_hasher();
        for (column, collation) in &self.form.keys {
            if !Comparand::hash_of(image(*column), *collation, &mut state) {
                return None;
            }
        }
        Some(state.finish())
    }

    /// The number of the key values of a statement, one per key column.
    pub(super) fn key<'a>(&self, values: impl IntoIterator<Item = &'a Comparand>) -> u64 {
        let mut state = self.hasher.build_hasher();
        values.into_iter().for_each(|value| value.hash(&mut state));
        state.finish()
    }

    /// The slot whose version a change of a row with such key values raises.
    pub(super) fn slot(&self, key: u64) -> u32 {
        slot_of_key(key)
    }

    /// The slot whose version a change of a row raises whose key values cannot be told.
    pub(super) fn unclear_slot(&self) -> u32 {
        self.unclear
    }

    /// The columns of the key values.
    #[cfg_attr(not(feature = "postgres"), allow(dead_code))]
    pub(super) fn keys(&self) -> &[Compared] {
        &self.form.keys
    }

    /// Whether answers of this shape rest on key values.
    pub(super) fn has_keys(&self) -> bool {
        !self.form.keys.is_empty()
    }

    /// Whether answers of this shape rest on intervals.
    pub(super) fn has_windows(&self) -> bool {
        !self.form.ranged.is_empty()
    }

    /// Where an image lies in the ranged columns.
    pub(super) fn point_of<'a>(&self, image: impl Fn(u16) -> Scalar<'a>) -> Point {
        let place = |(column, collation): &Compared| Comparand::of(image(*column), *collation);
        self.form.ranged.iter().map(place).collect()
    }

    pub(super) fn windows(&self) -> MutexGuard<'_, Windows> {
        self.windows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
