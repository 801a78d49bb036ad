//! A database in memory for one question: it is given tables with rows that were read elsewhere,
//! runs one query over them, and goes. Nobody else sees it, so nothing of it is hooked or cached.

use std::sync::Arc;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, InterruptHandle, Statement};

use super::fault;
use crate::backend::Limits;
use crate::error::{Error, Kind, Result};
use crate::guard::Stop;
use crate::row::{Column, Rows};
use crate::value::Value;

/// Ends what runs in a database in memory when it is dropped.
pub(crate) struct InterruptOnDrop(InterruptHandle);

impl Drop for InterruptOnDrop {
    fn drop(&mut self) {
        self.0.interrupt();
    }
}

/// A database in memory. It may be used on threads that may block only.
pub(crate) struct Scratch {
    connection: Connection,
    stop: Arc<Stop>,
}

impl Scratch {
    /// An empty one. Whoever gives it up cancels `stop` and then interrupts it.
    pub(crate) fn open(stop: Arc<Stop>) -> Result<Scratch> {
        let connection = Connection::open_in_memory().map_err(fail)?;
        let scratch = Scratch { connection, stop };
        // One transaction for all: there is nothing to be kept.
        scratch.execute("PRAGMA journal_mode = OFF; PRAGMA temp_store = MEMORY; BEGIN")?;
        Ok(scratch)
    }

    /// By which a statement that runs on another thread is ended.
    pub(crate) fn interrupt_on_drop(&self) -> InterruptOnDrop {
        InterruptOnDrop(self.connection.get_interrupt_handle())
    }

    /// Runs a script without parameters.
    pub(crate) fn execute(&self, sql: &str) -> Result<()> {
        self.connection.execute_batch(sql).map_err(fail)
    }

    /// Puts rows into a table, whose name is given as SQL. The values go into its columns in
    /// order.
    pub(crate) fn fill(&self, table: &str, rows: &Rows) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let places = vec!["?"; rows.columns().len()].join(", ");
        let sql = format!("INSERT INTO {table} VALUES ({places})");
        let mut insert = self.connection.prepare(&sql).map_err(fail)?;
        for index in 0..rows.len() {
            self.check()?;
            for (place, value) in rows.values(index).iter().enumerate() {
                insert.raw_bind_parameter(place + 1, value).map_err(fail)?;
            }
            insert.raw_execute().map_err(fail)?;
        }
        Ok(())
    }

    /// Runs a query, whose parameters have the values of their numbers. Its columns are called and
    /// declared as `columns` are.
    pub(crate) fn query(
        &self,
        sql: &str,
        values: &[Value],
        columns: Arc<[Column]>,
        limits: Limits,
    ) -> Result<Rows> {
        self.check()?;
        let mut statement = self.connection.prepare(sql).map_err(fail)?;
        for place in 1..=statement.parameter_count().min(values.len()) {
            statement.raw_bind_parameter(place, &values[place - 1]).map_err(fail)?;
        }
        let width = columns.len();
        if statement.column_count() != width {
            return Err(Error::new(
                Kind::Database,
                "the schema changed while the members were read; try again",
            ));
        }
        let values = collect(&mut statement, width, limits)?;
        Ok(Rows::new(columns, values))
    }

    fn check(&self) -> Result<()> {
        if self.stop.is_cancelled() {
            return Err(Error::new(Kind::Cancelled, "the statement was given up by its caller"));
        }
        Ok(())
    }
}

fn collect(statement: &mut Statement<'_>, width: usize, limits: Limits) -> Result<Vec<Value>> {
    let mut values = Vec::new();
    let (mut count, mut bytes) = (0, 0);
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next().map_err(fail)? {
        count += 1;
        for index in 0..width {
            let value = owned(row.get_ref(index).map_err(fail)?)?;
            bytes += value.size();
            values.push(value);
        }
        if count > limits.rows_max || bytes > limits.bytes_max {
            return Err(Error::new(
                Kind::TooLarge,
                format!(
                    "the answer has more than {} rows or {} bytes; ask for fewer, or raise \
                     `max_rows` and `max_bytes`",
                    limits.rows_max, limits.bytes_max
                ),
            ));
        }
    }
    Ok(values)
}

fn owned(value: ValueRef<'_>) -> Result<Value> {
    Ok(match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(n) => Value::Integer(n),
        ValueRef::Real(x) => Value::Real(x),
        ValueRef::Blob(bytes) => Value::Blob(bytes.into()),
        ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => Value::Text(text.into()),
            Err(_) => {
                return Err(Error::new(
                    Kind::Decode,
                    "the answer holds text that is not valid UTF-8; select it as a blob",
                ));
            }
        },
    })
}

fn fail(error: rusqlite::Error) -> Error {
    fault::from_driver(error, None, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { rows_max: 3, bytes_max: 1_000 };

    fn columns(count: usize) -> Arc<[Column]> {
        let column = |n| Column {
            name: format!("c{n}").into(),
            declared: None,
            kind: crate::row::ColumnKind::Plain,
        };
        (0..count).map(column).collect()
    }

    fn filled() -> Scratch {
        let scratch = Scratch::open(Stop::at(None)).unwrap();
        scratch.execute("CREATE TABLE t (a, b COLLATE NOCASE)").unwrap();
        let values = [Value::from(1), Value::from("x"), Value::Null, Value::from("X")];
        scratch.fill("t", &Rows::new(columns(2), values.to_vec())).unwrap();
        scratch
    }

    #[test]
    fn what_is_put_in_is_asked() {
        let check = |sql: &str, expect: &[Value]| {
            let values = [Value::from(7), Value::from(8)];
            let rows = filled().query(sql, &values, columns(1), LIMITS).unwrap();
            let found: Vec<Value> = (0..rows.len()).map(|n| rows.values(n)[0].clone()).collect();
            assert_eq!(found, expect, "{sql}");
        };
        check("SELECT a FROM t", &[Value::from(1), Value::Null]);
        check("SELECT count(DISTINCT b) FROM t", &[Value::from(1)]);
        check("SELECT ?1", &[Value::from(7)]);
        check("SELECT ?2", &[Value::from(8)]);
    }

    #[test]
    fn answers_are_bounded_and_can_be_given_up() {
        let check = |sql: &str| filled().query(sql, &[], columns(1), LIMITS).unwrap_err();
        assert!(check("SELECT 1 FROM t, t, t").is_too_large());
        assert!(check("SELECT zeroblob(2000)").is_too_large());
        let stop = Stop::at(None);
        let scratch = Scratch::open(stop.clone()).unwrap();
        stop.cancel();
        assert!(scratch.query("SELECT 1", &[], columns(1), LIMITS).unwrap_err().is_cancelled());
    }
}
