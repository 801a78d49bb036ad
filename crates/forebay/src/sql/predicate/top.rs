//! ORDER BY and LIMIT of a whole query, if they bound what can matter: a full page ends at some
//! value of the column it is ordered by first, and rows beyond that value come after the page,
//! before a change and after it.

use sqlite3_parser::ast::{Expr, Literal, SortOrder};

use super::block::{Block, Output, Query};
use super::expression::bare;
use super::literal::operand;
use super::occurrence::{Collation, Operand};
use super::place::{Place, may_be_made_up, plain};
use crate::value::Value;

/// A bound that the query would put on one of its columns.
#[derive(Clone, Debug)]
pub(super) struct Wish {
    pub(super) place: Place,
    /// Given by COLLATE; otherwise that of the column.
    pub(super) collation: Option<Collation>,
    pub(super) descending: bool,
    pub(super) output: usize,
    pub(super) limit: Operand,
}

/// What the outermost query orders by and where it ends.
pub(super) fn wish(query: &Query<'_>) -> Option<Wish> {
    let [block] = query.blocks.as_slice() else { return None };
    if !block.is_plain || block.has_right {
        return None;
    }
    let mut limit = constant(&query.limit?.expr)?;
    if let Some(offset) = &query.limit?.offset {
        let offset = constant(offset)?;
        if query.is_offset_first {
            limit = offset;
        }
    }
    let leading = query.order_by.first().filter(|term| term.nulls.is_none())?;
    let mut expr = bare(&leading.expr);
    let mut collation = None;
    if let Expr::Collate(inner, name) = expr {
        collation = Some(Collation::named(&plain(name))?);
        expr = bare(inner);
    }
    let place = ordered_by(expr, block)?;
    let outputs = block.outputs.as_ref()?;
    Some(Wish {
        place,
        collation,
        descending: leading.order == Some(SortOrder::Desc),
        output: outputs.iter().position(|output| output.place == Some(place))?,
        limit,
    })
}

/// A whole number or a parameter.
fn constant(expr: &Expr<'_>) -> Option<Operand> {
    operand(expr)
        .filter(|it| matches!(it, Operand::Parameter(_) | Operand::Literal(Value::Integer(_))))
}

/// The column that a term of ORDER BY means: the number of a result column, or the alias of one,
/// and only then a column of FROM.
pub(super) fn ordered_by(expr: &Expr<'_>, block: &Block<'_>) -> Option<Place> {
    let outputs = block.outputs.as_ref()?;
    match expr {
        Expr::Literal(Literal::Numeric(digits)) => {
            let number: usize = digits.parse().ok()?;
            outputs.get(number.checked_sub(1)?)?.place
        }
        Expr::Id(name) => {
            let name = plain(name.0);
            let names: Vec<_> = outputs.iter().map(|output| output.name.clone()).collect();
            if may_be_made_up(&name, &names) {
                return None;
            }
            let is_meant = |it: &&Output| it.is_alias && it.name.as_deref() == Some(&*name);
            match outputs.iter().find(is_meant) {
                Some(output) => output.place,
                None => block.place(expr),
            }
        }
        Expr::Qualified(..) => block.place(expr),
        _ => None,
    }
}
