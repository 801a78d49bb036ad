//! What of an answer is determined by the statement and the rows it reads, so that two right
//! answers must agree on it. Rows tied at a LIMIT, sums of floats, the member that stands for a
//! group, subqueries that answer their first row and the like are not. What is not understood is
//! taken to be free; the order of rows never counts.

use sqlite3_parser::ast::{
    CommonTableExpr, CompoundOperator, Distinctness, Expr, FromClause, JoinConstraint, Limit,
    OneSelect, QualifiedName, ResultColumn, Select, SelectTable, Stmt,
};

use super::aggregate::gathers;
use super::agreement::{Agreement, Columns, Determined, Extent};
use super::bind::Mentions;
use super::build::alias_name;
use super::expression::{bare, keys, walk};
use super::parse::{Arena, parse};
use super::place::plain;
use super::schema::{Relation, Schema};

/// Queries within queries, views and CTEs included.
const DEPTH_MAX: usize = 24;

/// What is determined of the answers of `sql`; `None` for nothing. `leading` is the column of the
/// answer that a page is ordered by first, if that is known already.
pub(crate) fn determined(
    sql: &str,
    schema: &dyn Schema,
    leading: Option<usize>,
) -> Option<Determined> {
    let arena = Arena::default();
    let mut reader = Reader { schema, arena: &arena, depth: 0, expressions: 0, open: Vec::new() };
    let Stmt::Select(select) = parse(sql, &arena, &mut Mentions::default()).ok()?.statement else {
        return None;
    };
    let columns = reader.query(select, None)?;
    let extent = match select.limit {
        None => Extent::All,
        Some(limit) => Extent::Page {
            by: leading.or_else(|| ordered_by(select)),
            has_offset: limit.offset.is_some(),
        },
    };
    Some(Determined { extent, columns })
}

/// The CTEs in sight.
#[derive(Clone, Copy)]
struct Sight<'s, 'b> {
    ctes: &'b [CommonTableExpr<'b>],
    outer: Option<&'s Sight<'s, 'b>>,
}

struct Reader<'b> {
    schema: &'b dyn Schema,
    arena: &'b Arena,
    depth: usize,
    /// Expressions around what is being read: an aggregate there may belong to a query around it.
    expressions: usize,
    /// The CTEs whose bodies are being read.
    open: Vec<&'b CommonTableExpr<'b>>,
}

impl<'b> Reader<'b> {
    /// The columns of a query whose rows are determined, but for a LIMIT.
    fn query(&mut self, select: &'b Select<'b>, sight: Option<&Sight<'_, 'b>>) -> Option<Columns> {
        if self.depth == DEPTH_MAX {
            return None;
        }
        self.depth += 1;
        let inner = select.with.as_ref().map(|with| Sight { ctes: with.ctes, outer: sight });
        let columns = self.body(select, inner.as_ref().or(sight));
        self.depth -= 1;
        columns
    }

    fn body(&mut self, select: &'b Select<'b>, sight: Option<&Sight<'_, 'b>>) -> Option<Columns> {
        if let Some(Limit { expr, offset }) = select.limit {
            let ends = [Some(expr), offset.as_ref()];
            ends.into_iter().flatten().all(|end| self.is_fixed(end, sight)).then_some(())?;
        }
        let order_by: Vec<&Expr<'b>> = keys(select.order_by.unwrap_or_default()).collect();
        let mut columns = self.block(&select.body.select, &order_by, sight)?;
        for compound in select.body.compounds.as_deref().unwrap_or_default() {
            let right = self.block(&compound.select, &[], sight)?;
            columns = match compound.operator {
                CompoundOperator::UnionAll => columns.weakest(&right)?,
                // Of two that a collation takes for equal, either may stand for both.
                _ if columns.are(Agreement::Same) && right.are(Agreement::Same) => columns.alike(),
                _ => return None,
            };
        }
        Some(columns)
    }

    fn block(
        &mut self,
        select: &'b OneSelect<'b>,
        order_by: &[&'b Expr<'b>],
        sight: Option<&Sight<'_, 'b>>,
    ) -> Option<Columns> {
        let (distinctness, columns, from, filter, group_by, having) = match select {
            OneSelect::Values(rows) => {
                let is_fixed = rows.iter().flatten().all(|expr| self.is_fixed(expr, sight));
                return is_fixed.then(|| Columns::all(Agreement::Same));
            }
            OneSelect::Select {
                distinctness,
                columns,
                from,
                where_clause,
                group_by,
                having,
                ..
            } => (distinctness, *columns, from, where_clause, *group_by, having),
        };
        if let Some(from) = from {
            self.is_from_fixed(from, sight).then_some(())?;
        }
        let shown = columns.iter().filter_map(|column| match column {
            ResultColumn::Expr(expr, _) => Some(expr),
            ResultColumn::Star | ResultColumn::TableStar(_) => None,
        });
        let is_grouped = group_by.is_some()
            || having.is_some()
            || shown.chain(order_by.iter().copied()).any(aggregates);
        let is_distinct = *distinctness == Some(Distinctness::Distinct);
        let found = if is_grouped {
            if is_distinct || self.expressions > 0 {
                return None;
            }
            self.grouped(columns, group_by.unwrap_or_default(), *having, sight)?
        } else {
            let mut of = |expr: &'b Expr<'b>| match self.is_fixed(expr, sight) {
                true => Agreement::Same,
                false => Agreement::Free,
            };
            Columns::of(columns, Agreement::Same, &mut of)?
        };
        // What is free may be used by its alias, also from within a subquery.
        let free = found.free_aliases(columns);
        let clauses = || filter.iter().copied().chain(group_by.unwrap_or_default()).chain(*having);
        if (!free.is_empty() && clauses().any(|clause| mentions(clause, &free)))
            || !filter.iter().all(|filter| self.is_fixed(filter, sight))
        {
            return None;
        }
        match is_distinct {
            false => Some(found),
            true => found.are(Agreement::Same).then(|| found.alike()),
        }
    }

    /// The columns of a block with aggregates or groups.
    fn grouped(
        &mut self,
        columns: &'b [ResultColumn<'b>],
        group_by: &'b [Expr<'b>],
        having: Option<&'b Expr<'b>>,
        sight: Option<&Sight<'_, 'b>>,
    ) -> Option<Columns> {
        let mut groups: Vec<&Expr<'b>> = Vec::new();
        for group in group_by {
            // A number or an alias may stand for a column of the answer.
            let shown = meant(group, columns);
            for expr in std::iter::once(group).chain(shown) {
                self.is_fixed(expr, sight).then_some(())?;
                groups.push(bare(expr));
            }
        }
        if let Some(having) = having {
            self.counts(having, sight).then_some(())?;
        }
        let mut of = |expr: &'b Expr<'b>| {
            if groups.contains(&bare(expr)) {
                Agreement::Alike
            } else if self.counts(expr, sight) {
                Agreement::Same
            } else {
                self.aggregate(expr, sight)
            }
        };
        Columns::of(columns, Agreement::Free, &mut of)
    }

    /// Whether an expression rests on nothing but constants and how many rows a group has.
    fn counts(&mut self, expr: &'b Expr<'b>, sight: Option<&Sight<'_, 'b>>) -> bool {
        match bare(expr) {
            Expr::Literal(_) | Expr::Variable(_) => true,
            Expr::Unary(_, inner) => self.counts(inner, sight),
            Expr::Binary(left, _, right) => self.counts(left, sight) && self.counts(right, sight),
            Expr::FunctionCallStar { name, filter_over: None } => plain(name.0) == "count",
            Expr::FunctionCall { name, args, order_by: None, filter_over: None, .. } => {
                plain(name.0) == "count"
                    && args.iter().copied().flatten().all(|arg| self.is_fixed(arg, sight))
            }
            _ => false,
        }
    }

    fn aggregate(&mut self, expr: &'b Expr<'b>, sight: Option<&Sight<'_, 'b>>) -> Agreement {
        let Expr::FunctionCall { name, distinctness, args, order_by: None, filter_over: None } =
            bare(expr)
        else {
            return Agreement::Free;
        };
        match (plain(name.0).as_str(), args.unwrap_or_default()) {
            ("min" | "max", [arg]) if self.is_fixed(arg, sight) => Agreement::Alike,
            // The order of the rows decides how the sum of floats is rounded.
            ("sum", [arg]) if distinctness.is_none() && self.is_fixed(arg, sight) => {
                Agreement::ButFloats
            }
            ("coalesce" | "ifnull", [sum, Expr::Literal(_)]) => match self.aggregate(sum, sight) {
                Agreement::ButFloats => Agreement::ButFloats,
                _ => Agreement::Free,
            },
            _ => Agreement::Free,
        }
    }

    /// Whether an expression has one value for each row of FROM.
    fn is_fixed(&mut self, expr: &'b Expr<'b>, sight: Option<&Sight<'_, 'b>>) -> bool {
        let mut is_fixed = true;
        let mut subqueries = Vec::new();
        walk(expr, |part| match part {
            Expr::Exists(_) | Expr::Subquery(_) | Expr::InSelect { .. } | Expr::InTable { .. } => {
                subqueries.push(part);
            }
            part => is_fixed &= !gathers(part),
        });
        self.expressions += 1;
        is_fixed &= subqueries.into_iter().all(|part| match part {
            // Only whether there is a row counts, whichever rows a LIMIT lets through.
            Expr::Exists(select) => self.query(select, sight).is_some(),
            Expr::InSelect { rhs, .. } => self.is_table(rhs, sight),
            Expr::InTable { rhs, args: None, .. } => self.is_relation_fixed(rhs, sight),
            Expr::Subquery(select) => self.is_count(select, sight),
            _ => false,
        });
        self.expressions -= 1;
        is_fixed
    }

    /// Whether a subquery answers one row, which says how many rows there are.
    fn is_count(&mut self, select: &'b Select<'b>, sight: Option<&Sight<'_, 'b>>) -> bool {
        let OneSelect::Select { columns, from, where_clause, group_by: None, having: None, .. } =
            &select.body.select
        else {
            return false;
        };
        let [ResultColumn::Expr(Expr::FunctionCallStar { name, filter_over: None }, _)] = columns
        else {
            return false;
        };
        plain(name.0) == "count"
            && select.with.is_none()
            && select.limit.is_none()
            && select.body.compounds.is_none()
            && from.as_ref().is_none_or(|from| self.is_from_fixed(from, sight))
            && where_clause.iter().all(|filter| self.is_fixed(filter, sight))
    }

    fn is_from_fixed(&mut self, from: &'b FromClause<'b>, sight: Option<&Sight<'_, 'b>>) -> bool {
        let joins = from.joins.as_deref().unwrap_or_default();
        let items = from.select.into_iter().chain(joins.iter().map(|join| &join.table));
        let mut items = items.map(|item| match item {
            SelectTable::Table(name, ..) => self.is_relation_fixed(name, sight),
            SelectTable::Select(select, _) => self.is_table(select, sight),
            SelectTable::Sub(inner, _) => self.is_from_fixed(inner, sight),
            SelectTable::TableCall(..) => false,
        });
        items.all(|is_fixed| is_fixed)
            && joins.iter().all(|join| match &join.constraint {
                Some(JoinConstraint::On(expr)) => self.is_fixed(expr, sight),
                Some(JoinConstraint::Using(_)) | None => true,
            })
    }

    /// Whether the rows of a subquery are determined in every bit.
    fn is_table(&mut self, select: &'b Select<'b>, sight: Option<&Sight<'_, 'b>>) -> bool {
        select.limit.is_none()
            && self.query(select, sight).is_some_and(|it| it.are(Agreement::Same))
    }

    fn is_relation_fixed(
        &mut self,
        name: &'b QualifiedName<'b>,
        sight: Option<&Sight<'_, 'b>>,
    ) -> bool {
        let relation = plain(name.name.0);
        let mut around = sight.filter(|_| name.db_name.is_none());
        while let Some(sight) = around {
            if let Some(cte) = sight.ctes.iter().find(|cte| plain(cte.tbl_name.0) == relation) {
                // One that refers to itself answers in an order, and UNION in it picks rows.
                if self.open.iter().any(|open| std::ptr::eq(*open, cte)) {
                    return false;
                }
                self.open.push(cte);
                let is_fixed = self.is_table(cte.select, Some(sight));
                self.open.pop();
                return is_fixed;
            }
            around = sight.outer;
        }
        match self.schema.relation(&relation) {
            Some(Relation::Table(_)) => true,
            Some(Relation::View(text)) => {
                let parsed = parse(text, self.arena, &mut Mentions::default());
                match parsed.map(|parsed| parsed.statement) {
                    Ok(Stmt::CreateView { select, .. }) => self.is_table(select, None),
                    _ => false,
                }
            }
            Some(Relation::Opaque) | None => false,
        }
    }
}

/// Whether an expression makes its block one of groups. A window function does not.
fn aggregates(expr: &Expr<'_>) -> bool {
    let mut aggregates = false;
    walk(expr, |part| {
        let over = match part {
            Expr::FunctionCall { filter_over, .. } | Expr::FunctionCallStar { filter_over, .. } => {
                filter_over.as_ref().and_then(|tail| tail.over_clause)
            }
            _ => None,
        };
        aggregates |= gathers(part) && over.is_none();
    });
    aggregates
}

/// The columns of the answer that a term of GROUP BY or ORDER BY may stand for.
fn meant<'b>(
    term: &'b Expr<'b>,
    columns: &'b [ResultColumn<'b>],
) -> impl Iterator<Item = &'b Expr<'b>> {
    let number = match bare(term) {
        Expr::Literal(sqlite3_parser::ast::Literal::Numeric(digits)) => digits.parse().ok(),
        _ => None,
    };
    let name = match bare(term) {
        Expr::Id(name) => Some(plain(name.0)),
        _ => None,
    };
    columns.iter().enumerate().filter_map(move |(index, column)| match column {
        ResultColumn::Expr(expr, alias) => {
            let is_named = alias.as_ref().is_some_and(|it| Some(alias_name(it)) == name);
            (number == Some(index + 1) || is_named).then_some(expr)
        }
        ResultColumn::Star | ResultColumn::TableStar(_) => None,
    })
}

/// The column of the answer by which it is ordered first, where no star stands before it.
fn ordered_by(select: &Select<'_>) -> Option<usize> {
    let term = bare(&select.order_by?.first()?.expr);
    let OneSelect::Select { columns, .. } = &select.body.select else { return None };
    if select.body.compounds.is_some() {
        return None;
    }
    let columns = columns.iter().map_while(|column| match column {
        ResultColumn::Expr(expr, alias) => Some((bare(expr), alias.as_ref())),
        ResultColumn::Star | ResultColumn::TableStar(_) => None,
    });
    let columns: Vec<_> = columns.collect();
    match term {
        Expr::Literal(sqlite3_parser::ast::Literal::Numeric(digits)) => {
            digits.parse::<usize>().ok()?.checked_sub(1).filter(|index| *index < columns.len())
        }
        Expr::Id(name) => {
            let name = plain(name.0);
            let is_alias = |alias: &sqlite3_parser::ast::As<'_>| alias_name(alias) == name;
            let named = columns.iter().position(|(_, alias)| alias.is_some_and(is_alias));
            named.or_else(|| columns.iter().position(|(expr, _)| *expr == term))
        }
        term => columns.iter().position(|(expr, _)| *expr == term),
    }
}

/// Whether an expression uses one of these names, or has a subquery, which may.
fn mentions(expr: &Expr<'_>, names: &[String]) -> bool {
    let mut found = false;
    walk(expr, |part| match part {
        Expr::Id(name) => found |= names.contains(&plain(name.0)),
        Expr::Exists(_) | Expr::Subquery(_) | Expr::InSelect { .. } | Expr::InTable { .. } => {
            found = true;
        }
        _ => {}
    });
    found
}

#[cfg(test)]
mod tests;
