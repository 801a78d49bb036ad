//! Rows for PostgreSQL: a statement takes all of a chunk at once, each column as one array, so that
//! its text is the same for any number of rows. Texts and parameters are made here; they are run
//! elsewhere.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::chunk::Chunk;
use super::conflict::Conflict;
use super::statement::{list, on_conflict};
use super::table::{Table, TableColumn, quote};
use crate::backend::postgres;
use crate::error::{Error, Result};
use crate::json;
use crate::value::Value;

/// The rows of a chunk within a statement.
const ROWS: &str = "forebay_given";

/// The row of the table within a statement.
const THERE: &str = "forebay_there";

/// Statements for rows with these columns.
pub(super) struct Given<'t> {
    table: &'t Table,
    names: Vec<Box<str>>,
    columns: Vec<&'t TableColumn>,
}

impl<'t> Given<'t> {
    /// Of rows with these columns, which the table must have.
    pub(super) fn new(table: &'t Table, names: &[Box<str>]) -> Result<Given<'t>> {
        table.check_there(names)?;
        let columns = names.iter().filter_map(|name| table.column(name)).collect();
        Ok(Given { table, names: names.to_vec(), columns })
    }

    /// The value of a column of the rows, in its own type.
    fn value(&self, index: usize) -> String {
        let column = self.columns[index];
        match column.is_plain() {
            true => format!("{ROWS}.c{index}"),
            false => format!("CAST({ROWS}.c{index} AS {})", column.declared),
        }
    }

    fn values(&self) -> String {
        (0..self.names.len()).map(|index| self.value(index)).collect::<Vec<_>>().join(", ")
    }

    /// The rows as a table. Their place is in the column `n`.
    fn rows(&self) -> String {
        let array = |(index, column): (usize, &&TableColumn)| {
            let element = if column.is_plain() { &*column.declared } else { "text" };
            format!("${}::{element}[]", index + 1)
        };
        let arrays: Vec<String> = self.columns.iter().enumerate().map(array).collect();
        let named: Vec<String> = (0..self.names.len()).map(|index| format!("c{index}")).collect();
        format!("unnest({}) WITH ORDINALITY AS {ROWS}({}, n)", arrays.join(", "), named.join(", "))
    }

    /// Inserts the rows, in their order.
    pub(super) fn insert(&self, conflict: Option<&Conflict>, returning: &[Box<str>]) -> String {
        let (table, names) = (&self.table.quoted, list(&self.names));
        let mut sql = format!(
            "INSERT INTO {table} ({names}) SELECT {} FROM {} ORDER BY {ROWS}.n",
            self.values(),
            self.rows()
        );
        if let Some(conflict) = conflict {
            sql += &on_conflict(conflict, &self.names);
        }
        if !returning.is_empty() {
            sql += &format!(" RETURNING {}", list(returning));
        }
        sql
    }

    /// The COPY that does what an INSERT of the rows does, if there is one.
    pub(super) fn copy(&self) -> Option<String> {
        let names = list(&self.names);
        self.columns
            .iter()
            .all(|column| column.is_copied)
            .then(|| format!("COPY {} ({names}) FROM STDIN", self.table.quoted))
    }

    /// The rows of a chunk for it. An error names the row and the column of a value that cannot be
    /// written.
    pub(super) fn copied(&self, chunk: &Chunk) -> Result<Bytes> {
        let (mut rows, mut scratch) = (BytesMut::new(), BytesMut::new());
        for (index, row) in chunk.rows().enumerate() {
            for (place, (column, value)) in self.columns.iter().zip(row).enumerate() {
                if place > 0 {
                    rows.extend_from_slice(b"\t");
                }
                let written = postgres::copy_field(column.oid, value, &mut scratch, &mut rows);
                written.map_err(|error| error.at_row(chunk.number(index), Some(&column.name)))?;
            }
            rows.extend_from_slice(b"\n");
        }
        Ok(rows.freeze())
    }

    /// What the server calls the table.
    pub(super) fn relation(&self) -> Arc<str> {
        self.table.relation.clone()
    }

    /// Changes the rows with the keys of those given.
    pub(super) fn update(&self, key: &[usize]) -> String {
        let set = |index: usize| format!("{} = {}", quote(&self.names[index]), self.value(index));
        let changed: Vec<String> =
            (0..self.names.len()).filter(|index| !key.contains(index)).map(set).collect();
        let is_same = |index: &usize| {
            format!("{THERE}.{} = {}", quote(&self.names[*index]), self.value(*index))
        };
        let matched: Vec<String> = key.iter().map(is_same).collect();
        format!(
            "UPDATE {} AS {THERE} SET {} FROM {} WHERE {}",
            self.table.quoted,
            changed.join(", "),
            self.rows(),
            matched.join(" AND ")
        )
    }

    /// The places of two rows that the server takes for the same, from 1 on.
    pub(super) fn duplicates(&self) -> String {
        let key: Vec<String> = (0..self.names.len()).map(|index| self.value(index)).collect();
        let has_value = |value: &String| format!("{value} IS NOT NULL");
        let has_values: Vec<String> = key.iter().map(has_value).collect();
        format!(
            "SELECT min({ROWS}.n), max({ROWS}.n) FROM {} WHERE {} GROUP BY {} HAVING count(*) > 1 \
             LIMIT 1",
            self.rows(),
            has_values.join(" AND "),
            key.join(", ")
        )
    }

    /// The rows of the table with the given keys, each behind the place of its key, from 0 on.
    pub(super) fn fetch(&self) -> String {
        format!(
            "SELECT {ROWS}.n - 1, {THERE}.* FROM {} JOIN {} AS {THERE} ON {THERE}.{} = {}",
            self.rows(),
            self.table.quoted,
            quote(&self.names[0]),
            self.value(0)
        )
    }

    /// The condition for the rows of the table whose key is in the parameter with this number.
    pub(super) fn is_among(&self, parameter: usize) -> String {
        let (key, column) = (quote(&self.names[0]), self.columns[0]);
        let declared = &column.declared;
        match column.is_plain() {
            true => format!("{key} = ANY(${parameter}::{declared}[])"),
            false => format!("{key} = ANY(CAST(${parameter}::text[] AS {declared}[]))"),
        }
    }

    /// The arrays of a chunk, a column each. An error names the row and the column of a value that
    /// cannot be written.
    pub(super) fn arrays(&self, chunk: &Chunk) -> Result<Vec<Value>> {
        let mut arrays = vec![String::from("["); self.columns.len()];
        for (index, row) in chunk.rows().enumerate() {
            for ((column, value), array) in self.columns.iter().zip(row).zip(&mut arrays) {
                if index > 0 {
                    array.push(',');
                }
                let pushed = push(column, value, array);
                pushed.map_err(|error| error.at_row(chunk.number(index), Some(&column.name)))?;
            }
        }
        let close = |mut array: String| {
            array.push(']');
            array.into()
        };
        Ok(arrays.into_iter().map(close).collect())
    }

    /// Whether two values of this column are the same to the server only if they are equal here.
    pub(super) fn is_told_apart(&self, index: usize, value: &Value) -> bool {
        let column = self.columns[index];
        match value {
            Value::Null => true,
            Value::Integer(_) => column.is_integer(),
            Value::Text(_) => column.is_bytewise(),
            Value::Real(_) | Value::Blob(_) => false,
        }
    }
}

/// Appends an element of a column's array.
fn push(column: &TableColumn, value: &Value, array: &mut String) -> Result<()> {
    match value {
        Value::Text(text) if text.contains('\0') => Err(Error::usage(
            "the text has the character U+0000, which no text of PostgreSQL can hold: make it \
             bytes, or take it out",
        )),
        Value::Blob(_) if !column.is_bytes() => {
            Err(Error::usage("the column is not of the type bytea, and takes no bytes"))
        }
        Value::Text(text) => {
            let text = postgres::list_text(column.oid, text)?;
            json::text(&text, array);
            Ok(())
        }
        value => {
            json::value(value, array);
            Ok(())
        }
    }
}
