//! Some rows of a table, to see how values are spread: how many are different, and how many rows
//! meet a condition.

use super::copy::{Trial, fail};
use crate::error::Result;
use crate::value::Value;

/// Rows of one sample.
const ROWS_MAX: u64 = 1_000;

/// Spreads numbers in a way that looks like chance, and is the same each time.
const STRIDE: u64 = 2_654_435_761;

/// How the rows of a sample spread over values.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spread {
    pub(super) rows: f64,
    pub(super) different: f64,
    /// Values that stand in one row only.
    once: f64,
}

impl Spread {
    /// About how many different values there are in `rows` rows, by the estimate of Haas and
    /// Stokes, which PostgreSQL uses too.
    pub(super) fn distinct(&self, rows: f64) -> f64 {
        if self.rows == 0.0 || rows <= self.rows {
            return self.different.max(1.0);
        }
        let seen = self.rows - self.once + self.once * self.rows / rows;
        (self.rows * self.different / seen).clamp(1.0, rows)
    }
}

impl Trial {
    /// Takes a sample of a table, unless there is one already. Its name as SQL.
    pub(super) fn sampled(&self, table: &str) -> Result<String> {
        let at = self.facts.tables.iter().position(|it| it.name.eq_ignore_ascii_case(table));
        let Some(at) = at else {
            return Err(crate::error::Error::usage("the table is not known"));
        };
        let name = format!("temp.forebay_sample_{at}");
        let is_there =
            format!("SELECT 1 FROM temp.sqlite_schema WHERE name = 'forebay_sample_{at}'");
        if self.connection.query_row(&is_there, [], |_| Ok(())).is_ok() {
            return Ok(name);
        }
        let facts = &self.facts.tables[at];
        let source = format!("main.{}", crate::sql::quoted(&facts.name));
        let make = if facts.has_rowid && facts.rows > ROWS_MAX {
            // Where a rowid is missing, the next one stands for it.
            format!(
                "CREATE TABLE {name} AS WITH RECURSIVE
                 ends(low, high) AS (SELECT min(rowid), max(rowid) FROM {source}),
                 picked(n, at) AS (
                    SELECT 1, low FROM ends
                    UNION ALL
                    SELECT n + 1, low + (n * {STRIDE}) % (high - low + 1) FROM picked, ends
                    WHERE n < {ROWS_MAX})
                 SELECT t.* FROM picked JOIN {source} AS t
                 ON t.rowid = (SELECT min(rowid) FROM {source} WHERE rowid >= picked.at)"
            )
        } else {
            format!("CREATE TABLE {name} AS SELECT * FROM {source} LIMIT {ROWS_MAX}")
        };
        self.within(|| self.connection.execute_batch(&make)).map_err(fail)?;
        Ok(name)
    }

    /// The share of the rows of a table for which a condition over its columns is true.
    pub(crate) fn share(&self, table: &str, condition: &str) -> Result<f64> {
        let sample = self.sampled(table)?;
        let sql =
            format!("SELECT avg(CASE WHEN ({condition}) THEN 1.0 ELSE 0.0 END) FROM {sample}");
        let share: Option<f64> =
            self.connection.query_row(&sql, [], |row| row.get(0)).map_err(fail)?;
        Ok(share.unwrap_or(0.0))
    }

    /// About how many different values an expression over the columns of a table has.
    pub(crate) fn distinct(&self, table: &str, key: &str) -> Result<f64> {
        let sample = self.sampled(table)?;
        let spread = self.counted(&sample, key, &format!(" WHERE ({key}) IS NOT NULL"))?;
        let rows = self.facts.table(table).map_or(0.0, |it| it.rows as f64);
        Ok(spread.distinct(rows))
    }

    /// How the rows of a sample that meet a condition spread over the values of keys.
    pub(super) fn counted(&self, sample: &str, keys: &str, condition: &str) -> Result<Spread> {
        let sql = format!(
            "SELECT coalesce(sum(n), 0.0), count(*) + 0.0, coalesce(sum(n = 1), 0) + 0.0
             FROM (SELECT count(*) + 0.0 AS n FROM {sample}{condition} GROUP BY {keys})"
        );
        let read = self.connection.query_row(&sql, [], |row| {
            Ok(Spread { rows: row.get(0)?, different: row.get(1)?, once: row.get(2)? })
        });
        read.map_err(fail)
    }

    /// Some values that an expression over the columns of a table has.
    pub(crate) fn values(&self, table: &str, key: &str, count: usize) -> Result<Vec<Value>> {
        let sample = self.sampled(table)?;
        let sql = format!(
            "SELECT {key} FROM {sample} WHERE ({key}) IS NOT NULL ORDER BY (rowid * {STRIDE}) % 1009
             LIMIT {count}"
        );
        let mut statement = self.connection.prepare(&sql).map_err(fail)?;
        let mut rows = statement.raw_query();
        let mut values = Vec::new();
        while let Some(row) = rows.next().map_err(fail)? {
            use rusqlite::types::ValueRef;
            values.push(match row.get_ref(0).map_err(fail)? {
                ValueRef::Null => continue,
                ValueRef::Integer(n) => Value::Integer(n),
                ValueRef::Real(x) => Value::Real(x),
                ValueRef::Text(bytes) => {
                    Value::Text(String::from_utf8_lossy(bytes).as_ref().into())
                }
                ValueRef::Blob(bytes) => Value::Blob(bytes.into()),
            });
        }
        Ok(values)
    }
}
