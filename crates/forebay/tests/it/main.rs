//! The library through its public face, on real SQLite files.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

/// Answers served from the cache, and when they go.
mod cache;
/// Random statements and writers, every answer compared with the bare database.
mod differential;
/// Databases on disk for the tests.
mod place;
/// Readers and writers at once: no read is stale or goes back in time.
mod recency;
/// Statements, parameters, rows and errors.
mod statement;
