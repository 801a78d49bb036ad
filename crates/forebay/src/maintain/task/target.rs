//! The table and the column that a task was told, as the database has them.

use super::job::{Job, text, whole};
use crate::error::{Error, Result};
use crate::row::Rows;
use crate::value::Value;

/// Names of a row's number at SQLite, of which a table may have taken some for columns.
const ROWIDS: [&str; 3] = ["rowid", "_rowid_", "oid"];

const SQLITE: &str = "
    SELECT t.name, t.wr, c.name, c.type, c.pk
    FROM pragma_table_list t JOIN pragma_table_xinfo(t.name) c
    WHERE t.schema = 'main' AND t.type = 'table' AND t.name = ?1 COLLATE NOCASE
    ORDER BY c.pk";

#[cfg(feature = "postgres")]
const POSTGRES: &str = "
    SELECT pg_catalog.format('%I.%I', n.nspname, c.relname), pg_catalog.quote_ident(a.attname),
        pg_catalog.format_type(a.atttypid, NULL)
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
    WHERE c.oid = pg_catalog.to_regclass($1) AND c.relkind IN ('r', 'p')
        AND a.attnum > 0 AND NOT a.attisdropped AND a.attname = $2";

#[cfg(feature = "postgres")]
const INDEX: &str = "
    SELECT pg_catalog.format('%I.%I', n.nspname, c.relname)
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.oid = pg_catalog.to_regclass($1) AND c.relkind = 'i'";

/// A table with one of its columns, as SQL.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) table: String,
    pub(super) column: String,
    /// As the database declares it, in lower case: what a server goes by.
    #[cfg_attr(not(feature = "postgres"), allow(dead_code))]
    pub(super) declared: String,
    /// What tells its rows apart, as SQL: one name or several in brackets.
    pub(super) key: String,
}

impl Target {
    pub(super) async fn find(job: &Job<'_>, table: &str, column: &str) -> Result<Target> {
        if job.is_sqlite() {
            let query = job.query(SQLITE).bind(table);
            let rows = query.fetch().await?.rows;
            return of_sqlite(&rows, table, column);
        }
        #[cfg(feature = "postgres")]
        {
            let rows = job.query(POSTGRES).bind(table).bind(column).fetch().await?.rows;
            of_postgres(&rows, table, column)
        }
        #[cfg(not(feature = "postgres"))]
        unreachable!("without the feature there are only SQLite databases")
    }
}

fn of_sqlite(rows: &Rows, table: &str, column: &str) -> Result<Target> {
    let all: Vec<(String, bool, String, String, u64)> = (0..rows.len())
        .filter_map(|row| match rows.values(row) {
            [name, wr, column, declared, key] => Some((
                text(name)?,
                *wr == Value::Integer(1),
                text(column)?,
                text(declared).unwrap_or_default(),
                whole(key)?,
            )),
            _ => None,
        })
        .collect();
    let Some((name, is_without_rowid, ..)) = all.first() else {
        return Err(Error::usage(format!("there is no table called {table}")));
    };
    let found = all.iter().find(|it| it.2.eq_ignore_ascii_case(column));
    let Some((_, _, found, declared, _)) = found else {
        return Err(Error::usage(format!("{table} has no column called {column}")));
    };
    let key = if *is_without_rowid {
        let columns = all.iter().filter(|it| it.4 > 0).map(|it| quoted(&it.2));
        format!("({})", columns.collect::<Vec<_>>().join(", "))
    } else {
        let is_free = |name: &&&str| !all.iter().any(|it| it.2.eq_ignore_ascii_case(name));
        let rowid = ROWIDS.iter().find(is_free);
        rowid.map(|name| (*name).to_owned()).ok_or_else(|| {
            Error::usage(format!("columns of {table} have all names of its rows' numbers"))
        })?
    };
    let (table, column) = (quoted(name), quoted(found));
    Ok(Target { table, column, declared: declared.to_lowercase(), key })
}

#[cfg(feature = "postgres")]
fn of_postgres(rows: &Rows, table: &str, column: &str) -> Result<Target> {
    let first = if rows.is_empty() { &[][..] } else { rows.values(0) };
    match first {
        [Value::Text(table), Value::Text(column), Value::Text(declared)] => Ok(Target {
            table: table.to_string(),
            column: column.to_string(),
            declared: declared.to_lowercase().into(),
            key: "ctid".to_owned(),
        }),
        _ => Err(Error::usage(format!("there is no table called {table} with a column {column}"))),
    }
}

/// The index of this name, with its schema.
#[cfg(feature = "postgres")]
pub(super) async fn index(job: &Job<'_>, name: &str) -> Result<String> {
    let rows = job.within(INDEX, std::time::Duration::MAX).bind(name).fetch().await?.rows;
    let first = if rows.is_empty() { None } else { rows.values(0).first() };
    first.and_then(text).ok_or_else(|| Error::usage(format!("there is no index called {name}")))
}

pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
