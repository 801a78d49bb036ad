//! Dropping indexes that somebody has approved by name, and that nothing is seen to use.

use std::time::{Duration, SystemTime};

use super::job::{Done, Job};
use crate::error::{Error, Result};
use crate::index::IndexReport;
use crate::maintain::report::MaintenanceOutcome;

/// For how long the use of indexes has to have been watched, unless it is said otherwise: some
/// reports come once in two weeks.
const WATCHED_MIN: Duration = Duration::from_secs(14 * 86_400);

/// Names in one task.
const NAMES_MAX: usize = 1_000;

/// Indexes that may be dropped if they are not used.
///
/// Naming them is the approval; no other is ever touched. Each is dropped only if it was not used
/// for as long as is asked for, two weeks by default. At PostgreSQL the server counts uses, its
/// standbys by themselves; at SQLite the plans of all statements are looked at that this handle has
/// run, which says nothing of other programs. What it says has the statement that makes the index
/// again.
#[derive(Clone, Debug)]
#[must_use = "nothing is dropped until its task is run"]
pub struct UnusedIndexRemoval {
    names: Vec<String>,
    watched_min: Duration,
}

impl UnusedIndexRemoval {
    /// These may be dropped.
    pub fn approved<N: Into<String>>(names: impl IntoIterator<Item = N>) -> UnusedIndexRemoval {
        let names = names.into_iter().map(Into::into).collect();
        UnusedIndexRemoval { names, watched_min: WATCHED_MIN }
    }

    /// For how long the use of indexes has to have been watched. At PostgreSQL it is two weeks
    /// at least. With the builder's `statistics_file` restarts do not count at SQLite.
    pub fn watched_for(mut self, time: Duration) -> UnusedIndexRemoval {
        self.watched_min = time;
        self
    }

    pub(super) fn check(&self, task: &str) -> Result<()> {
        if self.names.is_empty() || self.names.len() > NAMES_MAX {
            return Err(Error::usage(format!("{task}: name 1 to {NAMES_MAX} indexes")));
        }
        Ok(())
    }
}

pub(in crate::maintain) async fn run(job: &Job<'_>, removal: &UnusedIndexRemoval) -> Result<Done> {
    let mut done = Done::new();
    let unused = match job.is_sqlite() {
        true => by_plans(job, removal, &mut done).await?,
        false => by_counters(job, removal, &mut done).await?,
    };
    if done.outcome != MaintenanceOutcome::Done || unused.is_empty() {
        return Ok(done);
    }
    let indexes = job.db.indexes().dry_run(job.is_dry_run);
    let report: IndexReport = indexes.drop(&unused).await?;
    report.steps.into_iter().for_each(|step| done.say(step));
    report.undo.into_iter().for_each(|again| done.say(format!("undone by: {again}")));
    match report.failed {
        Some(error) => Err(error),
        None => Ok(done),
    }
}

/// Those that no counter of the server says were used.
async fn by_counters(
    job: &Job<'_>,
    removal: &UnusedIndexRemoval,
    done: &mut Done,
) -> Result<Vec<String>> {
    let found = job.db.indexes().unused().await?;
    if let Some(why) = found.unknown {
        *done = Done::skipped(why);
        return Ok(Vec::new());
    }
    let days = Duration::from_secs(found.days.unwrap_or(0) * 86_400);
    if days < removal.watched_min {
        *done = Done::skipped(too_short(days, removal.watched_min));
        return Ok(Vec::new());
    }
    let is_unused = |name: &str| {
        found.indexes.iter().any(|index| {
            let bare = index.name.rsplit('.').next().unwrap_or_default();
            index.name == name || bare == name
        })
    };
    let mut unused = Vec::new();
    for name in &removal.names {
        match is_unused(name) {
            true => unused.push(name.clone()),
            false => done.say(format!("{name} is kept: it is used, needed, or not there")),
        }
    }
    Ok(unused)
}

/// Those that are in no plan of what was run.
async fn by_plans(
    job: &Job<'_>,
    removal: &UnusedIndexRemoval,
    done: &mut Done,
) -> Result<Vec<String>> {
    let stats = job.db.stats();
    let since = stats.watch.since.and_then(|since| SystemTime::now().duration_since(since).ok());
    let watched = since.unwrap_or_default();
    if watched < removal.watched_min {
        *done = Done::skipped(too_short(watched, removal.watched_min));
        return Ok(Vec::new());
    }
    if stats.watch.folded > 0 {
        *done = Done::skipped(
            "there are more statements than are told apart, so that not all of their plans can be \
             looked at",
        );
        return Ok(Vec::new());
    }
    let there = job.db.indexes().list().await?;
    let mut unused: Vec<String> = Vec::new();
    for name in &removal.names {
        match there.iter().find(|index| index.name.eq_ignore_ascii_case(name)) {
            Some(index) if index.is_of_constraint || index.is_unique => {
                done.say(format!("{name} is kept: it keeps values from coming twice"));
            }
            Some(index) => unused.push(index.name.clone()),
            None => done.say(format!("there is no index called {name}")),
        }
    }
    for record in stats.fingerprints.iter().filter(|record| record.id != 0) {
        if unused.is_empty() {
            break;
        }
        let text = record.sample.as_ref().unwrap_or(&record.statement);
        // What is no statement of this schema any more uses none of its indexes.
        let Ok(explained) = job.db.explain(text).await else { continue };
        let uses = |name: &String| explained.plan.iter().any(|line| names(line, name));
        for used in unused.iter().filter(|name| uses(name)) {
            done.say(format!("{used} is kept: it is used by {}", record.statement));
        }
        unused.retain(|name| !uses(name));
    }
    Ok(unused)
}

/// Whether a line of a plan names this index, whole: `... USING INDEX name (a=?)`.
fn names(line: &str, index: &str) -> bool {
    line.match_indices(index).any(|(at, _)| {
        let before = line[..at].ends_with("INDEX ");
        let after = line[at + index.len()..].chars().next();
        before && after.is_none_or(|it| it == ' ')
    })
}

fn too_short(watched: Duration, needed: Duration) -> String {
    format!(
        "the use of indexes has been watched for {} days, and {} are needed",
        watched.as_secs() / 86_400,
        needed.as_secs().div_ceil(86_400)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_that_name_an_index() {
        let check = |line: &str, index: &str, expect: bool| {
            assert_eq!(names(line, index), expect, "{line}: {index}");
        };
        check("SEARCH t USING INDEX t_a (a=?)", "t_a", true);
        check("SCAN t USING COVERING INDEX t_a", "t_a", true);
        check("SEARCH t USING INDEX t_ab (a=?)", "t_a", false);
        check("SEARCH t USING INDEX at_a (a=?)", "t_a", false);
        check("SCAN t_a", "t_a", false);
    }
}
