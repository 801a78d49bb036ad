//! What somebody above has to know of a statement to ask several PostgreSQL servers in the stead of
//! one.

use super::database::Engine;
use super::origin::Origin;
use crate::backend::postgres::Study;
use crate::error::{Error, Result};
use crate::sql::tree::Spread;

impl Engine {
    /// What the server says of a statement; of one that writes, with the tables that several
    /// servers have rows of.
    pub(crate) async fn study(&self, sql: &str, spread: Option<&[Spread]>) -> Result<Study> {
        match &self.origin {
            Origin::Postgres(postgres) => Box::pin(postgres.study(sql, spread)).await,
            Origin::Sqlite(_) => Err(Error::usage("the database is no PostgreSQL server")),
        }
    }

    /// Has the cache reflect everything that was committed before by anybody; `false` if it may
    /// still serve what is older. One that serves nothing for now does not.
    pub(crate) async fn settle(&self) -> bool {
        match &self.origin {
            Origin::Postgres(postgres) => postgres.settle().await,
            Origin::Sqlite(_) => true,
        }
    }

    /// Whether somebody answers for it that nobody writes past this database.
    pub(crate) fn has_sole_writer(&self) -> bool {
        match &self.origin {
            Origin::Postgres(postgres) => postgres.has_sole_writer(),
            Origin::Sqlite(_) => false,
        }
    }

    /// The number of the schema as it is now, if there is a stream that tells when it changes.
    pub(crate) fn schema_number(&self) -> Option<u64> {
        match &self.origin {
            Origin::Postgres(postgres) => postgres.reflection().schema(),
            Origin::Sqlite(_) => None,
        }
    }
}
