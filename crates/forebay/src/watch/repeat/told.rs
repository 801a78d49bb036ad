//! What the detector is told of a statement that has ended.

use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use super::digest::Digest;
use crate::watch::Record;

/// A statement that has succeeded.
#[derive(Debug)]
pub(crate) struct Told<'a> {
    pub(crate) record: &'a Arc<Record>,
    /// The digests of its parameters in the order in which they were bound; of a text without any,
    /// those of its literals.
    pub(crate) operands: &'a [Digest],
    /// Rows answered.
    pub(crate) rows: u64,
    /// Rows changed.
    pub(crate) affected: u64,
    /// How long it took; `None` for an answer from memory.
    pub(crate) spent: Option<Duration>,
    pub(crate) caller: &'static Location<'static>,
}

/// One text of a fingerprint, with what its operands are.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub(crate) text: Arc<str>,
    /// The names of its parameters in the order in which they were bound, empty for those without.
    pub(crate) names: Box<[Box<str>]>,
    /// It has no parameters, and its literals stand for them.
    pub(crate) is_literal: bool,
    /// What the comment of the text says of its caller.
    pub(crate) comment: Option<Box<str>>,
}

/// What a statement does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    Read,
    Insert,
    Update,
    Delete,
    Other,
}

impl Action {
    /// By the first word of a normalised text.
    pub(super) fn of(text: &str) -> Action {
        match text.split([' ', '(']).next() {
            Some("select" | "with" | "values") => Action::Read,
            Some("insert" | "replace") => Action::Insert,
            Some("update") => Action::Update,
            Some("delete") => Action::Delete,
            _ => Action::Other,
        }
    }
}
