//! Deleting rows that are too old, some at a time.

use std::time::Duration;

use super::archive;
use super::cutoff::Cutoff;
use super::job::{Done, Job};
use super::retention::Retention;
use super::target::Target;
use crate::clock::millis;
use crate::error::Result;

/// The longest that one batch may take: others wait for the writer, or for the rows.
const BATCH_TIME: Duration = Duration::from_secs(30);

pub(in crate::maintain) async fn run(
    job: &mut Job<'_>,
    retention: &Retention,
    now_ms: i64,
) -> Result<Done> {
    let target = Target::find(job, &retention.table, &retention.column).await?;
    let age_ms = i64::try_from(millis(retention.age)).unwrap_or(i64::MAX);
    // One instant for the whole run: it has an end, however long it takes.
    let before_ms = now_ms.saturating_sub(age_ms);
    let Some(cutoff) = Cutoff::find(job, &target, retention.unit, before_ms).await? else {
        let mut done = Done::new();
        done.say("there is no row");
        return Ok(done);
    };
    if let Some(url) = &retention.archive {
        return archive::run(job, retention, url, &cutoff).await;
    }
    let condition = match &retention.condition {
        Some(condition) => format!("{} AND ({condition}\n)", cutoff.condition),
        None => cutoff.condition.clone(),
    };
    if job.is_dry_run {
        let sql = format!("SELECT count(*) FROM {} WHERE {condition}", target.table);
        let rows: i64 = job.within(&sql, Duration::MAX).bind(cutoff.value).scalar().await?;
        let mut done = Done::new();
        done.say(format!("would delete {rows} rows of {}", target.table));
        return Ok(done);
    }
    let sql = batch(&target, &condition, retention.batch, job.is_sqlite());
    delete(job, retention, &sql, &cutoff).await
}

async fn delete(
    job: &mut Job<'_>,
    retention: &Retention,
    sql: &str,
    cutoff: &Cutoff,
) -> Result<Done> {
    let mut done = Done::new();
    let (mut deleted, mut batches) = (0, 0u64);
    let failed = loop {
        if let Some(over) = job.over() {
            done.cut_short(over);
            break None;
        }
        let batch = job.within(sql, BATCH_TIME).bind(cutoff.value.clone()).fetch().await;
        let rows = match batch {
            Ok(outcome) => outcome.rows_affected,
            // What was committed before is told with it.
            Err(error) => break Some(error),
        };
        if rows == 0 {
            break None;
        }
        (deleted, batches) = (deleted + rows, batches + 1);
        job.pause(retention.pause).await;
    };
    let told = format!("deleted {deleted} rows of {} in {batches} batches", retention.table);
    match failed {
        Some(error) => Err(error.prefixed(&format!("after it had {told}"))),
        None => {
            done.said.insert(0, told);
            Ok(done)
        }
    }
}

/// A statement that deletes so many rows at most.
fn batch(target: &Target, condition: &str, rows: u64, is_sqlite: bool) -> String {
    let Target { table, key, .. } = target;
    if is_sqlite {
        return format!(
            "DELETE FROM {table} WHERE {key} IN (SELECT {} FROM {table} WHERE {condition} \
             LIMIT {rows})",
            key.trim_matches(['(', ')'])
        );
    }
    // The condition stands there twice: a row that was changed meanwhile, and the same place in
    // another partition, are looked at again.
    format!(
        "DELETE FROM {table} WHERE {key} = ANY (ARRAY(SELECT {key} FROM {table} WHERE {condition} \
         LIMIT {rows})) AND {condition}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches() {
        let check = |key: &str, is_sqlite: bool, expect: &str| {
            let target = Target {
                table: "\"t\"".into(),
                column: "\"at\"".into(),
                declared: String::new(),
                key: key.into(),
            };
            assert_eq!(batch(&target, "\"at\" < ?1", 5, is_sqlite), expect);
        };
        check(
            "rowid",
            true,
            "DELETE FROM \"t\" WHERE rowid IN (SELECT rowid FROM \"t\" WHERE \"at\" < ?1 LIMIT 5)",
        );
        check(
            "(\"a\", \"b\")",
            true,
            "DELETE FROM \"t\" WHERE (\"a\", \"b\") IN (SELECT \"a\", \"b\" FROM \"t\" WHERE \
             \"at\" < ?1 LIMIT 5)",
        );
        check(
            "ctid",
            false,
            "DELETE FROM \"t\" WHERE ctid = ANY (ARRAY(SELECT ctid FROM \"t\" WHERE \"at\" < ?1 \
             LIMIT 5)) AND \"at\" < ?1",
        );
    }
}
