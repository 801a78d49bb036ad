//! What a write does to each table, as far as it matters for telling the rows that it changes:
//! which tables it empties as a whole, and of which changes the update hook keeps silent.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;
use rusqlite::{Connection, ErrorCode};

use super::analysis::Program;
use super::capture::Means;
use super::observe::Observed;
use crate::sql::may_replace;

/// Tables whose facts are remembered; all are forgotten together.
const FACTS_MAX: usize = 1_000;

/// The tables that one statement may write.
#[derive(Clone, Debug, Default)]
pub(super) struct Footprint {
    pub(super) tables: Vec<Written>,
    /// What may write others, too.
    pub(super) beyond: Beyond,
}

/// What writes tables that are not listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Beyond {
    #[default]
    Nothing,
    /// Virtual tables, whose own rows SQLite counts, too.
    Virtual,
    /// Virtual tables that do it when a transaction ends.
    End,
}

/// One table that a statement may write.
#[derive(Clone, Debug)]
pub(super) struct Written {
    pub(super) name: Box<str>,
    /// Why its changed rows are not told as they are, if so: then all of it counts as changed.
    pub(super) whole: Option<Whole>,
    /// Reads one of its rows by rowid; `None` when the update hook does not tell all of them.
    pub(super) select: Option<Arc<str>>,
}

/// Why a write counts as a change of every row of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whole {
    /// All its rows are deleted at once, and none is told.
    Cleared,
    /// Rows are copied from table to table as they lie, and so the hook shows them: without the
    /// defaults of columns that the other table has got later.
    Copied,
    /// Its key has a column twice. The hook takes rows apart into as many values as there are
    /// columns, and loses the last ones then.
    LongKey,
    /// Texts are not in UTF-8: two that differ may come out as the same bytes.
    Encoding,
    /// Its columns and keys cannot be asked for: they have names that are not UTF-8, or something
    /// in the schema is called like the functions that list them.
    Unlisted,
}

impl Whole {
    /// The reason, in words.
    pub(super) fn because(self) -> &'static str {
        match self {
            Whole::Cleared => "all rows are deleted at once",
            Whole::Copied => "SQLite copies rows without taking them apart",
            Whole::LongKey => "its key has a column twice",
            Whole::Encoding => "the database is not in UTF-8",
            Whole::Unlisted => "its columns cannot be listed",
        }
    }
}

/// What is known about tables, under one schema.
#[derive(Debug, Default)]
pub(super) struct Facts {
    schema: i64,
    /// `None` for those that cannot be told.
    tables: HashMap<Box<str>, Option<Arc<Fact>>, RandomState>,
}

/// One table, or a view with triggers.
#[derive(Debug)]
struct Fact {
    /// It has no rows of its own; its triggers write others.
    is_view: bool,
    select: Option<Arc<str>>,
    /// The column that is another name of the rowid.
    alias: Option<Box<str>>,
    /// A row can stand in the way of another one with another rowid.
    is_unique: bool,
    /// A constraint or a trigger may replace rows.
    may_replace: bool,
    /// Its key, as it is stored, is longer than its columns are many.
    has_long_key: bool,
    /// A column has a default, which may be what rows of before it have in its place.
    has_default: bool,
    is_utf8: bool,
}

impl Footprint {
    /// Of a statement that writes tables and clears some of them, without telling rows.
    pub(super) fn of(observed: &Observed, program: &Program, cleared: &[&str]) -> Footprint {
        let is_cleared = |name: &str| cleared.iter().any(|table| table.eq_ignore_ascii_case(name));
        let written = |name: &str| Written {
            name: name.into(),
            whole: is_cleared(name).then_some(Whole::Cleared),
            select: None,
        };
        let tables = observed.writes.iter().map(|name| written(name)).collect();
        let beyond = if program.virtual_table { Beyond::Virtual } else { Beyond::Nothing };
        Footprint { tables, beyond }
    }

    /// Finds out of which tables the changed rows are not told as they are. Must be called in the
    /// snapshot in which the statement was prepared as `program`.
    pub(super) fn find_whole(
        &mut self,
        connection: &Connection,
        facts: &mut Facts,
        schema: i64,
        program: &Program,
        means: Means,
    ) -> rusqlite::Result<()> {
        for table in self.tables.iter_mut().filter(|table| table.whole.is_none()) {
            let Some(fact) = facts.of(connection, schema, &table.name)? else {
                table.whole = Some(Whole::Unlisted);
                continue;
            };
            table.whole = match means {
                _ if !fact.is_utf8 => Some(Whole::Encoding),
                Means::Hook if program.copies_rows() && fact.has_default => Some(Whole::Copied),
                Means::Hook if fact.has_long_key => Some(Whole::LongKey),
                _ => None,
            };
        }
        Ok(())
    }

    /// Finds out how the rows can be read again that the statement changes. Must be called in the
    /// snapshot in which it was prepared as `program`.
    pub(super) fn find_rows(
        &mut self,
        connection: &Connection,
        facts: &mut Facts,
        schema: i64,
        sql: &str,
        observed: &Observed,
        program: &Program,
    ) -> rusqlite::Result<()> {
        if program.drops_silently() {
            return Ok(());
        }
        let known = self
            .tables
            .iter()
            .map(|table| facts.of(connection, schema, &table.name))
            .collect::<rusqlite::Result<Vec<_>>>()?;
        let is_replacing = |fact: &Option<Arc<Fact>>| fact.as_ref().is_none_or(|it| it.may_replace);
        let replaces = may_replace(sql) || known.iter().any(is_replacing);
        for (table, fact) in self.tables.iter_mut().zip(&known) {
            let Some(fact) = fact else { continue };
            let is_moved = observed.updates.iter().any(|(name, column)| {
                name.eq_ignore_ascii_case(&table.name) && fact.is_rowid(column)
            });
            let is_silent = is_moved || (replaces && fact.is_unique);
            table.select = fact.select.clone().filter(|_| !is_silent);
        }
        let mut known = known.iter();
        let is_view = |fact: &Option<Arc<Fact>>| fact.as_ref().is_some_and(|it| it.is_view);
        self.tables.retain(|_| !known.next().is_some_and(is_view));
        Ok(())
    }

    /// Of a statement that ends a transaction or savepoint: a virtual table may write only then.
    pub(super) fn of_an_end() -> Footprint {
        Footprint { tables: Vec::new(), beyond: Beyond::End }
    }

    /// Bytes that it takes, about.
    pub(super) fn size(&self) -> usize {
        let select = |table: &Written| table.select.as_ref().map_or(0, |select| select.len());
        let written = |table: &Written| size_of::<Written>() + table.name.len() + select(table);
        size_of::<Footprint>() + self.tables.iter().map(written).sum::<usize>()
    }

    pub(super) fn find(&self, table: &str) -> Option<&Written> {
        self.tables.iter().find(|known| *known.name == *table)
    }
}

impl Facts {
    /// The facts of a table; `None` if they cannot be told.
    fn of(
        &mut self,
        connection: &Connection,
        schema: i64,
        table: &str,
    ) -> rusqlite::Result<Option<Arc<Fact>>> {
        if self.schema != schema || self.tables.len() >= FACTS_MAX {
            self.tables.clear();
            self.schema = schema;
        }
        if let Some(fact) = self.tables.get(table) {
            return Ok(fact.clone());
        }
        let fact = match Fact::read(connection, table) {
            Ok(fact) => Some(Arc::new(fact)),
            // What stops a statement says nothing about the table.
            Err(error @ rusqlite::Error::SqliteFailure(..)) if !is_of_schema(&error) => {
                return Err(error);
            }
            Err(_) => None,
        };
        self.tables.insert(table.into(), fact.clone());
        Ok(fact)
    }
}

impl Fact {
    fn read(connection: &Connection, table: &str) -> rusqlite::Result<Fact> {
        let (is_view, is_rowid_table) = connection
            .prepare_cached(
                "SELECT type = 'view', type = 'table' AND NOT wr FROM pragma_table_list(?1)
                 WHERE schema = 'main'",
            )?
            .query_map([table], |row| Ok((row.get::<_, bool>(0)?, row.get::<_, bool>(1)?)))?
            .next()
            .transpose()?
            .unwrap_or((false, false));
        let mut columns: Vec<Box<str>> = Vec::new();
        let mut keys: Vec<(Box<str>, bool)> = Vec::new();
        let mut has_default = false;
        let mut listing = connection.prepare_cached(
            "SELECT name, type, pk, dflt_value IS NOT NULL FROM pragma_table_xinfo(?1, 'main')",
        )?;
        let mut rows = listing.query([table])?;
        while let Some(row) = rows.next()? {
            let name: Box<str> = row.get(0)?;
            has_default |= row.get::<_, bool>(3)?;
            if row.get::<_, i64>(2)? > 0 {
                let declared: String = row.get(1)?;
                keys.push((name.clone(), declared.eq_ignore_ascii_case("INTEGER")));
            }
            columns.push(name);
        }
        drop(rows);
        // `INTEGER PRIMARY KEY DESC` is no alias, by a quirk; taking it for one costs precision.
        let alias = match &keys[..] {
            [(name, true)] if is_rowid_table => Some(name.clone()),
            _ => None,
        };
        let is_unique = connection
            .prepare_cached("SELECT 1 FROM pragma_index_list(?1, 'main') WHERE \"unique\"")?
            .exists([table])?;
        let select = rowid_name(&columns).filter(|_| is_rowid_table).map(|rowid| {
            let table = table.replace('"', "\"\"");
            format!("SELECT * FROM main.\"{table}\" WHERE {rowid} = ?1").into()
        });
        let may_replace = may_be_replaced(connection, table)?;
        let is_utf8 = connection
            .prepare_cached("PRAGMA main.encoding")?
            .query_row([], |row| Ok(row.get_ref(0)?.as_str()? == "UTF-8"))?;
        let has_long_key = stored_key(connection, table)? > columns.len() as i64;
        Ok(Fact {
            is_view,
            select,
            alias,
            is_unique,
            may_replace,
            has_long_key,
            has_default,
            is_utf8,
        })
    }

    /// Whether a column that an UPDATE sets is the rowid.
    fn is_rowid(&self, column: &str) -> bool {
        column.eq_ignore_ascii_case("ROWID")
            || self.alias.as_ref().is_some_and(|alias| alias.eq_ignore_ascii_case(column))
    }
}

/// Whether a question was refused for what stands in the schema, and not for want of a lock, of
/// memory or of time.
fn is_of_schema(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::Unknown)
}

/// A name of the rowid that no column has taken.
fn rowid_name(columns: &[Box<str>]) -> Option<&'static str> {
    let is_taken = |name: &str| columns.iter().any(|column| column.eq_ignore_ascii_case(name));
    ["rowid", "_rowid_", "oid"].into_iter().find(|name| !is_taken(name))
}

/// Columns of the index that a primary key is: of a table without rowid, all of its row.
fn stored_key(connection: &Connection, table: &str) -> rusqlite::Result<i64> {
    connection
        .prepare_cached(
            "SELECT count(*) FROM pragma_index_list(?1, 'main') AS list,
             pragma_index_xinfo(list.name, 'main') WHERE list.origin = 'pk'",
        )?
        .query_row([table], |row| row.get(0))
}

/// Whether what belongs to `table` in the schema, its triggers above all, may replace rows.
fn may_be_replaced(connection: &Connection, table: &str) -> rusqlite::Result<bool> {
    let mut listing = connection.prepare_cached(
        "SELECT sql FROM main.sqlite_schema WHERE tbl_name = ?1 COLLATE NOCASE AND sql IS NOT NULL",
    )?;
    let mut rows = listing.query([table])?;
    while let Some(row) = rows.next()? {
        if may_replace(row.get_ref(0)?.as_str().unwrap_or_default()) {
            return Ok(true);
        }
    }
    Ok(false)
}
