//! Ways through an expression that need no recursion, however long a chain of operators is. What
//! stands in a subquery is not part of the expression; only the subquery itself is.

use sqlite3_parser::ast::{
    Expr, FrameBound, FrameClause, FunctionCallOrder, FunctionTail, Operator, Over, SortedColumn,
    Window,
};

/// The expression within the parentheses.
pub(super) fn bare<'e, 'b>(expr: &'e Expr<'b>) -> &'e Expr<'b> {
    let mut expr = expr;
    while let Expr::Parenthesized(inner) = expr
        && let [only] = inner.as_slice()
    {
        expr = only;
    }
    expr
}

/// The parts of a row value.
pub(super) fn row<'e, 'b>(expr: &'e Expr<'b>) -> Option<&'e [Expr<'b>]> {
    match bare(expr) {
        Expr::Parenthesized(parts) => Some(parts.as_slice()),
        _ => None,
    }
}

/// What `AND` or `OR` joins, in order.
pub(super) fn joined_by<'e, 'b>(operator: Operator, expr: &'e Expr<'b>) -> Vec<&'e Expr<'b>> {
    let mut parts = Vec::new();
    let mut waiting = vec![expr];
    while let Some(expr) = waiting.pop() {
        match bare(expr) {
            Expr::Binary(left, found, right) if *found == operator => {
                waiting.push(right);
                waiting.push(left);
            }
            other => parts.push(other),
        }
    }
    parts
}

/// Calls `each` for the expression and every part of it.
pub(super) fn walk<'b>(expr: &'b Expr<'b>, mut each: impl FnMut(&'b Expr<'b>)) {
    let mut waiting = vec![expr];
    while let Some(expr) = waiting.pop() {
        each(expr);
        parts(expr, &mut waiting);
    }
}

/// Adds the parts of an expression, as they stand in it.
pub(super) fn parts<'b>(expr: &'b Expr<'b>, to: &mut Vec<&'b Expr<'b>>) {
    match expr {
        Expr::Between { lhs, start, end, .. } => to.extend([*lhs, *start, *end]),
        Expr::Binary(left, _, right) => to.extend([*left, *right]),
        Expr::Case { base, when_then_pairs, else_expr } => {
            to.extend(base.iter().chain(else_expr));
            to.extend(when_then_pairs.iter().flat_map(|(when, then)| [when, then]));
        }
        Expr::Cast { expr, .. }
        | Expr::Collate(expr, _)
        | Expr::IsNull(expr)
        | Expr::NotNull(expr)
        | Expr::Unary(_, expr) => to.push(expr),
        Expr::FunctionCall { args, order_by, filter_over, .. } => {
            to.extend(args.iter().copied().flatten());
            if let Some(FunctionCallOrder::SortList(sorted)) = order_by {
                to.extend(keys(sorted));
            }
            tail(filter_over.as_ref(), to);
        }
        Expr::FunctionCallStar { filter_over, .. } => tail(filter_over.as_ref(), to),
        Expr::InList { lhs, rhs, .. } => {
            to.push(lhs);
            to.extend(rhs.iter().copied().flatten());
        }
        Expr::InSelect { lhs, .. } => to.push(lhs),
        Expr::InTable { lhs, args, .. } => {
            to.push(lhs);
            to.extend(args.iter().copied().flatten());
        }
        Expr::Like { lhs, rhs, escape, .. } => {
            to.extend([*lhs, *rhs]);
            to.extend(escape);
        }
        Expr::Parenthesized(parts) => to.extend(parts.iter()),
        Expr::Raise(_, text) => to.extend(text),
        Expr::DoublyQualified(..)
        | Expr::Exists(_)
        | Expr::Id(_)
        | Expr::Literal(_)
        | Expr::Name(_)
        | Expr::Qualified(..)
        | Expr::Subquery(_)
        | Expr::Variable(_) => {}
    }
}

fn tail<'b>(tail: Option<&'b FunctionTail<'b>>, to: &mut Vec<&'b Expr<'b>>) {
    let Some(tail) = tail else { return };
    to.extend(tail.filter_clause);
    if let Some(Over::Window(over)) = tail.over_clause {
        window(over, to);
    }
}

/// The expressions of a window.
pub(super) fn window<'b>(window: &'b Window<'b>, to: &mut Vec<&'b Expr<'b>>) {
    to.extend(window.partition_by.iter().copied().flatten());
    to.extend(window.order_by.iter().copied().flat_map(keys));
    if let Some(FrameClause { start, end, .. }) = &window.frame_clause {
        for bound in [Some(start), end.as_ref()].into_iter().flatten() {
            if let FrameBound::Following(expr) | FrameBound::Preceding(expr) = bound {
                to.push(expr);
            }
        }
    }
}

/// What is sorted by.
pub(super) fn keys<'b>(sorted: &'b [SortedColumn<'b>]) -> impl Iterator<Item = &'b Expr<'b>> {
    sorted.iter().map(|term| &term.expr)
}
