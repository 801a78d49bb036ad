//! The tables of a schema, and what its keys say about which columns hold the same. It is read
//! when a suspicion asks for it, past the cache and the statistics, and kept until it changes.

use std::collections::{HashMap, HashSet};
use std::panic::Location;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::backend::Limits;
use crate::engine::batch::Look;
use crate::engine::connection::perform;
use crate::engine::database::Engine;
use crate::engine::origin::Purpose;
use crate::error::Result;
use crate::guard::Stop;
use crate::params::Params;
use crate::pool::HolderLabel;
use crate::row::Rows;
use crate::sql::{Affinity, Collation, Dialect, Relation, Schema, Source, Table, TableColumn};
use crate::value::Value;

/// Columns of a schema that are read; of a larger one the rest counts as not understood.
const COLUMNS_MAX: usize = 50_000;

/// Columns that are followed from one.
const STEPS_MAX: usize = 256;

/// The longest that reading it may take.
const READ_MAX: Duration = Duration::from_secs(10);

/// How long it is taken to be true where its changes have no number.
const TRUE_FOR: Duration = Duration::from_secs(30);

/// What the schema says.
#[derive(Debug, Default)]
pub(super) struct Tables {
    relations: HashMap<String, Stored>,
    /// The columns that are the whole primary key of their table.
    primary: HashMap<Box<str>, u16>,
    /// Columns that are a key by themselves.
    unique: HashSet<Source>,
    /// Columns that refer to one another.
    ties: HashMap<Source, Vec<Source>>,
    version: Option<Value>,
    read: Option<Instant>,
}

#[derive(Debug)]
enum Stored {
    Table(Table),
    View(String),
}

/// The statements that read it: rows of a table and a column each, in order.
struct Questions {
    version: Option<&'static str>,
    /// Table, column, the column's place in the primary key or 0, its type.
    columns: &'static str,
    /// Name, text.
    views: Option<&'static str>,
    /// Table, column: of unique indexes of a single column.
    unique: &'static str,
    /// Number, table, column, table that is referred to, its column or NULL for its key.
    references: &'static str,
}

const SQLITE: Questions = Questions {
    version: Some("PRAGMA main.schema_version"),
    columns: "SELECT l.name, c.name, c.pk, c.type FROM pragma_table_list AS l \
              JOIN pragma_table_xinfo(l.name) AS c \
              WHERE l.schema = 'main' AND l.type = 'table' ORDER BY l.name, c.cid LIMIT 50000",
    views: Some("SELECT name, sql FROM main.sqlite_schema WHERE type = 'view' LIMIT 10000"),
    unique: "SELECT l.name, min(x.name) FROM pragma_table_list AS l \
             JOIN pragma_index_list(l.name) AS i JOIN pragma_index_info(i.name) AS x \
             WHERE l.schema = 'main' AND l.type = 'table' AND i.\"unique\" AND NOT i.partial \
             GROUP BY l.name, i.name HAVING count(*) = 1 LIMIT 50000",
    references: "SELECT f.id, l.name, f.\"from\", f.\"table\", f.\"to\" \
                 FROM pragma_table_list AS l JOIN pragma_foreign_key_list(l.name) AS f \
                 WHERE l.schema = 'main' AND l.type = 'table' \
                 ORDER BY l.name, f.id, f.seq LIMIT 50000",
};

#[cfg(feature = "postgres")]
const POSTGRES: Questions = Questions {
    version: None,
    columns: "SELECT c.relname::text, a.attname::text, \
                  coalesce(array_position(i.indkey::int2[], a.attnum), -1)::int8 + 1, ''::text \
              FROM pg_catalog.pg_class AS c \
              JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid \
              LEFT JOIN pg_catalog.pg_index AS i ON i.indrelid = c.oid AND i.indisprimary \
              WHERE c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped \
                  AND c.relnamespace <> 'pg_catalog'::pg_catalog.regnamespace \
                  AND pg_catalog.pg_table_is_visible(c.oid) \
              ORDER BY c.relname, a.attnum LIMIT 50000",
    views: None,
    unique: "SELECT c.relname::text, a.attname::text FROM pg_catalog.pg_index AS i \
             JOIN pg_catalog.pg_class AS c ON c.oid = i.indrelid \
             JOIN pg_catalog.pg_attribute AS a \
                 ON a.attrelid = c.oid AND a.attnum = i.indkey[0] \
             WHERE i.indisunique AND i.indnkeyatts = 1 AND i.indpred IS NULL \
                 AND pg_catalog.pg_table_is_visible(c.oid) LIMIT 50000",
    references: "SELECT r.oid::int8, c.relname::text, a.attname::text, p.relname::text, \
                     b.attname::text \
                 FROM pg_catalog.pg_constraint AS r \
                 CROSS JOIN LATERAL unnest(r.conkey, r.confkey) AS k(own, other) \
                 JOIN pg_catalog.pg_class AS c ON c.oid = r.conrelid \
                 JOIN pg_catalog.pg_class AS p ON p.oid = r.confrelid \
                 JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = k.own \
                 JOIN pg_catalog.pg_attribute AS b ON b.attrelid = p.oid AND b.attnum = k.other \
                 WHERE r.contype = 'f' AND pg_catalog.pg_table_is_visible(c.oid) \
                     AND pg_catalog.pg_table_is_visible(p.oid) LIMIT 50000",
};

impl Tables {
    /// Whether keys say that both hold the same, or they are one column that is a key.
    pub(super) fn are_tied(&self, a: &Source, b: &Source) -> bool {
        let (a, b) = (folded(a), folded(b));
        if a == b {
            return self.unique.contains(&a) || self.ties.contains_key(&a);
        }
        let mut seen = vec![a];
        let mut at = 0;
        while let Some(next) = seen.get(at).cloned() {
            at += 1;
            for other in self.ties.get(&next).into_iter().flatten() {
                if *other == b {
                    return true;
                }
                if seen.len() < STEPS_MAX && !seen.contains(other) {
                    seen.push(other.clone());
                }
            }
        }
        false
    }

    pub(super) fn is_unique(&self, source: &Source) -> bool {
        self.unique.contains(&folded(source))
    }

    /// The name of a column.
    pub(super) fn column(&self, source: &Source) -> Option<&str> {
        let Stored::Table(table) = self.relations.get(&source.table.to_ascii_lowercase())? else {
            return None;
        };
        table.columns.get(usize::from(source.column)).map(|column| &*column.name)
    }

    fn place(&self, table: &str, column: &str) -> Option<Source> {
        let Stored::Table(table) = self.relations.get(&table.to_ascii_lowercase())? else {
            return None;
        };
        let at = table.columns.iter().position(|it| it.name.eq_ignore_ascii_case(column))?;
        Some(folded(&Source { table: table.name.clone(), column: u16::try_from(at).ok()? }))
    }

    fn note_columns(&mut self, rows: &Rows) {
        let mut keys: HashMap<String, Vec<(usize, bool)>> = HashMap::new();
        for row in 0..rows.len() {
            let [Value::Text(table), Value::Text(column), place, Value::Text(kind)] =
                rows.values(row)
            else {
                continue;
            };
            let name = table.as_str().to_ascii_lowercase();
            let own = || {
                let (name, columns) = (table.as_str().into(), Vec::new());
                Stored::Table(Table { name, columns, rowid: None })
            };
            let Stored::Table(known) = self.relations.entry(name.clone()).or_insert_with(own)
            else {
                continue;
            };
            if *place != Value::Integer(0) {
                let is_integer = kind.eq_ignore_ascii_case("integer");
                keys.entry(name).or_default().push((known.columns.len(), is_integer));
            }
            known.columns.push(TableColumn {
                name: column.as_str().into(),
                affinity: Affinity::Blob,
                collation: Some(Collation::Binary),
                is_generated: false,
            });
        }
        for (name, columns) in keys {
            let [(at, is_integer)] = columns.as_slice() else { continue };
            let (Some(Stored::Table(table)), Ok(column)) =
                (self.relations.get_mut(&name), u16::try_from(*at))
            else {
                continue;
            };
            table.rowid = is_integer.then_some(column);
            self.primary.insert(name.as_str().into(), column);
            self.unique.insert(Source { table: name.into(), column });
        }
    }

    fn note_unique(&mut self, rows: &Rows) {
        for row in 0..rows.len() {
            if let [Value::Text(table), Value::Text(column)] = rows.values(row)
                && let Some(source) = self.place(table, column)
            {
                self.unique.insert(source);
            }
        }
    }

    fn note_references(&mut self, rows: &Rows) {
        for row in 0..rows.len() {
            let [_, Value::Text(table), Value::Text(column), Value::Text(parent), key] =
                rows.values(row)
            else {
                continue;
            };
            let Some(own) = self.place(table, column) else { continue };
            let other = match key {
                Value::Text(key) => self.place(parent, key),
                _ => self.key_of(parent),
            };
            let Some(other) = other else { continue };
            self.ties.entry(own.clone()).or_default().push(other.clone());
            self.ties.entry(other).or_default().push(own);
        }
    }

    /// The column of a table that is its key alone.
    fn key_of(&self, table: &str) -> Option<Source> {
        let table: Box<str> = table.to_ascii_lowercase().into();
        let column = *self.primary.get(&table)?;
        Some(Source { table, column })
    }

    fn note_views(&mut self, rows: &Rows) {
        for row in 0..rows.len() {
            if let [Value::Text(name), Value::Text(text)] = rows.values(row) {
                let stored = Stored::View(text.to_string());
                self.relations.insert(name.to_ascii_lowercase().to_string(), stored);
            }
        }
    }
}

impl Schema for Tables {
    fn relation(&self, name: &str) -> Option<Relation<'_>> {
        Some(match self.relations.get(name)? {
            Stored::Table(table) => Relation::Table(table),
            Stored::View(text) => Relation::View(text),
        })
    }
}

fn folded(source: &Source) -> Source {
    Source { table: source.table.to_ascii_lowercase().into(), column: source.column }
}

impl Engine {
    /// The schema as it is now, read again if it has changed.
    pub(super) async fn tables(&self, kept: &mut Option<Arc<Tables>>) -> Result<Arc<Tables>> {
        let questions = match self.dialect() {
            Dialect::Sqlite => &SQLITE,
            #[cfg(feature = "postgres")]
            Dialect::Postgres => &POSTGRES,
        };
        let version = match questions.version {
            Some(sql) => first(&self.ask_schema(sql).await?),
            None => None,
        };
        if let Some(tables) = kept.as_ref()
            && tables.version == version
            && (version.is_some() || tables.read.is_some_and(|read| read.elapsed() < TRUE_FOR))
        {
            return Ok(tables.clone());
        }
        let mut tables = Tables { version, read: Some(Instant::now()), ..Tables::default() };
        tables.note_columns(&self.ask_schema(questions.columns).await?);
        tables.note_unique(&self.ask_schema(questions.unique).await?);
        tables.note_references(&self.ask_schema(questions.references).await?);
        if let Some(sql) = questions.views {
            tables.note_views(&self.ask_schema(sql).await?);
        }
        let tables = Arc::new(tables);
        if kept.replace(tables.clone()).is_some() {
            self.repeats.ledger.forget_links();
        }
        Ok(tables)
    }

    async fn ask_schema(&self, sql: &str) -> Result<Rows> {
        let holder = HolderLabel { caller: Location::caller(), statement: None };
        let reader = self.origin.acquire(Purpose::Read, holder).await?;
        let stop = Stop::at(Instant::now().checked_add(READ_MAX));
        let limits = Limits { rows_max: COLUMNS_MAX, bytes_max: self.limits().bytes_max };
        let look = Look { sql: sql.into(), params: Params::default(), limits, stop };
        perform(reader, look).await
    }
}

fn first(rows: &Rows) -> Option<Value> {
    if rows.is_empty() { None } else { rows.values(0).first().cloned() }
}
