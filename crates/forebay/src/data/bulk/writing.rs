//! How the rows of a chunk are written: by a statement for each row, which is prepared once, or by
//! one statement that takes all of them.

use std::sync::Arc;

use super::chunk::Chunk;
#[cfg(feature = "postgres")]
use super::unnest::Given;
#[cfg(feature = "postgres")]
use crate::backend::postgres::Copy;
use crate::backend::{Batch, Batched};
use crate::engine::Hands;
use crate::error::Result;
use crate::value::Value;

/// A statement with how it takes rows.
pub(super) enum Writing<'t> {
    /// One row at a time: an error names it.
    Each(Arc<str>),
    /// All rows of a chunk, as arrays: an error names the rows of the chunk.
    #[cfg(feature = "postgres")]
    AtOnce(Arc<str>, Given<'t>),
    /// All rows of a chunk by a COPY, which does what the INSERT beside it does: an error names the
    /// row where the server does.
    #[cfg(feature = "postgres")]
    Copied { copy: Arc<str>, insert: Arc<str>, given: Given<'t> },
    #[cfg(not(feature = "postgres"))]
    #[expect(dead_code, reason = "without PostgreSQL nothing is borrowed")]
    Never(std::marker::PhantomData<&'t ()>),
}

impl Writing<'_> {
    /// Writes the rows of `chunk`, whose values come behind the `fixed` ones. Where it is one row
    /// at a time, the rows that are deleted beside them can be counted.
    pub(super) async fn write(
        &self,
        hands: &Hands,
        fixed: &Arc<[Value]>,
        chunk: Chunk,
        counts_beside: bool,
    ) -> Result<Batched> {
        match self {
            Writing::Each(sql) => {
                let first = chunk.first;
                let width = chunk.values.len() / chunk.len;
                let batch = Batch::new(width, chunk.values, None).after(fixed.clone());
                let batch = batch.counting_beside(counts_beside);
                let mut batched = hands.run_many(sql, batch).await?;
                match batched.fault.take() {
                    Some((index, error)) => Err(error.at_row(first + index as u64, None)),
                    None => Ok(batched),
                }
            }
            #[cfg(feature = "postgres")]
            Writing::AtOnce(sql, given) => {
                let arrays = given.arrays(&chunk)?;
                let params = fixed.iter().cloned().chain(arrays).collect();
                let (first, last) = (chunk.first, chunk.number(chunk.len - 1));
                drop(chunk);
                let written = hands.run_whole(sql, params).await;
                written.map_err(|error| error.among_rows(first, last))
            }
            #[cfg(feature = "postgres")]
            Writing::Copied { copy, insert, given } => {
                let rows = given.copied(&chunk)?;
                let (first, last) = (chunk.first, chunk.number(chunk.len - 1));
                drop(chunk);
                let (sql, relation) = (copy.clone(), given.relation());
                let copied = hands.copy(Copy { sql, rows, relation, first }, insert).await;
                copied.map_err(|error| error.among_rows(first, last))
            }
            #[cfg(not(feature = "postgres"))]
            Writing::Never(_) => unreachable!("it is never made"),
        }
    }
}
