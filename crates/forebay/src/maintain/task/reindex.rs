//! Building indexes anew.

use super::job::{Done, Job};
use super::target::quoted;
use crate::error::Result;
use crate::maintain::report::MaintenanceOutcome;

/// Indexes whose making was stopped half-way, other than those that such a rebuilding has left.
#[cfg(feature = "postgres")]
const INVALID: &str = "
    SELECT pg_catalog.format('%I.%I', n.nspname, c.relname)
    FROM pg_catalog.pg_index i
    JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE NOT i.indisvalid AND c.relkind = 'i' AND c.relname !~ '_ccnew[0-9]*$'
        AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_'
    ORDER BY 1 LIMIT 10000";

pub(in crate::maintain) async fn run(job: &mut Job<'_>, names: &[String]) -> Result<Done> {
    let statements = if job.is_sqlite() {
        sqlite(names)
    } else {
        #[cfg(feature = "postgres")]
        let statements = postgres(job, names).await?;
        #[cfg(not(feature = "postgres"))]
        let statements = Vec::new();
        statements
    };
    let mut done = Done::new();
    if statements.is_empty() {
        done.say("no index is invalid");
    }
    for sql in statements {
        if let Some(over) = job.over() {
            done.cut_short(over);
            break;
        }
        if !job.is_dry_run
            && let Err(error) = job.rows(&sql).await
        {
            done.outcome = MaintenanceOutcome::Failed;
            done.say(format!("{sql} failed: {error}"));
            continue;
        }
        done.say(sql);
    }
    Ok(done)
}

fn sqlite(names: &[String]) -> Vec<String> {
    match names {
        [] => vec!["REINDEX".to_owned()],
        names => names.iter().map(|name| format!("REINDEX {}", quoted(name))).collect(),
    }
}

#[cfg(feature = "postgres")]
async fn postgres(job: &Job<'_>, names: &[String]) -> Result<Vec<String>> {
    let index = |name: &String| format!("REINDEX INDEX CONCURRENTLY {name}");
    if names.is_empty() {
        return Ok(job.texts(INVALID).await?.iter().map(index).collect());
    }
    let mut statements = Vec::new();
    for name in names {
        let found = super::target::index(job, name).await?;
        statements.push(index(&found));
    }
    Ok(statements)
}
