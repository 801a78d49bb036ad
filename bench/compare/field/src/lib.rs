//! The terms that all contenders are measured on, and the two that stand in every comparison:
//! Forebay and bare rusqlite. A peer implements [`Contender`] in a package of its own, since
//! peers link different versions of SQLite and one program can only link one.

mod contender;
mod dataset;
mod forebay;
mod race;
mod report;
mod rusqlite;

pub use contender::{Contender, Fault, Field};
pub use dataset::{CONNECTIONS_MAX, Dataset, PAGE_CACHE_KIB, POINT, User};
pub use outcome::{Options, Outcome};
pub use race::{run, run_with};
