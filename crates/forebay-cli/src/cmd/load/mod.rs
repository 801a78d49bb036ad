//! `forebay load`: a file of CSV or JSON lines into a table, in one transaction. How rows are
//! written is the library's.

mod kind;
mod lines;
mod reject;
mod run;
mod shown;
mod write;

pub(crate) use run::load;
