//! Advice for SQLite: everything is built on a private copy and measured there, by instructions of
//! the virtual machine, which are the same in every run, and by time.

mod admit;
mod bench;
mod effects;
mod fulltext;
mod imagine;
mod numbers;
mod offset;
mod spare;
mod study;
mod usage;
mod writes;

pub(super) use study::study;
