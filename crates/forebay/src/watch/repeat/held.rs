//! Answers from memory that a scope has had, and whose values it has not looked at. Most scopes end
//! before a question comes up that needs them, and then they never are.

use crate::row::Rows;

/// Answers of one scope that are left for later.
const ANSWERS_MAX: usize = 32;

/// Bytes of their rows. The cache may drop them meanwhile, and then nobody else has them.
const BYTES_MAX: usize = 256 * 1_024;

/// Up to so many values, looking at an answer at once takes no longer than leaving it.
const VALUES_MIN: usize = 8;

/// The answers, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Held {
    answers: Vec<Answer>,
    bytes: usize,
    /// How many of them have been looked at.
    done: usize,
}

#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) statement: usize,
    pub(super) at: u32,
    pub(super) rows: Rows,
}

impl Held {
    /// Whether nothing need be done now about an answer: it is left for later, or has been here
    /// before.
    pub(super) fn takes(&mut self, statement: usize, at: u32, rows: &Rows) -> bool {
        if rows.len() * rows.columns().len() <= VALUES_MIN {
            return false;
        }
        // The last ones first, since what is asked again is asked again soon.
        if self.answers.iter().rev().any(|it| it.statement == statement && it.rows.is_same(rows)) {
            return true;
        }
        if self.answers.len() >= ANSWERS_MAX || self.bytes + rows.size() > BYTES_MAX {
            return false;
        }
        self.bytes += rows.size();
        self.answers.push(Answer { statement, at, rows: rows.clone() });
        true
    }

    /// The next one that has not been looked at.
    pub(super) fn next(&mut self) -> Option<Answer> {
        let next = self.answers.get(self.done)?.clone();
        self.done += 1;
        Some(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::{Column, ColumnKind};
    use crate::value::Value;

    fn rows(len: i64) -> Rows {
        let column = Column { name: "id".into(), declared: None, kind: ColumnKind::Plain };
        Rows::new([column].into(), (0..len).map(Value::from).collect())
    }

    #[test]
    fn each_answer_is_looked_at_once() {
        let (list, other) = (rows(40), rows(40));
        let mut held = Held::default();
        let mut check = |statement, at, rows: &Rows, expect| {
            assert_eq!(held.takes(statement, at, rows), expect, "{statement} at {at}");
        };
        check(0, 1, &list, true);
        check(0, 2, &rows(8), false);
        check(1, 3, &other, true);
        check(0, 4, &list, true);
        let looked: Vec<u32> = std::iter::from_fn(|| held.next()).map(|it| it.at).collect();
        assert_eq!(looked, [1, 3]);
        assert!(held.takes(0, 5, &list) && held.next().is_none());
    }

    #[test]
    fn bounded() {
        let mut held = Held::default();
        let taken = (0..1_000).filter(|at| held.takes(0, *at, &rows(9))).count();
        assert_eq!(taken, ANSWERS_MAX);
        let mut held = Held::default();
        let taken = (0..1_000).filter(|at| held.takes(0, *at, &rows(1_000))).count();
        assert_eq!(taken, BYTES_MAX / rows(1_000).size());
    }
}
