//! The boundary between the live database and the archive that `forebay archive` moves rows into:
//! a row in the live database, with a number that goes up whenever it moves. What makes it move is
//! in `archive`.

use crate::db::Db;
use crate::error::{Error, Kind, Result};
use crate::params::Params;
use crate::row::Rows;
use crate::value::Value;

/// Where the boundary is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Boundary {
    /// It goes up by one with every move.
    pub(crate) generation: i64,
    /// Rows below it are the archive's. `None` as long as nothing was moved.
    pub(crate) value: Option<Value>,
    /// What the archive is known by.
    pub(crate) archive: String,
}

impl Boundary {
    /// Makes the table that holds the boundaries of a live database.
    pub(crate) const CREATE: &str = "CREATE TABLE IF NOT EXISTS forebay_archive (\
         split_table TEXT NOT NULL COLLATE NOCASE PRIMARY KEY, \
         split_column TEXT NOT NULL, \
         archive TEXT NOT NULL, \
         generation INTEGER NOT NULL, \
         boundary BLOB)";

    /// Asks for it.
    pub(crate) const ASK: &str = "SELECT generation, boundary, archive, split_column \
         FROM forebay_archive WHERE split_table = ?";

    /// What the rows of [`Boundary::ASK`] say.
    pub(crate) fn of(rows: &Rows, column: &str) -> Result<Option<Boundary>> {
        if rows.is_empty() {
            return Ok(None);
        }
        let [Value::Integer(generation), value, Value::Text(archive), Value::Text(named)] =
            rows.values(0)
        else {
            return Err(Error::new(
                Kind::Database,
                "the table forebay_archive does not hold what Forebay writes there",
            ));
        };
        if !named.eq_ignore_ascii_case(column) {
            return Err(Error::usage(format!(
                "the table is split by another column than {column}: the live database says so in \
                 forebay_archive"
            )));
        }
        let value = Some(value.clone()).filter(|value| *value != Value::Null);
        Ok(Some(Boundary { generation: *generation, value, archive: archive.to_string() }))
    }

    /// Asks the live database, or its cache, which is exact.
    pub(crate) async fn read(live: &Db, table: &str, column: &str) -> Result<Option<Boundary>> {
        let mut params = Params::default();
        params.push(Value::from(table));
        let asked = live.query(Boundary::ASK).exact().with_params(params).fetch().await?;
        Boundary::of(&asked.rows, column)
    }
}

/// By what an archive is known that the rows of a table are moved into.
pub(crate) async fn mark(archive: &Db, table: &str) -> Result<Option<String>> {
    let there = "SELECT count(*) FROM sqlite_schema WHERE name = 'forebay_archive_of'";
    if archive.query(there).exact().scalar::<i64>().await? == 0 {
        return Ok(None);
    }
    let mut params = Params::default();
    params.push(Value::from(table));
    let ask = "SELECT archive FROM forebay_archive_of WHERE split_table = ?";
    archive.query(ask).exact().with_params(params).optional().await
}
