//! The stable identity of a statement's shape.

use std::sync::Arc;

/// The shape of a statement.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Fingerprint {
    id: u64,
    text: Arc<str>,
}

impl Fingerprint {
    /// The fingerprint of a text.
    pub(crate) fn new(_sql: &str) -> Fingerprint {
        todo!()
    }

    /// The same for the same shape, in every run and on every platform.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// The normalised text, at most 4 KiB.
    pub(crate) fn text(&self) -> &Arc<str> {
        &self.text
    }
}
