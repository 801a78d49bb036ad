//! What WHERE or ON says about single columns: comparisons with constants, and columns that are
//! equal to one another. A fact follows from the condition being true; what is not listed here
//! gives none. Where it may be used is not decided here.

use sqlite3_parser::ast::{Expr, Operator};

use super::block::Block;
use super::expression::{bare, joined_by, row};
use super::literal::operand;
use super::occurrence::{Bound, Collation, Operand, Test};
use super::place::{Place, plain};
use crate::value::Value;

/// Constants in one list; longer ones would not be used anyway.
const LIST_MAX: usize = 1_000;

/// Facts of one condition; more would cost more than they could bring.
const FACTS_MAX: usize = 64;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Fact {
    Compared(Compared),
    /// Two columns are equal, compared without COLLATE.
    Same(Place, Place),
}

/// A column compared with constants.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Compared {
    pub(super) place: Place,
    /// Given by COLLATE; otherwise that of the column.
    pub(super) collation: Option<Collation>,
    pub(super) test: Test,
}

impl Fact {
    /// Whether it is never true for a row that a join has filled with NULL.
    pub(super) fn is_strict(&self) -> bool {
        !matches!(self, Fact::Compared(Compared { test: Test::Null, .. }))
    }
}

/// The facts of a condition.
pub(super) fn facts(condition: &Expr<'_>, block: &Block<'_>) -> Vec<Fact> {
    let reader = Reader { block };
    let parts = joined_by(Operator::And, condition).into_iter();
    parts.flat_map(|part| reader.part(part)).take(FACTS_MAX).collect()
}

struct Reader<'e, 'b> {
    block: &'e Block<'b>,
}

/// One side of a comparison.
enum Side {
    Column(Place),
    Constant(Operand),
}

impl Reader<'_, '_> {
    /// The facts of one condition without AND.
    fn part(&self, expr: &Expr<'_>) -> Vec<Fact> {
        match expr {
            Expr::Binary(_, Operator::Or, _) => self.either(expr).into_iter().collect(),
            Expr::Binary(left, operator, right) => match (row(left), row(right)) {
                (None, None) => self.compare(left, *operator, right).into_iter().collect(),
                (Some(left), Some(right)) if left.len() == right.len() => {
                    self.rows(left, *operator, right)
                }
                _ => Vec::new(),
            },
            Expr::Between { lhs, not: false, start, end } => {
                let low = self.compare(lhs, Operator::GreaterEquals, start);
                let high = self.compare(lhs, Operator::LessEquals, end);
                between(low, high)
            }
            Expr::InList { lhs, not: false, rhs } => {
                let list = rhs.unwrap_or_default();
                match row(lhs) {
                    None => self.one_of(lhs, list.iter().collect()).into_iter().collect(),
                    Some(columns) => self.one_of_rows(columns, list),
                }
            }
            Expr::IsNull(expr) => self.against_null(expr, Test::Null).into_iter().collect(),
            Expr::NotNull(expr) => self.against_null(expr, not_null()).into_iter().collect(),
            _ => Vec::new(),
        }
    }

    /// Row values: equal ones are equal part by part, and of two in order the first parts are in
    /// order or equal.
    fn rows(&self, left: &[Expr<'_>], operator: Operator, right: &[Expr<'_>]) -> Vec<Fact> {
        let operator = match operator {
            Operator::Equals => {
                let pairs = left.iter().zip(right);
                return pairs
                    .filter_map(|(left, right)| self.compare(left, Operator::Equals, right))
                    .collect();
            }
            Operator::Less | Operator::LessEquals => Operator::LessEquals,
            Operator::Greater | Operator::GreaterEquals => Operator::GreaterEquals,
            _ => return Vec::new(),
        };
        match (left, right) {
            ([left, ..], [right, ..]) => self.compare(left, operator, right).into_iter().collect(),
            _ => Vec::new(),
        }
    }

    fn compare(&self, left: &Expr<'_>, operator: Operator, right: &Expr<'_>) -> Option<Fact> {
        let (left, left_collation) = self.side(left)?;
        let (right, right_collation) = self.side(right)?;
        // The left operand's COLLATE wins.
        let collation = left_collation.or(right_collation);
        let (place, operand, operator) = match (left, right) {
            (Side::Column(place), Side::Constant(operand)) => (place, operand, operator),
            (Side::Constant(operand), Side::Column(place)) => (place, operand, mirror(operator)?),
            (Side::Column(left), Side::Column(right))
                if operator == Operator::Equals && collation.is_none() =>
            {
                return Some(Fact::Same(left, right));
            }
            _ => return None,
        };
        let collation = match collation {
            None => None,
            Some(given) => Some(given?),
        };
        Some(Fact::Compared(Compared { place, collation, test: test(operator, operand)? }))
    }

    /// A side of a comparison, and the collation that it is given; `None` within for one that is
    /// not SQLite's own.
    fn side(&self, expr: &Expr<'_>) -> Option<(Side, Option<Option<Collation>>)> {
        let mut expr = bare(expr);
        let mut collation = None;
        while let Expr::Collate(inner, name) = expr {
            // The outermost counts.
            collation.get_or_insert_with(|| Collation::named(&plain(name)));
            expr = bare(inner);
        }
        let side = match operand(expr) {
            Some(operand) => Side::Constant(operand),
            None => Side::Column(self.block.place(expr)?),
        };
        Some((side, collation))
    }

    /// `IN` with a list. Its collation is that of the left operand, unless the list has only one
    /// member: then SQLite makes it an equation.
    fn one_of(&self, column: &Expr<'_>, list: Vec<&Expr<'_>>) -> Option<Fact> {
        if list.len() > LIST_MAX {
            return None;
        }
        let (Side::Column(place), collation) = self.side(column)? else { return None };
        let collation = match collation {
            None => None,
            Some(given) => Some(given?),
        };
        let operands: Option<Vec<Operand>> = list.into_iter().map(operand).collect();
        Some(Fact::Compared(Compared { place, collation, test: Test::OneOf(operands?) }))
    }

    /// `IN` with a list of row values: each column is in the list of its parts.
    fn one_of_rows(&self, columns: &[Expr<'_>], list: &[Expr<'_>]) -> Vec<Fact> {
        let rows: Option<Vec<&[Expr<'_>]>> = list.iter().map(row).collect();
        let Some(rows) = rows.filter(|rows| rows.iter().all(|row| row.len() == columns.len()))
        else {
            return Vec::new();
        };
        let part = |n: usize| rows.iter().map(|row| &row[n]).collect();
        let facts = columns.iter().enumerate().map(|(n, column)| self.one_of(column, part(n)));
        facts.flatten().collect()
    }

    fn against_null(&self, expr: &Expr<'_>, test: Test) -> Option<Fact> {
        let (Side::Column(place), _) = self.side(expr)? else { return None };
        // Whether a value is NULL does not depend on a collation.
        Some(Fact::Compared(Compared { place, collation: None, test }))
    }

    /// `OR`, if every arm says of the same column what it equals.
    fn either(&self, expr: &Expr<'_>) -> Option<Fact> {
        let mut all: Option<Compared> = None;
        for arm in joined_by(Operator::Or, expr) {
            let mut facts = self.part(arm);
            let (Some(Fact::Compared(arm)), true) = (facts.pop(), facts.is_empty()) else {
                return None;
            };
            let Test::OneOf(operands) = arm.test else { return None };
            match &mut all {
                None => all = Some(Compared { test: Test::OneOf(operands), ..arm }),
                Some(Compared { place, collation, test: Test::OneOf(known) })
                    if *place == arm.place
                        && *collation == arm.collation
                        && known.len() + operands.len() <= LIST_MAX =>
                {
                    known.extend(operands);
                }
                Some(_) => return None,
            }
        }
        all.map(Fact::Compared)
    }
}

/// The operator with its operands exchanged.
fn mirror(operator: Operator) -> Option<Operator> {
    Some(match operator {
        Operator::Less => Operator::Greater,
        Operator::LessEquals => Operator::GreaterEquals,
        Operator::Greater => Operator::Less,
        Operator::GreaterEquals => Operator::LessEquals,
        Operator::Equals | Operator::Is | Operator::IsNot => operator,
        _ => return None,
    })
}

/// What a comparison says of its column. `IS` with a parameter says nothing, since that may be
/// NULL or not.
fn test(operator: Operator, operand: Operand) -> Option<Test> {
    let is_null = operand == Operand::Literal(Value::Null);
    let bound = |operand, inclusive| Some(Bound { operand, inclusive });
    Some(match (operator, &operand) {
        (Operator::Equals, _) => Test::OneOf(vec![operand]),
        (Operator::Is, _) if is_null => Test::Null,
        (Operator::Is, Operand::Literal(_)) => Test::OneOf(vec![operand]),
        (Operator::IsNot, _) if is_null => not_null(),
        (Operator::Less, _) => Test::Range { low: None, high: bound(operand, false) },
        (Operator::LessEquals, _) => Test::Range { low: None, high: bound(operand, true) },
        (Operator::Greater, _) => Test::Range { low: bound(operand, false), high: None },
        (Operator::GreaterEquals, _) => Test::Range { low: bound(operand, true), high: None },
        _ => return None,
    })
}

fn not_null() -> Test {
    Test::Range { low: None, high: None }
}

/// The two halves of BETWEEN, as one if they are of the same kind.
fn between(low: Option<Fact>, high: Option<Fact>) -> Vec<Fact> {
    match (low, high) {
        (
            Some(Fact::Compared(Compared {
                place,
                collation,
                test: Test::Range { low, high: None },
            })),
            Some(Fact::Compared(Compared {
                place: other,
                collation: other_collation,
                test: Test::Range { low: None, high },
            })),
        ) if place == other && collation == other_collation => {
            let test = Test::Range { low, high };
            vec![Fact::Compared(Compared { place, collation, test })]
        }
        (low, high) => low.into_iter().chain(high).collect(),
    }
}
