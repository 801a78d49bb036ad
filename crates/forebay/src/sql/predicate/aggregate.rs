//! Whether the rows of a block are those of its FROM and WHERE, one for one. An aggregate changes
//! that, and may do so from afar: SQLite gives one in a subquery that uses only columns of the
//! query around it to that query.

use sqlite3_parser::ast::{Distinctness, Expr, OneSelect, ResultColumn};

use super::block::Block;
use super::build::Builder;
use super::expression::{parts, walk, window};
use super::place::plain;
use crate::sql::function::is_immutable;

/// SQLite's aggregates, but for `min` and `max` of one argument. Functions that are not known at
/// all are taken for aggregates too.
pub(super) const AGGREGATES: &[&str] = &[
    "avg",
    "count",
    "group_concat",
    "json_group_array",
    "json_group_object",
    "jsonb_group_array",
    "jsonb_group_object",
    "median",
    "percentile",
    "percentile_cont",
    "percentile_disc",
    "string_agg",
    "sum",
    "total",
];

impl<'b> Builder<'b> {
    /// Whether a block is plain; adds its expressions that are not there yet to `exprs`.
    pub(super) fn is_plain(
        &mut self,
        select: &'b OneSelect<'b>,
        block: &Block<'b>,
        exprs: &mut Vec<&'b Expr<'b>>,
    ) -> bool {
        let mut is_plain = true;
        match select {
            // It has no columns of a table, so there is nothing to push down.
            OneSelect::Values(_) => is_plain = false,
            OneSelect::Select {
                distinctness, columns, group_by, having, window_clause, ..
            } => {
                let of = |column: &'b ResultColumn<'b>| match column {
                    ResultColumn::Expr(expr, _) => Some(expr),
                    ResultColumn::Star | ResultColumn::TableStar(_) => None,
                };
                exprs.extend(columns.iter().filter_map(of));
                exprs.extend(group_by.iter().copied().flatten());
                exprs.extend(having);
                for definition in window_clause.iter().copied().flatten() {
                    window(&definition.window, exprs);
                }
                is_plain &= *distinctness != Some(Distinctness::Distinct)
                    && group_by.is_none()
                    && having.is_none()
                    && window_clause.is_none();
            }
        }
        for expr in exprs.iter() {
            walk(expr, |part| {
                if gathers(part) {
                    is_plain = false;
                    self.aggregates_may_escape |= !is_local(part, block);
                }
            });
        }
        is_plain
    }
}

/// Whether an expression is an aggregate, a window function, or a function that may be one.
pub(super) fn gathers(expr: &Expr<'_>) -> bool {
    match expr {
        Expr::FunctionCallStar { .. } => true,
        Expr::FunctionCall { name, args, distinctness, order_by, filter_over } => {
            let name = plain(name.0);
            let args = args.map_or(0, <[_]>::len);
            distinctness.is_some()
                || order_by.is_some()
                || filter_over.is_some()
                || AGGREGATES.contains(&name.as_str())
                || (matches!(name.as_str(), "max" | "min") && args < 2)
                || !is_immutable(&name)
        }
        _ => false,
    }
}

/// Whether it is certain that an aggregate belongs to the block that it stands in: it has no
/// columns, in FILTER and ORDER BY neither, or one of its columns is the block's.
fn is_local(aggregate: &Expr<'_>, block: &Block<'_>) -> bool {
    let mut is_local = false;
    let mut has_names = false;
    let mut waiting = Vec::new();
    parts(aggregate, &mut waiting);
    while let Some(expr) = waiting.pop() {
        walk(expr, |part| match part {
            Expr::Id(_) | Expr::Qualified(..) | Expr::DoublyQualified(..) => {
                has_names = true;
                is_local |= block.place(part).is_some();
            }
            Expr::Exists(_) | Expr::Subquery(_) | Expr::InSelect { .. } | Expr::InTable { .. } => {
                has_names = true;
            }
            _ => {}
        });
    }
    is_local || !has_names
}
