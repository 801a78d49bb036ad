//! What a statement answers, and how its rows are taken: the same for every database.

use std::sync::Arc;
use std::time::Duration;

use super::effect::Effect;
use crate::error::{Error, Kind, Result};
use crate::invalidate::Ticket;
use crate::row::{Column, Rows};
use crate::value::Value;

/// How large a collected answer may become.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) rows_max: usize,
    pub(crate) bytes_max: usize,
}

/// What running a statement brought about.
pub(crate) struct Answer {
    pub(crate) rows: Rows,
    pub(crate) rows_affected: u64,
    pub(crate) last_insert_id: Option<i64>,
    /// What makes the rows fit to be kept, if they are.
    pub(crate) ticket: Option<Ticket>,
    /// It was read to be kept, whether or not it may be.
    pub(crate) is_fill: bool,
    /// How long its ticket took, if that was measured.
    pub(crate) ticket_time: Option<Duration>,
    /// VM steps, to the last full thousand.
    pub(crate) steps: u64,
    pub(crate) effect: Effect,
    /// SQLite prepared the statement again, because the schema had changed.
    pub(crate) is_prepared_again: bool,
}

/// Takes the rows of a statement as they come.
pub(crate) trait RowSink {
    /// Called after each row has been appended to `values`, `columns.len()` values each; it may
    /// take them out. An error stops the statement.
    fn row(&mut self, columns: &Arc<[Column]>, values: &mut Vec<Value>) -> Result<()>;
}

/// Collects all rows within limits.
pub(crate) struct Collect {
    limits: Limits,
    rows: usize,
    bytes: usize,
}

impl Collect {
    pub(crate) fn new(limits: Limits) -> Collect {
        Collect { limits, rows: 0, bytes: 0 }
    }
}

impl RowSink for Collect {
    fn row(&mut self, columns: &Arc<[Column]>, values: &mut Vec<Value>) -> Result<()> {
        self.rows += 1;
        let row = &values[values.len() - columns.len()..];
        self.bytes += row.iter().map(Value::size).sum::<usize>();
        let Limits { rows_max, bytes_max } = self.limits;
        if self.rows > rows_max {
            Err(too_large(&format!("more than {rows_max} rows")))
        } else if self.bytes > bytes_max {
            Err(too_large(&format!("more than {bytes_max} bytes")))
        } else {
            Ok(())
        }
    }
}

fn too_large(what: &str) -> Error {
    Error::new(
        Kind::TooLarge,
        format!("the answer has {what}; add a LIMIT, raise the limit, or use `stream`"),
    )
}
