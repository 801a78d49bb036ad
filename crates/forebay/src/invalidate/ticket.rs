//! Tickets: the versions that an answer was read under. An answer is true as long as its ticket
//! is valid, so a fill that lost a race against a write is dead on arrival.

use std::fmt;
use std::ops::Bound;
use std::sync::Arc;

use smallvec::SmallVec;

use super::comparand::{Comparand, Scalar};
use super::interval::Span;
use super::resolve::Bindings;
use super::window::{Spans, Window};
use crate::sql::Top;
use crate::value::Value;

/// The versions that an answer was read under, and its windows.
#[derive(Clone)]
pub(crate) struct Ticket {
    pub(super) epoch: u64,
    pub(super) versions: SmallVec<[(u32, u64); 3]>,
    pub(super) windows: Option<Arc<[Arc<Window>]>>,
    /// The page whose bound is not known yet.
    pub(super) page: Option<Box<Page>>,
}

/// A page of ORDER BY … LIMIT that an answer may turn out to fill.
#[derive(Clone)]
pub(super) struct Page {
    pub(super) top: Top,
    /// The number of rows of a full page.
    pub(super) limit: usize,
    /// The windows to narrow, and their spans.
    pub(super) windows: Vec<(Arc<Window>, Spans)>,
}

impl Ticket {
    /// Tells the answer's rows: if they are a full page, rows beyond its last one do not matter
    /// from now on. `last` gives a value of the last row by column of the answer.
    pub(crate) fn close_page<'a>(
        &mut self,
        rows: usize,
        last: impl Fn(usize) -> Option<&'a Value>,
    ) {
        let Some(page) = self.page.take() else { return };
        if rows != page.limit || rows == 0 {
            return;
        }
        let Some(value) = last(page.top.output) else { return };
        let Some(bound) = Comparand::of(Scalar::from(value), page.top.collation) else { return };
        let reach = if page.top.descending {
            Span { low: Bound::Included(bound), high: Bound::Unbounded }
        } else {
            Span { low: Bound::Unbounded, high: Bound::Included(bound) }
        };
        for (window, mut spans) in page.windows {
            let first = std::mem::replace(&mut spans[0], Span::ALL);
            spans[0] = first.intersect(reach.clone());
            window.narrow(spans);
        }
    }

    /// Bytes that the ticket takes beside itself, those of its windows in the index included.
    pub(crate) fn heap_size(&self) -> usize {
        /// A window, its node, and its places in two maps (measured).
        const WINDOW_BYTES: usize = 400;
        let spilled = if self.versions.spilled() { self.versions.len() * 16 } else { 0 };
        spilled + self.windows.as_ref().map_or(0, |windows| windows.len() * WINDOW_BYTES)
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
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let windows = self.windows.as_ref().map_or(0, |windows| windows.len());
        write!(
            f,
            "ticket of epoch {}, {} slots, {windows} windows",
            self.epoch,
            self.versions.len()
        )
    }
}
