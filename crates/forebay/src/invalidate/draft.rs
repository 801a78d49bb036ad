//! Tickets in the making: what an answer may turn out to rest on is known only in part before it
//! has been read.

use std::ops::Bound;
use std::sync::Arc;

use super::comparand::{Comparand, Scalar};
use super::index::Index;
use super::interval::Span;
use super::partner::Rest;
use super::resolve::Bindings;
use super::ticket::Ticket;
use super::window::{Among, Spans, Window};
use crate::sql::Top;
use crate::value::Value;

/// A ticket that has been taken, for an answer that has not been read yet.
pub(crate) struct Draft {
    pub(super) ticket: Ticket,
    pub(super) windows: Vec<Arc<Window>>,
    /// The page whose bound is not known yet.
    pub(super) page: Option<Page>,
    pub(super) awaited: Vec<Awaited>,
    /// The values of a partner that the rows of the page have.
    pub(super) among: Option<Among>,
}

/// A partner whose values are not known yet.
pub(crate) struct Awaited {
    /// Which of the basis's occurrences it belongs to.
    pub(crate) need: usize,
    /// The constants of each of its filters.
    pub(crate) operands: Vec<Vec<Value>>,
    pub(super) rest: Rest,
}

/// A page of ORDER BY … LIMIT that an answer may turn out to fill.
pub(super) struct Page {
    pub(super) top: Top,
    /// The number of rows of a full page.
    pub(super) limit: usize,
    /// The windows to narrow, and their spans.
    pub(super) windows: Vec<(Arc<Window>, Spans)>,
}

impl Awaited {
    /// Values that are of use; with more the answer rests on every row.
    pub(crate) fn values_max(&self) -> usize {
        self.rest.values_max()
    }
}

impl Draft {
    /// Whether partners are awaited.
    pub(crate) fn awaits(&self) -> bool {
        !self.awaited.is_empty()
    }

    /// Asks for the values of each partner that is awaited, after the answer has been read. `ask`
    /// answers those of all rows that meet the partner's filters, or `None` when they are not
    /// known; NULL and double ones do not matter.
    pub(crate) fn settle(
        &mut self,
        index: &Index,
        mut ask: impl FnMut(&Awaited) -> Option<Vec<Value>>,
    ) {
        for awaited in std::mem::take(&mut self.awaited) {
            let values = ask(&awaited);
            index.settle(self, awaited.rest, values.as_deref());
        }
    }

    /// The ticket, now that the answer is read: if its rows are a full page, rows beyond its last
    /// one do not matter from now on. `last` gives a value of the last row by column of the answer.
    pub(crate) fn close<'a>(
        mut self,
        index: &Index,
        rows: usize,
        last: impl Fn(usize) -> Option<&'a Value>,
    ) -> Ticket {
        self.settle(index, |_| None);
        if let Some(page) = self.page.take() {
            let reach = page.reach(rows, last);
            let among = self.among.take();
            if reach.is_some() || among.is_some() {
                page.narrow(&reach.unwrap_or(Span::ALL), among.as_ref());
            }
        }
        self.ticket.windows = (!self.windows.is_empty()).then(|| self.windows.into());
        self.ticket
    }

    /// Enters slots, each with the version that it was noted at.
    pub(super) fn rest_on(&mut self, slots: impl IntoIterator<Item = (u32, u64)>) {
        for (slot, version) in slots {
            let known = self.ticket.versions.iter_mut().find(|(known, _)| *known == slot);
            match known {
                // The older one says more.
                Some((_, known)) => *known = version.min(*known),
                None => self.ticket.versions.push((slot, version)),
            }
        }
    }
}

impl Page {
    /// The rows of a full page; `None` when the statement does not bound them.
    pub(super) fn limit(top: &Top, bindings: Bindings<'_>) -> Option<usize> {
        match bindings.value(&top.limit) {
            Some(Value::Integer(rows)) => usize::try_from(*rows).ok().filter(|rows| *rows > 0),
            _ => None,
        }
    }

    /// Where rows must lie to get into the page; `None` when it is not full or cannot be told.
    fn reach<'a>(&self, rows: usize, last: impl Fn(usize) -> Option<&'a Value>) -> Option<Span> {
        if rows != self.limit || rows == 0 {
            return None;
        }
        let bound = Comparand::of(Scalar::from(last(self.top.output)?), self.top.collation)?;
        Some(if self.top.descending {
            Span { low: Bound::Included(bound), high: Bound::Unbounded }
        } else {
            Span { low: Bound::Unbounded, high: Bound::Included(bound) }
        })
    }

    fn narrow(self, reach: &Span, among: Option<&Among>) {
        for (window, mut spans) in self.windows {
            let first = std::mem::replace(&mut spans[0], Span::ALL);
            spans[0] = first.intersect(reach.clone());
            window.narrow(spans, among.cloned());
        }
    }
}
