//! The configuration: what can be set, where it is set, and what is in force. It reads files and
//! variables, and acts on nothing.
//!
//! A new section is one struct and one line: a file in `section/` with a `section! { … }`, whose
//! fields are the settings (type, default, range, flag, marks; see `section/pool.rs`), and a line
//! in the list of `whole.rs`. Reading, checking, `config print`, the help and the check of the
//! guide's tables are made of that. A type of its own implements `value::Value`, a word among a
//! few is a `choice!`. Whoever acts on it takes `config.NAME.FIELD` in `plan.rs`; what is marked
//! `live` is acted upon again by `live.rs` when the configuration is read anew.

mod choice;
mod fault;
mod file;
mod given;
mod print;
mod profile;
mod reader;
mod section;
mod setting;
mod value;
mod whole;

pub(crate) use choice::{Algorithm, Chore, Durability, Fresh, LogFormat, Switch, Watch};
pub(crate) use given::{Given, Origin};
pub(crate) use print::print;
pub(crate) use reader::Sources;
pub(crate) use section::Task;
pub(crate) use setting::{Row, Setting};
pub(crate) use whole::{Config, Loaded};

#[cfg(test)]
mod tests;
