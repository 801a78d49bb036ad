//! Rows gathered until there are as many as one statement is to take. The source is asked here and
//! nowhere else; what becomes of the rows is not known.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use super::record::Layout;
use super::source::BulkSource;
use crate::error::Result;
use crate::value::Value;

/// Rows between two moments at which others may run, for a source that never waits.
const ROWS_BEFORE_YIELD: usize = 4096;

/// How large a chunk may become.
#[derive(Clone, Copy, Debug)]
pub(super) struct ChunkLimits {
    pub(super) rows_max: usize,
    /// Not counting the last row, which may be of any size.
    pub(super) bytes_max: usize,
}

/// Rows that are written together.
pub(super) struct Chunk {
    /// The number of the first row.
    pub(super) first: u64,
    pub(super) len: usize,
    /// Row by row.
    pub(super) values: Vec<Value>,
}

impl Chunk {
    /// The values of each row.
    pub(super) fn rows(&self) -> impl Iterator<Item = &[Value]> {
        let width = self.values.len().checked_div(self.len).unwrap_or(1).max(1);
        self.values.chunks_exact(width)
    }

    /// The number of the row at this place.
    pub(super) fn number(&self, index: usize) -> u64 {
        self.first + index as u64
    }
}

/// Gathers chunks out of a source.
pub(super) struct Gathering<S> {
    source: S,
    pub(super) layout: Layout,
    limits: ChunkLimits,
    is_over: bool,
}

impl<S: BulkSource> Gathering<S> {
    pub(super) fn new(source: S, layout: Layout, limits: ChunkLimits) -> Gathering<S> {
        Gathering { source, layout, limits, is_over: false }
    }

    /// Does `write`; with the next chunk, which is gathered meanwhile if the source never waits.
    pub(super) async fn next_beside<T>(
        &mut self,
        write: impl Future<Output = Result<T>>,
    ) -> Result<(T, Option<Chunk>)> {
        if !S::IS_READY {
            return Ok((write.await?, self.next().await?));
        }
        let mut write = pin!(write);
        let begin = poll_fn(|context| match write.as_mut().poll(context) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending => Poll::Ready(None),
        });
        let begun = begin.await;
        let next = self.next().await;
        let done = match begun {
            Some(done) => done,
            None => write.await,
        };
        Ok((done?, next?))
    }

    /// The next chunk, `None` after the last; it has at least one row.
    pub(super) async fn next(&mut self) -> Result<Option<Chunk>> {
        let mut chunk = Chunk { first: self.layout.rows(), len: 0, values: Vec::new() };
        let mut bytes = 0;
        while !self.is_over && chunk.len < self.limits.rows_max && bytes < self.limits.bytes_max {
            let Some(row) = poll_fn(|context| self.source.poll_row(context)).await else {
                self.is_over = true;
                break;
            };
            let begin = chunk.values.len();
            self.layout.read(&row?, &mut chunk.values)?;
            bytes += chunk.values[begin..].iter().map(Value::size).sum::<usize>();
            chunk.len += 1;
            if chunk.len.is_multiple_of(ROWS_BEFORE_YIELD) {
                tokio::task::yield_now().await;
            }
        }
        Ok((chunk.len > 0).then_some(chunk))
    }
}
