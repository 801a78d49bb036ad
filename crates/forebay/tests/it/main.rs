//! The library through its public face, on real SQLite files.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

/// Advice on indexes, and that asking for it leaves no trace.
mod advise;
/// Settings, and databases that cannot be opened.
mod builder;
/// Many rows at a time.
mod bulk;
/// The same beside loops of single statements.
mod bulk_loop;
/// Answers served from the cache, and when they go.
mod cache;
/// Comments that stand around statements.
mod comment;
/// Random statements and writers, every answer compared with the bare database.
mod differential;
mod explain;
/// Files, disks, locks and processes that fail.
mod fault;
/// Commits of other processes, and what stays in the cache.
mod foreign;
/// Functions that ask a cache, and functions that delete from one.
#[cfg(feature = "macros")]
mod functions;
/// What stands before a database, and what passes it by.
mod guard;
/// Short writes on the thread of their caller.
mod inline;
/// Rows of many keys, by one statement.
mod loading;
/// Maintenance: its tasks on real files, and who does them.
mod maintain;
/// Files of SQL that bring a schema up to date.
mod migrate;
/// Metrics and health of what an application has.
mod monitor;
/// Pages by number and by key.
mod pages;
/// Databases on disk for the tests.
mod place;
/// Connections shared by many callers.
mod pool;
/// Which answers a write drops, and which it leaves.
mod precision;
/// Statements whose text was taken in once.
mod prepared;
/// The order of steps, every interleaving tried on a model.
mod protocol;
/// The pieces of code in README.md.
#[cfg(feature = "macros")]
mod readme;
/// Readers and writers at once: no read is stale or goes back in time.
mod recency;
/// Statements that are repeated where one would do.
mod repeats;
/// One logical table over several databases.
mod route;
/// What whoever runs a database says of its statements.
mod rule;
/// Odd names, and schemas and settings that change on the way.
mod schema;
/// Snapshots that readers hold between statements.
mod snapshot;
/// Statements, parameters, rows and errors.
mod statement;
/// Rows one after another.
mod stream;
mod switch;
/// Transactions and sessions.
mod transaction;
/// Random walks over pages.
mod walk;
/// Statistics and the slow log.
mod watching;
