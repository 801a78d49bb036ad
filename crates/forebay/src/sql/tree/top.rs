//! ORDER BY and LIMIT of a whole statement, if they bound what can matter: a full page ends at
//! some value of the column it is ordered by first, and rows beyond that value come after the
//! page, before a change and after it. Only columns of whole numbers are bounded.

use super::block::{Block, Place, Table};
use super::fact::FactReader;
use super::kind::Kind;
use super::node::{Node, Record};
use super::operator::{Comparison, operator};
use super::typing::{BOOL, INT8};
use crate::sql::{Collation, Operand, Top};
use crate::value::Value;

/// A bound that the statement would put on one of its columns.
#[derive(Clone, Debug)]
pub(super) struct Wish {
    pub(super) place: Place,
    pub(super) descending: bool,
    pub(super) output: usize,
    pub(super) limit: Operand,
    /// NULL is ordered as the lowest value, as the dependency index does it. Otherwise the column
    /// must hold none.
    pub(super) holds_for_null: bool,
}

/// What the outermost query orders by and where it ends.
pub(super) fn wish(block: &Block<'_>, reader: FactReader<'_>) -> Option<Wish> {
    let query = block.query;
    if !query.has("limitCount") || query.number("limitOption") != Some(0) || !is_page(query) {
        return None;
    }
    let limit = reader.limit(query.field("limitCount"))?;
    let term = query.list("sortClause").first()?.named("SORTGROUPCLAUSE")?;
    let reference = term.number("tleSortGroupRef").filter(|reference| *reference > 0);
    let targets = query.list("targetList").iter().filter_map(Node::record);
    let mut meant = targets.filter(|target| target.number("ressortgroupref") == reference);
    let (Some(target), None) = (meant.next(), meant.next()) else { return None };
    let place = block.place(target.field("expr"))?;
    let operator = operator(term.oid("sortop")?)?;
    let descending = match operator.comparison {
        Comparison::Less => false,
        Comparison::Greater => true,
        _ => return None,
    };
    if operator.kind != Kind::Integer || operator.left == BOOL || operator.left != operator.right {
        return None;
    }
    let is_null_first = term.is_true("nulls_first");
    let output = (0..block.outputs.len()).find(|at| block.output(*at) == Some(place))?;
    let holds_for_null = is_null_first != descending;
    Some(Wish { place, descending, output, limit, holds_for_null })
}

/// Whether the rows are those of FROM and WHERE, one for one, but for the end of the page.
pub(super) fn is_page(query: &Record) -> bool {
    let flags = ["hasAggs", "hasWindowFuncs", "hasTargetSRFs", "hasDistinctOn"];
    let clauses = ["distinctClause", "groupClause", "groupingSets", "havingQual", "setOperations"];
    flags.iter().all(|flag| query.text(flag) == Some("false"))
        && !query.has("windowClause")
        && !clauses.iter().any(|clause| query.has(clause))
}

/// The bound on a column of a table.
pub(super) fn top(wish: &Wish, table: &Table<'_>) -> Option<Top> {
    let number = wish.place.column;
    let kind = table.kind(number).filter(|kind| *kind == Kind::Integer)?;
    Some(Top {
        column: u16::try_from(number).ok()?,
        affinity: kind.affinity(),
        collation: Collation::Binary,
        descending: wish.descending,
        output: wish.output,
        limit: wish.limit.clone(),
    })
}

impl FactReader<'_> {
    /// A number of rows that is written down or a parameter.
    fn limit(self, node: &Node) -> Option<Operand> {
        let operand = self.constant(node, Kind::Integer)?;
        let is_number = match &operand {
            Operand::Literal(Value::Integer(_)) => true,
            Operand::Literal(_) => false,
            Operand::Parameter(_) => super::typing::of(node) == Some(INT8),
        };
        is_number.then_some(operand)
    }
}
