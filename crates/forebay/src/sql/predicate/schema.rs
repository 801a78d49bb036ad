//! What must be known of a database to read a query: the relations of its main schema by name.
//! Whoever implements `Schema` has read them before; nothing is asked of a database here.

use super::occurrence::{Affinity, Collation};

/// The relations of the main schema.
pub(crate) trait Schema {
    /// The relation of this name, in any ASCII case. A query that uses a name that is not here
    /// is not understood.
    fn relation(&self, name: &str) -> Option<Relation<'_>>;
}

/// What a name stands for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Relation<'a> {
    Table(&'a Table),
    /// With the text of its CREATE VIEW.
    View(&'a str),
    /// What is read in another way, such as a virtual table.
    Opaque,
}

/// An ordinary table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Table {
    pub name: Box<str>,
    /// In the order of CREATE TABLE, generated ones included.
    pub columns: Vec<TableColumn>,
    /// The column that is another name for the rowid.
    pub rowid: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TableColumn {
    pub name: Box<str>,
    pub affinity: Affinity,
    /// `None` for one that is not SQLite's own.
    pub collation: Option<Collation>,
    pub is_generated: bool,
}
