//! Intervals of values, and which of them hold a given value: a treap ordered by lower bound in
//! which each node knows the highest upper bound below it. Looking a value up costs the intervals
//! found and O(log n), whatever else is stored. It does not know what an interval stands for.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::ops::Bound;

use foldhash::fast::RandomState;

use super::comparand::Comparand;

/// All values between two bounds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Span {
    pub(crate) low: Bound<Comparand>,
    pub(crate) high: Bound<Comparand>,
}

impl Span {
    pub(crate) const ALL: Span = Span { low: Bound::Unbounded, high: Bound::Unbounded };

    /// Everything but NULL, which no comparison holds for.
    pub(crate) fn not_null() -> Span {
        Span { low: Bound::Excluded(Comparand::Null), high: Bound::Unbounded }
    }

    pub(crate) fn contains(&self, value: &Comparand) -> bool {
        below(&self.low, value) && !above(&self.high, value)
    }

    /// The values that are in both.
    pub(crate) fn intersect(self, other: Span) -> Span {
        let low = match lower(&self.low, &other.low) {
            Ordering::Less => other.low,
            _ => self.low,
        };
        let high = match upper(&self.high, &other.high) {
            Ordering::Greater => other.high,
            _ => self.high,
        };
        Span { low, high }
    }
}

/// Whether `value` lies at or above the lower bound.
fn below(low: &Bound<Comparand>, value: &Comparand) -> bool {
    match low {
        Bound::Unbounded => true,
        Bound::Included(low) => low <= value,
        Bound::Excluded(low) => low < value,
    }
}

/// Whether `value` lies above the upper bound.
fn above(high: &Bound<Comparand>, value: &Comparand) -> bool {
    match high {
        Bound::Unbounded => false,
        Bound::Included(high) => value > high,
        Bound::Excluded(high) => value >= high,
    }
}

/// The order of two lower bounds: which begins first.
fn lower(a: &Bound<Comparand>, b: &Bound<Comparand>) -> Ordering {
    let place = |bound: &Bound<Comparand>| u8::from(matches!(bound, Bound::Excluded(_)));
    match (value(a), value(b)) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Less,
        (Some(_), None) => Ordering::Greater,
        (Some(x), Some(y)) => x.cmp(y).then(place(a).cmp(&place(b))),
    }
}

/// The order of two upper bounds: which ends first.
fn upper(a: &Bound<Comparand>, b: &Bound<Comparand>) -> Ordering {
    let place = |bound: &Bound<Comparand>| u8::from(matches!(bound, Bound::Included(_)));
    match (value(a), value(b)) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Greater,
        (Some(_), None) => Ordering::Less,
        (Some(x), Some(y)) => x.cmp(y).then(place(a).cmp(&place(b))),
    }
}

fn value(bound: &Bound<Comparand>) -> Option<&Comparand> {
    match bound {
        Bound::Unbounded => None,
        Bound::Included(value) | Bound::Excluded(value) => Some(value),
    }
}

struct Node<T> {
    span: Span,
    id: u64,
    item: T,
    /// The highest upper bound in this subtree.
    high_max: Bound<Comparand>,
    priority: u64,
    left: Option<Box<Node<T>>>,
    right: Option<Box<Node<T>>>,
}

/// Intervals by id, each with an item.
pub(crate) struct Intervals<T> {
    root: Option<Box<Node<T>>>,
    /// The lower bound under which each id is found.
    lows: HashMap<u64, Bound<Comparand>, RandomState>,
    /// State of the generator of priorities, which only have to be spread.
    seed: u64,
}

impl<T> Intervals<T> {
    pub(crate) fn new() -> Intervals<T> {
        Intervals { root: None, lows: HashMap::default(), seed: 0x9e37_79b9_7f4a_7c15 }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lows.is_empty()
    }

    /// Adds an interval under an id that is not taken.
    pub(crate) fn insert(&mut self, id: u64, span: Span, item: T) {
        // xorshift64*
        self.seed ^= self.seed >> 12;
        self.seed ^= self.seed << 25;
        self.seed ^= self.seed >> 27;
        let priority = self.seed.wrapping_mul(0x2545_f491_4f6c_dd1d);
        self.lows.insert(id, span.low.clone());
        let high_max = span.high.clone();
        let node = Box::new(Node { span, id, item, high_max, priority, left: None, right: None });
        let (left, right) = split(self.root.take(), &node.span.low, id);
        self.root = merge(merge(left, Some(node)), right);
    }

    /// Removes the interval under `id`, if it is there.
    pub(crate) fn remove(&mut self, id: u64) -> Option<T> {
        let low = self.lows.remove(&id)?;
        let (left, rest) = split(self.root.take(), &low, id);
        let (found, right) = take_first(rest);
        self.root = merge(left, right);
        found.map(|node| node.item)
    }

    /// Calls `found` with the id and item of every interval that holds `value`.
    pub(crate) fn stab<'a>(&'a self, value: &Comparand, found: &mut impl FnMut(u64, &'a T)) {
        stab(self.root.as_deref(), value, found);
    }

    /// Calls `found` with the id and item of every interval.
    pub(crate) fn all<'a>(&'a self, found: &mut impl FnMut(u64, &'a T)) {
        let mut pending: Vec<&'a Node<T>> = self.root.as_deref().into_iter().collect();
        while let Some(node) = pending.pop() {
            found(node.id, &node.item);
            pending.extend(node.left.as_deref());
            pending.extend(node.right.as_deref());
        }
    }
}

fn stab<'a, T>(node: Option<&'a Node<T>>, value: &Comparand, found: &mut impl FnMut(u64, &'a T)) {
    let Some(node) = node else { return };
    if above(&node.high_max, value) {
        return;
    }
    stab(node.left.as_deref(), value, found);
    if below(&node.span.low, value) {
        if !above(&node.span.high, value) {
            found(node.id, &node.item);
        }
        stab(node.right.as_deref(), value, found);
    }
}

type Tree<T> = Option<Box<Node<T>>>;

/// Everything before (`low`, `id`), and the rest.
fn split<T>(tree: Tree<T>, low: &Bound<Comparand>, id: u64) -> (Tree<T>, Tree<T>) {
    let Some(mut node) = tree else { return (None, None) };
    if lower(&node.span.low, low).then(node.id.cmp(&id)) == Ordering::Less {
        let (middle, right) = split(node.right.take(), low, id);
        node.right = middle;
        node.refresh();
        (Some(node), right)
    } else {
        let (left, middle) = split(node.left.take(), low, id);
        node.left = middle;
        node.refresh();
        (left, Some(node))
    }
}

/// One tree of two, all of `left` before all of `right`.
fn merge<T>(left: Tree<T>, right: Tree<T>) -> Tree<T> {
    match (left, right) {
        (None, tree) | (tree, None) => tree,
        (Some(mut left), Some(mut right)) => {
            if left.priority > right.priority {
                left.right = merge(left.right.take(), Some(right));
                left.refresh();
                Some(left)
            } else {
                right.left = merge(Some(left), right.left.take());
                right.refresh();
                Some(right)
            }
        }
    }
}

/// The first node, and the tree without it.
fn take_first<T>(tree: Tree<T>) -> (Tree<T>, Tree<T>) {
    let Some(mut node) = tree else { return (None, None) };
    if node.left.is_none() {
        let right = node.right.take();
        return (Some(node), right);
    }
    let (first, left) = take_first(node.left.take());
    node.left = left;
    node.refresh();
    (first, Some(node))
}

impl<T> Node<T> {
    fn refresh(&mut self) {
        let below = [self.left.as_deref(), self.right.as_deref()];
        let mut high = &self.span.high;
        for node in below.into_iter().flatten() {
            if upper(&node.high_max, high) == Ordering::Greater {
                high = &node.high_max;
            }
        }
        self.high_max = high.clone();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::super::comparand::Number;
    use super::*;

    fn comparand() -> impl Strategy<Value = Comparand> {
        prop_oneof![
            1 => Just(Comparand::Null),
            8 => (0..12i64).prop_map(|n| Comparand::Number(Number::Integer(n))),
            2 => "[ab]{0,2}".prop_map(|text| Comparand::Text(text.into_bytes().into())),
        ]
    }

    fn bound() -> impl Strategy<Value = Bound<Comparand>> {
        prop_oneof![
            Just(Bound::Unbounded),
            comparand().prop_map(Bound::Included),
            comparand().prop_map(Bound::Excluded),
        ]
    }

    #[derive(Clone, Debug)]
    enum Step {
        Insert(Span),
        Remove(usize),
        Stab(Comparand),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            3 => (bound(), bound()).prop_map(|(low, high)| Step::Insert(Span { low, high })),
            1 => (0..64usize).prop_map(Step::Remove),
            3 => comparand().prop_map(Step::Stab),
        ]
    }

    proptest! {
        /// The model: a list of spans, looked through one by one.
        #[test]
        fn it_finds_what_a_list_finds(steps in proptest::collection::vec(step(), 1..120)) {
            let mut intervals = Intervals::new();
            let mut model: BTreeMap<u64, Span> = BTreeMap::new();
            for (id, step) in (0u64..).zip(steps) {
                match step {
                    Step::Insert(span) => {
                        intervals.insert(id, span.clone(), id);
                        model.insert(id, span);
                    }
                    Step::Remove(nth) => {
                        let id = model.keys().nth(nth % model.len().max(1)).copied();
                        let id = id.unwrap_or(u64::MAX);
                        prop_assert_eq!(intervals.remove(id), model.remove(&id).map(|_| id));
                    }
                    Step::Stab(value) => {
                        let mut found = Vec::new();
                        intervals.stab(&value, &mut |id, _| found.push(id));
                        found.sort_unstable();
                        let expected: Vec<u64> = model
                            .iter()
                            .filter(|(_, span)| span.contains(&value))
                            .map(|(id, _)| *id)
                            .collect();
                        prop_assert_eq!(found, expected);
                    }
                }
                let mut all = Vec::new();
                intervals.all(&mut |id, _| all.push(id));
                all.sort_unstable();
                prop_assert_eq!(all, model.keys().copied().collect::<Vec<_>>());
                prop_assert_eq!(intervals.is_empty(), model.is_empty());
            }
        }

        #[test]
        fn an_intersection_holds_what_both_hold(
            a in (bound(), bound()), b in (bound(), bound()), value in comparand()
        ) {
            let [a, b] = [a, b].map(|(low, high)| Span { low, high });
            let both = a.contains(&value) && b.contains(&value);
            prop_assert_eq!(a.intersect(b).contains(&value), both);
        }
    }
}
