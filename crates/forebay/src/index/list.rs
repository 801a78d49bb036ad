//! Reading the indexes of a database: their columns, sizes and use. It changes nothing and judges
//! nothing but whether an index was used.

use super::report::{IndexInfo, UnusedIndexes};
use crate::engine::Custody;
use crate::error::Result;
use crate::sql::Dialect;
use crate::value::Value;

/// What stands between the columns of an index in an answer.
const BETWEEN: char = '\u{1f}';

/// Days that a server has to have counted: some reports come once in two weeks.
#[cfg(feature = "postgres")]
const DAYS_MIN: u64 = 14;

/// The sizes come from the pages themselves; without DBSTAT the second one is asked.
const SQLITE: [&str; 2] = [
    "SELECT i.name, t.name, i.\"unique\", i.origin <> 'c', i.partial, 1,
        (SELECT SUM(pgsize) FROM dbstat WHERE dbstat.name = i.name), NULL, s.sql,
        (SELECT group_concat(c, char(31)) FROM (SELECT
            coalesce('\"' || replace(x.name, '\"', '\"\"') || '\"', 'an expression')
                || CASE WHEN x.\"desc\" THEN ' DESC' ELSE '' END AS c
            FROM pragma_index_xinfo(i.name) x WHERE x.key ORDER BY x.seqno))
    FROM pragma_table_list t JOIN pragma_index_list(t.name) i
    LEFT JOIN main.sqlite_schema s ON s.type = 'index' AND s.name = i.name
    WHERE t.schema = 'main' AND t.type = 'table' AND t.name NOT LIKE 'sqlite!_%' ESCAPE '!'
    ORDER BY t.name, i.name",
    "SELECT i.name, t.name, i.\"unique\", i.origin <> 'c', i.partial, 1, NULL, NULL, s.sql,
        (SELECT group_concat(c, char(31)) FROM (SELECT
            coalesce('\"' || replace(x.name, '\"', '\"\"') || '\"', 'an expression')
                || CASE WHEN x.\"desc\" THEN ' DESC' ELSE '' END AS c
            FROM pragma_index_xinfo(i.name) x WHERE x.key ORDER BY x.seqno))
    FROM pragma_table_list t JOIN pragma_index_list(t.name) i
    LEFT JOIN main.sqlite_schema s ON s.type = 'index' AND s.name = i.name
    WHERE t.schema = 'main' AND t.type = 'table' AND t.name NOT LIKE 'sqlite!_%' ESCAPE '!'
    ORDER BY t.name, i.name",
];

#[cfg(feature = "postgres")]
const POSTGRES: &str = "
    SELECT pg_catalog.format('%I.%I', n.nspname, c.relname),
        pg_catalog.format('%I.%I', m.nspname, t.relname),
        i.indisunique::int, (EXISTS (SELECT FROM pg_catalog.pg_constraint o
            WHERE o.conindid = i.indexrelid AND o.contype IN ('p', 'u', 'x')))::int,
        (i.indpred IS NOT NULL)::int, i.indisvalid::int,
        pg_catalog.pg_relation_size(i.indexrelid), s.idx_scan,
        pg_catalog.pg_get_indexdef(i.indexrelid),
        (SELECT pg_catalog.string_agg(pg_catalog.pg_get_indexdef(i.indexrelid, k, true)
                || CASE WHEN i.indoption[k - 1] & 1 = 1 THEN ' DESC' ELSE '' END,
            pg_catalog.chr(31) ORDER BY k) FROM pg_catalog.generate_series(1, i.indnkeyatts) k)
    FROM pg_catalog.pg_index i
    JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_class t ON t.oid = i.indrelid
    JOIN pg_catalog.pg_namespace m ON m.oid = t.relnamespace
    LEFT JOIN pg_catalog.pg_stat_user_indexes s ON s.indexrelid = i.indexrelid
    WHERE m.nspname NOT IN ('pg_catalog', 'information_schema') AND m.nspname !~ '^pg_'
    ORDER BY 2, 1";

#[cfg(feature = "postgres")]
const DAYS: &str = "
    SELECT (extract(epoch FROM pg_catalog.now()
        - coalesce(stats_reset, pg_catalog.pg_postmaster_start_time())) / 86400)::bigint
    FROM pg_catalog.pg_stat_database WHERE datname = pg_catalog.current_database()";

/// Indexes whose first columns are those of a foreign key of their table: without them each delete
/// of a parent would read the whole table, which no counter of reads shows.
#[cfg(feature = "postgres")]
const OF_REFERENCES: &str = "
    SELECT pg_catalog.format('%I.%I', n.nspname, c.relname)
    FROM pg_catalog.pg_index i
    JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE EXISTS (SELECT FROM pg_catalog.pg_constraint f
        WHERE f.conrelid = i.indrelid AND f.contype = 'f'
            AND (i.indkey::int2[])[0:pg_catalog.cardinality(f.conkey) - 1] @> f.conkey)";

/// All indexes, by table and name.
pub(super) async fn list(custody: &Custody) -> Result<Vec<IndexInfo>> {
    let rows = match custody.dialect() {
        Dialect::Sqlite => match custody.rows(SQLITE[0]).await {
            Ok(rows) => rows,
            Err(_) => custody.rows(SQLITE[1]).await?,
        },
        #[cfg(feature = "postgres")]
        Dialect::Postgres => custody.rows(POSTGRES).await?,
    };
    Ok((0..rows.len()).filter_map(|row| index(rows.values(row))).collect())
}

/// Those that no read has used, where that can be told.
pub(super) async fn unused(custody: &Custody) -> Result<UnusedIndexes> {
    match custody.dialect() {
        Dialect::Sqlite => Ok(UnusedIndexes {
            unknown: Some(
                "SQLite does not count how often an index is used; give the statements of the \
                 application to the index advice, which says which of them need which index"
                    .to_owned(),
            ),
            ..UnusedIndexes::default()
        }),
        #[cfg(feature = "postgres")]
        Dialect::Postgres => unused_at_postgres(custody).await,
    }
}

#[cfg(feature = "postgres")]
async fn unused_at_postgres(custody: &Custody) -> Result<UnusedIndexes> {
    let days = custody.rows(DAYS).await?;
    let days = if days.is_empty() { None } else { days.values(0).first().and_then(whole) };
    let unknown = match days {
        Some(days) if days >= DAYS_MIN => None,
        Some(days) => {
            Some(format!("the server has counted for {days} days only, and {DAYS_MIN} are needed"))
        }
        None => Some("since when the server counts is not known".to_owned()),
    };
    if unknown.is_some() {
        return Ok(UnusedIndexes { days, unknown, indexes: Vec::new() });
    }
    let needed = custody.rows(OF_REFERENCES).await?;
    let needed: Vec<String> =
        (0..needed.len()).filter_map(|row| text(needed.values(row).first()?)).collect();
    let is_unused = |index: &IndexInfo| {
        let is_bound = index.is_unique || index.is_of_constraint || !index.is_valid;
        index.scans == Some(0) && !is_bound && !needed.contains(&index.name)
    };
    let mut indexes = list(custody).await?;
    indexes.retain(is_unused);
    indexes.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.name.cmp(&b.name)));
    Ok(UnusedIndexes { days, unknown, indexes })
}

fn index(values: &[Value]) -> Option<IndexInfo> {
    let [name, table, unique, constraint, partial, valid, bytes, scans, sql, columns] = values
    else {
        return None;
    };
    let is = |value: &Value| whole(value) == Some(1);
    let columns = text(columns).unwrap_or_default();
    Some(IndexInfo {
        name: text(name)?,
        table: text(table)?,
        columns: columns.split(BETWEEN).map(str::to_owned).collect(),
        is_unique: is(unique),
        is_of_constraint: is(constraint),
        is_partial: is(partial),
        is_valid: is(valid),
        bytes: whole(bytes),
        scans: whole(scans),
        sql: text(sql),
    })
}

fn whole(value: &Value) -> Option<u64> {
    match value {
        Value::Integer(n) => u64::try_from(*n).ok(),
        _ => None,
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(text.to_string()),
        _ => None,
    }
}
