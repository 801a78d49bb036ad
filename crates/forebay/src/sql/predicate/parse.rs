//! The only file that calls the parser: a text that was made ready becomes a syntax tree in an
//! arena. It judges nothing.

use std::panic::{AssertUnwindSafe, catch_unwind};

use sqlite3_parser::ast::{
    Cmd, ColumnConstraint, ColumnDefinition, CreateTableBody, Stmt, TabFlags,
};
use sqlite3_parser::lexer::sql::Parser;
use sqlite3_parser::{Bump, FallibleIterator};

use super::bind::{Bound, Mentions, bind};
use super::occurrence::{Collation, NotUnderstood};
use super::place::plain;

/// Where the syntax trees of one query live.
#[derive(Debug, Default)]
pub(super) struct Arena(Bump);

/// One statement.
#[derive(Debug)]
pub(super) struct Parsed<'b> {
    pub(super) statement: Stmt<'b>,
    /// In its LIMIT, count and offset are exchanged.
    pub(super) is_offset_first: bool,
}

/// The syntax tree of one statement.
pub(super) fn parse<'b>(
    sql: &str,
    arena: &'b Arena,
    mentions: &mut Mentions,
) -> Result<Parsed<'b>, NotUnderstood> {
    let Bound { text, is_offset_first } = bind(sql, mentions)?;
    let text = arena.0.alloc_str(&text);
    // A fault of the parser may cost precision, never an answer.
    let parsed = catch_unwind(AssertUnwindSafe(|| Parser::new(&arena.0, text.as_bytes()).next()));
    match parsed {
        Ok(Ok(Some(Cmd::Stmt(statement)))) => Ok(Parsed { statement, is_offset_first }),
        Ok(Ok(_)) => Err(NotUnderstood::because("it is not a query")),
        Ok(Err(error)) => Err(NotUnderstood::because(format!("the parser says: {error}"))),
        Err(_) => Err(NotUnderstood::because("the parser failed")),
    }
}

/// What a CREATE TABLE says that SQLite does not tell otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Declared {
    /// In order.
    pub(crate) columns: Vec<DeclaredColumn>,
    pub(crate) is_strict: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DeclaredColumn {
    /// In lower case.
    pub(crate) name: String,
    /// `None` for one that is not SQLite's own.
    pub(crate) collation: Option<Collation>,
    /// A type is given, if only an empty one in quotes.
    pub(crate) is_typed: bool,
}

/// Reads the text of a CREATE TABLE.
pub(crate) fn declared(create: &str) -> Option<Declared> {
    let arena = Arena::default();
    let parsed = parse(create, &arena, &mut Mentions::default()).ok()?;
    let Stmt::CreateTable { body, .. } = parsed.statement else { return None };
    let CreateTableBody::ColumnsAndConstraints { columns, flags, .. } = body else { return None };
    let collation = |constraint: &ColumnConstraint<'_>| match constraint {
        ColumnConstraint::Collate { collation_name } => {
            Some(Collation::named(&plain(collation_name.0)))
        }
        _ => None,
    };
    let column = |column: &ColumnDefinition<'_>| {
        // The last one counts.
        let given =
            column.constraints.iter().filter_map(|it| collation(&it.constraint)).next_back();
        DeclaredColumn {
            name: plain(column.col_name.0),
            collation: given.unwrap_or(Some(Collation::Binary)),
            is_typed: column.col_type.is_some(),
        }
    };
    Some(Declared {
        columns: columns.iter().map(column).collect(),
        is_strict: flags.contains(TabFlags::Strict),
    })
}
