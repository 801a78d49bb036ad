//! The guide as a book: pages of HTML in the order of `docs/guide/SUMMARY.md`, with a table of
//! contents beside each. The sources are those of mdBook, which makes a book of them too (`mdbook
//! build docs`); this needs nothing that is not here, and its pages have no scripts.

mod page;
mod run;
mod summary;

pub(crate) use run::run;
pub(crate) use summary::{Entry, Summary};
