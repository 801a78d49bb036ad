//! Whether a query is one SELECT over one table, and what it is then. The two ways to take it
//! apart are beside this file.

use sqlite3_parser::ast::{
    Distinctness, Expr, FromClause, Limit, OneSelect, ResultColumn, Select, SelectTable,
    SortedColumn, Stmt,
};

use super::super::bind::{Mentions, bind};
use super::super::build::alias_name;
use super::super::expression::walk;
use super::super::literal::operand;
use super::super::occurrence::{NotUnderstood, Operand};
use super::super::parse::{Arena, parse};
use super::super::place::plain;
use super::super::schema::{Relation, Schema, Table};
use super::cut::{Cut, Limited};
use super::group::Groups;
use super::print::{Printer, is_aggregate, quoted, refuse};
use super::rows::PlainRows;

/// A query over one table, taken apart.
#[derive(Clone, Debug)]
pub(crate) struct Single {
    /// As in the catalogue.
    pub(crate) table: Box<str>,
    /// What stands behind FROM: the table with the name that it goes by.
    pub(crate) from: String,
    /// The name that the table goes by, in quotes.
    pub(crate) alias: String,
    /// WHERE, every column with its table.
    pub(crate) filter: Option<String>,
    pub(crate) limited: Option<Limited>,
    /// The text with its parameters numbered, cut at its clauses.
    pub(crate) cut: Cut,
    pub(crate) taken: Taken,
}

/// How it is taken apart.
#[derive(Clone, Debug)]
pub(crate) enum Taken {
    /// Its rows are rows of the table, one for one.
    Rows(PlainRows),
    /// Its rows are groups of rows of the table.
    Groups(Groups),
}

/// The parts of a SELECT over one table.
pub(super) struct Parts<'b> {
    pub(super) printer: Printer<'b>,
    pub(super) is_distinct: bool,
    pub(super) columns: &'b [ResultColumn<'b>],
    pub(super) filter: Option<&'b Expr<'b>>,
    pub(super) group_by: &'b [Expr<'b>],
    pub(super) having: Option<&'b Expr<'b>>,
    pub(super) order_by: &'b [SortedColumn<'b>],
}

/// Takes a query apart whose only table is an ordinary one of this schema.
pub(crate) fn take_apart(sql: &str, schema: &dyn Schema) -> Result<Single, NotUnderstood> {
    let arena = Arena::default();
    let parsed = parse(sql, &arena, &mut Mentions::default())?;
    let Stmt::Select(select) = parsed.statement else { return refuse("it is not a query") };
    let (table, alias) = only_table(select, schema)?;
    let OneSelect::Select {
        distinctness,
        columns,
        where_clause,
        group_by,
        having,
        window_clause,
        ..
    } = &select.body.select
    else {
        return refuse("it is not a query of a table");
    };
    if window_clause.is_some() {
        return refuse("it has a window function");
    }
    let printer = Printer { table, alias: &alias };
    let parts = Parts {
        printer,
        is_distinct: *distinctness == Some(Distinctness::Distinct),
        columns,
        filter: *where_clause,
        group_by: group_by.unwrap_or_default(),
        having: *having,
        order_by: select.order_by.unwrap_or_default(),
    };
    let filter = where_clause.map(|filter| printer.print(filter)).transpose()?;
    let taken = if parts.is_grouped() {
        Taken::Groups(Groups::of(&parts)?)
    } else {
        Taken::Rows(PlainRows::of(&parts)?)
    };
    Ok(Single {
        table: table.name.clone(),
        from: format!("{} AS {}", quoted(&table.name), quoted(&alias)),
        alias: quoted(&alias),
        filter,
        limited: select.limit.map(|limit| limited(limit, parsed.is_offset_first)).transpose()?,
        cut: Cut::of(&bind(sql, &mut Mentions::default())?.text),
        taken,
    })
}

fn only_table<'s>(
    select: &Select<'_>,
    schema: &'s dyn Schema,
) -> Result<(&'s Table, String), NotUnderstood> {
    if select.with.is_some() {
        return refuse("it has a WITH clause");
    }
    if select.body.compounds.as_ref().is_some_and(|compounds| !compounds.is_empty()) {
        return refuse("it joins several SELECTs by a set operation");
    }
    let OneSelect::Select { from: Some(FromClause { select: Some(source), joins, .. }), .. } =
        &select.body.select
    else {
        return refuse("it is not a query of a table");
    };
    if joins.as_ref().is_some_and(|joins| !joins.is_empty()) {
        return refuse("it is a join");
    }
    let SelectTable::Table(name, alias, None) = source else {
        return refuse("it reads something else than a plain table");
    };
    if name.db_name.as_ref().is_some_and(|schema| plain(schema.0) != "main") {
        return refuse("it reads something else than a plain table");
    }
    let relation = plain(name.name.0);
    let Some(Relation::Table(table)) = schema.relation(&relation) else {
        return refuse("it reads something else than a plain table");
    };
    Ok((table, alias.as_ref().map_or(relation, alias_name)))
}

/// Count and offset, each a literal or a parameter.
fn limited(limit: &Limit<'_>, is_offset_first: bool) -> Result<Limited, NotUnderstood> {
    let number = |expr: &Expr<'_>| match operand(expr) {
        Some(operand) => Ok(operand),
        None => refuse("its LIMIT is neither a number nor a parameter"),
    };
    let first = number(&limit.expr)?;
    let second = limit.offset.as_ref().map(number).transpose()?;
    Ok(match second {
        Some(count) if is_offset_first => Limited { count, offset: Some(first) },
        offset => Limited { count: first, offset },
    })
}

impl Parts<'_> {
    /// Whether the rows of the answer are not rows of the table.
    fn is_grouped(&self) -> bool {
        let outputs = self.columns.iter().filter_map(|column| match column {
            ResultColumn::Expr(expr, _) => Some(expr),
            _ => None,
        });
        let sorted = self.order_by.iter().map(|term| &term.expr);
        let mut has_aggregate = false;
        for expr in outputs.chain(sorted).chain(self.having) {
            walk(expr, |part| has_aggregate |= is_aggregate_call(part));
        }
        self.is_distinct || !self.group_by.is_empty() || self.having.is_some() || has_aggregate
    }

    /// The result column of this number, counted from 1, or under this alias.
    pub(super) fn output(&self, term: &Expr<'_>) -> Option<usize> {
        match super::super::expression::bare(term) {
            Expr::Literal(_) => match operand(term) {
                Some(Operand::Literal(crate::value::Value::Integer(number))) => {
                    let index = usize::try_from(number).ok()?.checked_sub(1)?;
                    (index < self.columns.len()).then_some(index)
                }
                _ => None,
            },
            Expr::Id(name) => {
                let name = plain(name.0);
                self.columns.iter().position(|column| match column {
                    ResultColumn::Expr(_, Some(alias)) => alias_name(alias) == name,
                    _ => false,
                })
            }
            _ => None,
        }
    }

    pub(super) fn has_star(&self) -> bool {
        let is_star = |column: &ResultColumn<'_>| !matches!(column, ResultColumn::Expr(..));
        self.columns.iter().any(is_star)
    }
}

pub(super) fn is_aggregate_call(expr: &Expr<'_>) -> bool {
    match expr {
        Expr::FunctionCall { name, args, .. } => {
            is_aggregate(&plain(name.0), args.map_or(0, <[_]>::len))
        }
        Expr::FunctionCallStar { .. } => true,
        _ => false,
    }
}
