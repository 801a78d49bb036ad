//! What the rest of the crate asks of `decode`: one row, one value, or all rows of an answer.

use std::any::type_name;

use serde::de::DeserializeOwned;

use super::fault::{Context, Fault};
use super::field::Field;
use super::owned::Owned;
use super::record::{Record, Shape};
use crate::error::{Error, Kind, Result};
use crate::row::{Column, Rows};
use crate::value::Value;

/// One row. A [`crate::row::Row`] made here copies the values; [`at`] shares them.
pub(crate) fn row<T: DeserializeOwned>(columns: &[Column], values: &[Value]) -> Result<T> {
    let shape = Shape::new(columns);
    T::deserialize(Record::new(&shape, values))
        .map_err(|fault| fault.into_error(&context::<T>(columns, None)))
}

/// The row of `rows` at `index`, counted from 0.
pub(crate) fn at<T: DeserializeOwned>(rows: &Rows, index: usize) -> Result<T> {
    let shape = Shape::new(rows.columns());
    one(&shape, rows, index).map_err(|fault| fault.into_error(&context::<T>(rows.columns(), None)))
}

/// The first row of an answer, if there is one.
pub(crate) fn first<T: DeserializeOwned>(rows: &Rows) -> Result<Option<T>> {
    if rows.is_empty() { Ok(None) } else { at(rows, 0).map(Some) }
}

/// All rows; an error says which row it is about, counted from 1.
pub(crate) fn all<T: DeserializeOwned>(rows: &Rows) -> Result<Vec<T>> {
    let shape = Shape::new(rows.columns());
    let mut decoded = Vec::with_capacity(rows.len());
    for index in 0..rows.len() {
        decoded.push(
            one(&shape, rows, index).map_err(|fault| {
                fault.into_error(&context::<T>(rows.columns(), Some(index + 1)))
            })?,
        );
    }
    Ok(decoded)
}

/// The first row of an answer whose other rows nobody needs.
pub(crate) fn take_first<T: DeserializeOwned>(rows: Rows) -> Result<Option<T>> {
    if rows.is_empty() {
        return Ok(None);
    }
    match rows.into_parts() {
        Ok((columns, mut values)) => {
            let row = &mut values[..columns.len()];
            T::deserialize(Owned::new(&Shape::new(&columns), row))
                .map_err(|fault| fault.into_error(&context::<T>(&columns, None)))
                .map(Some)
        }
        Err(rows) => row(rows.columns(), rows.values(0)).map(Some),
    }
}

/// All rows of an answer that nobody needs any more: what its values hold is moved, unless
/// somebody else has the answer too.
pub(crate) fn take_all<T: DeserializeOwned>(rows: Rows) -> Result<Vec<T>> {
    let is_shared = || {
        let shape = Shape::new(rows.columns());
        // What the first row is decoded into tells whether the rows are to be shared.
        one::<T>(&shape, &rows, 0).is_err() || shape.is_shared()
    };
    if rows.len() < 2 || is_shared() {
        return all(&rows);
    }
    let (columns, mut values) = match rows.into_parts() {
        Ok(parts) => parts,
        Err(rows) => return all(&rows),
    };
    let shape = Shape::new(&columns);
    let mut decoded = Vec::with_capacity(values.len() / columns.len());
    for (index, row) in values.chunks_exact_mut(columns.len()).enumerate() {
        decoded.push(
            T::deserialize(Owned::new(&shape, row))
                .map_err(|fault| fault.into_error(&context::<T>(&columns, Some(index + 1))))?,
        );
    }
    Ok(decoded)
}

/// The first column of a row, whatever follows it.
pub(crate) fn scalar<T: DeserializeOwned>(columns: &[Column], values: &[Value]) -> Result<T> {
    let (Some(column), Some(value)) = (columns.first(), values.first()) else {
        return Err(Error::new(Kind::Decode, "the statement answers no columns"));
    };
    T::deserialize(Field::new(column, value))
        .map_err(|fault| fault.at(0).into_error(&context::<T>(columns, None)))
}

fn one<'a, T: DeserializeOwned>(
    shape: &'a Shape<'a>,
    rows: &'a Rows,
    index: usize,
) -> Result<T, Fault> {
    T::deserialize(Record::shared(shape, rows, index))
}

fn context<T>(columns: &[Column], row: Option<usize>) -> Context<'_> {
    Context { columns, row, target: type_name::<T>() }
}
