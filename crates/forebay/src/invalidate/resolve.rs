//! What one answer rests on, now that its parameters are known: the form of its shape, the key
//! values, and the intervals. A conjunct that cannot be evaluated here exactly as SQLite does it
//! is left out, which only makes the answer rest on more rows.

use std::ops::Bound as Limit;

use smallvec::SmallVec;

use super::basis::Need;
use super::comparand::{Comparand, Constant};
use super::interval::Span;
use super::shape::{Compared, Form};
use super::window::Spans;
use crate::sql::{Bound, Conjunct, Occurrence, Operand, Test, Top};
use crate::value::Value;

/// Key values per occurrence; an IN list, or the product of several, beyond it does not count.
const KEYS_MAX: usize = 128;

/// The same where each has a window.
const WINDOWS_MAX: usize = 16;

/// Columns with a range per occurrence; that of a page counts first.
const RANGES_MAX: usize = 2;

/// The values bound to a statement, by the number of their parameter, which begins at 1.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bindings<'a>(pub(crate) &'a [&'a Value]);

impl<'a> Bindings<'a> {
    pub(crate) fn value(self, operand: &'a Operand) -> Option<&'a Value> {
        match operand {
            Operand::Literal(value) => Some(value),
            Operand::Parameter(number) => self.0.get(number.checked_sub(1)?).copied(),
        }
    }
}

/// What one answer rests on in one occurrence of a table.
#[derive(Clone)]
pub(super) struct Resolved {
    pub(super) form: Form,
    /// The key values, one list per combination.
    pub(super) keys: Vec<SmallVec<[Comparand; 2]>>,
    pub(super) spans: Spans,
    /// Which of the spans the bound of a page narrows, if that is in force.
    pub(super) top: Option<usize>,
}

/// One column that must equal one of some values.
struct Equal {
    compared: Compared,
    values: Vec<Comparand>,
}

/// One column that must lie in an interval.
struct Ranged {
    compared: Compared,
    span: Span,
}

/// What is left when a conjunct can never be true.
struct Nothing;

impl Resolved {
    /// `None` when no row can matter, because a conjunct compares with NULL.
    pub(super) fn of(need: &Need, bindings: Bindings<'_>) -> Option<Resolved> {
        let mut equals: Vec<Equal> = Vec::new();
        let mut ranges: Vec<Ranged> = Vec::new();
        for conjunct in &need.occurrence.conjuncts {
            match equal(conjunct, bindings) {
                Err(Nothing) => return None,
                Ok(Some(equal)) if !has(&equals, conjunct.column) => equals.push(equal),
                Ok(_) => {}
            }
        }
        for conjunct in &need.occurrence.conjuncts {
            match range(conjunct, bindings) {
                Err(Nothing) => return None,
                Ok(Some(ranged)) if !has(&equals, conjunct.column) => add(&mut ranges, ranged),
                Ok(_) => {}
            }
        }
        let top = need.occurrence.top.as_ref().filter(|top| !has(&equals, top.column));
        let top = top.map(|top| put_first(&mut ranges, top));
        ranges.truncate(RANGES_MAX);
        equals.sort_by_key(|equal| equal.compared.0);
        shorten(&mut equals, if ranges.is_empty() { KEYS_MAX } else { WINDOWS_MAX });
        Some(Resolved {
            form: Form {
                columns: need.columns,
                keys: equals.iter().map(|equal| equal.compared).collect(),
                ranged: ranges.iter().map(|ranged| ranged.compared).collect(),
            },
            keys: combinations(&equals),
            spans: ranges.into_iter().map(|ranged| ranged.span).collect(),
            top,
        })
    }

    /// The same with the interval of a page only, and with any value in another column.
    pub(super) fn beside(&self, compared: Compared) -> Resolved {
        let mut resolved = self.clone();
        resolved.form.ranged.truncate(1);
        resolved.spans.truncate(1);
        resolved.form.ranged.push(compared);
        resolved.spans.push(Span::ALL);
        resolved
    }

    /// The same without its intervals.
    pub(super) fn without_ranges(mut self) -> Resolved {
        self.form.ranged.clear();
        self.spans.clear();
        self.top = None;
        self
    }
}

/// The columns whose conjuncts are not used, because lists of them have too many combinations or
/// too many others have ranges: what [`Resolved::of`] will do, as far as the text alone tells.
pub(crate) fn left_out(occurrence: &Occurrence) -> Vec<u16> {
    let mut lists: Vec<(u16, usize)> = Vec::new();
    for conjunct in &occurrence.conjuncts {
        let values = match &conjunct.test {
            Test::OneOf(operands) => operands.len(),
            Test::Null => 1,
            Test::Range { .. } => continue,
        };
        if !lists.iter().any(|(column, _)| *column == conjunct.column) {
            lists.push((conjunct.column, values));
        }
    }
    let mut ranged: Vec<u16> = occurrence.top.iter().map(|top| top.column).collect();
    let ranges = occurrence.conjuncts.iter().filter(|it| matches!(it.test, Test::Range { .. }));
    ranged.extend(ranges.map(|conjunct| conjunct.column));
    ranged.retain(|column| !lists.iter().any(|(listed, _)| listed == column));
    let mut seen = Vec::new();
    ranged.retain(|column| {
        let is_new = !seen.contains(column);
        seen.push(*column);
        is_new
    });
    let mut left = ranged.split_off(ranged.len().min(RANGES_MAX));
    lists.sort_unstable();
    let max = if ranged.is_empty() { KEYS_MAX } else { WINDOWS_MAX };
    while lists.iter().fold(1usize, |product, (_, values)| product.saturating_mul(*values)) > max {
        let longest = (0..lists.len()).max_by_key(|at| lists[*at].1);
        let Some(longest) = longest else { break };
        left.push(lists.remove(longest).0);
    }
    left
}

fn has(equals: &[Equal], column: u16) -> bool {
    equals.iter().any(|equal| equal.compared.0 == column)
}

fn constant(operand: &Operand, conjunct: &Conjunct, bindings: Bindings<'_>) -> Constant {
    bindings.value(operand).map_or(Constant::Unclear, |value| {
        Constant::of(value, conjunct.affinity, conjunct.collation)
    })
}

/// The values that a conjunct allows, if it is of that kind and they can be told.
fn equal(conjunct: &Conjunct, bindings: Bindings<'_>) -> Result<Option<Equal>, Nothing> {
    let compared = (conjunct.column, conjunct.collation);
    let operands = match &conjunct.test {
        Test::OneOf(operands) => operands,
        Test::Null => return Ok(Some(Equal { compared, values: vec![Comparand::Null] })),
        Test::Range { .. } => return Ok(None),
    };
    let mut values = Vec::with_capacity(operands.len());
    for operand in operands {
        match constant(operand, conjunct, bindings) {
            Constant::Is(value) => values.push(value),
            Constant::Never => {}
            Constant::Unclear => return Ok(None),
        }
    }
    values.sort_unstable();
    values.dedup();
    if values.is_empty() { Err(Nothing) } else { Ok(Some(Equal { compared, values })) }
}

/// The interval that a conjunct allows, if it is of that kind.
fn range(conjunct: &Conjunct, bindings: Bindings<'_>) -> Result<Option<Ranged>, Nothing> {
    let Test::Range { low, high } = &conjunct.test else { return Ok(None) };
    let limit = |bound: &Option<Bound>| match bound {
        None => Ok(Limit::Unbounded),
        Some(bound) => match constant(&bound.operand, conjunct, bindings) {
            Constant::Is(value) if bound.inclusive => Ok(Limit::Included(value)),
            Constant::Is(value) => Ok(Limit::Excluded(value)),
            Constant::Never => Err(Nothing),
            Constant::Unclear => Ok(Limit::Unbounded),
        },
    };
    let span = Span { low: limit(low)?, high: limit(high)? }.intersect(Span::not_null());
    Ok(Some(Ranged { compared: (conjunct.column, conjunct.collation), span }))
}

/// Adds an interval to those of its column.
fn add(ranges: &mut Vec<Ranged>, ranged: Ranged) {
    match ranges.iter_mut().find(|known| known.compared == ranged.compared) {
        Some(known) => {
            known.span = std::mem::replace(&mut known.span, Span::ALL).intersect(ranged.span);
        }
        None => ranges.push(ranged),
    }
}

/// Brings the column that a page is ordered by to the front, where windows are found by.
fn put_first(ranges: &mut Vec<Ranged>, top: &Top) -> usize {
    let compared = (top.column, top.collation);
    match ranges.iter().position(|ranged| ranged.compared == compared) {
        Some(at) => ranges.swap(0, at),
        None => ranges.insert(0, Ranged { compared, span: Span::ALL }),
    }
    0
}

/// Leaves out the longest lists until there are few enough combinations.
fn shorten(equals: &mut Vec<Equal>, combinations_max: usize) {
    let product = |equals: &[Equal]| {
        equals.iter().fold(1usize, |product, equal| product.saturating_mul(equal.values.len()))
    };
    while product(equals) > combinations_max {
        let longest = (0..equals.len()).max_by_key(|at| equals[*at].values.len());
        let Some(longest) = longest else { return };
        equals.remove(longest);
    }
}

fn combinations(equals: &[Equal]) -> Vec<SmallVec<[Comparand; 2]>> {
    let mut lists = vec![SmallVec::new()];
    for equal in equals {
        let longer = |list: &SmallVec<[Comparand; 2]>| {
            let list = list.clone();
            equal.values.iter().map(move |value| {
                let mut list = list.clone();
                list.push(value.clone());
                list
            })
        };
        lists = lists.iter().flat_map(longer).collect();
    }
    lists
}
