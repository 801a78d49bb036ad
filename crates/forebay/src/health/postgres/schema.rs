//! Reading the schema of a PostgreSQL database: tables, indexes and foreign keys of the user's own
//! schemas, by what the catalogue says.

use std::collections::BTreeMap;

use crate::error::Result;
use crate::health::ask::{Ask, text, whole};
use crate::health::schema::{Index, Key, LARGE_ROWS, Reference, Schema, Table};
use crate::value::Value;

const TABLES: &str = "
    SELECT n.nspname || '.' || c.relname, c.reltuples::bigint
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'm') AND n.nspname !~ '^pg_'
        AND n.nspname <> 'information_schema' ORDER BY 1";

/// One row a key column. What makes two indexes of a column different beside its direction: the
/// operators, the collation, where NULLs come, and the method. One that has more columns than
/// keys, or is no btree, is never needless by the columns alone; one that is not valid is as good
/// as none.
const INDEXES: &str = "
    SELECT n.nspname || '.' || t.relname, n.nspname || '.' || i.relname,
        pg_catalog.format('%I.%I', n.nspname, i.relname), x.indisunique,
        NOT EXISTS (SELECT FROM pg_catalog.pg_constraint o WHERE o.conindid = x.indexrelid)
            AND x.indnatts = x.indnkeyatts AND m.amname = 'btree',
        x.indpred IS NOT NULL OR NOT x.indisvalid, a.attname,
        (x.indoption[k.at - 1] & 1)::bigint,
        pg_catalog.concat_ws(' ', x.indclass[k.at - 1], x.indcollation[k.at - 1],
            x.indoption[k.at - 1] & 2, m.amname)
    FROM pg_catalog.pg_index x
    JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
    JOIN pg_catalog.pg_class t ON t.oid = x.indrelid
    JOIN pg_catalog.pg_am m ON m.oid = i.relam
    JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
    CROSS JOIN LATERAL pg_catalog.generate_series(1, x.indnkeyatts::int) AS k(at)
    LEFT JOIN pg_catalog.pg_attribute a
        ON a.attrelid = t.oid AND a.attnum = x.indkey[k.at - 1] AND a.attnum > 0
    WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND NOT t.relispartition
    ORDER BY 2, k.at";

const REFERENCES: &str = "
    SELECT n.nspname || '.' || t.relname, pg_catalog.format('%I.%I', n.nspname, t.relname),
        q.nspname || '.' || p.relname, f.oid::bigint, a.attname
    FROM pg_catalog.pg_constraint f
    JOIN pg_catalog.pg_class t ON t.oid = f.conrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
    JOIN pg_catalog.pg_class p ON p.oid = f.confrelid
    JOIN pg_catalog.pg_namespace q ON q.oid = p.relnamespace
    CROSS JOIN LATERAL pg_catalog.unnest(f.conkey) WITH ORDINALITY AS k(number, at)
    JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.number
    WHERE f.contype = 'f' AND f.conparentid = 0 ORDER BY 1, 4, k.at";

pub(super) async fn read(ask: Ask<'_>) -> Result<Schema> {
    Ok(Schema {
        concurrently: " CONCURRENTLY",
        tables: tables(ask).await?,
        indexes: indexes(ask).await?,
        references: references(ask).await?,
    })
}

async fn tables(ask: Ask<'_>) -> Result<Vec<Table>> {
    let rows = ask.rows(TABLES).await?;
    let table = |row: usize| {
        let [name, count] = rows.values(row) else { return None };
        let is_large = whole(count).is_some_and(|rows| rows >= LARGE_ROWS);
        Some(Table { name: text(name)?, is_large, ..Table::default() })
    };
    Ok((0..rows.len()).filter_map(table).collect())
}

async fn indexes(ask: Ask<'_>) -> Result<Vec<Index>> {
    let mut indexes: BTreeMap<String, Index> = BTreeMap::new();
    let rows = ask.rows(INDEXES).await?;
    for row in 0..rows.len() {
        let [table, name, sql, unique, own, partial, column, descending, order] = rows.values(row)
        else {
            continue;
        };
        let (Some(table), Some(name)) = (text(table), text(name)) else { continue };
        let is = |value: &Value| whole(value) == Some(1);
        let index = indexes.entry(name.clone()).or_insert_with(|| Index {
            table,
            name,
            sql: text(sql).unwrap_or_default(),
            is_unique: is(unique),
            is_own: is(own),
            is_partial: is(partial),
            keys: Vec::new(),
        });
        let order = text(order).unwrap_or_default();
        index.keys.push(Key { column: text(column), is_descending: is(descending), order });
    }
    Ok(indexes.into_values().collect())
}

async fn references(ask: Ask<'_>) -> Result<Vec<Reference>> {
    let mut references: BTreeMap<u64, Reference> = BTreeMap::new();
    let rows = ask.rows(REFERENCES).await?;
    for row in 0..rows.len() {
        let [table, sql, parent, number, column] = rows.values(row) else { continue };
        let (Some(number), Some(column)) = (whole(number), text(column)) else { continue };
        let made = || Reference {
            table: text(table).unwrap_or_default(),
            sql: text(sql).unwrap_or_default(),
            columns: Vec::new(),
            parent: text(parent).unwrap_or_default(),
        };
        references.entry(number).or_insert_with(made).columns.push(column);
    }
    Ok(references.into_values().collect())
}
