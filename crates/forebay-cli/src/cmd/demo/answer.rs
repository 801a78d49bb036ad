//! The rows of one answer, whichever way they came.

use forebay::{Rows, Value};

/// The rows of one answer.
pub(super) enum Answer {
    /// From Forebay, which shares the rows of a cached answer.
    Shared { rows: Rows, cached: bool },
    /// From SQLite: row by row, `width` values each.
    Own { width: usize, values: Vec<Value> },
}

impl Answer {
    /// The number of rows.
    pub(super) fn len(&self) -> usize {
        match self {
            Answer::Shared { rows, .. } => rows.len(),
            Answer::Own { width, values } => values.len().checked_div(*width).unwrap_or(0),
        }
    }

    /// Whether it came from a cache.
    pub(super) fn is_cached(&self) -> bool {
        matches!(self, Answer::Shared { cached: true, .. })
    }

    /// The values of a row.
    pub(super) fn row(&self, row: usize) -> &[Value] {
        match self {
            Answer::Shared { rows, .. } => rows.values(row),
            Answer::Own { width, values } => &values[row * width..(row + 1) * width],
        }
    }

    /// An integer of the answer. Anything else there reads as `i64::MIN`, which every check
    /// takes for stale.
    pub(super) fn integer(&self, row: usize, column: usize) -> i64 {
        match self.row(row).get(column) {
            Some(Value::Integer(n)) => *n,
            _ => i64::MIN,
        }
    }

    /// An integer of the first row, if there is a row.
    pub(super) fn first_integer(&self, column: usize) -> Option<i64> {
        (self.len() > 0).then(|| self.integer(0, column))
    }
}

impl PartialEq for Answer {
    fn eq(&self, other: &Answer) -> bool {
        self.len() == other.len() && (0..self.len()).all(|row| self.row(row) == other.row(row))
    }
}
