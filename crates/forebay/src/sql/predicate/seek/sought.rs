//! The result of reading a statement for what it seeks, and the way to it.

use std::collections::BTreeSet;

use super::super::build::Builder;
use super::super::literal::operand;
use super::super::occurrence::{Collation, NotUnderstood, Operand};
use super::super::parse::Arena;
use super::super::scatter::{Written, written};
use super::super::schema::Schema;
use super::gather::gather;
use super::source::rows_of;

/// What a statement seeks.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Sought {
    /// Every occurrence of a base table that it reads, views and CTEs expanded.
    pub(crate) uses: Vec<Use>,
    /// What it writes.
    pub(crate) change: Option<Change>,
    /// Rows that the outermost query leaves out before it begins.
    pub(crate) offset: Option<Operand>,
}

/// One occurrence of a table.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Use {
    /// As in the catalogue.
    pub(crate) table: Box<str>,
    /// What has to be true of each of its rows that matters.
    pub(crate) terms: Vec<Term>,
    /// Each is an OR: of its arms, the terms of one have to be true.
    pub(crate) choices: Vec<Vec<Vec<Term>>>,
    /// The order in which rows are wanted.
    pub(crate) order: Vec<Ordered>,
    /// What rows are gathered by, in any order.
    pub(crate) groups: Vec<Key>,
    /// The columns that are read, by their place in CREATE TABLE; `None` for all of them.
    pub(crate) columns: Option<BTreeSet<u16>>,
}

/// One condition.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Term {
    /// `None` for a condition by which no row can be found.
    pub(crate) key: Option<Key>,
    pub(crate) sift: Sift,
    /// The condition as SQL over the columns of the table alone, if it names no parameter.
    pub(crate) condition: Option<String>,
}

/// What an index could hold: a column, or an expression over columns of one table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    /// The place in CREATE TABLE; `None` for an expression.
    pub(crate) column: Option<u16>,
    /// As SQL, without the table's name.
    pub(crate) sql: String,
    /// Given by COLLATE; otherwise that of the column.
    pub(crate) collation: Option<Collation>,
}

/// How a condition finds rows.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Sift {
    /// Equal to one value, which may be known.
    Equal(Option<Operand>),
    /// Equal to one of several.
    OneOf,
    /// Less or greater than a value.
    Range(Option<Operand>),
    NotNull,
    Null,
    /// LIKE, or GLOB.
    Like {
        is_glob: bool,
        pattern: Option<Operand>,
    },
    /// In no way; it may only be the condition of a partial index.
    Not,
}

/// A term of ORDER BY.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ordered {
    pub(crate) key: Key,
    pub(crate) is_descending: bool,
}

/// What a statement writes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Change {
    Insert {
        table: Box<str>,
    },
    /// The columns are places in CREATE TABLE.
    Update {
        table: Box<str>,
        columns: BTreeSet<u16>,
    },
    Delete {
        table: Box<str>,
    },
}

impl Change {
    /// The table that is written.
    pub(crate) fn table(&self) -> &str {
        match self {
            Change::Insert { table } | Change::Update { table, .. } | Change::Delete { table } => {
                table
            }
        }
    }
}

/// Reads a query, or a statement that writes a table.
pub(crate) fn sought(sql: &str, schema: &dyn Schema) -> Result<Sought, NotUnderstood> {
    let change = written(sql, schema).ok().map(change);
    let source = rows_of(sql)?;
    let Some(source) = source else {
        return match change {
            Some(_) => Ok(Sought { change, ..Sought::default() }),
            None => Err(NotUnderstood::because("it neither reads nor writes rows of a table")),
        };
    };
    let arena = Arena::default();
    let mut builder = Builder::new(schema, &arena);
    let query = builder.statement(&source)?;
    let offset = query.limit.and_then(|limit| {
        let behind = limit.offset.as_ref()?;
        operand(if query.is_offset_first { &limit.expr } else { behind })
    });
    let mut uses = gather(&query);
    if change.is_some() {
        // What is written is read too, and that is not part of the query.
        uses.iter_mut().for_each(|it| it.columns = None);
    }
    Ok(Sought { uses, change, offset })
}

fn change(written: Written) -> Change {
    match written {
        Written::Insert(inserted) => Change::Insert { table: inserted.table },
        Written::Target(target) if target.sets.is_empty() => Change::Delete { table: target.table },
        Written::Target(target) => Change::Update {
            table: target.table,
            columns: target.sets.iter().map(|(column, _)| *column).collect(),
        },
    }
}
