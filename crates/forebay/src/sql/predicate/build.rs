//! From the syntax tree to blocks and leaves: CTEs are put in where they are referenced, views
//! where they are named, subqueries where they stand. Every place that can read a table becomes a
//! leaf, or the query is not understood.

use std::collections::BTreeSet;

use sqlite3_parser::ast::{
    As, CommonTableExpr, Distinctness, Expr, IndexedColumn, Limit, OneSelect, QualifiedName,
    ResultColumn, Select, SortedColumn, Stmt,
};

use super::bind::Mentions;
use super::block::{Block, Leaf, Output, Query, Source};
use super::expression::{bare, keys, walk};
use super::occurrence::NotUnderstood;
use super::parse::{Arena, parse};
use super::place::{is_rowid, plain};
use super::schema::{Relation, Schema};

/// Queries within queries, views and CTEs included.
const DEPTH_MAX: usize = 24;

/// Leaves in all, since a CTE counts each time it is referenced.
const LEAVES_MAX: usize = 256;

type Result<T> = std::result::Result<T, NotUnderstood>;

/// Takes one statement apart.
pub(super) struct Builder<'b> {
    schema: &'b dyn Schema,
    arena: &'b Arena,
    mentions: Mentions,
    depth: usize,
    leaves: usize,
    /// The CTEs whose bodies are being built.
    open: Vec<&'b CommonTableExpr<'b>>,
    pub(super) aggregates_may_escape: bool,
}

/// The CTEs in sight. All of one WITH clause see one another.
#[derive(Clone, Copy)]
pub(super) struct Sight<'s, 'b> {
    ctes: &'b [CommonTableExpr<'b>],
    outer: Option<&'s Sight<'s, 'b>>,
}

impl<'b> Builder<'b> {
    pub(super) fn new(schema: &'b dyn Schema, arena: &'b Arena) -> Builder<'b> {
        Builder {
            schema,
            arena,
            mentions: Mentions::default(),
            depth: 0,
            leaves: 0,
            open: Vec::new(),
            aggregates_may_escape: false,
        }
    }

    /// Takes a whole statement apart.
    pub(super) fn statement(&mut self, sql: &str) -> Result<Query<'b>> {
        let parsed = parse(sql, self.arena, &mut self.mentions)?;
        match parsed.statement {
            Stmt::Select(select) => {
                let query = self.query(select, None)?;
                Ok(Query { is_offset_first: parsed.is_offset_first, ..query })
            }
            _ => Err(NotUnderstood::because("it is not a query")),
        }
    }

    /// Whether an aggregate in a subquery may belong to the query around it.
    pub(super) fn aggregates_may_escape(&self) -> bool {
        self.aggregates_may_escape
    }

    pub(super) fn into_mentions(self) -> (BTreeSet<String>, bool) {
        (self.mentions.names, self.mentions.is_natural)
    }

    pub(super) fn query(
        &mut self,
        select: &'b Select<'b>,
        sight: Option<&Sight<'_, 'b>>,
    ) -> Result<Query<'b>> {
        if self.depth == DEPTH_MAX {
            return Err(NotUnderstood::because(format!(
                "queries, views and CTEs are nested deeper than {DEPTH_MAX}"
            )));
        }
        self.depth += 1;
        let inner = select.with.as_ref().map(|with| Sight { ctes: with.ctes, outer: sight });
        let query = self.body(select, inner.as_ref().or(sight));
        self.depth -= 1;
        query
    }

    fn body(&mut self, select: &'b Select<'b>, sight: Option<&Sight<'_, 'b>>) -> Result<Query<'b>> {
        let mut query = Query {
            order_by: select.order_by.unwrap_or_default(),
            limit: select.limit,
            ..Query::default()
        };
        let compounds = select.body.compounds.as_deref().unwrap_or_default();
        // In a block of its own the terms of ORDER BY belong to it, and may make it an aggregate.
        let own: &[SortedColumn<'_>] = if compounds.is_empty() { query.order_by } else { &[] };
        query.blocks.push(self.block(&select.body.select, own, sight)?);
        for compound in compounds {
            query.blocks.push(self.block(&compound.select, &[], sight)?);
        }
        if !compounds.is_empty() {
            for term in keys(query.order_by) {
                self.subqueries(term, sight, &mut query.children)?;
            }
        }
        if let Some(Limit { expr, offset }) = query.limit {
            for expr in [Some(expr), offset.as_ref()].into_iter().flatten() {
                self.subqueries(expr, sight, &mut query.children)?;
            }
        }
        let outputs = query.blocks.first().and_then(|block| block.outputs.as_ref());
        query.names = outputs.map(|all| all.iter().map(|output| output.name.clone()).collect());
        Ok(query)
    }

    fn block(
        &mut self,
        select: &'b OneSelect<'b>,
        order_by: &'b [SortedColumn<'b>],
        sight: Option<&Sight<'_, 'b>>,
    ) -> Result<Block<'b>> {
        let mut block = Block::default();
        let mut exprs: Vec<&'b Expr<'b>> = keys(order_by).collect();
        match select {
            OneSelect::Values(rows) => {
                exprs.extend(rows.iter().flatten());
                let columns = rows.first().map_or(0, |row| row.len());
                let name = |n| Some(format!("column{n}"));
                block.outputs = Some((1..=columns).map(|n| output(name(n), false)).collect());
            }
            OneSelect::Select { distinctness, columns, from, where_clause, group_by, .. } => {
                block.columns = columns;
                block.groups = group_by.unwrap_or_default();
                block.is_distinct = *distinctness == Some(Distinctness::Distinct);
                if let Some(from) = from {
                    block.from = Some(self.from(from, sight, &mut block, &mut exprs)?);
                }
                block.filter = *where_clause;
                exprs.extend(where_clause);
                block.outputs = outputs(columns, &block);
            }
        }
        block.is_plain = self.is_plain(select, &block, &mut exprs);
        for expr in &exprs {
            self.subqueries(expr, sight, &mut block.children)?;
        }
        block.exprs = exprs;
        Ok(block)
    }

    /// Builds the subqueries of an expression.
    fn subqueries(
        &mut self,
        expr: &'b Expr<'b>,
        sight: Option<&Sight<'_, 'b>>,
        to: &mut Vec<Query<'b>>,
    ) -> Result<()> {
        let mut found = Vec::new();
        walk(expr, |part| match part {
            Expr::Exists(_) | Expr::Subquery(_) | Expr::InSelect { .. } | Expr::InTable { .. } => {
                found.push(part);
            }
            _ => {}
        });
        for part in found {
            to.push(match part {
                Expr::Exists(select) | Expr::Subquery(select) => self.query(select, sight)?,
                Expr::InSelect { rhs, .. } => self.query(rhs, sight)?,
                Expr::InTable { rhs, args: None, .. } => {
                    let leaf = self.relation(rhs, None, sight)?;
                    let block = Block { leaves: vec![leaf], ..Block::default() };
                    Query { blocks: vec![block], ..Query::default() }
                }
                _ => return Err(NotUnderstood::because("it calls a table function")),
            });
        }
        Ok(())
    }

    /// What a name in FROM stands for.
    pub(super) fn relation(
        &mut self,
        name: &'b QualifiedName<'b>,
        alias: Option<&As<'b>>,
        sight: Option<&Sight<'_, 'b>>,
    ) -> Result<Leaf<'b>> {
        self.count_leaf()?;
        let relation = plain(name.name.0);
        let alias = alias.map_or_else(|| relation.clone(), alias_name);
        let schema = name.db_name.as_ref().map(|schema| plain(schema.0));
        if schema.is_none()
            && let Some((cte, sight)) = sight.and_then(|sight| sight.find(&relation))
        {
            return self.cte(cte, sight, alias);
        }
        if schema.is_some_and(|schema| schema != "main") {
            return Err(NotUnderstood::because(format!("{relation} is not in the main schema")));
        }
        match self.schema.relation(&relation) {
            Some(Relation::Table(table)) => {
                // As the catalogue has them: quotes within are part of the name.
                let name =
                    |column: &super::schema::TableColumn| Some(column.name.to_ascii_lowercase());
                let names = Some(table.columns.iter().map(name).collect());
                Ok(Leaf { alias, names, source: Source::Table(table) })
            }
            Some(Relation::View(text)) => self.view(text, alias),
            Some(Relation::Opaque) => {
                Err(NotUnderstood::because(format!("{relation} is not an ordinary table")))
            }
            None => Err(NotUnderstood::because(format!("{relation} is not known"))),
        }
    }

    fn cte(
        &mut self,
        cte: &'b CommonTableExpr<'b>,
        sight: &Sight<'_, 'b>,
        alias: String,
    ) -> Result<Leaf<'b>> {
        if self.open.iter().any(|open| std::ptr::eq(*open, cte)) {
            let names = cte.columns.map(|columns| listed(columns));
            return Ok(Leaf { alias, names, source: Source::Recursion });
        }
        self.open.push(cte);
        let query = self.query(cte.select, Some(sight))?;
        self.open.pop();
        Ok(renamed(query, cte.columns, alias))
    }

    /// A view sees the relations of its schema only, none of the CTEs around it.
    fn view(&mut self, text: &str, alias: String) -> Result<Leaf<'b>> {
        let because = |inner: NotUnderstood| {
            NotUnderstood::because(format!("in the view {alias}: {}", inner.reason()))
        };
        let parsed = parse(text, self.arena, &mut self.mentions).map_err(because)?;
        let Stmt::CreateView { columns, select, .. } = parsed.statement else {
            return Err(NotUnderstood::because("the text of a view is that of something else"));
        };
        let query = self.query(select, None).map_err(because)?;
        Ok(renamed(query, columns, alias))
    }

    /// Counts a leaf, of which there may be only so many.
    pub(super) fn count_leaf(&mut self) -> Result<()> {
        self.leaves += 1;
        if self.leaves > LEAVES_MAX {
            return Err(NotUnderstood::because(format!("it reads more than {LEAVES_MAX} tables")));
        }
        Ok(())
    }
}

impl<'s, 'b> Sight<'s, 'b> {
    /// The CTE of this name, and what its body sees.
    fn find(&'s self, name: &str) -> Option<(&'b CommonTableExpr<'b>, &'s Sight<'s, 'b>)> {
        let mut sight = self;
        loop {
            if let Some(cte) = sight.ctes.iter().find(|cte| plain(cte.tbl_name.0) == name) {
                return Some((cte, sight));
            }
            sight = sight.outer?;
        }
    }
}

pub(super) fn alias_name(alias: &As<'_>) -> String {
    let (As::As(name) | As::Elided(name)) = alias;
    plain(name.0)
}

fn listed(columns: &[IndexedColumn<'_>]) -> Vec<Option<String>> {
    columns.iter().map(|column| unless_boolean(plain(column.col_name.0))).collect()
}

/// A query as a leaf whose columns may have been given names.
pub(super) fn renamed<'b>(
    query: Query<'b>,
    columns: Option<&'b [IndexedColumn<'b>]>,
    alias: String,
) -> Leaf<'b> {
    let names = match columns {
        None => query.names.clone(),
        Some(columns) => {
            let is_whole = query.names.as_ref().is_none_or(|names| names.len() == columns.len());
            is_whole.then(|| listed(columns))
        }
    };
    Leaf { alias, names, source: Source::Query(query) }
}

fn output(name: Option<String>, is_alias: bool) -> Output {
    Output { name, is_alias, place: None }
}

/// The result columns, stars expanded.
fn outputs(columns: &[ResultColumn<'_>], block: &Block<'_>) -> Option<Vec<Output>> {
    let mut outputs = Vec::new();
    for column in columns {
        match column {
            ResultColumn::Expr(expr, alias) => {
                let place = block.place(expr);
                let name = match alias {
                    Some(alias) => unless_boolean(alias_name(alias)),
                    None => own_name(expr)?,
                };
                outputs.push(Output { name, is_alias: alias.is_some(), place });
            }
            ResultColumn::Star => {
                for leaf in 0..block.leaves.len() {
                    outputs.extend(all_of(block, leaf)?);
                }
            }
            ResultColumn::TableStar(table) => {
                let table = plain(table.0);
                let mut meant = (0..block.leaves.len()).filter(|n| block.leaves[*n].alias == table);
                let (Some(leaf), None) = (meant.next(), meant.next()) else { return None };
                outputs.extend(all_of(block, leaf)?);
            }
        }
    }
    Some(outputs)
}

/// What a result column without alias is called: a column by its name, also under COLLATE and
/// hints, except that the rowid may go by another. Within, `None` for what is called by its text.
fn own_name(expr: &Expr<'_>) -> Option<Option<String>> {
    let mut expr = bare(expr);
    let name = loop {
        match expr {
            Expr::Id(name) => break plain(name.0),
            Expr::Qualified(_, name) | Expr::DoublyQualified(_, _, name) => break plain(name.0),
            Expr::Collate(inner, _) => expr = bare(inner),
            Expr::FunctionCall { name, args: Some([of, ..]), .. } if is_hint(&plain(name.0)) => {
                expr = bare(of);
            }
            _ => return Some(None),
        }
    };
    (!is_rowid(&name)).then(|| unless_boolean(name))
}

/// Functions that tell the planner something and are nothing to a name.
fn is_hint(name: &str) -> bool {
    matches!(name, "likely" | "unlikely" | "likelihood")
}

/// What a name comes to: TRUE and FALSE are none to SQLite, also where they are given, and where a
/// star brings them.
fn unless_boolean(name: String) -> Option<String> {
    Some(name).filter(|name| name != "true" && name != "false")
}

/// Every column of a leaf, as a star shows them.
fn all_of(block: &Block<'_>, leaf: usize) -> Option<Vec<Output>> {
    if block.has_using || block.is_unclear {
        return None;
    }
    let names = block.leaves[leaf].names.as_ref()?;
    let output = |(column, name): (usize, &Option<String>)| Output {
        name: name.clone().and_then(unless_boolean),
        is_alias: true,
        place: Some(super::place::Place { leaf, column }),
    };
    Some(names.iter().enumerate().map(output).collect())
}
