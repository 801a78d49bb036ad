//! Tables, indexes and foreign keys of a schema, as far as checks need them. It reads nothing.

/// A table, not a virtual one.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    pub(super) name: String,
    /// The column that the rowid goes by, too.
    pub(super) rowid_alias: Option<String>,
    pub(super) has_rowid: bool,
    /// Whether it has rows enough for an index to matter.
    pub(super) is_large: bool,
}

/// An index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Index {
    pub(crate) table: String,
    pub(crate) name: String,
    /// Its name as it stands in SQL.
    pub(crate) sql: String,
    pub(crate) is_unique: bool,
    /// Made by CREATE INDEX, and not by a constraint.
    pub(crate) is_own: bool,
    pub(crate) is_partial: bool,
    pub(crate) keys: Vec<Key>,
}

/// One column of an index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Key {
    /// `None` for an expression.
    pub(crate) column: Option<String>,
    pub(crate) is_descending: bool,
    /// By what else it differs from others of the column: collation, operators, method.
    pub(crate) order: String,
}

/// A foreign key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Reference {
    pub(super) table: String,
    /// The table's name as it stands in SQL.
    pub(super) sql: String,
    pub(super) columns: Vec<String>,
    pub(super) parent: String,
}

/// What is in a database: of SQLite, the schema `main`.
#[derive(Clone, Debug, Default)]
pub(super) struct Schema {
    /// The word that lets others write while an index is made or dropped, with a space before it.
    pub(super) concurrently: &'static str,
    pub(super) tables: Vec<Table>,
    pub(super) indexes: Vec<Index>,
    pub(super) references: Vec<Reference>,
}

/// Rows from which on it matters how a table is read.
pub(super) const LARGE_ROWS: u64 = 1_000;

impl Schema {
    pub(super) fn table(&self, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.name.eq_ignore_ascii_case(name))
    }

    pub(super) fn indexes_of<'s>(&'s self, table: &'s str) -> impl Iterator<Item = &'s Index> {
        self.indexes.iter().filter(move |index| index.table.eq_ignore_ascii_case(table))
    }
}

/// A name as it stands in SQL.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Whether an object has this name. One of PostgreSQL has its schema before it, which those in
/// `public` may do without.
pub(super) fn is_named(object: &str, name: &str) -> bool {
    let bare = object.strip_prefix("public.").unwrap_or(object);
    object.eq_ignore_ascii_case(name) || bare.eq_ignore_ascii_case(name)
}
