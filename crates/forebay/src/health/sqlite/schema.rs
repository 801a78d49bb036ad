//! Reading the schema of an SQLite database.

use std::collections::BTreeMap;

use crate::error::Result;
use crate::health::ask::{Ask, text, whole};
use crate::health::schema::{Index, Key, LARGE_ROWS, Reference, Schema, Table, quoted};
use crate::value::Value;

/// Tables whose rows are looked at.
const TABLES_MAX: usize = 1_000;

const TABLES: &str = "
    SELECT l.name, l.wr, (SELECT CASE WHEN COUNT(*) = 1 AND MAX(UPPER(c.type)) = 'INTEGER'
            THEN MAX(c.name) END FROM pragma_table_info(l.name) AS c WHERE c.pk > 0)
    FROM pragma_table_list AS l
    WHERE l.schema = 'main' AND l.type = 'table' AND l.name NOT LIKE 'sqlite^_%' ESCAPE '^'";

const INDEXES: &str = "
    SELECT l.name, i.name, i.\"unique\", i.origin = 'c', i.partial, x.name, x.desc, x.coll
    FROM pragma_table_list AS l JOIN pragma_index_list(l.name) AS i
    JOIN pragma_index_xinfo(i.name) AS x
    WHERE l.schema = 'main' AND l.type = 'table' AND x.key
    ORDER BY l.name, i.name, x.seqno";

const REFERENCES: &str = "
    SELECT l.name, f.id, f.\"table\", f.\"from\"
    FROM pragma_table_list AS l JOIN pragma_foreign_key_list(l.name) AS f
    WHERE l.schema = 'main' AND l.type = 'table' ORDER BY l.name, f.id, f.seq";

/// It reads the schema and the first rows of each table.
pub(super) async fn read(ask: Ask<'_>) -> Result<Schema> {
    let mut schema = Schema {
        concurrently: "",
        tables: tables(ask).await?,
        indexes: indexes(ask).await?,
        references: references(ask).await?,
    };
    for table in schema.tables.iter_mut().take(TABLES_MAX) {
        let name = quoted(&table.name);
        let sql = format!("SELECT 1 FROM {name} LIMIT 1 OFFSET {}", LARGE_ROWS - 1);
        // A table whose pages are damaged has no rows that could be counted.
        table.is_large = ask.number(&sql).await.is_ok_and(|one| one.is_some());
    }
    Ok(schema)
}

async fn tables(ask: Ask<'_>) -> Result<Vec<Table>> {
    let rows = ask.rows(TABLES).await?;
    let table = |row: usize| {
        let [name, without_rowid, alias] = rows.values(row) else { return None };
        let has_rowid = whole(without_rowid) == Some(0);
        let rowid_alias = text(alias).filter(|_| has_rowid);
        Some(Table { name: text(name)?, rowid_alias, has_rowid, is_large: false })
    };
    Ok((0..rows.len()).filter_map(table).collect())
}

async fn indexes(ask: Ask<'_>) -> Result<Vec<Index>> {
    let mut indexes: BTreeMap<String, Index> = BTreeMap::new();
    let rows = ask.rows(INDEXES).await?;
    for row in 0..rows.len() {
        let [table, name, unique, own, partial, column, descending, collation] = rows.values(row)
        else {
            continue;
        };
        let (Some(table), Some(name)) = (text(table), text(name)) else { continue };
        let is = |value: &Value| whole(value) == Some(1);
        let index = indexes.entry(name.clone()).or_insert_with(|| Index {
            table,
            sql: quoted(&name),
            name,
            is_unique: is(unique),
            is_own: is(own),
            is_partial: is(partial),
            keys: Vec::new(),
        });
        let order = text(collation).unwrap_or_default();
        index.keys.push(Key { column: text(column), is_descending: is(descending), order });
    }
    Ok(indexes.into_values().collect())
}

async fn references(ask: Ask<'_>) -> Result<Vec<Reference>> {
    let mut references: Vec<(Option<u64>, Reference)> = Vec::new();
    let rows = ask.rows(REFERENCES).await?;
    for row in 0..rows.len() {
        let [table, id, parent, column] = rows.values(row) else { continue };
        let (Some(table), Some(parent)) = (text(table), text(parent)) else { continue };
        let (id, column) = (whole(id), text(column).unwrap_or_default());
        match references.last_mut() {
            Some((last, it)) if *last == id && it.table == table => it.columns.push(column),
            _ => {
                let (sql, columns) = (quoted(&table), vec![column]);
                references.push((id, Reference { table, sql, columns, parent }));
            }
        }
    }
    Ok(references.into_iter().map(|(_, reference)| reference).collect())
}
