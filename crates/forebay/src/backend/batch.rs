//! The parameters of a statement that is run many times, and what comes of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::error::Error;
use crate::row::{Column, Rows};
use crate::value::Value;

/// Rows of parameters, all with the same number of values.
pub(crate) struct Batch {
    width: usize,
    /// Row by row.
    values: Vec<Value>,
    /// The parameters by name; else by place.
    names: Option<Arc<[Box<str>]>>,
    /// The first parameters, which are the same for all rows.
    fixed: Arc<[Value]>,
    counts_beside: bool,
}

impl Batch {
    /// Rows of `width` values, which is not 0, for the parameters in order or with these names.
    pub(crate) fn new(width: usize, values: Vec<Value>, names: Option<Arc<[Box<str>]>>) -> Batch {
        debug_assert!(width > 0 && values.len().is_multiple_of(width));
        Batch { width: width.max(1), values, names, fixed: [].into(), counts_beside: false }
    }

    /// The same behind parameters that are the same for all rows.
    pub(crate) fn after(self, fixed: Arc<[Value]>) -> Batch {
        Batch { fixed, ..self }
    }

    /// The same, and the rows that triggers and foreign keys delete are counted.
    pub(crate) fn counting_beside(self, counts_beside: bool) -> Batch {
        Batch { counts_beside, ..self }
    }

    pub(crate) fn counts_beside(&self) -> bool {
        self.counts_beside
    }

    pub(crate) fn fixed(&self) -> &[Value] {
        &self.fixed
    }

    pub(crate) fn width(&self) -> usize {
        self.width
    }

    pub(crate) fn names(&self) -> Option<&[Box<str>]> {
        self.names.as_deref()
    }

    pub(crate) fn rows(&self) -> impl ExactSizeIterator<Item = &[Value]> {
        self.values.chunks_exact(self.width)
    }
}

/// What running a statement for many rows brought about.
pub(crate) struct Batched {
    /// Rows that it has changed, those of all runs together.
    pub(crate) affected: u64,
    /// What the runs have answered, one after another.
    pub(crate) rows: Rows,
    /// The first run that has failed, by its place; there is none after it.
    pub(crate) fault: Option<(usize, Error)>,
    /// Rows that triggers and foreign keys have deleted, by table, if that was asked and is known.
    pub(crate) beside: Option<BTreeMap<String, u64>>,
}

impl Batched {
    pub(crate) fn new(columns: Arc<[Column]>) -> Batched {
        Batched { affected: 0, rows: Rows::new(columns, Vec::new()), fault: None, beside: None }
    }
}
