//! Giving space back: at SQLite by writing the file anew or by returning free pages, at PostgreSQL
//! by having the server remove dead rows.

use std::path::Path;
use std::time::Duration;

use super::checkpoint::{self, Emptied};
use super::job::{Done, Job};
use super::space;
use crate::error::Result;
use crate::health::bytes;

/// Free pages that are returned by one statement.
const PAGES: u64 = 1_000;

/// How long others may write between two such statements.
const PAUSE: Duration = Duration::from_millis(50);

/// `auto_vacuum` of a file that returns free pages when it is asked to.
const INCREMENTAL: u64 = 2;

/// Tables with more dead rows than autovacuum should leave.
#[cfg(feature = "postgres")]
const DEAD: &str = "
    SELECT pg_catalog.format('%I.%I', schemaname, relname)
    FROM pg_catalog.pg_stat_user_tables
    WHERE n_dead_tup > 50 + 0.1 * n_live_tup
    ORDER BY n_dead_tup DESC, 1 LIMIT 10000";

pub(in crate::maintain) async fn run(job: &mut Job<'_>, free_min: u8) -> Result<Done> {
    if job.is_sqlite() {
        return sqlite(job, free_min).await;
    }
    #[cfg(feature = "postgres")]
    return super::optimise::each(job, DEAD, "VACUUM (ANALYZE)").await;
    #[cfg(not(feature = "postgres"))]
    unreachable!("without the feature there are only SQLite databases")
}

async fn sqlite(job: &Job<'_>, free_min: u8) -> Result<Done> {
    let page = job.number("PRAGMA page_size").await?;
    let pages = job.number("PRAGMA page_count").await?;
    let free = job.number("PRAGMA freelist_count").await?;
    let used = pages.saturating_sub(free) * page;
    if free * 100 < pages * u64::from(free_min) {
        return Ok(Done::skipped(format!(
            "{free} of {pages} pages are free, less than {free_min} %: it is not worth its time"
        )));
    }
    let path = checkpoint::place(job).await?;
    if let Some(path) = &path {
        let needs = space::of_vacuum(Path::new(path), used, space::temporary());
        if let Some((place, free, needed)) = space::lacks(&needs) {
            return Ok(Done::skipped(format!(
                "it writes {} anew, for which {} has {} and needs {}",
                bytes(used),
                place.display(),
                bytes(free),
                bytes(needed)
            )));
        }
    }
    let mut done = Done::new();
    if job.is_dry_run {
        done.say(format!("would write {} anew and give {} back", bytes(used), bytes(free * page)));
        return Ok(done);
    }
    // A log that cannot be emptied is one that somebody reads an old state from. What is written
    // now would stay in it, beside the file, until that has ended.
    let is_in_use = path.is_some() && checkpoint::empty(job).await? == Emptied::InUse;
    if is_in_use {
        return Ok(Done::skipped(
            "somebody holds a snapshot, or writes: the log would grow by the whole database",
        ));
    }
    job.rows("VACUUM").await?;
    if path.is_some() && checkpoint::empty(job).await? == Emptied::InUse {
        done.say("somebody reads from the log, which keeps the new pages until they end");
    }
    let now = job.number("PRAGMA page_count").await? * page;
    done.say(format!("the file had {} and has {}", bytes(pages * page), bytes(now)));
    Ok(done)
}

/// Returns free pages, some at a time.
pub(in crate::maintain) async fn incremental(job: &mut Job<'_>) -> Result<Done> {
    if job.number("PRAGMA auto_vacuum").await? != INCREMENTAL {
        return Ok(Done::skipped(
            "the file does not return free pages: run `PRAGMA auto_vacuum = incremental; VACUUM` \
             once, or leave this task out",
        ));
    }
    let page = job.number("PRAGMA page_size").await?;
    let before = job.number("PRAGMA freelist_count").await?;
    let mut done = Done::new();
    if job.is_dry_run {
        done.say(format!("would give {} back", bytes(before * page)));
        return Ok(done);
    }
    let sql = format!("PRAGMA incremental_vacuum({PAGES})");
    let mut left = before;
    while left > 0 {
        if let Some(over) = job.over() {
            done.cut_short(over);
            break;
        }
        job.rows(&sql).await?;
        let now = job.number("PRAGMA freelist_count").await?;
        // Others may free pages as fast as these are returned.
        if now >= left && now > PAGES {
            done.say("others free pages faster than they are returned");
            break;
        }
        left = now;
        if left > 0 {
            job.pause(PAUSE).await;
        }
    }
    done.say(format!("gave {} back", bytes(before.saturating_sub(left) * page)));
    Ok(done)
}
