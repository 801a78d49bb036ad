//! FROM as a tree of joins. SQLite joins from left to right whatever the kind, and parentheses
//! group.

use sqlite3_parser::ast::{Expr, FromClause, JoinConstraint, JoinOperator, JoinType, SelectTable};

use super::block::{Block, Node};
use super::build::{Builder, Sight, alias_name, renamed};
use super::occurrence::NotUnderstood;
use super::place::plain;

/// SQLite joins no more; it bounds the depth of the tree.
const JOINS_MAX: usize = 64;

type Result<T> = std::result::Result<T, NotUnderstood>;

impl<'b> Builder<'b> {
    /// Adds the leaves of FROM to a block, and its ON clauses to the expressions.
    pub(super) fn from(
        &mut self,
        from: &'b FromClause<'b>,
        sight: Option<&Sight<'_, 'b>>,
        block: &mut Block<'b>,
        exprs: &mut Vec<&'b Expr<'b>>,
    ) -> Result<Node<'b>> {
        let first = from.select.ok_or_else(|| NotUnderstood::because("FROM is empty"))?;
        let mut node = self.item(first, sight, block, exprs)?;
        let joins = from.joins.as_deref().unwrap_or_default();
        if joins.len() >= JOINS_MAX {
            return Err(NotUnderstood::because(format!("it joins more than {JOINS_MAX} tables")));
        }
        for join in joins {
            let right = self.item(&join.table, sight, block, exprs)?;
            let kind = match join.operator {
                JoinOperator::Comma | JoinOperator::TypedJoin(None) => JoinType::INNER,
                JoinOperator::TypedJoin(Some(kind)) => kind,
            };
            let on = match &join.constraint {
                Some(JoinConstraint::On(expr)) => Some(expr),
                Some(JoinConstraint::Using(names)) => {
                    block.has_using = true;
                    block.using.extend(names.iter().map(|name| plain(name.0)));
                    None
                }
                None => None,
            };
            exprs.extend(on);
            block.has_using |= kind.contains(JoinType::NATURAL);
            node = if kind.contains(JoinType::RIGHT) {
                block.has_right = true;
                Node::Right(Box::new(node), Box::new(right))
            } else if kind.contains(JoinType::LEFT) {
                Node::Left(Box::new(node), Box::new(right), on)
            } else {
                Node::Inner(Box::new(node), Box::new(right), on)
            };
        }
        Ok(node)
    }

    fn item(
        &mut self,
        item: &'b SelectTable<'b>,
        sight: Option<&Sight<'_, 'b>>,
        block: &mut Block<'b>,
        exprs: &mut Vec<&'b Expr<'b>>,
    ) -> Result<Node<'b>> {
        let leaf = match item {
            SelectTable::Table(name, alias, _) => self.relation(name, alias.as_ref(), sight)?,
            SelectTable::TableCall(..) => {
                return Err(NotUnderstood::because("it calls a table function"));
            }
            SelectTable::Select(select, alias) => {
                self.count_leaf()?;
                let query = self.query(select, sight)?;
                renamed(query, None, alias.as_ref().map(alias_name).unwrap_or_default())
            }
            SelectTable::Sub(inner, alias) => {
                // An alias hides the tables within, and a single one loses its own.
                block.is_unclear |= alias.is_some() || inner.joins.is_none();
                return self.from(inner, sight, block, exprs);
            }
        };
        block.leaves.push(leaf);
        Ok(Node::Leaf(block.leaves.len() - 1))
    }
}
