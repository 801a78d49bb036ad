//! What a unit does on its connection: one statement for many rows, and reads of our own.

use std::sync::Arc;

#[cfg(feature = "postgres")]
use super::link::{Link, Proven};
use super::read::finish;
use super::work::Work;
#[cfg(feature = "postgres")]
use crate::backend::postgres;
use crate::backend::sqlite::{self, Budget, Request};
use crate::backend::{Batch, Batched, Collect, Limits, Scope};
use crate::error::Result;
use crate::guard::Stop;
use crate::params::Params;
use crate::row::Rows;

/// Runs one statement for each of many rows, in a transaction that is open.
pub(super) struct Many {
    pub(super) sql: Arc<str>,
    pub(super) batch: Batch,
    pub(super) limits: Limits,
    pub(super) stop: Arc<Stop>,
    /// Whatever the rows are.
    #[cfg(feature = "postgres")]
    pub(super) proven: Proven,
}

impl Work for Many {
    type Done = Batched;

    fn on_sqlite(self, connection: &mut sqlite::Connection) -> Result<Batched> {
        connection.run_many(&self.sql, &self.batch, self.limits, &self.stop)
    }

    #[cfg(feature = "postgres")]
    async fn on_postgres(self, link: &mut Link) -> Result<Batched> {
        let proven = link.proven_still(self.proven);
        let _ = link.admit(&self.sql, Scope::Transaction, &proven)?;
        let mut batched = Batched::new([].into());
        for (index, row) in self.batch.rows().enumerate() {
            let mut params = Params::default();
            row.iter().for_each(|value| params.push(value.clone()));
            let request = postgres::Request {
                sql: self.sql.clone(),
                params,
                deadline: self.stop.deadline(),
                is_repeatable: false,
                fence: None,
            };
            match link.connection().run(request, self.limits).await {
                Ok(answer) => batched.affected += answer.rows_affected,
                Err(error) => {
                    batched.fault = Some((index, error));
                    break;
                }
            }
        }
        Ok(batched)
    }
}

/// Runs a read of our own. What it reads is known to change nothing.
pub(super) struct Look {
    pub(super) sql: Arc<str>,
    pub(super) params: Params,
    pub(super) limits: Limits,
    pub(super) stop: Arc<Stop>,
}

impl Work for Look {
    type Done = Rows;

    fn on_sqlite(self, connection: &mut sqlite::Connection) -> Result<Rows> {
        let request = Request {
            sql: &self.sql,
            params: &self.params,
            stop: Some(self.stop),
            budget: Budget::Worker,
            scope: Scope::Session,
            fill: false,
        };
        let ran = connection.run(&request, &mut Collect::new(self.limits))?;
        finish(ran).map(|answer| answer.rows)
    }

    #[cfg(feature = "postgres")]
    async fn on_postgres(self, link: &mut Link) -> Result<Rows> {
        let request = postgres::Request {
            sql: self.sql,
            params: self.params,
            deadline: self.stop.deadline(),
            is_repeatable: link.is_autocommit(),
            fence: None,
        };
        link.connection().run(request, self.limits).await.map(|answer| answer.rows)
    }
}

/// Copies rows into a table, in a transaction that is open. Only for PostgreSQL.
#[cfg(feature = "postgres")]
pub(super) struct CopyIn {
    pub(super) copy: postgres::Copy,
    pub(super) stop: Arc<Stop>,
    /// Of an INSERT into the same columns, which does all that the COPY does.
    pub(super) proven: Proven,
}

#[cfg(feature = "postgres")]
impl Work for CopyIn {
    type Done = u64;

    fn on_sqlite(self, _: &mut sqlite::Connection) -> Result<u64> {
        Err(crate::error::Error::usage("SQLite has no COPY"))
    }

    async fn on_postgres(self, link: &mut Link) -> Result<u64> {
        let proven = link.proven_still(self.proven);
        // In a transaction it comes with the commit.
        let _ = link.admit(&self.copy.sql, Scope::Transaction, &proven)?;
        link.connection().copy(self.copy, self.stop.deadline()).await
    }
}
