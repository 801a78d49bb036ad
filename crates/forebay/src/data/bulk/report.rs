//! What comes of a bulk operation, and how far it has come.

use std::collections::BTreeMap;

/// What came of a bulk operation. All of it is committed, unless it ran within a transaction that
/// goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BulkReport {
    /// Rows that the source gave.
    pub rows: u64,
    /// Rows that were inserted, changed or deleted, as the database counts them.
    pub affected: u64,
    /// Chunks in which they were written, each in a transaction of its own if that was asked for.
    pub chunks: u64,
}

/// Told how far an operation has come.
pub(super) type Tell<'a> = Box<dyn FnMut(&BulkProgress) + Send + 'a>;

/// How far a bulk operation has come, after each chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BulkProgress {
    /// Rows written so far.
    pub rows: u64,
    /// Rows inserted, changed or deleted by them, as the database counts them.
    pub affected: u64,
    /// Chunks written so far.
    pub chunks: u64,
    /// Whether they are committed; otherwise they are undone if a later chunk fails.
    pub is_committed: bool,
}

/// What a bulk deletion has deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BulkDeleted {
    /// Rows of the table itself whose key was among those given.
    pub rows: u64,
    /// Rows that went with them, by table: by `ON DELETE CASCADE`, and by triggers. Tables that
    /// lost none are left out. `None` where the database does not tell exactly: see
    /// [`crate::Bulk::delete`].
    pub cascaded: Option<BTreeMap<String, u64>>,
}
