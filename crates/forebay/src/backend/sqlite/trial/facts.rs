//! What is in a database: tables with their columns and rows, and indexes. It judges nothing.

use std::collections::BTreeSet;

use super::copy::{Trial, fail};
use crate::error::Result;
use crate::sql::{Collation, declared};

/// Tables that are looked at; whatever is read of others gets no advice.
const TABLES_MAX: usize = 2_000;

/// What is in a database.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    pub(crate) tables: Vec<TableFacts>,
    pub(crate) indexes: Vec<IndexFacts>,
    /// There are numbers by which SQLite chooses between plans.
    pub(crate) has_statistics: bool,
    /// Every name of the schema, in lower case.
    pub(crate) names: BTreeSet<String>,
}

/// An ordinary table.
#[derive(Clone, Debug, Default)]
pub(crate) struct TableFacts {
    pub(crate) name: String,
    pub(crate) rows: u64,
    pub(crate) columns: Vec<String>,
    /// How each is compared; `None` for collations that are not SQLite's own.
    pub(crate) collations: Vec<Option<Collation>>,
    /// The place of the column that is the rowid.
    pub(crate) rowid: Option<u16>,
    pub(crate) has_rowid: bool,
    /// Columns by which another table is referred to, one list a foreign key.
    pub(crate) references: Vec<Vec<String>>,
}

/// An index that is there.
#[derive(Clone, Debug, Default)]
pub(crate) struct IndexFacts {
    pub(crate) name: String,
    pub(crate) table: String,
    pub(crate) is_unique: bool,
    /// Made by CREATE INDEX.
    pub(crate) is_own: bool,
    pub(crate) is_partial: bool,
    /// The text of CREATE INDEX.
    pub(crate) sql: Option<String>,
    pub(crate) keys: Vec<KeyFacts>,
}

/// One key of an index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct KeyFacts {
    /// `None` for an expression.
    pub(crate) column: Option<String>,
    pub(crate) is_descending: bool,
    pub(crate) collation: String,
}

impl Facts {
    pub(crate) fn table(&self, name: &str) -> Option<&TableFacts> {
        self.tables.iter().find(|table| table.name.eq_ignore_ascii_case(name))
    }
}

const TABLES: &str = "
    SELECT l.name, l.wr, s.sql FROM pragma_table_list AS l
    JOIN main.sqlite_schema AS s ON s.type = 'table' AND s.name = l.name
    WHERE l.schema = 'main' AND l.type = 'table' AND l.name NOT LIKE 'sqlite^_%' ESCAPE '^'";

const COLUMNS: &str = "
    SELECT name, type, pk FROM pragma_table_xinfo(?1, 'main') WHERE hidden <> 1 ORDER BY cid";

const INDEXES: &str = "
    SELECT i.name, i.\"unique\", i.origin = 'c', i.partial,
        (SELECT sql FROM main.sqlite_schema AS s WHERE s.type = 'index' AND s.name = i.name)
    FROM pragma_index_list(?1, 'main') AS i";

const KEYS: &str = "
    SELECT name, \"desc\", coll FROM pragma_index_xinfo(?1, 'main') WHERE key ORDER BY seqno";

const REFERENCES: &str = "
    SELECT id, \"from\" FROM pragma_foreign_key_list(?1, 'main') ORDER BY id, seq";

impl Trial {
    /// Reads the schema, and counts the rows of each table.
    pub(super) fn read_facts(&self) -> Result<Facts> {
        let mut facts = Facts { has_statistics: self.has_statistics(), ..Facts::default() };
        let mut named =
            self.connection.prepare("SELECT name FROM main.sqlite_schema").map_err(fail)?;
        let names = named.query_map([], |row| row.get::<_, String>(0)).map_err(fail)?;
        facts.names = names.flatten().map(|name| name.to_ascii_lowercase()).collect();
        let mut listing = self.connection.prepare(TABLES).map_err(fail)?;
        let tables = listing
            .query_map([], |row| {
                Ok((row.get::<_, String>(0)?, row.get::<_, bool>(1)?, row.get::<_, String>(2)?))
            })
            .map_err(fail)?;
        for (name, is_without_rowid, text) in tables.flatten().take(TABLES_MAX) {
            // A table that cannot be read gets no advice; statements that read it say why.
            if let Ok(table) = self.table(&name, !is_without_rowid, &text) {
                facts.indexes.extend(self.indexes(&name).unwrap_or_default());
                facts.tables.push(table);
            }
        }
        Ok(facts)
    }

    fn has_statistics(&self) -> bool {
        let sql = "SELECT 1 FROM main.sqlite_stat1 LIMIT 1";
        self.connection.query_row(sql, [], |_| Ok(())).is_ok()
    }

    fn table(&self, name: &str, has_rowid: bool, text: &str) -> rusqlite::Result<TableFacts> {
        let quoted = crate::sql::quoted(name);
        let count = format!("SELECT count(*) FROM main.{quoted}");
        let rows: i64 = self.within(|| self.connection.query_row(&count, [], |row| row.get(0)))?;
        let mut listing = self.connection.prepare(COLUMNS)?;
        let found = listing.query_map([name], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, i64>(2)?))
        })?;
        let columns: Vec<(String, String, i64)> = found.collect::<rusqlite::Result<_>>()?;
        let keys: Vec<usize> = (0..columns.len()).filter(|at| columns[*at].2 > 0).collect();
        let rowid = match keys.as_slice() {
            [only] if has_rowid && columns[*only].1.eq_ignore_ascii_case("integer") => {
                u16::try_from(*only).ok()
            }
            _ => None,
        };
        let written = declared(text).map(|it| it.columns).unwrap_or_default();
        let collation = |column: &str| {
            written.iter().find(|it| it.name == column.to_ascii_lowercase())?.collation
        };
        Ok(TableFacts {
            name: name.to_owned(),
            collations: columns.iter().map(|(name, ..)| collation(name)).collect(),
            rows: u64::try_from(rows).unwrap_or(0),
            columns: columns.into_iter().map(|(name, ..)| name).collect(),
            rowid,
            has_rowid,
            references: self.references(name)?,
        })
    }

    fn references(&self, table: &str) -> rusqlite::Result<Vec<Vec<String>>> {
        let mut listing = self.connection.prepare(REFERENCES)?;
        let mut rows = listing.query([table])?;
        let (mut references, mut last): (Vec<Vec<String>>, _) = (Vec::new(), None);
        while let Some(row) = rows.next()? {
            let id: i64 = row.get(0)?;
            if last.replace(id) != Some(id) {
                references.push(Vec::new());
            }
            if let Some(columns) = references.last_mut() {
                columns.push(row.get(1)?);
            }
        }
        Ok(references)
    }

    fn indexes(&self, table: &str) -> rusqlite::Result<Vec<IndexFacts>> {
        let mut listing = self.connection.prepare(INDEXES)?;
        let found = listing.query_map([table], |row| {
            Ok(IndexFacts {
                name: row.get(0)?,
                table: table.to_owned(),
                is_unique: row.get(1)?,
                is_own: row.get(2)?,
                is_partial: row.get(3)?,
                sql: row.get(4)?,
                keys: Vec::new(),
            })
        })?;
        let mut indexes: Vec<IndexFacts> = found.collect::<rusqlite::Result<_>>()?;
        let mut keys = self.connection.prepare(KEYS)?;
        for index in &mut indexes {
            let found = keys.query_map([&index.name], |row| {
                Ok(KeyFacts {
                    column: row.get(0)?,
                    is_descending: row.get(1)?,
                    collation: row.get::<_, Option<String>>(2)?.unwrap_or_default(),
                })
            })?;
            index.keys = found.collect::<rusqlite::Result<_>>()?;
        }
        Ok(indexes)
    }
}
