//! A query taken apart: blocks, each a QUERY of the tree with what stands in its FROM. Views and
//! CTEs are put in where they are named, subqueries where they stand. Nothing is judged here.

use super::catalogue::Relation;
use super::kind::Kind;
use super::node::{Node, Record};
use super::used::Used;

/// One QUERY.
#[derive(Debug)]
pub(super) struct Block<'t> {
    pub(super) query: &'t Record,
    /// By position in the range table.
    pub(super) leaves: Vec<Leaf<'t>>,
    pub(super) from: Join<'t>,
    /// Its rows are the rows of FROM that pass WHERE, one for one: no DISTINCT, groups,
    /// aggregates, window functions, functions that return sets, set operations or LIMIT.
    pub(super) is_plain: bool,
    /// The result columns, by position.
    pub(super) outputs: Vec<&'t Node>,
    /// Queries that are no leaves: in expressions, in CTEs that nobody names, and the branches
    /// of set operations.
    pub(super) children: Vec<Block<'t>>,
}

/// What stands at one position of the range table.
#[derive(Debug)]
pub(super) enum Leaf<'t> {
    Table(Table<'t>),
    /// A subquery, a view, or a CTE.
    Query(Box<Block<'t>>),
    /// A join, or the groups of version 18: its columns stand for these expressions.
    Alias(&'t [Node]),
    /// It reads no table by itself: a function, VALUES, the rows so far of a recursive CTE.
    Other,
}

/// A table in one place.
#[derive(Debug)]
pub(super) struct Table<'t> {
    pub(super) oid: u32,
    pub(super) relation: &'t Relation,
    pub(super) used: Used,
}

/// How the leaves are joined.
#[derive(Debug)]
pub(super) enum Join<'t> {
    Leaf(usize),
    /// Of any number, none included, under a condition.
    Inner(Vec<Join<'t>>, &'t Node),
    Outer {
        side: Side,
        left: Box<Join<'t>>,
        right: Box<Join<'t>>,
        on: &'t Node,
    },
}

/// Which side of an outer join is there without the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
    Both,
}

/// A column of a leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) leaf: usize,
    /// The attribute number minus one.
    pub(super) column: usize,
}

/// Joins through which one column is followed.
const STEPS_MAX: usize = 128;

impl<'t> Block<'t> {
    /// The column that an expression is, or whose values it has.
    pub(super) fn place(&self, node: &Node) -> Option<Place> {
        let mut node = node;
        for _ in 0..STEPS_MAX {
            let record = node.record()?;
            if record.name != "VAR" {
                node = same_value(record)?;
                continue;
            }
            if record.number("varlevelsup") != Some(0) {
                return None;
            }
            let position = |name| usize::try_from(record.number(name)?).ok()?.checked_sub(1);
            let (leaf, column) = (position("varno")?, position("varattno")?);
            match self.leaves.get(leaf)? {
                Leaf::Alias(columns) => node = columns.get(column)?,
                Leaf::Table(_) | Leaf::Query(_) => return Some(Place { leaf, column }),
                Leaf::Other => return None,
            }
        }
        None
    }

    /// The column of a table that a place is, through plain subqueries and views.
    pub(super) fn origin(&self, place: Place) -> Option<(&Table<'t>, usize)> {
        let mut block = self;
        let mut place = place;
        loop {
            match block.leaves.get(place.leaf)? {
                Leaf::Table(table) => return Some((table, place.column)),
                Leaf::Query(inner) if inner.is_plain => {
                    block = inner;
                    place = block.output(place.column)?;
                }
                Leaf::Query(_) | Leaf::Alias(_) | Leaf::Other => return None,
            }
        }
    }

    /// The column that a result column is.
    pub(super) fn output(&self, position: usize) -> Option<Place> {
        self.place(self.outputs.get(position)?)
    }

    /// How the values of a column compare, if that is known.
    pub(super) fn kind(&self, place: Place) -> Option<Kind> {
        let (table, column) = self.origin(place)?;
        table.kind(column)
    }
}

impl Table<'_> {
    pub(super) fn kind(&self, column: usize) -> Option<Kind> {
        let column = self.relation.column(column).filter(|column| !column.is_generated)?;
        Kind::of(column.type_oid)
    }
}

/// What an expression has the value of, whatever that is: a varchar as text or the other way
/// round, a whole number in more bytes, and what is only given another collation.
pub(super) fn same_value(record: &Record) -> Option<&Node> {
    use super::typing::{TEXT, VARCHAR};
    let is_text = |oid: Option<u32>| matches!(oid, Some(TEXT | VARCHAR));
    match record.name.as_str() {
        "COLLATEEXPR" => Some(record.field("arg")),
        "RELABELTYPE" => {
            let from = super::typing::of(record.field("arg"));
            (is_text(from) && is_text(record.oid("resulttype"))).then(|| record.field("arg"))
        }
        // int8(int4), int8(int2), int4(int2).
        "FUNCEXPR" if matches!(record.oid("funcid"), Some(481 | 754 | 313)) => {
            match record.list("args") {
                [only] => Some(only),
                _ => None,
            }
        }
        _ => None,
    }
}
