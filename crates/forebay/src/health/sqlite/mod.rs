//! The checks of an SQLite database, one a file, and the facts that they judge by.

mod build;
mod check_constraints;
mod contents;
mod disk_space;
mod durability;
mod facts;
mod foreign_keys;
mod free_pages;
mod integrity;
mod journal;
mod judge;
mod orphans;
mod planner;
mod schema;
#[cfg(test)]
mod tests;
mod unused_space;
mod wal;

pub(super) use facts::Facts;
pub(super) use judge::judge;
