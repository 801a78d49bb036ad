//! Having answers in the cache before they are asked for.

use super::job::{Done, Job};
use crate::error::{Error, Result};

pub(in crate::maintain) async fn run(job: &Job<'_>, queries: &[String]) -> Result<Done> {
    let mut done = Done::new();
    let mut warmed = 0u64;
    for sql in queries {
        if let Some(over) = job.over() {
            done.cut_short(over);
            break;
        }
        let explained = job.db.explain(sql).await?;
        if explained.effect != "read" {
            return Err(Error::usage(format!(
                "only reads warm a cache, and this is a statement of the kind {}: {}",
                explained.effect, explained.statement
            )));
        }
        if !explained.cacheable {
            let why = explained.reasons.join("; ");
            done.say(format!("cannot be cached ({why}): {}", explained.statement));
            continue;
        }
        if !job.is_dry_run {
            job.db.query(sql).named("maintenance").unguarded().timeout(job.left()).fetch().await?;
        }
        warmed += 1;
    }
    let would = if job.is_dry_run { "would be" } else { "are" };
    done.say(format!("the answers of {warmed} of {} queries {would} in the cache", queries.len()));
    Ok(done)
}
