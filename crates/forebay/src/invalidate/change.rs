//! The row changes of one transaction, kept as what they will make untrue: the slots to raise and
//! the values to look up in windows. It does not know how a change was learned, and applies
//! nothing before the transaction has committed.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;
use smallvec::SmallVec;

use super::columns::ColumnSet;
use super::comparand::{Comparand, Scalar};
use super::index::{Index, Interest};
use super::shape::Shape;

/// Slots kept per table and transaction. When there are as many, it is looked which are the same;
/// if half of them differ the whole table counts as changed, as most answers by key would be
/// dropped.
const SLOTS_MAX: usize = 400_000;

/// The same for rows that are looked up in windows.
const PROBES_MAX: usize = 50_000;

/// Bytes of values kept per table and transaction; beyond it the whole table counts as changed.
const BYTES_MAX: usize = 4_000_000;

/// What happened to a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Insert,
    Update,
    Delete,
}

/// One changed row, as whoever captures it can show it. Columns are numbered in the order of
/// CREATE TABLE; values are asked for only where something depends on them.
pub(crate) trait RowChange {
    fn op(&self) -> Op;
    /// Columns of the table.
    fn width(&self) -> u16;
    /// A value before the change; `Unknown` for an insert.
    fn before(&self, column: u16) -> Scalar<'_>;
    /// A value after the change; `Unknown` for a delete.
    fn after(&self, column: u16) -> Scalar<'_>;
    /// Whether an update gave the row another rowid.
    fn is_moved(&self) -> bool;
    /// Whether an update may have changed a column. Whoever knows better than the two values show
    /// says so here: a value that cannot be compared may still be known to be the same.
    fn is_changed(&self, column: u16) -> bool {
        !self.before(column).is_same(self.after(column))
    }
}

/// The ordered values of one image in the ranged columns of a shape; `None` cannot be told.
pub(super) type Point = SmallVec<[Option<Comparand>; 2]>;

/// A look into the windows of one shape.
pub(super) struct Probe {
    /// Position of the shape among those of its table.
    pub(super) shape: usize,
    /// The bucket, and where the image lies.
    pub(super) images: SmallVec<[(u64, Point); 2]>,
}

/// What the changed rows of one table make untrue.
#[derive(Default)]
pub(super) struct Effects {
    /// Slots of shapes without key values. They are raised before the others: see `partner`.
    pub(super) wide: Vec<u32>,
    pub(super) slots: Vec<u32>,
    pub(super) probes: Vec<Probe>,
    bytes: usize,
}

/// What a transaction has done to one table.
pub(super) enum Touched {
    /// Exactly this.
    Rows { interest: Arc<Interest>, effects: Effects },
    /// Some rows, not known which.
    Whole,
}

/// The row changes of one transaction.
pub(crate) struct Changes {
    index: Arc<Index>,
    tables: HashMap<Box<str>, Touched, RandomState>,
}

impl Changes {
    pub(crate) fn new(index: Arc<Index>) -> Changes {
        Changes { index, tables: HashMap::default() }
    }

    /// Takes one changed row of `table` down. Cost: per shape of the table that the change
    /// matters to, a hash of the key values.
    pub(crate) fn record(&mut self, table: &str, change: &dyn RowChange) {
        self.touched(table).record(change);
    }

    /// Whether somebody rests on rows of `table`, so that its changes have to be told one by one.
    /// If not, it is enough to have asked: whoever comes later takes the whole table as changed.
    pub(crate) fn wants(&mut self, table: &str) -> bool {
        match self.touched(table) {
            Touched::Rows { interest, .. } => !interest.shapes.is_empty(),
            Touched::Whole => false,
        }
    }

    /// Takes down that something of `table` has changed that cannot be told.
    pub(crate) fn record_unknown(&mut self, table: &str) {
        self.tables.insert(table.into(), Touched::Whole);
    }

    fn touched(&mut self, table: &str) -> &mut Touched {
        if !self.tables.contains_key(table) {
            let interest = self.index.interest(table);
            let effects = Effects::default();
            self.tables.insert(table.into(), Touched::Rows { interest, effects });
        }
        self.tables.get_mut(table).expect("it was put there just now")
    }

    /// The tables in which something has changed.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.tables.keys().map(|table| &**table)
    }

    /// Forgets everything: the transaction is over.
    pub(crate) fn clear(&mut self) {
        self.tables.clear();
    }

    pub(super) fn tables(&self) -> impl Iterator<Item = (&str, &Touched)> {
        self.tables.iter().map(|(table, touched)| (&**table, touched))
    }
}

impl Touched {
    fn record(&mut self, change: &dyn RowChange) {
        let Touched::Rows { interest, effects } = self else { return };
        if interest.shapes.is_empty() {
            return;
        }
        let changed = changed_columns(change, interest.used);
        let mut is_known = true;
        for (position, shape) in interest.shapes.iter().enumerate() {
            if changed.meets(shape.columns) || change.op() != Op::Update {
                let is_told = effects.add(shape, position, change);
                if !is_told && interest.is_partial {
                    effects.slots.push(shape.unclear_slot());
                }
                is_known &= is_told || interest.is_partial;
            }
        }
        if !is_known || effects.are_too_many() {
            *self = Touched::Whole;
        }
    }
}

/// The columns of `used` that an update changed.
fn changed_columns(change: &dyn RowChange, used: ColumnSet) -> ColumnSet {
    if change.op() != Op::Update {
        return ColumnSet::NONE;
    }
    if change.is_moved() {
        return ColumnSet::ALL;
    }
    let columns = (0..change.width()).filter(|column| used.contains(*column));
    columns.filter(|column| change.is_changed(*column)).collect()
}

impl Effects {
    /// Takes down what a change means to one shape; `false` when that cannot be told.
    fn add(&mut self, shape: &Shape, position: usize, change: &dyn RowChange) -> bool {
        let old = |column| change.before(column);
        let new = |column| change.after(column);
        let mut keys: SmallVec<[(u64, Point); 2]> = SmallVec::new();
        if change.op() != Op::Insert {
            match shape.key_of(old) {
                Some(key) => keys.push((key, shape.point_of(old))),
                None => return false,
            }
        }
        if change.op() != Op::Delete {
            match shape.key_of(new) {
                Some(key) => keys.push((key, shape.point_of(new))),
                None => return false,
            }
        }
        if shape.has_windows() {
            let values = keys.iter().flat_map(|(_, point)| point).flatten();
            self.bytes += values.map(Comparand::size).sum::<usize>();
            self.probes.push(Probe { shape: position, images: keys });
        } else if shape.has_keys() {
            self.slots.extend(keys.iter().map(|(key, _)| shape.slot(*key)));
        } else if let Some((key, _)) = keys.first()
            && !self.wide.contains(&shape.slot(*key))
        {
            self.wide.push(shape.slot(*key));
        }
        true
    }

    fn are_too_many(&mut self) -> bool {
        if self.slots.len() >= SLOTS_MAX {
            self.slots.sort_unstable();
            self.slots.dedup();
            if self.slots.len() >= SLOTS_MAX / 2 {
                return true;
            }
        }
        self.probes.len() > PROBES_MAX || self.bytes > BYTES_MAX
    }
}
