//! The library through its public face, on real PostgreSQL servers: every test runs on each
//! installed version, and says so where there is none.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::needless_pass_by_value)]

/// Advice on indexes.
mod advise;
/// Many rows at a time.
mod bulk;
/// The same beside loops of single statements.
#[path = "../it/bulk_loop.rs"]
mod bulk_loop;
/// What is cached, and when it goes.
mod cache;
/// Reads of one text at once, as one statement.
mod coalesce;
/// Comments that stand around statements.
mod comment;
/// Servers that are killed, that refuse, and that are not there.
mod fault;
/// Writes through the library, whose commits are never missed.
mod fence;
/// Faults of the stream of commits.
mod follow;
/// A breaker before a server that goes away.
mod guard;
mod health;
/// Maintenance of servers.
mod maintain;
/// Files of SQL that bring a schema up to date, and indexes.
mod migrate;
/// Pages, and rows of many keys.
mod pages;
/// Databases for the tests, and what a bare session sees of them.
mod place;
/// Connections shared by many callers.
mod pool;
/// A network that is late, silent, or breaks.
mod proxy;
/// Databases that are prepared and followed.
mod ready;
/// Statements that are repeated where one would do.
mod repeats;
/// One logical table over several databases.
mod route;
/// Statements of one client in order, and what they leave behind.
mod session;
/// Preparing a database, and putting it back.
mod setup;
/// Databases without a stream that nobody else writes.
mod sole;
/// Statements, parameters, rows and errors.
mod statement;
/// Rows one after another.
mod stream;
/// Transactions around a closure.
mod transaction;
/// Random walks over pages.
#[path = "../it/walk.rs"]
mod walk;
/// Statistics and the slow log.
mod watching;
