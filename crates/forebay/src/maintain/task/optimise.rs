//! Statistics for the planner where the old ones are out of date.

use super::job::{Done, Job};
use crate::error::Result;
#[cfg(feature = "postgres")]
use crate::maintain::report::MaintenanceOutcome;

/// All tables, not only those that this connection has read; ANALYZE where it helps; with a bound
/// on what is read for it.
const SQLITE: &str = "PRAGMA optimize = 0x10012";

/// The statements that the above would run, which are not run.
const SQLITE_DRY: &str = "PRAGMA optimize = 0x10013";

/// Tables of which more rows have changed since than autoanalyze waits for by default, and those
/// with rows that were never analysed.
#[cfg(feature = "postgres")]
pub(super) const STALE: &str = "
    SELECT pg_catalog.format('%I.%I', schemaname, relname)
    FROM pg_catalog.pg_stat_user_tables
    WHERE n_mod_since_analyze > 50 + 0.1 * n_live_tup
        OR (n_live_tup > 0 AND last_analyze IS NULL AND last_autoanalyze IS NULL)
    ORDER BY n_mod_since_analyze DESC, 1 LIMIT 10000";

pub(in crate::maintain) async fn run(job: &mut Job<'_>) -> Result<Done> {
    if job.is_sqlite() {
        return sqlite(job).await;
    }
    #[cfg(feature = "postgres")]
    return each(job, STALE, "ANALYZE").await;
    #[cfg(not(feature = "postgres"))]
    unreachable!("without the feature there are only SQLite databases")
}

async fn sqlite(job: &Job<'_>) -> Result<Done> {
    let planned = job.texts(SQLITE_DRY).await?;
    let mut done = Done::new();
    if planned.is_empty() {
        done.say("the statistics of all tables are up to date");
        return Ok(done);
    }
    if !job.is_dry_run {
        job.rows(SQLITE).await?;
    }
    planned.into_iter().for_each(|statement| done.say(statement));
    Ok(done)
}

/// Runs `verb` on each table that `which` answers, one after another.
#[cfg(feature = "postgres")]
pub(super) async fn each(job: &mut Job<'_>, which: &str, verb: &str) -> Result<Done> {
    let tables = job.texts(which).await?;
    let mut done = Done::new();
    if tables.is_empty() {
        done.say("no table needs it");
    }
    for table in tables {
        if let Some(over) = job.over() {
            done.cut_short(over);
            break;
        }
        let sql = format!("{verb} {table}");
        if job.is_dry_run {
            done.say(sql);
            continue;
        }
        match job.rows(&sql).await {
            Ok(_) => done.say(sql),
            // One that is gone or locked by now is no reason to leave the others.
            Err(error) => {
                done.outcome = MaintenanceOutcome::Failed;
                done.say(format!("{sql} failed: {error}"));
            }
        }
    }
    Ok(done)
}
