//! Fetching rows by their keys, in the order in which the keys are given.

use std::panic::Location;

use serde::de::DeserializeOwned;

use super::chunk::Chunk;
use super::table::{Table, quote};
use crate::decode;
use crate::engine::Seat;
use crate::error::{Error, Result};
use crate::row::Rows;
use crate::sql::Dialect;
use crate::value::Value;

/// Keys of one statement at most, so that their number stays within what any database takes.
pub(super) const KEYS_MAX: usize = 500;

/// Appends for each key of a chunk the row that has it.
pub(super) async fn fetch<T: DeserializeOwned>(
    seat: Seat<'_>,
    caller: &'static Location<'static>,
    table: &Table,
    key: &str,
    chunk: Chunk,
    found: &mut Vec<Option<T>>,
) -> Result<()> {
    let len = chunk.len;
    let first = chunk.first;
    let (sql, params) = statement(table, key, chunk)?;
    let rows = seat.read(&sql, params, caller).await?;
    let begin = found.len();
    found.resize_with(begin + len, || None);
    for (place, rows) in places(&rows)? {
        let slot = found.get_mut(begin + place).filter(|_| place < len);
        let slot = slot.ok_or_else(|| Error::usage("a key was answered that was not asked for"))?;
        let number = first + place as u64;
        if slot.is_some() {
            return Err(Error::usage(
                "several rows have this key; fetch them with a query, or by a key that is unique",
            )
            .at_row(number, Some(key)));
        }
        let mut row: Vec<T> = decode::take_all(rows).map_err(|error| error.at_row(number, None))?;
        *slot = row.pop();
    }
    Ok(())
}

/// The place of each row's key, and the row without it.
fn places(rows: &Rows) -> Result<impl Iterator<Item = (usize, Rows)>> {
    let columns: std::sync::Arc<[_]> = rows.columns()[1..].into();
    let row = |index: usize| match rows.values(index) {
        [Value::Integer(place), values @ ..] => {
            let place = usize::try_from(*place).ok()?;
            Some((place, Rows::new(columns.clone(), values.to_vec())))
        }
        _ => None,
    };
    let rows: Option<Vec<_>> = (0..rows.len()).map(row).collect();
    let rows = rows.ok_or_else(|| Error::usage("a key was answered without its place"))?;
    Ok(rows.into_iter())
}

/// The statement that fetches the rows, with its parameters.
fn statement(table: &Table, key: &str, chunk: Chunk) -> Result<(String, Vec<Value>)> {
    match table.dialect {
        Dialect::Sqlite => {
            // A few texts instead of one for each number of keys: NULL is the key of no row.
            let asked = chunk.len.next_power_of_two();
            let mut keys = chunk.values;
            keys.resize(asked, Value::Null);
            Ok((text(table, key, asked), keys))
        }
        #[cfg(feature = "postgres")]
        Dialect::Postgres => {
            let given = super::unnest::Given::new(table, &[key.into()])?;
            Ok((given.fetch(), given.arrays(&chunk)?))
        }
    }
}

fn text(table: &Table, key: &str, keys: usize) -> String {
    let (quoted, key) = (&table.quoted, quote(key));
    let given: Vec<String> =
        (0..keys).map(|index| format!("({index}, {})", table.parameter(index))).collect();
    let given = given.join(", ");
    format!(
        "WITH forebay_keys(place, key) AS (VALUES {given}) SELECT forebay_keys.place, \
         forebay_rows.* FROM forebay_keys JOIN {quoted} AS forebay_rows ON forebay_rows.{key} = \
         forebay_keys.key"
    )
}
