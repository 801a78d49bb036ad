//! The conditions of WHERE and ON as terms, each at the leaf of FROM whose rows it is about. A
//! comparison of two tables is a term of both.

use std::collections::BTreeMap;

use sqlite3_parser::ast::{Expr, LikeOperator, Operator};

use super::super::expression::{bare, joined_by, row};
use super::super::literal::operand;
use super::super::occurrence::Operand;
use super::key::{Placed, Reader};
use super::sought::{Sift, Term};
use crate::value::Value;

/// Conditions of one block; more would cost more than they could bring.
const TERMS_MAX: usize = 64;

/// Arms of one OR.
const ARMS_MAX: usize = 8;

/// A term and where it belongs.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Found {
    pub(super) leaf: usize,
    /// Its key, if it is a column.
    pub(super) column: Option<usize>,
    pub(super) term: Term,
}

/// What the conditions of a block come to.
#[derive(Debug, Default)]
pub(super) struct Terms {
    pub(super) found: Vec<Found>,
    /// ORs by leaf: per arm its terms.
    pub(super) choices: Vec<(usize, Vec<Vec<Term>>)>,
}

impl<'b> Reader<'_, 'b> {
    /// Adds what a condition says.
    pub(super) fn condition(&self, condition: &'b Expr<'b>, to: &mut Terms) {
        for part in joined_by(Operator::And, condition) {
            if to.found.len() >= TERMS_MAX {
                return;
            }
            match part {
                Expr::Binary(_, Operator::Or, _) => self.either(part, to),
                _ => to.found.extend(self.part(part)),
            }
        }
    }

    /// The terms of one condition without AND and OR.
    fn part(&self, part: &'b Expr<'b>) -> Vec<Found> {
        let mut found = Vec::new();
        let alone = self.over_one_table(part);
        match part {
            Expr::Binary(left, operator, right) => match (row(left), row(right)) {
                (Some(left), Some(right)) => self.rows(left, *operator, right, &mut found),
                _ => self.compare(left, *operator, right, &mut found),
            },
            Expr::Between { lhs, not: false, start, .. } => {
                self.put(lhs, Some(*start), Sift::Range(operand(start)), &mut found);
            }
            Expr::InList { lhs, not: false, rhs } => {
                let list = rhs.unwrap_or_default();
                let sift = match list {
                    [one] => Sift::Equal(operand(one)),
                    _ => Sift::OneOf,
                };
                for column in row(lhs).unwrap_or(std::slice::from_ref(*lhs)) {
                    self.put(column, list.first(), sift.clone(), &mut found);
                }
            }
            Expr::InSelect { lhs, not: false, .. } | Expr::InTable { lhs, not: false, .. } => {
                for column in row(lhs).unwrap_or(std::slice::from_ref(*lhs)) {
                    self.put(column, None, Sift::OneOf, &mut found);
                }
            }
            Expr::IsNull(inner) => self.put(inner, None, Sift::Null, &mut found),
            Expr::NotNull(inner) => self.put(inner, None, Sift::NotNull, &mut found),
            Expr::Like { lhs, not: false, op, rhs, .. } => {
                let is_glob = *op == LikeOperator::Glob;
                if is_glob || *op == LikeOperator::Like {
                    let sift = Sift::Like { is_glob, pattern: operand(rhs) };
                    self.put(lhs, Some(*rhs), sift, &mut found);
                }
            }
            _ => {}
        }
        let Some((leaf, sql)) = alone else { return found };
        match found.iter_mut().find(|it| it.leaf == leaf) {
            Some(it) => it.term.condition = Some(sql),
            None => {
                let term = Term { key: None, sift: Sift::Not, condition: Some(sql) };
                found.push(Found { leaf, column: None, term });
            }
        }
        found
    }

    /// Row values: equal ones are equal part by part, others are ordered by the first parts.
    fn rows(
        &self,
        left: &'b [Expr<'b>],
        operator: Operator,
        right: &'b [Expr<'b>],
        to: &mut Vec<Found>,
    ) {
        let count = if operator == Operator::Equals { left.len() } else { 1 };
        for (left, right) in left.iter().zip(right).take(count) {
            self.compare(left, operator, right, to);
        }
    }

    fn compare(
        &self,
        left: &'b Expr<'b>,
        operator: Operator,
        right: &'b Expr<'b>,
        to: &mut Vec<Found>,
    ) {
        let sift = |other: &Expr<'b>| match operator {
            Operator::Equals | Operator::Is => Some(Sift::Equal(operand(other))),
            Operator::IsNot if is_null(other) => Some(Sift::NotNull),
            Operator::Less | Operator::LessEquals | Operator::Greater | Operator::GreaterEquals => {
                Some(Sift::Range(operand(other)))
            }
            _ => None,
        };
        for (key, other) in [(left, right), (right, left)] {
            if let Some(sift) = sift(other) {
                let is_null = matches!(sift, Sift::Equal(_)) && is_null(other);
                let sift = if is_null { Sift::Null } else { sift };
                self.put(key, Some(other), sift, to);
            }
        }
    }

    /// Adds a term, unless its key stands on the other side too.
    fn put(&self, key: &'b Expr<'b>, other: Option<&'b Expr<'b>>, sift: Sift, to: &mut Vec<Found>) {
        let Some(Placed { leaf, column, key }) = self.key(key) else { return };
        if other.is_some_and(|other| self.leaves(other).contains(&leaf)) {
            return;
        }
        to.push(Found { leaf, column, term: Term { key: Some(key), sift, condition: None } });
    }

    /// An OR: one column that is one of several values, or arms that each find rows of one leaf.
    fn either(&self, expr: &'b Expr<'b>, to: &mut Terms) {
        let arms = joined_by(Operator::Or, expr);
        let condition = self.over_one_table(bare(expr));
        let arms: Vec<Vec<Found>> = arms
            .into_iter()
            .map(|arm| {
                let parts = joined_by(Operator::And, arm);
                parts.into_iter().flat_map(|part| self.part(part)).collect()
            })
            .collect();
        if let Some(one_of) = one_of(&arms) {
            let condition = condition.map(|(_, sql)| sql);
            let term = Term { sift: Sift::OneOf, condition, ..one_of.term };
            to.found.push(Found { term, ..one_of });
            return;
        }
        if let Some((leaf, sql)) = condition {
            let term = Term { key: None, sift: Sift::Not, condition: Some(sql) };
            to.found.push(Found { leaf, column: None, term });
        }
        if arms.len() > ARMS_MAX {
            return;
        }
        let mut by_leaf: BTreeMap<usize, Vec<Vec<Term>>> = BTreeMap::new();
        for arm in &arms {
            let mut own: BTreeMap<usize, Vec<Term>> = BTreeMap::new();
            for found in arm.iter().filter(|found| found.term.key.is_some()) {
                own.entry(found.leaf).or_default().push(found.term.clone());
            }
            for (leaf, terms) in own {
                by_leaf.entry(leaf).or_default().push(terms);
            }
        }
        to.choices.extend(by_leaf.into_iter().filter(|(_, found)| found.len() == arms.len()));
    }
}

fn is_null(expr: &Expr<'_>) -> bool {
    operand(expr) == Some(Operand::Literal(Value::Null))
}

/// The key that every arm of an OR compares, and nothing else.
fn one_of(arms: &[Vec<Found>]) -> Option<Found> {
    let mut key = None;
    for arm in arms {
        let [only] = arm.as_slice() else { return None };
        let is_equal = matches!(only.term.sift, Sift::Equal(_) | Sift::OneOf);
        let same = key.get_or_insert(only);
        if !is_equal || same.leaf != only.leaf || same.term.key != only.term.key {
            return None;
        }
    }
    key.cloned()
}
