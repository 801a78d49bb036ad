//! The watch over repeated statements: which scope a statement belongs to, what the watch is told
//! of it, and what the schema says about where its keys come from. What is found is decided in
//! `watch`.

mod judge;
mod nearby;
mod schema;
mod tell;

pub(super) use tell::Repeats;
pub(crate) use tell::Telling;
