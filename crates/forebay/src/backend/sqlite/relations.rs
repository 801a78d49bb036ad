//! The relations that a statement names, as reading its predicates needs them: columns with
//! affinity and collation, and the texts of views. Only what is named is read, so that it stays
//! cheap however large the schema is. It knows the main schema only.

use std::collections::{BTreeSet, HashMap};

use rusqlite::Connection;

use crate::sql::{
    Affinity, Collation, Declared, Relation, Schema, Table, TableColumn, declared, identifiers,
};

/// Relations by name, in lower case.
///
/// None by default: then every table of a statement counts as a whole.
#[derive(Debug, Default)]
pub(crate) struct Relations {
    stored: HashMap<String, Stored>,
    /// The text encoding of the database; others than UTF-8 order and shorten texts differently.
    pub(crate) is_utf8: bool,
}

#[derive(Debug)]
enum Stored {
    Table(Table),
    View(String),
    Opaque,
}

impl Schema for Relations {
    fn relation(&self, name: &str) -> Option<Relation<'_>> {
        Some(match self.stored.get(&name.to_ascii_lowercase())? {
            Stored::Table(table) => Relation::Table(table),
            Stored::View(text) => Relation::View(text),
            Stored::Opaque => Relation::Opaque,
        })
    }
}

impl Relations {
    /// Reads what `sql` names, and what the views among it name. The connection must be in the
    /// snapshot that the statement was analysed in. Cost: a pass over the schema table, one more
    /// for each level of views, and about 30 µs per table that is named.
    pub(super) fn read(connection: &Connection, sql: &str) -> rusqlite::Result<Relations> {
        let mut encoding = connection.prepare_cached("PRAGMA main.encoding")?;
        let is_utf8 = encoding.query_row([], |row| Ok(row.get_ref(0)?.as_str()? == "UTF-8"))?;
        let mut stored = HashMap::new();
        let mut wanted = identifiers(sql);
        while !wanted.is_empty() {
            let found = listed(connection, &wanted)?;
            wanted.clear();
            for (name, relation) in found {
                if let Stored::View(text) = &relation {
                    wanted.extend(identifiers(text));
                }
                stored.insert(name, relation);
            }
            wanted.retain(|name| !stored.contains_key(name));
        }
        Ok(Relations { stored, is_utf8 })
    }
}

/// The relations of the main schema that have one of these names.
fn listed(
    connection: &Connection,
    names: &BTreeSet<String>,
) -> rusqlite::Result<Vec<(String, Stored)>> {
    let mut listing = connection.prepare_cached(
        "SELECT name, type, rootpage, sql FROM main.sqlite_schema WHERE type IN ('table', 'view')",
    )?;
    let mut rows = listing.raw_query();
    let mut found = Vec::new();
    let mut folded = String::new();
    while let Some(row) = rows.next()? {
        let name = row.get_ref(0)?.as_str().unwrap_or_default();
        folded.clear();
        folded.push_str(name);
        folded.make_ascii_lowercase();
        if !names.contains(&folded) {
            continue;
        }
        let text = row.get_ref(3)?.as_str().unwrap_or_default();
        let relation = match row.get_ref(1)?.as_str() {
            Ok("view") => Stored::View(text.to_owned()),
            Ok("table") if row.get::<_, i64>(2)? > 0 && !folded.starts_with("sqlite_") => {
                table(connection, name, text)?.map_or(Stored::Opaque, Stored::Table)
            }
            _ => Stored::Opaque,
        };
        found.push((folded.clone(), relation));
    }
    Ok(found)
}

/// A table with its columns. `None` where the text and what SQLite makes of it do not agree.
fn table(connection: &Connection, name: &str, text: &str) -> rusqlite::Result<Option<Table>> {
    let Some(Declared { columns: written, is_strict }) = declared(text) else {
        return Ok(None);
    };
    let mut listing = connection
        .prepare_cached("SELECT name, type, pk, hidden FROM pragma_table_xinfo(?1, 'main')")?;
    let mut rows = listing.query([name])?;
    let mut columns = Vec::new();
    let mut keys = Vec::new();
    while let Some(row) = rows.next()? {
        // A name that is no text matches none that is written.
        let column = row.get_ref(0)?.as_str().unwrap_or_default();
        let declared = row.get_ref(1)?.as_str().unwrap_or_default();
        let (key, hidden): (i64, i64) = (row.get(2)?, row.get(3)?);
        let Some(written) = written
            .get(columns.len())
            .filter(|written| written.name == column.to_ascii_lowercase() && hidden != 1)
        else {
            return Ok(None);
        };
        if key > 0 {
            keys.push((columns.len(), declared.eq_ignore_ascii_case("integer")));
        }
        columns.push(TableColumn {
            affinity: match written.is_typed {
                true => affinity(declared, is_strict),
                false => Affinity::Blob,
            },
            name: column.into(),
            collation: written.collation,
            is_generated: hidden != 0,
        });
    }
    if columns.len() != written.len() {
        return Ok(None);
    }
    let rowid = match keys.as_slice() {
        [(column, true)] if !has_key_index(connection, name)? => Some(*column),
        _ => None,
    };
    if let Some(rowid) = rowid {
        // The rowid is compared as a number, whatever collation the column is given.
        columns[rowid].collation = Some(Collation::Binary);
    }
    let rowid = rowid.and_then(|column| u16::try_from(column).ok());
    Ok(Some(Table { name: name.into(), columns, rowid }))
}

/// Whether the primary key has an index, or is the table: then no column is the rowid.
fn has_key_index(connection: &Connection, name: &str) -> rusqlite::Result<bool> {
    let mut asking = connection
        .prepare_cached("SELECT 1 FROM pragma_index_list(?1, 'main') WHERE origin = 'pk'")?;
    asking.exists([name])
}

/// The affinity that SQLite derives from a declared type: the words count in the order in which
/// they end, and a later one may win.
fn affinity(declared: &str, is_strict: bool) -> Affinity {
    let declared = declared.to_ascii_lowercase();
    if is_strict && declared == "any" {
        return Affinity::Blob;
    }
    let mut affinity = Affinity::Numeric;
    for end in 1..=declared.len() {
        let read = &declared.as_bytes()[..end];
        let is_open = affinity == Affinity::Numeric;
        if [&b"char"[..], b"clob", b"text"].iter().any(|word| read.ends_with(word)) {
            affinity = Affinity::Text;
        } else if read.ends_with(b"blob") && (is_open || affinity == Affinity::Real) {
            affinity = Affinity::Blob;
        } else if is_open && [&b"real"[..], b"floa", b"doub"].iter().any(|w| read.ends_with(w)) {
            affinity = Affinity::Real;
        } else if read.ends_with(b"int") {
            return Affinity::Integer;
        }
    }
    affinity
}

#[cfg(test)]
mod tests;
