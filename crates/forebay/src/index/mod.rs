//! The indexes of a database: what is there and what it is used for, and making and dropping some
//! with what belongs to it. Which of them are worth having is not judged here.

mod apply;
mod face;
mod guide;
mod list;
mod remove;
mod report;
mod statement;

pub use face::Indexes;
pub use report::{IndexInfo, IndexReport, UnusedIndexes};

pub(crate) use statement::CreateIndex;
#[cfg(feature = "postgres")]
pub(crate) use statement::is_concurrent;
