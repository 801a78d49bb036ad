//! `forebay setup`: shows what a PostgreSQL database needs for the cache, asks, and does it. What
//! that is, the library decides.

mod consent;
mod page;
mod run;

pub(super) use consent::ask;
pub(crate) use run::setup;
