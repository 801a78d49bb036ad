//! Taking the rows of one statement as they come: collected within limits, handed over in chunks,
//! or dropped. It reads nothing and waits for nobody.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::describe::{self, BadRow, Field, Shape};
use super::garbage::Garbage;
use super::request::Take;
use crate::backend::{Collect, Limits, RowSink as _};
use crate::error::{Error, Result};
use crate::row::{Column, Rows};
use crate::value::Value;

/// Rows of one chunk at most.
const CHUNK_ROWS: usize = 256;
/// Bytes of one chunk, but for its last row.
const CHUNK_BYTES: usize = 256 * 1024;
/// One row on the wire at most, if the request has no smaller limit.
const ROW_BYTES_MAX: usize = 256 * 1024 * 1024;

pub(super) struct Taking {
    sink: Sink,
    shape: Shape,
    values: Vec<Value>,
}

enum Sink {
    Collect(Collect, Limits),
    Stream { sender: mpsc::Sender<Rows>, bytes: usize },
    Drop,
}

/// A chunk for which there is no room yet.
pub(super) struct Held {
    pub(super) sender: mpsc::Sender<Rows>,
    pub(super) rows: Rows,
}

impl Taking {
    pub(super) fn new(take: &Take, shape: Shape) -> Taking {
        let sink = match take {
            Take::Collect(limits) => Sink::Collect(Collect::new(*limits), *limits),
            Take::Stream(sender) => Sink::Stream { sender: sender.clone(), bytes: 0 },
        };
        Taking { sink, shape, values: Vec::new() }
    }

    /// Collects within limits, or drops.
    pub(super) fn of_script(limits: Option<Limits>, shape: Shape) -> Taking {
        let sink = limits.map_or(Sink::Drop, |limits| Sink::Collect(Collect::new(limits), limits));
        Taking { sink, shape, values: Vec::new() }
    }

    /// The longest row, in bytes on the wire, that may be kept; `None` if none is wanted.
    pub(super) fn row_bytes_max(&self) -> Option<usize> {
        match &self.sink {
            Sink::Collect(_, limits) => Some(limits.bytes_max.min(ROW_BYTES_MAX)),
            Sink::Stream { .. } => Some(ROW_BYTES_MAX),
            Sink::Drop => None,
        }
    }

    /// Rows from here on are dropped, and those that were collected as well.
    pub(super) fn discard(&mut self) {
        self.sink = Sink::Drop;
        self.values = Vec::new();
    }

    /// Takes a row. An error of the caller's drops the rows, and the connection goes on.
    pub(super) fn row(&mut self, body: &[u8]) -> Result<Result<Option<Held>>, Garbage> {
        if matches!(self.sink, Sink::Drop) {
            return Ok(Ok(None));
        }
        let fields: &[Field] = &self.shape.fields;
        let taken = match describe::row(body, fields, &mut self.values) {
            Ok(()) => self.keep(),
            Err(BadRow::Value(error)) => Err(error),
            Err(BadRow::Garbage(garbage)) => return Err(garbage),
        };
        if taken.is_err() {
            self.discard();
        }
        Ok(taken)
    }

    /// What was not handed over.
    pub(super) fn rest(&mut self) -> Rows {
        Rows::new(self.shape.columns.clone(), std::mem::take(&mut self.values))
    }

    fn keep(&mut self) -> Result<Option<Held>> {
        let columns: &Arc<[Column]> = &self.shape.columns;
        match &mut self.sink {
            Sink::Collect(collect, _) => {
                collect.row(columns, &mut self.values)?;
                Ok(None)
            }
            Sink::Stream { sender, bytes } => {
                let row = &self.values[self.values.len() - columns.len()..];
                *bytes += row.iter().map(Value::size).sum::<usize>();
                let rows = self.values.len().checked_div(columns.len()).unwrap_or(0);
                if *bytes < CHUNK_BYTES && rows < CHUNK_ROWS {
                    return Ok(None);
                }
                *bytes = 0;
                let rows = Rows::new(columns.clone(), std::mem::take(&mut self.values));
                match sender.try_send(rows) {
                    Ok(()) => Ok(None),
                    Err(TrySendError::Full(rows)) => {
                        Ok(Some(Held { sender: sender.clone(), rows }))
                    }
                    Err(TrySendError::Closed(_)) => {
                        self.discard();
                        Ok(None)
                    }
                }
            }
            Sink::Drop => Ok(None),
        }
    }
}

/// The error for a row that is longer than may be kept.
pub(super) fn too_long(bytes_max: usize) -> Error {
    Error::new(
        crate::error::Kind::TooLarge,
        format!(
            "a row of the answer has more than {bytes_max} bytes; raise the limit, or select less"
        ),
    )
}
