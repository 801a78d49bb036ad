//! Where rows come from: anything that can be iterated over, and streams. Each is taken one row at
//! a time, so that a source may be longer than memory.

use std::error::Error as StdError;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use serde::Serialize;

use crate::error::{Error, Result};

/// Rows for a bulk operation: any iterator or collection of values that serde can write, or a
/// stream of them in [`Streamed`] or [`TryStreamed`].
///
/// A row is a struct, a map from texts, or a tuple (with [`crate::Bulk::columns`]). A field is
/// what may be bound: an integer of 64 bits, a float, a boolean, text, bytes, a variant without
/// content (as its name), or nothing. A list of `u8` is bytes; any other list, map or struct in a
/// field becomes JSON text.
///
/// An iterator is asked for the rows of a chunk while the chunk before is written.
pub trait BulkRows {
    /// What one row is.
    type Row: Serialize;
    #[doc(hidden)]
    type Source: BulkSource<Row = Self::Row>;
    #[doc(hidden)]
    fn into_source(self) -> Self::Source;
}

/// Rows that are taken one after another.
#[doc(hidden)]
pub trait BulkSource {
    type Row: Serialize;
    /// Whether a row is there, or the end, whenever one is asked for.
    const IS_READY: bool = false;
    fn poll_row(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Self::Row>>>;
}

impl<I> BulkRows for I
where
    I: IntoIterator,
    I::Item: Serialize,
{
    type Row = I::Item;
    type Source = Iterated<I::IntoIter>;

    fn into_source(self) -> Self::Source {
        Iterated(self.into_iter())
    }
}

#[doc(hidden)]
pub struct Iterated<I>(I);

impl<I> BulkSource for Iterated<I>
where
    I: Iterator,
    I::Item: Serialize,
{
    type Row = I::Item;
    const IS_READY: bool = true;

    fn poll_row(&mut self, _: &mut Context<'_>) -> Poll<Option<Result<I::Item>>> {
        Poll::Ready(self.0.next().map(Ok))
    }
}

/// A stream of rows. It is polled between two chunks and never while one is written.
#[derive(Clone, Debug)]
pub struct Streamed<S>(pub S);

impl<S> BulkRows for Streamed<S>
where
    S: Stream,
    S::Item: Serialize,
{
    type Row = S::Item;
    type Source = Polled<S>;

    fn into_source(self) -> Self::Source {
        Polled(Box::pin(self.0))
    }
}

#[doc(hidden)]
pub struct Polled<S>(Pin<Box<S>>);

impl<S> BulkSource for Polled<S>
where
    S: Stream,
    S::Item: Serialize,
{
    type Row = S::Item;

    fn poll_row(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<S::Item>>> {
        self.0.as_mut().poll_next(context).map(|row| row.map(Ok))
    }
}

/// A stream whose rows may fail to come. The first failure ends the operation as an error in a row
/// does: an [`Error`] is passed on, any other is its [`source`](StdError::source).
#[derive(Clone, Debug)]
pub struct TryStreamed<S>(pub S);

impl<S, T, E> BulkRows for TryStreamed<S>
where
    S: Stream<Item = Result<T, E>>,
    T: Serialize,
    E: Into<Box<dyn StdError + Send + Sync>>,
{
    type Row = T;
    type Source = Tried<S>;

    fn into_source(self) -> Self::Source {
        Tried(Box::pin(self.0))
    }
}

#[doc(hidden)]
pub struct Tried<S>(Pin<Box<S>>);

impl<S, T, E> BulkSource for Tried<S>
where
    S: Stream<Item = Result<T, E>>,
    T: Serialize,
    E: Into<Box<dyn StdError + Send + Sync>>,
{
    type Row = T;

    fn poll_row(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<T>>> {
        self.0.as_mut().poll_next(context).map(|row| row.map(|row| row.map_err(failed)))
    }
}

fn failed(error: impl Into<Box<dyn StdError + Send + Sync>>) -> Error {
    match error.into().downcast::<Error>() {
        Ok(own) => *own,
        Err(cause) => Error::usage("the source of the rows failed").with_cause(cause),
    }
}
