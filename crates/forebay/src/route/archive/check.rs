//! Whether a table can be moved at all: what would lose something, or cannot be followed, is
//! refused before anything is done.

use crate::db::Db;
use crate::error::{Error, Result};
use crate::invalidate::Constant;
use crate::sql::{Affinity, Collation, Relation, Schema, Table, quoted};
use crate::value::Value;

use super::super::plan::probe;
use super::super::routed::difference;

/// What is to be known of the table.
pub(super) struct Checked {
    /// As in the catalogue.
    pub(super) table: String,
    pub(super) column: String,
    pub(super) columns: Vec<String>,
    pub(super) affinity: Affinity,
    /// The archive does not have the table yet, and these statements make it.
    pub(super) create: Vec<String>,
}

/// Looks at both databases and changes nothing.
pub(super) async fn check(live: &Db, archive: &Db, table: &str, column: &str) -> Result<Checked> {
    if !live.engine().is_sqlite() || !archive.engine().is_sqlite() {
        return Err(Error::usage("rows can be moved between SQLite databases only"));
    }
    let Some(found) = table_of(live, "the live database", table).await? else {
        return Err(Error::usage(format!("the live database has no table {table}")));
    };
    let table = found.name.to_string();
    let is_it = |name: &str| name.eq_ignore_ascii_case(column);
    let Some(split) = found.columns.iter().find(|it| is_it(&it.name)) else {
        return Err(Error::usage(format!("{table} has no column {column}")));
    };
    if split.collation != Some(Collation::Binary) {
        return Err(Error::usage(format!(
            "{table}.{column} does not compare as BINARY; rows are moved by a column that does"
        )));
    }
    references(live, &table).await?;
    triggers(live, "the live database", &table).await?;
    let mut create = Vec::new();
    match table_of(archive, "the archive", &table).await? {
        None => create = texts(live, &table).await?,
        Some(other) => {
            if let Some(difference) = difference(&found, &other) {
                return Err(Error::usage(format!(
                    "the archive differs from the live database: {difference}; make them the same"
                )));
            }
            described(live, archive, &table).await?;
            triggers(archive, "the archive", &table).await?;
        }
    }
    let own = found.columns.iter().filter(|column| !column.is_generated);
    Ok(Checked {
        table,
        column: split.name.to_string(),
        columns: own.map(|column| quoted(&column.name)).collect(),
        affinity: split.affinity,
        create,
    })
}

/// The table as a database has it; an error for what is no ordinary table.
async fn table_of(db: &Db, whose: &str, table: &str) -> Result<Option<Table>> {
    let probe = probe(table);
    let (_, relations) = db.engine().relate(&db.query(&probe).into_call()).await?;
    if !relations.is_utf8 {
        return Err(Error::usage(format!(
            "{whose} is not in UTF-8; only such a database is moved"
        )));
    }
    match relations.relation(table) {
        Some(Relation::Table(found)) => Ok(Some(found.clone())),
        Some(_) => Err(Error::usage(format!("{table} is not an ordinary table in {whose}"))),
        None => Ok(None),
    }
}

/// The statements that make the table and its indexes.
async fn texts(live: &Db, table: &str) -> Result<Vec<String>> {
    live.query(
        "SELECT sql FROM sqlite_schema WHERE tbl_name = ? COLLATE NOCASE AND sql IS NOT NULL \
         AND type IN ('table', 'index') ORDER BY type = 'index'",
    )
    .bind(table)
    .all()
    .await
}

/// An error where the columns are declared otherwise, or the table is of another kind.
async fn described(live: &Db, archive: &Db, table: &str) -> Result<()> {
    type Declared = (String, String, i64, i64, i64);
    let columns = "SELECT lower(name), lower(type), \"notnull\", pk, hidden \
         FROM pragma_table_xinfo(?) ORDER BY cid";
    let of = |db: &Db| {
        let db = db.clone();
        let table = table.to_owned();
        async move { db.query(columns).bind(table).all::<Declared>().await }
    };
    let (ours, theirs) = (of(live).await?, of(archive).await?);
    if let Some((ours, _)) = ours.iter().zip(&theirs).find(|(ours, theirs)| ours != theirs) {
        return Err(Error::usage(format!(
            "the archive differs from the live database: the column {} of {table} has another \
             type, key, or NOT NULL there; make them the same",
            ours.0
        )));
    }
    let kind = "SELECT wr, strict FROM pragma_table_list(?) WHERE schema = 'main'";
    let of = |db: &Db| {
        let db = db.clone();
        let table = table.to_owned();
        async move { db.query(kind).bind(table).all::<(i64, i64)>().await }
    };
    if of(live).await? != of(archive).await? {
        return Err(Error::usage(format!(
            "the archive differs from the live database: {table} is STRICT or WITHOUT ROWID in \
             only one of them; make them the same"
        )));
    }
    Ok(())
}

/// An error if other tables refer to this one: what a deletion would do to them is not a move.
async fn references(live: &Db, table: &str) -> Result<()> {
    let referring: Option<String> = live
        .query(
            "SELECT m.name FROM sqlite_schema AS m, pragma_foreign_key_list(m.name) AS f \
             WHERE m.type = 'table' AND f.\"table\" = ? COLLATE NOCASE LIMIT 1",
        )
        .bind(table)
        .optional()
        .await?;
    match referring {
        None => Ok(()),
        Some(referring) => Err(Error::usage(format!(
            "{referring} refers to {table} by a foreign key: moving its rows would delete or \
             orphan those of {referring}; move {referring} without the key, or drop the key"
        ))),
    }
}

/// An error if the table has triggers: a move is no insert and no delete of an application.
async fn triggers(db: &Db, whose: &str, table: &str) -> Result<()> {
    let trigger: Option<String> = db
        .query(
            "SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = ? COLLATE NOCASE \
             LIMIT 1",
        )
        .bind(table)
        .optional()
        .await?;
    match trigger {
        None => Ok(()),
        Some(trigger) => Err(Error::usage(format!(
            "{table} has the trigger {trigger} in {whose}, which would run for every row that is \
             moved; drop it for the time of the move"
        ))),
    }
}

/// A bound as the column holds its values.
pub(super) fn as_held(value: &Value, affinity: Affinity) -> Result<Value> {
    use crate::invalidate::{Comparand, Number};
    let is_number = matches!(affinity, Affinity::Numeric | Affinity::Integer | Affinity::Real);
    if let Value::Text(text) = value
        && is_number
        && let Ok(number) = text.parse::<f64>()
        && text.parse::<i64>().is_err()
        && number.is_finite()
    {
        return as_held(&Value::Real(number), affinity);
    }
    match Constant::of(value, affinity, Collation::Binary) {
        Constant::Is(Comparand::Number(Number::Integer(n))) => Ok(Value::Integer(n)),
        Constant::Is(Comparand::Number(Number::Real(x))) => Ok(Value::Real(x)),
        Constant::Is(Comparand::Text(bytes)) => match String::from_utf8(bytes.into()) {
            Ok(text) => Ok(Value::from(text)),
            Err(_) => Err(Error::usage("the value that rows are moved below is not UTF-8")),
        },
        Constant::Is(Comparand::Blob(bytes)) => Ok(Value::Blob(bytes)),
        Constant::Is(Comparand::Null) | Constant::Never | Constant::Unclear => Err(Error::usage(
            "the value that rows are moved below is not of the column's type; give it as the \
             column has its values",
        )),
    }
}
