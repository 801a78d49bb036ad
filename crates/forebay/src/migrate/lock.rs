//! That one runner is at work at a time. At PostgreSQL it has a lock of the server's, which ends
//! with its session; SQLite's own write lock serves for each file.

use std::time::{Duration, Instant};

use crate::engine::Custody;
use crate::error::{Error, Kind, Result};
use crate::sql::Dialect;

/// How often it is looked whether another runner has ended.
const LOOK: Duration = Duration::from_millis(100);

/// Takes the lock of the server. It is asked for again and again: a session that waits for it at
/// the server would be waited for by the CREATE INDEX CONCURRENTLY of the one that has it.
#[cfg(feature = "postgres")]
const TAKE: &str = "SELECT pg_catalog.pg_try_advisory_lock(1718579557, 1835624306)::int";

/// Waits until no other runner is at work, where the database has a lock for that. It lasts as long
/// as `custody`.
#[cfg_attr(not(feature = "postgres"), expect(unused_variables, clippy::unused_async))]
pub(super) async fn take(custody: &Custody, until: Instant) -> Result<()> {
    match custody.dialect() {
        Dialect::Sqlite => Ok(()),
        #[cfg(feature = "postgres")]
        Dialect::Postgres => loop {
            let rows = custody.rows(TAKE).await?;
            if !rows.is_empty() && rows.values(0).first() == Some(&crate::value::Value::Integer(1))
            {
                return Ok(());
            }
            pause(until, None).await?;
        },
    }
}

/// Begins a transaction that no other runner has one beside.
pub(super) async fn begin(custody: &Custody, until: Instant) -> Result<()> {
    loop {
        match custody.begin().await {
            Err(error) if error.is_busy() => pause(until, Some(error)).await?,
            done => return done,
        }
    }
}

/// Waits a little; an error if it has been too long.
pub(super) async fn pause(until: Instant, cause: Option<Error>) -> Result<()> {
    if Instant::now() < until {
        tokio::time::sleep(LOOK).await;
        return Ok(());
    }
    let text = "another runner of migrations, or another writer, has held the database for all \
                of the time that may be waited; look whether it is still at work, or wait longer \
                (`wait`)";
    let error = Error::new(Kind::Busy, text);
    Err(match cause {
        Some(cause) => error.with_cause(cause),
        None => error,
    })
}
