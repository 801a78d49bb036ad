//! What a scope has seen that may be worth telling.

use std::panic::Location;
use std::sync::Arc;

use smallvec::SmallVec;

use super::case::Origin;
use super::told::{Action, Sample};
use crate::watch::Record;

/// A repeated statement in one scope.
#[derive(Debug)]
pub(super) struct Suspicion<'a> {
    pub(super) record: &'a Arc<Record>,
    pub(super) sample: &'a Sample,
    pub(super) action: Action,
    pub(super) caller: &'static Location<'static>,
    /// Different parameters so far.
    pub(super) distinct: usize,
    pub(super) what: What,
}

#[derive(Debug)]
pub(super) enum What {
    /// Rows are written one after another.
    Writes,
    /// The same is asked again and again.
    Duplicate,
    /// The same with other parameters: which of them vary, and where they may come from, the
    /// likeliest first.
    Repeats { varying: SmallVec<[u8; 4]>, candidates: Vec<Candidate> },
}

/// A column of an earlier answer that held the values of an operand.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub(crate) origin: Origin,
    pub(crate) source: Arc<Record>,
    /// A text of the source.
    pub(crate) text: Arc<str>,
    /// The set of the values, if there is more to it than small numbers that meet others.
    pub(crate) set: Option<u32>,
}
