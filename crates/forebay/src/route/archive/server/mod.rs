//! Moving rows from one PostgreSQL database to another. Each server may lose the client of a
//! transaction and still commit it, so that every step holds locks in both, see
//! docs/design/archive.md. It opens the two databases for itself, and keeps nothing.

mod check;
mod create;
mod place;
mod run;
mod step;

pub(super) use run::{is_server, plan, run};
