//! The house rules that no other tool checks: sizes, module docs, contents pages, file names, the
//! import table, the paths in the architecture page, links between pages, the chapters of the
//! guide, their examples and figures, lockfiles. Only `run` and `tree` touch the disk; every rule
//! is a function from text to findings.

mod contents;
mod document;
mod example;
mod figure;
mod finding;
mod imports;
mod item;
mod limits;
mod link;
mod lockfile;
mod module;
mod name;
mod outline;
mod package;
mod run;
mod size;
mod summary;
mod table;
mod tree;

pub(crate) use link::{anchor, resolve};
pub(crate) use run::run;
