//! Making the log of an SQLite database small again.

use std::path::Path;
use std::time::Duration;

use super::job::{Done, Job, text, whole};
use super::space;
use crate::error::Result;
use crate::health::bytes;
use crate::row::Rows;

/// The longest that writers wait for the log to be made empty.
const WRITERS_WAIT: Duration = Duration::from_secs(2);

/// What became of a try to empty the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Emptied {
    Yes,
    /// Somebody reads from it, or writes.
    InUse,
}

pub(in crate::maintain) async fn run(job: &Job<'_>, bytes_min: u64) -> Result<Done> {
    let Some(path) = place(job).await? else {
        return Ok(Done::skipped("the database is in memory"));
    };
    let Some(size) = log_bytes(Path::new(&path)).filter(|size| *size > bytes_min) else {
        let mut done = Done::new();
        done.say(format!("the log has no more than {}", bytes(bytes_min)));
        return Ok(done);
    };
    let mut done = Done::new();
    if job.is_dry_run {
        done.say(format!("would empty the log of {}", bytes(size)));
        return Ok(done);
    }
    Ok(match empty(job).await? {
        Emptied::Yes => {
            done.say(format!("emptied the log of {}", bytes(size)));
            done
        }
        Emptied::InUse => Done::skipped(format!(
            "the log of {} was brought into the file as far as could be; somebody still reads \
             from it, or writes",
            bytes(size)
        )),
    })
}

/// The file of the database; `None` in memory.
pub(super) async fn place(job: &Job<'_>) -> Result<Option<String>> {
    let rows = job.rows("SELECT file FROM pragma_database_list WHERE name = 'main'").await?;
    let first = if rows.is_empty() { None } else { rows.values(0).first() };
    Ok(first.and_then(text).filter(|path| !path.is_empty()))
}

/// Brings the log into the file, beside writers, and then makes it empty, for which they wait.
pub(super) async fn empty(job: &Job<'_>) -> Result<Emptied> {
    // What this has done the second one need not do while it keeps the writers waiting.
    job.rows("PRAGMA wal_checkpoint(PASSIVE)").await?;
    let truncated = job.within("PRAGMA wal_checkpoint(TRUNCATE)", WRITERS_WAIT).fetch().await;
    match truncated {
        Ok(outcome) => Ok(read(&outcome.rows)),
        Err(error) if error.is_timeout() || error.is_busy() => Ok(Emptied::InUse),
        Err(error) => Err(error),
    }
}

/// The first column says whether it was in use.
fn read(rows: &Rows) -> Emptied {
    let first = if rows.is_empty() { None } else { rows.values(0).first() };
    match first.and_then(whole) {
        Some(0) => Emptied::Yes,
        _ => Emptied::InUse,
    }
}

/// By what the file system says of it: opening it would drop SQLite's locks.
pub(super) fn log_bytes(path: &Path) -> Option<u64> {
    std::fs::metadata(space::beside(path, "-wal")).ok().map(|it| it.len())
}
