//! Queries whose rows are rows of the table: each database answers its own, and what has to be
//! known to put them in order.

use sqlite3_parser::ast::{Expr, NullsOrder, ResultColumn, SortOrder, SortedColumn};

use super::super::expression::{bare, walk};
use super::super::literal::operand;
use super::super::occurrence::NotUnderstood;
use super::print::refuse;
use super::single::Parts;

/// Rows of the table, one for one.
#[derive(Clone, Debug)]
pub(crate) struct PlainRows {
    pub(crate) is_ordered: bool,
    /// What the rows are ordered by first, if that is a column under its own collation.
    pub(crate) leading: Option<Leading>,
    /// The columns of the table that are used, by their place.
    pub(crate) used: Vec<u16>,
    /// ORDER BY with columns of the table, to be used where only they are answered.
    pub(crate) order: String,
}

/// A column that rows are ordered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Leading {
    pub(crate) column: u16,
    pub(crate) is_descending: bool,
}

impl PlainRows {
    pub(super) fn of(parts: &Parts<'_>) -> Result<PlainRows, NotUnderstood> {
        for column in parts.columns {
            match column {
                ResultColumn::Expr(expr, _) => {
                    parts.printer.print(expr)?;
                }
                ResultColumn::Star | ResultColumn::TableStar(_) => {}
            }
        }
        Ok(PlainRows {
            is_ordered: !parts.order_by.is_empty(),
            leading: parts.order_by.first().and_then(|term| leading(parts, term)),
            used: used(parts),
            order: order(parts)?,
        })
    }
}

fn leading(parts: &Parts<'_>, term: &SortedColumn<'_>) -> Option<Leading> {
    let expr = parts.meant(&term.expr);
    let column = parts.printer.place(expr)?;
    let is_descending = term.order == Some(SortOrder::Desc);
    Some(Leading { column, is_descending })
}

impl<'b> Parts<'b> {
    /// What a term of ORDER BY stands for: an alias and a number mean a result column.
    pub(super) fn meant<'e>(&'e self, term: &'e Expr<'b>) -> &'e Expr<'b> {
        // Behind a star, numbers count its columns.
        match self.output(term).filter(|_| !self.has_star() || matches!(bare(term), Expr::Id(_))) {
            Some(index) => match &self.columns[index] {
                ResultColumn::Expr(expr, _) => expr,
                _ => term,
            },
            None => term,
        }
    }
}

/// Every column that the query uses; all where it has a star.
fn used(parts: &Parts<'_>) -> Vec<u16> {
    let table = parts.printer.table;
    let all = 0..u16::try_from(table.columns.len()).unwrap_or(u16::MAX);
    if parts.has_star() {
        return all.collect();
    }
    let mut used = Vec::new();
    let outputs = parts.columns.iter().filter_map(|column| match column {
        ResultColumn::Expr(expr, _) => Some(expr),
        _ => None,
    });
    // The condition is applied again to what they answer.
    let sorted = parts.order_by.iter().map(|term| &term.expr);
    for expr in outputs.chain(sorted).chain(parts.filter) {
        walk(expr, |part| used.extend(parts.printer.place(part)));
    }
    used.sort_unstable();
    used.dedup();
    used
}

fn order(parts: &Parts<'_>) -> Result<String, NotUnderstood> {
    let mut terms = Vec::new();
    for term in parts.order_by {
        let expr = parts.meant(&term.expr);
        if std::ptr::eq(expr, &raw const term.expr) && operand(expr).is_some() {
            return refuse("it is ordered by a constant, or by a number behind a star");
        }
        // A constant orders nothing, and a number would mean a column.
        if operand(expr).is_none() {
            terms.push(format!("{}{}", parts.printer.print(expr)?, direction(term)));
        }
    }
    Ok(match terms.is_empty() {
        true => String::new(),
        false => format!(" ORDER BY {}", terms.join(", ")),
    })
}

/// ASC or DESC, and where NULL stands.
pub(super) fn direction(term: &SortedColumn<'_>) -> &'static str {
    match (term.order, term.nulls) {
        (Some(SortOrder::Desc), None) => " DESC",
        (_, None) => "",
        (Some(SortOrder::Desc), Some(NullsOrder::First)) => " DESC NULLS FIRST",
        (Some(SortOrder::Desc), Some(NullsOrder::Last)) => " DESC NULLS LAST",
        (_, Some(NullsOrder::First)) => " NULLS FIRST",
        (_, Some(NullsOrder::Last)) => " NULLS LAST",
    }
}
