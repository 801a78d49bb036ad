//! All uses of tables in a query. What a query says of the columns of a view, a CTE or a subquery
//! is said of the columns behind them.

use std::collections::BTreeSet;

use sqlite3_parser::ast::{Expr, Literal, ResultColumn, SortOrder};

use super::super::block::{Block, Node, Query, Source};
use super::super::expression::{bare, walk};
use super::super::occurrence::Collation;
use super::super::place::plain;
use super::super::top::ordered_by;
use super::key::{Placed, Reader};
use super::sought::{Key, Ordered, Sift, Term, Use};
use super::terms::{Found, Terms};

/// Every use of a base table.
pub(super) fn gather(query: &Query<'_>) -> Vec<Use> {
    let mut uses = Vec::new();
    gather_into(query, &From::default(), &mut uses);
    uses
}

/// What is said from without of the columns of a query.
#[derive(Clone, Debug, Default)]
struct From {
    terms: Vec<(usize, Sift, Option<Collation>)>,
    order: Vec<(usize, bool)>,
}

fn gather_into(query: &Query<'_>, from: &From, to: &mut Vec<Use>) {
    for block in &query.blocks {
        let is_only = query.blocks.len() == 1;
        gather_block(block, if is_only { Some(query) } else { None }, from, to);
    }
    for child in &query.children {
        gather_into(child, &From::default(), to);
    }
}

fn gather_block(block: &Block<'_>, only_of: Option<&Query<'_>>, from: &From, to: &mut Vec<Use>) {
    let reader = Reader { block };
    let mut terms = Terms::default();
    let mut conditions: Vec<&Expr<'_>> = block.filter.into_iter().collect();
    if let Some(node) = &block.from {
        on_clauses(node, &mut conditions);
    }
    for condition in conditions {
        reader.condition(condition, &mut terms);
    }
    terms.found.extend(reader.joined_by_using());
    terms.found.extend(from.terms.iter().filter_map(|it| reader.pushed(it)));
    let order = reader.order(only_of, from);
    let groups = reader.groups();
    let columns = reader.columns();
    for (leaf, it) in block.leaves.iter().enumerate() {
        match &it.source {
            Source::Table(table) => {
                let own = terms.found.iter().filter(|found| found.leaf == leaf);
                let choices = terms.choices.iter().filter(|(at, _)| *at == leaf);
                to.push(Use {
                    table: table.name.clone(),
                    terms: own.map(|found| found.term.clone()).collect(),
                    choices: choices.map(|(_, arms)| arms.clone()).collect(),
                    order: order_at(leaf, &order),
                    groups: keys_at(leaf, &groups),
                    columns: columns.as_ref().map(|columns| {
                        let own = columns.iter().filter(|(at, _)| *at == leaf);
                        own.filter_map(|(_, column)| u16::try_from(*column).ok()).collect()
                    }),
                });
            }
            Source::Query(query) => gather_into(query, &behind(leaf, &terms, &order), to),
            Source::Recursion => {}
        }
    }
    for child in &block.children {
        gather_into(child, &From::default(), to);
    }
}

fn on_clauses<'b>(node: &Node<'b>, to: &mut Vec<&'b Expr<'b>>) {
    match node {
        Node::Leaf(_) => {}
        Node::Inner(left, right, on) | Node::Left(left, right, on) => {
            to.extend(on);
            on_clauses(left, to);
            on_clauses(right, to);
        }
        Node::Right(left, right) => {
            on_clauses(left, to);
            on_clauses(right, to);
        }
    }
}

/// What a block says of the columns of one of its subqueries.
fn behind(leaf: usize, terms: &Terms, order: &[(Placed, bool)]) -> From {
    let own = terms.found.iter().filter(|found| found.leaf == leaf);
    let said = own.filter_map(|found| {
        let collation = found.term.key.as_ref().and_then(|key| key.collation);
        Some((found.column?, found.term.sift.clone(), collation))
    });
    let order = order.iter().take_while(|(placed, _)| placed.leaf == leaf);
    From {
        terms: said.collect(),
        order: order.map_while(|(placed, desc)| Some((placed.column?, *desc))).collect(),
    }
}

/// The leading terms of an order, if they are of this leaf.
fn order_at(leaf: usize, order: &[(Placed, bool)]) -> Vec<Ordered> {
    let own = order.iter().take_while(|(placed, _)| placed.leaf == leaf);
    own.map(|(placed, is_descending)| Ordered {
        key: placed.key.clone(),
        is_descending: *is_descending,
    })
    .collect()
}

fn keys_at(leaf: usize, groups: &[Placed]) -> Vec<Key> {
    let own = groups.iter().filter(|placed| placed.leaf == leaf);
    own.map(|placed| placed.key.clone()).collect()
}

impl<'b> Reader<'_, 'b> {
    /// What USING says: the columns of one name are equal.
    fn joined_by_using(&self) -> Vec<Found> {
        let places = self.block.using.iter().flat_map(|name| self.named(name));
        let term = |placed: Placed| Found {
            leaf: placed.leaf,
            column: placed.column,
            term: Term { key: Some(placed.key), sift: Sift::Equal(None), condition: None },
        };
        places.map(|place| term(self.column(place, None))).collect()
    }

    /// What is said of a result column, said of the column that it is.
    fn pushed(&self, said: &(usize, Sift, Option<Collation>)) -> Option<Found> {
        let (output, sift, collation) = said;
        let place = self.block.outputs.as_ref()?.get(*output)?.place?;
        let Placed { leaf, column, key } = self.column(place, *collation);
        let term = Term { key: Some(key), sift: sift.clone(), condition: None };
        Some(Found { leaf, column, term })
    }

    /// The order that the rows of the block are wanted in.
    fn order(&self, only_of: Option<&Query<'b>>, from: &From) -> Vec<(Placed, bool)> {
        let own = only_of.map_or(&[][..], |query| query.order_by);
        let mut order = Vec::new();
        for term in own {
            let Some(placed) = self.ordered(&term.expr) else { break };
            order.push((placed, term.order == Some(SortOrder::Desc)));
        }
        if own.is_empty() {
            let outputs = self.block.outputs.as_deref().unwrap_or_default();
            let pushed = from.order.iter().map_while(|(output, desc)| {
                Some((self.column(outputs.get(*output)?.place?, None), *desc))
            });
            order.extend(pushed);
        }
        if order.is_empty() && self.block.groups.is_empty() {
            order.extend(self.extreme());
        }
        order
    }

    /// A term of ORDER BY: the number or the alias of a result column, or an expression.
    fn ordered(&self, expr: &'b Expr<'b>) -> Option<Placed> {
        if let Some(place) = ordered_by(bare(expr), self.block) {
            return Some(self.column(place, None));
        }
        let meant = match bare(expr) {
            Expr::Id(name) => self.aliased(&plain(name.0)),
            Expr::Literal(Literal::Numeric(digits)) => {
                let at: usize = digits.parse().ok()?;
                match self.block.columns.get(at.checked_sub(1)?)? {
                    ResultColumn::Expr(expr, _) => Some(expr),
                    ResultColumn::Star | ResultColumn::TableStar(_) => None,
                }
            }
            _ => None,
        };
        self.key(meant.unwrap_or(expr))
    }

    fn aliased(&self, name: &str) -> Option<&'b Expr<'b>> {
        self.block.columns.iter().find_map(|column| match column {
            ResultColumn::Expr(expr, Some(alias))
                if super::super::build::alias_name(alias) == name =>
            {
                Some(expr)
            }
            _ => None,
        })
    }

    /// The least or the greatest value of a column is the first in its order.
    fn extreme(&self) -> Option<(Placed, bool)> {
        let [ResultColumn::Expr(expr, _)] = self.block.columns else { return None };
        match bare(expr) {
            Expr::FunctionCall { name, args: Some([of]), filter_over: None, .. } => {
                let name = plain(name.0);
                let is_extreme = matches!(name.as_str(), "min" | "max");
                Some((self.key(of).filter(|_| is_extreme)?, name == "max"))
            }
            _ => None,
        }
    }

    /// What GROUP BY or DISTINCT gathers by.
    fn groups(&self) -> Vec<Placed> {
        if !self.block.groups.is_empty() {
            return self.block.groups.iter().filter_map(|expr| self.ordered(expr)).collect();
        }
        if !self.block.is_distinct {
            return Vec::new();
        }
        let of = |column: &'b ResultColumn<'b>| match column {
            ResultColumn::Expr(expr, _) => self.key(expr),
            ResultColumn::Star | ResultColumn::TableStar(_) => None,
        };
        self.block.columns.iter().filter_map(of).collect()
    }

    /// The columns that are read, by leaf; `None` where a star reads all.
    fn columns(&self) -> Option<BTreeSet<(usize, usize)>> {
        let is_star = |it: &ResultColumn<'_>| !matches!(it, ResultColumn::Expr(..));
        if self.block.columns.is_empty() || self.block.columns.iter().any(is_star) {
            return None;
        }
        let mut read = BTreeSet::new();
        self.mark(&self.block.exprs, &mut read);
        for child in &self.block.children {
            self.mark_query(child, &mut read);
        }
        for name in &self.block.using {
            read.extend(self.named(name).map(|place| (place.leaf, place.column)));
        }
        Some(read)
    }

    fn mark(&self, exprs: &[&'b Expr<'b>], read: &mut BTreeSet<(usize, usize)>) {
        for expr in exprs {
            walk(expr, |part| {
                read.extend(self.place(part).map(|place| (place.leaf, place.column)));
            });
        }
    }

    /// What a subquery may mean by its names.
    fn mark_query(&self, query: &Query<'b>, read: &mut BTreeSet<(usize, usize)>) {
        for block in &query.blocks {
            self.mark(&block.exprs, read);
            for child in &block.children {
                self.mark_query(child, read);
            }
        }
    }
}
