//! Dropping indexes that nothing depends on, with the statements that make them again.

use super::list::list;
use super::report::{IndexInfo, IndexReport};
use crate::engine::Custody;
use crate::error::{Error, Result};
use crate::sql::Dialect;

/// Indexes of SQLite without which a foreign key would refer to columns that are not unique.
const REFERRED: &str = "
    SELECT i.name FROM pragma_table_list c JOIN pragma_foreign_key_list(c.name) f
    JOIN pragma_index_list(f.\"table\") i
    WHERE c.schema = 'main' AND i.\"unique\"
    GROUP BY c.name, f.id, i.name
    HAVING group_concat(lower(coalesce(f.\"to\", '')), ' ') = (SELECT group_concat(lower(n), ' ')
        FROM (SELECT x.name AS n FROM pragma_index_info(i.name) x ORDER BY x.seqno))";

pub(super) async fn remove(
    custody: &Custody,
    names: &[&str],
    is_dry_run: bool,
    is_concurrent: bool,
) -> Result<IndexReport> {
    let there = list(custody).await?;
    let referred = referred(custody).await?;
    let mut wanted: Vec<&IndexInfo> = Vec::new();
    for name in names {
        let index = find(&there, name)?;
        check(index, &referred)?;
        if !wanted.iter().any(|it| it.name == index.name) {
            wanted.push(index);
        }
    }
    let is_concurrent = is_concurrent && custody.dialect() != Dialect::Sqlite;
    let concurrently = if is_concurrent { "CONCURRENTLY " } else { "" };
    let step = |index: &&IndexInfo| {
        let name = match custody.dialect() {
            Dialect::Sqlite => format!("\"{}\"", index.name.replace('"', "\"\"")),
            #[cfg(feature = "postgres")]
            Dialect::Postgres => index.name.clone(),
        };
        let again = index.sql.as_deref().map(|sql| match is_concurrent {
            true => sql.replacen(" INDEX ", " INDEX CONCURRENTLY ", 1),
            false => sql.to_owned(),
        });
        (format!("DROP INDEX {concurrently}{name}"), again)
    };
    let steps: Vec<(String, Option<String>)> = wanted.iter().map(step).collect();
    let mut report = IndexReport::default();
    if !is_dry_run && !is_concurrent && !steps.is_empty() {
        custody.begin().await?;
    }
    for (sql, again) in steps {
        if !is_dry_run {
            let done = custody.script(&sql, !is_concurrent).await;
            let done = done.map_err(|error| error.prefixed(&format!("{sql} failed")));
            match done {
                Err(error) if is_concurrent => {
                    report.failed = Some(error);
                    return Ok(report);
                }
                done => done?,
            }
        }
        report.steps.push(sql);
        report.undo.extend(again);
    }
    if !is_dry_run && !is_concurrent && !report.steps.is_empty() {
        custody.commit().await?;
    }
    Ok(report)
}

async fn referred(custody: &Custody) -> Result<Vec<String>> {
    match custody.dialect() {
        Dialect::Sqlite => {
            let rows = custody.rows(REFERRED).await?;
            let name = |row: usize| match rows.values(row) {
                [crate::value::Value::Text(name), ..] => Some(name.to_string()),
                _ => None,
            };
            Ok((0..rows.len()).filter_map(name).collect())
        }
        // The server refuses to drop what a foreign key rests on.
        #[cfg(feature = "postgres")]
        Dialect::Postgres => Ok(Vec::new()),
    }
}

/// The index of this name; at PostgreSQL the schema may be left out where one alone has it.
fn find<'i>(there: &'i [IndexInfo], name: &str) -> Result<&'i IndexInfo> {
    let is_exact = |index: &&IndexInfo| index.name.eq_ignore_ascii_case(name);
    if let Some(index) = there.iter().find(is_exact) {
        return Ok(index);
    }
    let suffix = format!(".{}", name.to_lowercase());
    let quoted = format!(".\"{}\"", name.replace('"', "\"\""));
    let is_bare =
        |index: &&IndexInfo| index.name.ends_with(&suffix) || index.name.ends_with(&quoted);
    let found: Vec<&IndexInfo> = there.iter().filter(is_bare).collect();
    match found.as_slice() {
        [index] => Ok(index),
        [] => Err(Error::usage(format!(
            "there is no index called {name}; `forebay index list` shows them"
        ))),
        _ => Err(Error::usage(format!(
            "there are {} indexes called {name}; write the schema before it",
            found.len()
        ))),
    }
}

fn check(index: &IndexInfo, referred: &[String]) -> Result<()> {
    let (name, table) = (&index.name, &index.table);
    if index.is_of_constraint {
        return Err(Error::usage(format!(
            "{name} belongs to a primary key or another constraint of {table}, and goes with that \
             alone; nothing was dropped"
        )));
    }
    if referred.contains(name) {
        return Err(Error::usage(format!(
            "a foreign key refers to the columns of {name}, which have to be unique for that; \
             nothing was dropped"
        )));
    }
    Ok(())
}
