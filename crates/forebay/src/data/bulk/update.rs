//! Changing rows, each to values of its own, by their key.

use super::chunk::Chunk;
use super::duplicate;
use super::run::Operation;
use super::table::Table;
#[cfg(feature = "postgres")]
use super::unnest::Given;
use super::writing::Writing;
use crate::engine::Hands;
use crate::error::{Error, Result};
#[cfg(feature = "postgres")]
use crate::params::Params;
use crate::sql::Dialect;
#[cfg(feature = "postgres")]
use crate::value::Value;

/// Sets the other columns of the rows whose key is that of a row.
pub(super) struct Update<'t> {
    table: &'t Table,
    key: Vec<Box<str>>,
    places: Vec<usize>,
    columns: Vec<Box<str>>,
    writing: Writing<'t>,
    /// Asks the server for two rows that it takes for the same.
    #[cfg(feature = "postgres")]
    twin: Option<(Given<'t>, String)>,
}

impl<'t> Update<'t> {
    pub(super) fn new(table: &'t Table, key: Vec<Box<str>>) -> Result<Update<'t>> {
        table.check_there(&key)?;
        Ok(Update {
            table,
            key,
            places: Vec::new(),
            columns: Vec::new(),
            writing: Writing::Each("".into()),
            #[cfg(feature = "postgres")]
            twin: None,
        })
    }
}

#[cfg(feature = "postgres")]
impl Update<'_> {
    /// Whether a column is changed in which rows may not be alike.
    fn changes_unique(&self) -> bool {
        let is_changed = |index: &usize| !self.places.contains(index);
        (0..self.columns.len()).filter(is_changed).any(|index| {
            self.table.column(&self.columns[index]).is_some_and(|column| column.is_unique)
        })
    }

    /// An error if two keys are not equal here and the same to the server, such as `a` and `A` in a
    /// column that does not tell them apart: of two such rows it would take either.
    async fn check_twins(&self, hands: &Hands, chunk: &Chunk) -> Result<()> {
        let Some((key, sql)) = &self.twin else { return Ok(()) };
        let keys = || chunk.rows().map(|row| self.places.iter().map(|place| &row[*place]));
        let is_told_apart = keys().all(|mut key_of| {
            let mut indices = 0..;
            key_of.all(|value| key.is_told_apart(indices.next().unwrap_or(0), value))
        });
        if is_told_apart {
            return Ok(());
        }
        let values: Vec<Value> = keys().flatten().cloned().collect();
        let keys = Chunk { first: chunk.first, len: chunk.len, values };
        let mut params = Params::default();
        key.arrays(&keys)?.into_iter().for_each(|array| params.push(array));
        let twins = hands.look(sql, params).await?;
        match if twins.is_empty() { &[] } else { twins.values(0) } {
            [Value::Integer(first), Value::Integer(second), ..] => {
                let number = |place: i64| chunk.first + place.unsigned_abs().saturating_sub(1);
                Err(Error::usage(format!(
                    "row {} has a key that is the same to the server; give each key once",
                    number(*first)
                ))
                .at_row(number(*second), Some(&self.key.join(", "))))
            }
            _ => Ok(()),
        }
    }
}

impl Operation for Update<'_> {
    fn begin(&mut self, columns: &[Box<str>]) -> Result<()> {
        self.table.check_writable(columns, 0)?;
        for (name, place) in self.key.iter().zip(self.table.places(&self.key, columns)) {
            let missing = || {
                Error::usage("the row has no value for the key by which rows are to be found")
                    .at_row(0, Some(name))
            };
            self.places.push(place.ok_or_else(missing)?);
        }
        if columns.len() <= self.places.len() {
            return Err(Error::usage(
                "the rows have nothing but the key; give them the columns that are to be changed",
            ));
        }
        self.columns = columns.to_vec();
        self.writing = match self.table.dialect {
            Dialect::Sqlite => Writing::Each(self.table.update(columns, &self.places).into()),
            // One statement would take the rows in an order of its own, and fail where one gives up
            // what another gets.
            #[cfg(feature = "postgres")]
            Dialect::Postgres if self.changes_unique() => {
                Writing::Each(self.table.update(columns, &self.places).into())
            }
            #[cfg(feature = "postgres")]
            Dialect::Postgres => {
                let key = Given::new(self.table, &self.key)?;
                let duplicates = key.duplicates();
                self.twin = Some((key, duplicates));
                let given = Given::new(self.table, columns)?;
                Writing::AtOnce(given.update(&self.places).into(), given)
            }
        };
        Ok(())
    }

    fn check(&self, chunk: &Chunk) -> Result<()> {
        duplicate::check(chunk, &self.places, &self.key)
    }

    async fn write(&mut self, hands: &Hands, chunk: Chunk) -> Result<u64> {
        #[cfg(feature = "postgres")]
        self.check_twins(hands, &chunk).await?;
        // They are refused only where there is a row with the key.
        let nulls = self.table.nulls(&self.columns, &chunk);
        let written = self.writing.write(hands, &[].into(), chunk, false).await;
        let batched = written.map_err(|error| match &nulls[..] {
            [(row, column)] if error.is_not_null_violation() => error.at_row(*row, Some(column)),
            _ => error,
        })?;
        Ok(batched.affected)
    }
}
