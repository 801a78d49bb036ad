//! Two rows of one chunk that are about the same row of the table. Which of them counts would
//! depend on the order in which the database takes them, so that they are refused.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::chunk::Chunk;
use crate::error::{Error, Result};
use crate::value::Value;

/// An error if two rows of `chunk` have the same values in the columns at these places, which are
/// called `names`. NULL is like nothing else.
pub(super) fn check(chunk: &Chunk, places: &[usize], names: &[Box<str>]) -> Result<()> {
    let mut seen: HashMap<Vec<&Value>, usize, RandomState> =
        HashMap::with_capacity_and_hasher(chunk.len, RandomState::default());
    for (index, row) in chunk.rows().enumerate() {
        let key: Vec<&Value> = places.iter().map(|place| &row[*place]).collect();
        if key.iter().any(|value| matches!(value, Value::Null)) {
            continue;
        }
        if let Some(first) = seen.insert(key, index) {
            return Err(Error::usage(format!(
                "row {} has the same key; give each key once",
                chunk.number(first)
            ))
            .at_row(chunk.number(index), Some(&names.join(", "))));
        }
    }
    Ok(())
}
