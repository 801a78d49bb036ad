//! The tables of the stream: what a message about one of their rows needs to be understood. It
//! keeps no row.

use super::catalogue::Catalogue;
use super::kind::Kind;
use super::message::{ColumnDescription, Description};

/// A table that the stream has described.
#[derive(Debug)]
pub(super) struct Relation {
    oid: u32,
    namespace: Box<[u8]>,
    name: Box<[u8]>,
    identity: u8,
    columns: Box<[Column]>,
    pub(super) meaning: Meaning,
}

#[derive(Debug)]
struct Column {
    is_key: bool,
    name: Box<[u8]>,
    type_oid: u32,
}

/// What the rows of a table mean for the index.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Rows of this table, column by column.
    Rows(Mapping),
    /// Something in this table.
    Whole(Box<str>),
    /// Something somewhere: it is not known which partitioned table it belongs to.
    Anything,
}

/// Where the values of a table of the index stand in the rows of the stream.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mapping {
    /// The name in the index: the number of the table, of a partition that of the root.
    pub(super) table: Box<str>,
    /// By column number, the position in the messages. Dropped and generated columns have none.
    pub(super) positions: Box<[Option<u16>]>,
    /// By position.
    pub(super) kinds: Box<[Kind]>,
}

impl Relation {
    pub(super) fn new(described: &Description<'_>, catalogue: Option<&Catalogue>) -> Relation {
        let column = |column: &ColumnDescription<'_>| Column {
            is_key: column.is_key,
            name: column.name.into(),
            type_oid: column.type_oid,
        };
        Relation {
            oid: described.oid,
            namespace: described.namespace.into(),
            name: described.name.into(),
            identity: described.identity,
            columns: described.columns.iter().map(column).collect(),
            meaning: meaning(described, catalogue),
        }
    }

    /// Finds out anew what the rows mean.
    pub(super) fn resolve(&mut self, catalogue: Option<&Catalogue>) {
        let column = |column: &Column| (column.is_key, column.name.clone(), column.type_oid);
        let columns: Vec<_> = self.columns.iter().map(column).collect();
        let columns = columns.iter().map(|(is_key, name, type_oid)| ColumnDescription {
            is_key: *is_key,
            name,
            type_oid: *type_oid,
        });
        let described = Description {
            oid: self.oid,
            namespace: &self.namespace,
            name: &self.name,
            identity: self.identity,
            columns: columns.collect(),
        };
        self.meaning = meaning(&described, catalogue);
    }

    pub(super) fn width(&self) -> usize {
        self.columns.len()
    }

    /// Whether an update without an old image means that the column at this position has not
    /// changed. Where the identity is the whole row there always is an image.
    pub(super) fn is_kept_without_image(&self, position: usize) -> bool {
        let has_key = matches!(self.identity, b'd' | b'i');
        has_key && self.columns.get(position).is_some_and(|column| column.is_key)
    }
}

fn meaning(described: &Description<'_>, catalogue: Option<&Catalogue>) -> Meaning {
    catalogue.map_or(Meaning::Anything, |catalogue| catalogue.meaning(described))
}
