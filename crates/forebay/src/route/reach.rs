//! Which values of the column that the rows are split by a condition can be true for, and how that
//! lies to the range of a member. When in doubt, any value. It does no I/O.

use std::ops::Bound;

use crate::invalidate::{Bindings, Comparand, Constant, Span};
use crate::sql::{Collation, Conjunct, Occurrence, Test};

/// The values that can matter: those of any of the spans, and NULL perhaps.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Reach {
    spans: Vec<Span>,
    has_null: bool,
}

/// More points in one list would cost more than they could save.
const POINTS_MAX: usize = 1_000;

impl Reach {
    pub(super) fn everything() -> Reach {
        Reach { spans: vec![Span::not_null()], has_null: true }
    }

    /// What the conditions on one occurrence of a table leave of its column `column`, which
    /// compares as BINARY.
    pub(super) fn of(occurrence: &Occurrence, column: u16, bindings: Bindings<'_>) -> Reach {
        let mut reach = Reach::everything();
        for conjunct in occurrence.conjuncts.iter().filter(|it| it.column == column) {
            reach = reach.intersect(&one(conjunct, bindings));
        }
        reach
    }

    fn intersect(&self, other: &Reach) -> Reach {
        let mut spans = Vec::new();
        for span in &self.spans {
            let both = other.spans.iter().map(|other| span.clone().intersect(other.clone()));
            spans.extend(both.filter(|both| !is_empty(both)));
        }
        Reach { spans, has_null: self.has_null && other.has_null }
    }

    /// Whether a member with this range can have rows that matter.
    pub(super) fn touches(&self, range: &Span, has_null: bool) -> bool {
        let meets = |span: &Span| !is_empty(&span.clone().intersect(range.clone()));
        (has_null && self.has_null) || self.spans.iter().any(meets)
    }

    /// Whether no row outside this range can matter.
    pub(super) fn is_within(&self, range: &Span, has_null: bool) -> bool {
        let lies = |span: &Span| span.clone().intersect(range.clone()) == *span;
        (has_null || !self.has_null) && self.spans.iter().all(lies)
    }

    pub(super) fn has_null(&self) -> bool {
        self.has_null
    }
}

fn one(conjunct: &Conjunct, bindings: Bindings<'_>) -> Reach {
    let constant = |operand| match conjunct.collation {
        // The range of a member is one of bytes.
        Collation::Nocase | Collation::Rtrim => Constant::Unclear,
        Collation::Binary => match bindings.value(operand) {
            Some(value) => Constant::of(value, conjunct.affinity, Collation::Binary),
            None => Constant::Unclear,
        },
    };
    let not_null = Reach { spans: vec![Span::not_null()], has_null: false };
    let nothing = Reach { spans: Vec::new(), has_null: false };
    match &conjunct.test {
        Test::Null => Reach { spans: Vec::new(), has_null: true },
        Test::OneOf(operands) if operands.len() > POINTS_MAX => not_null,
        Test::OneOf(operands) => {
            let mut spans = Vec::new();
            for operand in operands {
                match constant(operand) {
                    Constant::Is(value) => spans.push(Span {
                        low: Bound::Included(value.clone()),
                        high: Bound::Included(value),
                    }),
                    Constant::Never => {}
                    // Equal under another collation, or unknown.
                    Constant::Unclear => return not_null,
                }
            }
            Reach { spans, has_null: false }
        }
        Test::Range { low, high } => {
            let mut span = Span::not_null();
            if let Some(low) = low {
                match constant(&low.operand) {
                    Constant::Is(value) if low.inclusive => span.low = Bound::Included(value),
                    Constant::Is(value) => span.low = Bound::Excluded(value),
                    Constant::Never => return nothing,
                    Constant::Unclear => {}
                }
            }
            if let Some(high) = high {
                match constant(&high.operand) {
                    Constant::Is(value) if high.inclusive => span.high = Bound::Included(value),
                    Constant::Is(value) => span.high = Bound::Excluded(value),
                    Constant::Never => return nothing,
                    Constant::Unclear => {}
                }
            }
            let is_empty = is_empty(&span);
            if is_empty { nothing } else { Reach { spans: vec![span], has_null: false } }
        }
    }
}

/// Whether no value can lie between the bounds.
pub(super) fn is_empty(span: &Span) -> bool {
    match (&span.low, &span.high) {
        (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
        (Bound::Included(low), Bound::Included(high)) => low > high,
        (
            Bound::Included(low) | Bound::Excluded(low),
            Bound::Included(high) | Bound::Excluded(high),
        ) => low >= high,
    }
}

/// A half-open range: from `low` on, up to but without `high`.
pub(super) fn half_open(low: Option<Comparand>, high: Option<Comparand>) -> Span {
    Span {
        low: low.map_or(Bound::Excluded(Comparand::Null), Bound::Included),
        high: high.map_or(Bound::Unbounded, Bound::Excluded),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::{Affinity, Bound as Limit, Operand};
    use crate::value::Value;

    fn number(n: i64) -> Comparand {
        let Constant::Is(value) =
            Constant::of(&Value::from(n), Affinity::Integer, Collation::Binary)
        else {
            unreachable!("an integer is one")
        };
        value
    }

    fn occurrence(tests: Vec<Test>) -> Occurrence {
        let conjunct = |test| Conjunct {
            column: 0,
            affinity: Affinity::Integer,
            collation: Collation::Binary,
            test,
        };
        Occurrence {
            table: "t".into(),
            conjuncts: tests.into_iter().map(conjunct).collect(),
            top: None,
            partner: None,
        }
    }

    fn literal(n: i64) -> Operand {
        Operand::Literal(Value::from(n))
    }

    fn bound(n: i64, inclusive: bool) -> Option<Limit> {
        Some(Limit { operand: literal(n), inclusive })
    }

    /// Members are: archive ..10, live 10.. with NULL.
    #[test]
    fn conditions_touch_members() {
        let check = |tests: Vec<Test>, archive: (bool, bool), live: (bool, bool)| {
            let reach = Reach::of(&occurrence(tests.clone()), 0, Bindings(&[]));
            let old = half_open(None, Some(number(10)));
            let new = half_open(Some(number(10)), None);
            let of = |span, null| (reach.touches(span, null), reach.is_within(span, null));
            assert_eq!((of(&old, false), of(&new, true)), (archive, live), "{tests:?}");
        };
        let range = |low, high| Test::Range { low, high };
        check(vec![], (true, false), (true, false));
        check(vec![Test::Null], (false, false), (true, true));
        check(vec![range(None, None)], (true, false), (true, false));
        check(vec![range(bound(10, true), None)], (false, false), (true, true));
        check(vec![range(bound(9, false), None)], (true, false), (true, false));
        check(vec![range(None, bound(10, false))], (true, true), (false, false));
        check(vec![range(None, bound(10, true))], (true, false), (true, false));
        check(vec![Test::OneOf(vec![literal(9)])], (true, true), (false, false));
        check(vec![Test::OneOf(vec![literal(9), literal(10)])], (true, false), (true, false));
        check(vec![Test::OneOf(vec![])], (false, true), (false, true));
        let both = vec![range(bound(3, true), None), range(None, bound(5, true))];
        check(both, (true, true), (false, false));
        let never = vec![range(bound(5, true), None), range(None, bound(3, true))];
        check(never, (false, true), (false, true));
        let unknown = Test::OneOf(vec![Operand::Parameter(1)]);
        check(vec![unknown], (true, false), (true, false));
    }
}
