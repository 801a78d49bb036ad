//! A query taken apart: blocks, which are single SELECTs, and the leaves of their FROM. It is
//! what remains of the syntax tree once names of relations are resolved; nothing is judged here.

use sqlite3_parser::ast::{Expr, Limit, ResultColumn, SortedColumn};

use super::place::Place;
use super::schema::Table;

/// A SELECT with everything around it: set operations, ORDER BY and LIMIT.
#[derive(Debug, Default)]
pub(super) struct Query<'b> {
    /// More than one if they are joined by set operations.
    pub(super) blocks: Vec<Block<'b>>,
    pub(super) order_by: &'b [SortedColumn<'b>],
    pub(super) limit: Option<&'b Limit<'b>>,
    /// In LIMIT, count and offset are exchanged. It is known of whole statements only.
    pub(super) is_offset_first: bool,
    /// Subqueries in ORDER BY and LIMIT.
    pub(super) children: Vec<Query<'b>>,
    /// What the result columns are called; `None` if that cannot be told.
    pub(super) names: Option<Vec<Option<String>>>,
}

/// One SELECT.
#[derive(Debug, Default)]
pub(super) struct Block<'b> {
    pub(super) leaves: Vec<Leaf<'b>>,
    pub(super) from: Option<Node<'b>>,
    /// There is a RIGHT or FULL JOIN.
    pub(super) has_right: bool,
    /// There is a NATURAL join or USING: an unqualified name may stand for two columns at once.
    pub(super) has_using: bool,
    /// Parentheses in FROM hide or rename tables: no name is certain.
    pub(super) is_unclear: bool,
    /// The columns that USING names.
    pub(super) using: Vec<String>,
    pub(super) filter: Option<&'b Expr<'b>>,
    /// As they are written.
    pub(super) columns: &'b [ResultColumn<'b>],
    pub(super) groups: &'b [Expr<'b>],
    pub(super) is_distinct: bool,
    /// Every expression in it, but for what is in its subqueries.
    pub(super) exprs: Vec<&'b Expr<'b>>,
    /// Its rows are the rows of FROM that pass WHERE, one for one: no DISTINCT, groups,
    /// aggregates, or window functions.
    pub(super) is_plain: bool,
    /// The result columns; `None` if it cannot be told where each comes from.
    pub(super) outputs: Option<Vec<Output>>,
    /// Subqueries in expressions.
    pub(super) children: Vec<Query<'b>>,
}

/// What stands at one place in FROM.
#[derive(Debug)]
pub(super) struct Leaf<'b> {
    /// The name that it goes by in the block, in lower case; empty if it has none.
    pub(super) alias: String,
    /// The names of its columns; `None` if they are not known.
    pub(super) names: Option<Vec<Option<String>>>,
    pub(super) source: Source<'b>,
}

#[derive(Debug)]
pub(super) enum Source<'b> {
    Table(&'b Table),
    /// A subquery, a view, or a CTE.
    Query(Query<'b>),
    /// The rows that a recursive CTE has so far.
    Recursion,
}

/// How the leaves are joined.
#[derive(Debug)]
pub(super) enum Node<'b> {
    Leaf(usize),
    Inner(Box<Node<'b>>, Box<Node<'b>>, Option<&'b Expr<'b>>),
    Left(Box<Node<'b>>, Box<Node<'b>>, Option<&'b Expr<'b>>),
    /// RIGHT or FULL.
    Right(Box<Node<'b>>, Box<Node<'b>>),
}

/// One result column.
#[derive(Clone, Debug)]
pub(super) struct Output {
    pub(super) name: Option<String>,
    /// ORDER BY finds it by this name before it looks for columns.
    pub(super) is_alias: bool,
    /// The column that it is.
    pub(super) place: Option<Place>,
}

impl<'b> Query<'b> {
    /// Its only block, if its rows are those of the block: then a comparison on its result is the
    /// same as one within.
    pub(super) fn plain(&self) -> Option<&Block<'b>> {
        match self.blocks.as_slice() {
            [block] if block.is_plain && self.limit.is_none() => Some(block),
            _ => None,
        }
    }
}

impl<'b> Block<'b> {
    /// The column of a table that a place is, through plain subqueries and views.
    pub(super) fn origin(&self, place: Place) -> Option<(&'b Table, usize)> {
        let mut block = self;
        let mut place = place;
        loop {
            match &block.leaves[place.leaf].source {
                Source::Table(table) => return Some((table, place.column)),
                Source::Query(query) => {
                    block = query.plain()?;
                    place = block.outputs.as_ref()?.get(place.column)?.place?;
                }
                Source::Recursion => return None,
            }
        }
    }
}
