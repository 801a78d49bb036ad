//! The rows of an answer one after another.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use serde::de::DeserializeOwned;

use super::{Query, Target};
use crate::backend::Scope;
use crate::decode;
use crate::depend;
use crate::engine::{Chunks, Telling};
use crate::error::Result;
use crate::row::{Column, Rows};
use crate::sql::Bypass;

impl Query<'_> {
    /// The rows one after another, in bounded memory: a few chunks of 256 rows or 256 KiB. They
    /// may come from the cache but are not stored in it. The stream holds a connection until it
    /// ends or is dropped; one that is not read for 30 s is ended with an error.
    pub async fn stream<T: DeserializeOwned>(mut self) -> Result<RowStream<T>> {
        self.check()?;
        depend::doubt(Bypass::Stream.reason());
        let scope = self.scope();
        let began = Instant::now();
        let (target, mut call) = (self.target, self.call);
        target.engine().rule(&mut call, target.asking()).await?;
        let noted = call.clone();
        let chunks = match target {
            Target::Shared(engine) => engine.stream(call).await?,
            Target::Session(engine, session) => engine.stream_in_session(session, call).await?,
            Target::Transaction(engine, pinned) => {
                engine.stream_pinned(pinned, call, Scope::Transaction).await?
            }
        };
        // One that was at hand whole has been told of.
        let scope = scope.filter(|_| chunks.is_live());
        let telling = scope.map(|scope| target.engine().tell_of_stream(scope, &noted, began));
        Ok(RowStream { chunks, rows: None, next: 0, row: std::marker::PhantomData, telling })
    }
}

/// Rows one after another. Dropping it stops the statement.
pub struct RowStream<T> {
    chunks: Chunks,
    rows: Option<Rows>,
    next: usize,
    row: std::marker::PhantomData<fn() -> T>,
    /// Who is to be told of the rows.
    telling: Option<Telling>,
}

impl<T: DeserializeOwned> RowStream<T> {
    /// The columns, in order.
    pub fn columns(&self) -> &[Column] {
        self.chunks.columns()
    }

    /// The next row, or `None` after the last. Cancel safe.
    pub async fn next(&mut self) -> Option<Result<T>> {
        poll_fn(|context| self.poll(context)).await
    }

    /// The next rows as they came, not decoded; none of those that came with one that `next` gave.
    #[cfg(feature = "postgres")]
    pub(crate) async fn chunk(&mut self) -> Option<Result<Rows>> {
        poll_fn(|context| self.chunks.poll_next(context)).await
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<T>>> {
        loop {
            if let Some(rows) = &self.rows
                && self.next < rows.len()
            {
                let row = decode::at(rows, self.next);
                self.next += 1;
                return Poll::Ready(Some(row));
            }
            self.rows = None;
            self.next = 0;
            match self.chunks.poll_next(context) {
                Poll::Ready(Some(Ok(rows))) => {
                    // Before they are handed out: what is asked with them comes later.
                    self.telling.iter().for_each(|telling| telling.rows(&rows));
                    self.rows = Some(rows);
                }
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error))),
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

impl<T: DeserializeOwned> futures_core::Stream for RowStream<T> {
    type Item = Result<T>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<T>>> {
        self.get_mut().poll(context)
    }
}
