//! Indexes, and what was done about them, as plain data.

use crate::error::Error;

/// An index of a database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct IndexInfo {
    /// Its name; at PostgreSQL with its schema.
    pub name: String,
    /// The table that it is of; at PostgreSQL with its schema.
    pub table: String,
    /// Its columns in order, as SQL: an expression, and what says that one is descending, with it.
    pub columns: Vec<String>,
    /// Whether it keeps values from coming twice.
    pub is_unique: bool,
    /// Whether it belongs to a constraint, such as a primary key, and goes with that alone.
    pub is_of_constraint: bool,
    /// Whether it has rows of some kind only.
    pub is_partial: bool,
    /// Whether reads may use it. One whose making was stopped half-way is not.
    pub is_valid: bool,
    /// Bytes of it; `None` where SQLite was built without DBSTAT.
    pub bytes: Option<u64>,
    /// How often a read has used it since the server counts. SQLite does not count.
    pub scans: Option<u64>,
    /// The statement that makes it; `None` for one that a constraint of SQLite makes.
    pub sql: Option<String>,
}

/// Indexes that no read has used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnusedIndexes {
    /// For how many days the server has counted; `None` where that is not known.
    pub days: Option<u64>,
    /// Why nothing can be said, if so: then there are no indexes here.
    pub unknown: Option<String>,
    /// The indexes, the largest first. Those of constraints, those that keep values from coming
    /// twice, and those that foreign keys are checked by are not among them.
    pub indexes: Vec<IndexInfo>,
}

/// What was done about indexes, or would be.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct IndexReport {
    /// The statements that were run, in order; of a dry run, those that would be.
    pub steps: Vec<String>,
    /// The statements that undo them, in order.
    pub undo: Vec<String>,
    /// What was left as it is, and why.
    pub notes: Vec<String>,
    /// Why it has ended before its end, if so. The steps before that one were done, and stay.
    pub failed: Option<Error>,
}
