//! What somebody above has to know of a statement to ask several databases in its stead: its
//! template, and the relations that it names.

use std::sync::Arc;

use super::call::Call;
use super::connection::perform;
use super::database::Engine;
use super::origin::{Origin, Purpose};
use super::template::Template;
use super::work::Relate;
use super::worker::blocking;
use crate::backend::{Limits, sqlite};
use crate::error::Result;
use crate::guard::{Stop, StopOnDrop};
use crate::row::{Column, Rows};
use crate::value::Value;

impl Engine {
    /// Whether it is an SQLite database in a file or in memory.
    pub(crate) fn is_sqlite(&self) -> bool {
        matches!(self.origin, Origin::Sqlite(_))
    }

    /// Whether it is an SQLite database that is opened for reading only.
    pub(crate) fn is_sqlite_for_reading(&self) -> bool {
        matches!(&self.origin, Origin::Sqlite(sqlite) if sqlite.is_read_only)
    }

    /// What is known of the call's statement under the schema as it is now. As long as that and
    /// the statement are the same, so is the template.
    pub(crate) async fn template_of(&self, call: &Call<'_>) -> Result<Arc<Template>> {
        self.template(call).await
    }

    /// The same if it is known already.
    #[inline]
    pub(crate) fn template_known(&self, call: &Call<'_>) -> Option<Arc<Template>> {
        self.known_template(&call.text)
    }

    /// What the statement does, and the relations that it names, under the schema as it is now.
    pub(crate) async fn relate(&self, call: &Call<'_>) -> Result<Related> {
        let reader = self.origin.acquire(Purpose::Read, call.holder(None)).await?;
        perform(reader, Relate { sql: call.text.sql.into() }).await
    }
}

/// What a statement does, and the relations that it names.
pub(crate) type Related = (Arc<sqlite::Analysis>, Arc<sqlite::Relations>);

/// Tables with rows that were read elsewhere, and a query over them.
pub(crate) struct Merge {
    /// Makes the tables.
    pub(crate) script: String,
    /// What goes into which, whose name is SQL.
    pub(crate) fills: Vec<(String, Rows)>,
    pub(crate) sql: String,
    /// By number of the parameter.
    pub(crate) values: Vec<Value>,
    pub(crate) columns: Arc<[Column]>,
    pub(crate) limits: Limits,
}

/// Runs the query in a database in memory, on a thread that may block. Dropping the future ends
/// it.
pub(crate) async fn merge(merge: Merge) -> Result<Rows> {
    let stop = Stop::at(None);
    let scratch = sqlite::Scratch::open(stop.clone())?;
    // In this order: what is cancelled begins nothing after it was interrupted.
    let _interrupt = scratch.interrupt_on_drop();
    let _stop = StopOnDrop(stop);
    blocking(move || {
        scratch.execute(&merge.script)?;
        for (table, rows) in &merge.fills {
            scratch.fill(table, rows)?;
        }
        scratch.query(&merge.sql, &merge.values, merge.columns, merge.limits)
    })
    .await
}
