//! What a database needs so that its stream of changes is complete: a publication of the tables
//! that can be followed, and triggers that tell changes of the schema. From what the catalogue
//! says to SQL, and back by undoing it. Only `run` asks and does; it opens no connection.

mod fingerprint;
mod plan;
pub(crate) mod quote;
mod run;
mod script;
mod table;
#[cfg(test)]
mod tests;
mod trigger;
mod undo;
mod verify;

pub(crate) use fingerprint::FINGERPRINT;
pub(crate) use plan::{Exactness, Full, Plan, Planned};
pub(crate) use run::{Reading, changed, run};
pub(crate) use script::{PUBLICATION, Step, steps};
#[cfg(test)]
pub(crate) use table::{TABLES, Table};
pub(crate) use undo::undo;
pub(crate) use verify::{Facts, Finding, obstacles, of_other, remains, verify};
