//! What a kind of trace is, and what is expected of whoever looks at it.

use std::pin::Pin;
use std::sync::Arc;

use super::world::Trace;

/// What a trace holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// Repeated statements whose keys come from an earlier answer, along a foreign key.
    Linked,
    /// Repeated statements whose keys come from elsewhere, or along no foreign key.
    Unlinked,
    /// One row written after another.
    Writes,
    /// One question again and again.
    Duplicate,
    Harmless,
}

/// Whose scope a trace runs in.
#[derive(Clone, Copy, Debug)]
pub(super) enum Scoped {
    /// One is opened around it, so many times.
    Around(u32),
    /// It opens its own, or needs none.
    Itself,
}

pub(super) type Running = Pin<Box<dyn Future<Output = ()>>>;

/// One kind of trace.
pub(super) struct Kind {
    pub(super) name: &'static str,
    pub(super) class: Class,
    /// The statements that are repeated.
    pub(super) expect: &'static [&'static str],
    pub(super) scoped: Scoped,
    pub(super) run: fn(Arc<Trace>) -> Running,
}

pub(super) fn boxed(run: impl Future<Output = ()> + 'static) -> Running {
    Box::pin(run)
}
