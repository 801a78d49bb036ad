//! The database itself, past Forebay: one session of the cluster's own client.

use anyhow::{Context, Result};
use cluster::{Cluster, Session, SqlError};

use crate::answer::Answer;

/// A bare session. One that is lost is opened again.
pub(crate) struct Bare {
    session: Session,
}

impl Bare {
    pub(crate) fn open(cluster: &Cluster, database: &str) -> Result<Bare> {
        let mut session = cluster.session(database)?;
        // It is never one of those that wait for a standby which is not there.
        session.query("SET synchronous_commit = local")?;
        Ok(Bare { session })
    }

    /// What the server answers; the inner error is its refusal.
    pub(crate) fn ask(&mut self, sql: &str) -> Result<Result<Answer, SqlError>> {
        match self.session.query(sql) {
            Ok(rows) => Ok(Ok(rows)),
            Err(error) => match error.downcast::<SqlError>() {
                Ok(refusal) => Ok(Err(refusal)),
                Err(lost) => Err(lost.context("the bare session is lost")),
            },
        }
    }

    /// Runs what has to succeed.
    pub(crate) fn run(&mut self, sql: &str) -> Result<Answer> {
        self.ask(sql)?.with_context(|| format!("the server refuses {sql}"))
    }

    /// The first value of the answer as a number; 0 if there is none.
    pub(crate) fn number(&mut self, sql: &str) -> Result<i64> {
        let rows = self.run(sql)?;
        let first = rows.first().and_then(|row| row.first().cloned().flatten());
        Ok(first.and_then(|text| text.parse().ok()).unwrap_or(0))
    }
}
