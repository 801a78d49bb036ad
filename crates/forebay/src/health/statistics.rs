//! How large a database is, and what in it is: tables, indexes, free pages. It judges nothing.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::ask::{Ask, text, whole};
use crate::error::Result;
use crate::value::Value;

/// How large a database is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DatabaseStatistics {
    /// Bytes of the database itself, free pages included.
    pub bytes: u64,
    /// Bytes of SQLite's write-ahead log; `None` if there is no such file.
    pub wal_bytes: Option<u64>,
    /// Bytes of one page.
    pub page_bytes: u64,
    /// Pages of the database that hold nothing. At PostgreSQL that is not known here.
    pub free_pages: Option<u64>,
    /// The tables, the largest first.
    pub tables: Vec<TableStatistics>,
}

/// How large a table is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableStatistics {
    /// Its name; at PostgreSQL with its schema.
    pub name: String,
    /// Its rows; at PostgreSQL as the planner estimates them. `None` if it was never estimated.
    pub rows: Option<u64>,
    /// Bytes of it without its indexes.
    pub bytes: u64,
    /// Of these, bytes in its pages that hold nothing. At PostgreSQL that is not known here.
    pub unused_bytes: Option<u64>,
    /// Its indexes, the largest first.
    pub indexes: Vec<IndexStatistics>,
}

/// How large an index is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IndexStatistics {
    /// Its name.
    pub name: String,
    /// Bytes of it.
    pub bytes: u64,
}

/// Every object that has pages of its own. A row of a table without rowid may stand in any page of
/// it, one of another table in a leaf.
const OBJECTS: &str = "
    SELECT s.name, s.tbl_name, s.type = 'index', d.bytes, d.unused,
        CASE WHEN l.wr THEN d.cells ELSE d.leaf_cells END
    FROM (SELECT name, SUM(pgsize) AS bytes, SUM(unused) AS unused, SUM(ncell) AS cells,
            SUM(CASE pagetype WHEN 'leaf' THEN ncell ELSE 0 END) AS leaf_cells
        FROM dbstat GROUP BY name) AS d
    JOIN sqlite_schema AS s ON s.name = d.name
    LEFT JOIN pragma_table_list AS l ON l.schema = 'main' AND l.name = s.name
    WHERE s.type IN ('table', 'index')";

/// The same at PostgreSQL, without what is in its own schemas.
const RELATIONS: &str = "
    SELECT n.nspname || '.' || i.relname, n.nspname || '.' || t.relname, t.oid <> i.oid,
        pg_catalog.pg_relation_size(i.oid) + CASE WHEN t.oid = i.oid
            THEN pg_catalog.pg_table_size(i.oid) - pg_catalog.pg_relation_size(i.oid) ELSE 0 END,
        NULL::bigint, CASE WHEN i.reltuples < 0 THEN NULL ELSE i.reltuples::bigint END
    FROM pg_catalog.pg_class i
    LEFT JOIN pg_catalog.pg_index x ON x.indexrelid = i.oid
    JOIN pg_catalog.pg_class t ON t.oid = COALESCE(x.indrelid, i.oid)
    JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
    WHERE t.relkind IN ('r', 'm') AND i.relkind IN ('r', 'm', 'i')
        AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_'";

impl DatabaseStatistics {
    /// Reads every page of an SQLite database, and only the catalogue of a PostgreSQL one.
    pub(crate) async fn read(ask: Ask<'_>) -> Result<DatabaseStatistics> {
        if !ask.engine().is_sqlite() {
            let bytes =
                ask.number("SELECT pg_catalog.pg_database_size(current_database())").await?;
            let page = ask.number("SELECT current_setting('block_size')::bigint").await?;
            return Ok(DatabaseStatistics {
                bytes: bytes.unwrap_or(0),
                page_bytes: page.unwrap_or(0),
                tables: tables(ask, RELATIONS).await?,
                ..DatabaseStatistics::default()
            });
        }
        let page_bytes = ask.number("PRAGMA page_size").await?.unwrap_or(0);
        let pages = ask.number("PRAGMA page_count").await?.unwrap_or(0);
        Ok(DatabaseStatistics {
            bytes: pages * page_bytes,
            wal_bytes: path(ask).await?.and_then(|path| wal_bytes(&path)),
            page_bytes,
            free_pages: ask.number("PRAGMA freelist_count").await?,
            tables: tables(ask, OBJECTS).await?,
        })
    }
}

async fn tables(ask: Ask<'_>, sql: &str) -> Result<Vec<TableStatistics>> {
    let mut tables: BTreeMap<String, TableStatistics> = BTreeMap::new();
    let rows = ask.rows(sql).await?;
    for row in 0..rows.len() {
        let [name, table, is_index, bytes, unused, count] = rows.values(row) else { continue };
        let (Some(name), Some(owner)) = (text(name), text(table)) else { continue };
        let table = tables.entry(owner.clone()).or_default();
        table.name = owner;
        let bytes = whole(bytes).unwrap_or(0);
        if *is_index == Value::Integer(1) {
            table.indexes.push(IndexStatistics { name, bytes });
        } else {
            (table.bytes, table.unused_bytes, table.rows) = (bytes, whole(unused), whole(count));
        }
    }
    let mut tables: Vec<TableStatistics> = tables.into_values().collect();
    tables.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.name.cmp(&b.name)));
    for table in &mut tables {
        table.indexes.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.name.cmp(&b.name)));
    }
    Ok(tables)
}

/// The file of an SQLite database; `None` in memory.
pub(super) async fn path(ask: Ask<'_>) -> Result<Option<PathBuf>> {
    let sql = "SELECT file FROM pragma_database_list WHERE name = 'main'";
    Ok(ask.text(sql).await?.filter(|path| !path.is_empty()).map(PathBuf::from))
}

/// By what the file system says of it: opening it would drop SQLite's locks.
pub(super) fn wal_bytes(path: &std::path::Path) -> Option<u64> {
    let mut wal = path.as_os_str().to_owned();
    wal.push("-wal");
    std::fs::metadata(PathBuf::from(wal)).ok().map(|it| it.len())
}
