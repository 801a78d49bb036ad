//! The databases that a logical table is made of, and which rows are whose.

use crate::db::Db;
use crate::error::Error;
use crate::invalidate::Span;
use crate::value::Value;

/// One database.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) name: Box<str>,
    pub(super) db: Db,
}

/// The range of one member.
#[derive(Clone, Debug)]
pub(super) struct Part {
    /// Its place among the members.
    pub(super) member: usize,
    pub(super) low: Option<Value>,
    pub(super) high: Option<Value>,
    pub(super) span: Span,
    /// Rows without a value belong to the live one.
    pub(super) has_null: bool,
    /// There are no rows without a value.
    pub(super) is_not_null: bool,
}

/// Which rows are whose, at one time. The parts are in the order of their ranges, the live one
/// last.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    /// How often the boundary has moved.
    pub(super) generation: i64,
    pub(super) parts: Vec<Part>,
}

/// A condition by which a member answers the rows of its range only, and the values of its
/// parameters.
pub(super) struct Fence {
    pub(super) condition: String,
    pub(super) values: Vec<Value>,
}

impl Part {
    /// The condition on `column`, which is SQL, with parameters from number `next` on.
    pub(super) fn fence(&self, column: &str, next: usize) -> Fence {
        let mut terms = Vec::new();
        let mut values = Vec::new();
        for (operator, bound) in [(">=", &self.low), ("<", &self.high)] {
            if let Some(bound) = bound {
                terms.push(format!("{column} {operator} ?{}", next + values.len()));
                values.push(bound.clone());
            }
        }
        let range = terms.join(" AND ");
        let condition = match (self.has_null && !self.is_not_null, range.is_empty()) {
            (true, true) => "1".to_owned(),
            (true, false) => format!("({column} IS NULL OR ({range}))"),
            (false, true) => format!("({column} IS NOT NULL)"),
            (false, false) => format!("({range})"),
        };
        Fence { condition, values }
    }
}

impl Member {
    /// An error of this member, under its name.
    pub(super) fn fault(&self, error: &Error) -> Error {
        error.prefixed(&format!("member {}", self.name))
    }
}
