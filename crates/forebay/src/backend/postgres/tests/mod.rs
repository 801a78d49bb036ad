//! The connection against a server of each test's own: a real PostgreSQL, or a scripted one that
//! does what no real one would.

mod config;
mod fake;
mod fuzz;
mod hostile;
mod login;
mod real;
mod server;
mod stop;
