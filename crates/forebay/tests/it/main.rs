//! The library through its public face, on real SQLite files.

/// Answers served from the cache, and when they go.
mod cache;
/// Databases on disk for the tests.
mod place;
/// Statements, parameters, rows and errors.
mod statement;
