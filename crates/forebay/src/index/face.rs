//! Indexes as an application asks about them.

use std::panic::Location;
use std::sync::Arc;

use super::list::{list, unused};
use super::report::{IndexInfo, IndexReport, UnusedIndexes};
use super::{apply, remove};
use crate::engine::{Custody, Engine};
use crate::error::Result;

/// The indexes of a database, see [`crate::Db::indexes`]: what is there, and making and dropping
/// some with what belongs to it.
#[derive(Clone)]
#[must_use = "nothing is done until one of its functions is awaited"]
pub struct Indexes<'a> {
    engine: &'a Arc<Engine>,
    caller: &'static Location<'static>,
    is_dry_run: bool,
    is_concurrent: bool,
}

impl<'a> Indexes<'a> {
    pub(crate) fn new(engine: &'a Arc<Engine>, caller: &'static Location<'static>) -> Indexes<'a> {
        Indexes { engine, caller, is_dry_run: false, is_concurrent: true }
    }

    /// Whether [`Indexes::apply`] and [`Indexes::drop`] only say what they would do; false by
    /// default.
    pub fn dry_run(mut self, is_wanted: bool) -> Indexes<'a> {
        self.is_dry_run = is_wanted;
        self
    }

    /// Whether others may write meanwhile, at PostgreSQL (CONCURRENTLY); true by default. Then each
    /// index is made or dropped by itself; otherwise all of them or none.
    pub fn concurrently(mut self, is_wanted: bool) -> Indexes<'a> {
        self.is_concurrent = is_wanted;
        self
    }

    /// All indexes, by table and name. Of SQLite it reads every page for the sizes, which takes
    /// seconds for each gigabyte; of PostgreSQL only the catalogue.
    pub async fn list(&self) -> Result<Vec<IndexInfo>> {
        list(&self.custody().await?).await
    }

    /// Those that no read has used in 14 days or more, where the server counts: at PostgreSQL, and
    /// on that server alone: its standbys count by themselves.
    pub async fn unused(&self) -> Result<UnusedIndexes> {
        unused(&self.custody().await?).await
    }

    /// Makes the indexes of a script of CREATE INDEX statements, those that are not there yet, and
    /// has their tables analysed after. A script with any other statement is refused before
    /// anything is run. What an earlier try has left behind half-made is dropped first.
    ///
    /// Dropping the future stops the statement that is running; what was made before stays.
    pub async fn apply(&self, script: &str) -> Result<IndexReport> {
        let custody = self.custody().await?;
        apply::apply(&custody, script, self.is_dry_run, self.is_concurrent).await
    }

    /// Drops these indexes. Those of constraints, and those that foreign keys refer to, are refused
    /// before anything is dropped, and so are names that are not there.
    pub async fn drop<N: AsRef<str>>(&self, names: &[N]) -> Result<IndexReport> {
        let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
        let custody = self.custody().await?;
        remove::remove(&custody, &names, self.is_dry_run, self.is_concurrent).await
    }

    async fn custody(&self) -> Result<Custody> {
        Custody::take(self.engine, self.caller).await
    }
}
