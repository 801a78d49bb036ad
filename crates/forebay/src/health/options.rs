//! What is to be looked at.

use crate::error::{Error, Kind, Result};
use crate::migrate::Migrations;
use crate::sql::Dialect;

/// What [`crate::Db::health_with`] looks at beside what it always does.
#[derive(Clone, Debug, Default)]
pub struct HealthOptions {
    pub(super) is_deep: bool,
    pub(super) is_of_file: bool,
    pub(super) indexes: Vec<String>,
    pub(super) relations: Vec<Relation>,
    migrations: Option<Migrations>,
}

/// That a column refers to another table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Relation {
    pub(super) table: String,
    pub(super) column: String,
    pub(super) parent: String,
}

impl HealthOptions {
    /// What is looked at always.
    pub fn new() -> HealthOptions {
        HealthOptions::default()
    }

    /// Reads the whole database too: whether it is sound, rows that refer to nothing, unused space
    /// within tables, statistics that are out of date. It takes seconds for each gigabyte.
    #[must_use]
    pub fn deep(mut self, is_deep: bool) -> HealthOptions {
        self.is_deep = is_deep;
        self
    }

    /// Leaves out what belongs to the connections of this handle and not to the database: for
    /// looking at a database that another application uses.
    #[must_use]
    pub fn of_file(mut self) -> HealthOptions {
        self.is_of_file = true;
        self
    }

    /// The indexes that these migrations make have to be there, and the foreign keys. What they
    /// make is read off their statements; what they make in blocks of code is not seen.
    #[must_use]
    pub fn expect_migrations(mut self, migrations: impl Into<Migrations>) -> HealthOptions {
        self.migrations = Some(migrations.into());
        self
    }

    /// The same with what its migrations make among what is expected.
    pub(super) async fn with_promises(&self, dialect: Dialect) -> Result<HealthOptions> {
        let mut options = self.clone();
        let Some(migrations) = options.migrations.take() else { return Ok(options) };
        // Files are read on a thread that may wait for the disk.
        let read = tokio::task::spawn_blocking(move || migrations.promise(dialect)).await;
        let promise = read.unwrap_or_else(|error| {
            Err(Error::new(Kind::Closed, "the runtime ended while files were read")
                .with_cause(error))
        })?;
        options.indexes.extend(promise.indexes.into_iter().map(|(name, _)| name));
        let relation = |[table, column, parent]: [String; 3]| Relation { table, column, parent };
        options.relations.extend(promise.relations.into_iter().map(relation));
        Ok(options)
    }

    /// This index has to be there.
    #[must_use]
    pub fn expect_index(mut self, name: impl Into<String>) -> HealthOptions {
        self.indexes.push(name.into());
        self
    }

    /// This column has to refer to that table by a foreign key.
    #[must_use]
    pub fn expect_relation(
        mut self,
        table: impl Into<String>,
        column: impl Into<String>,
        parent: impl Into<String>,
    ) -> HealthOptions {
        let (table, column, parent) = (table.into(), column.into(), parent.into());
        self.relations.push(Relation { table, column, parent });
        self
    }
}
