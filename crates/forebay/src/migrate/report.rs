//! What migrations have come to, as plain data.

use std::fmt;
use std::time::Duration;

/// What [`crate::Migrate`] has done, or would do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MigrationReport {
    /// The migrations that were run, in order; of a dry run, those that would be.
    pub applied: Vec<MigrationRun>,
}

/// One migration that was run, or would be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MigrationRun {
    /// Its version, without zeros before it.
    pub version: String,
    /// What its file is called, without the version.
    pub name: String,
    /// Its file.
    pub file: String,
    /// Whether all of it takes effect or nothing.
    pub is_in_transaction: bool,
    /// The statements that were run, or would be: not those that had run before it was resumed.
    pub statements: Vec<MigrationStatement>,
    /// How long it took; zero of a dry run.
    pub took: Duration,
}

/// A statement of a migration.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MigrationStatement {
    /// The line of its file, from 1.
    pub line: usize,
    /// Its text.
    pub sql: String,
}

/// A migration that a database has had, or that there is a file of.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MigrationStatus {
    /// Its version, without zeros before it.
    pub version: String,
    /// What its file is called, without the version.
    pub name: String,
    /// Its file, if there is one.
    pub file: Option<String>,
    /// How it stands.
    pub state: MigrationState,
    /// When it began, in UTC, as `2026-01-31T12:00:00Z`; `None` if it has not.
    pub began_at: Option<String>,
    /// How long it took; `None` if it has not ended.
    pub took: Option<Duration>,
}

/// How a migration stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MigrationState {
    /// The database has had it.
    Applied,
    /// The database has not had it.
    Pending,
    /// The database has not had it, and has had later ones.
    OutOfOrder,
    /// It runs outside a transaction and has not ended; so many of its statements have run.
    HalfWay(usize),
    /// The database has had it, and its file was changed since then.
    Changed,
    /// The database has had it, and there is no file of it.
    Missing,
}

impl MigrationState {
    /// Whether nobody has to do anything about it but run what is pending.
    pub fn is_sound(self) -> bool {
        matches!(self, MigrationState::Applied | MigrationState::Pending)
    }
}

impl fmt::Display for MigrationState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            MigrationState::Applied => "applied",
            MigrationState::Pending => "pending",
            MigrationState::OutOfOrder => "out of order",
            MigrationState::HalfWay(_) => "half-way",
            MigrationState::Changed => "changed",
            MigrationState::Missing => "missing",
        })
    }
}
