//! Making indexes: those that are not there, in a way that lets others write where that can be,
//! with new statistics of their tables.

use std::collections::BTreeSet;

use super::list::list;
use super::report::{IndexInfo, IndexReport};
use super::statement::{CreateIndex, bare};
use crate::engine::Custody;
use crate::error::{Error, Result};
use crate::sql::{Dialect, split};

/// Statements of one script.
const STATEMENTS_MAX: usize = 10_000;

pub(super) async fn apply(
    custody: &Custody,
    script: &str,
    is_dry_run: bool,
    is_concurrent: bool,
) -> Result<IndexReport> {
    let wanted = parse(script, custody.dialect())?;
    let there = list(custody).await?;
    let is_concurrent = is_concurrent && custody.dialect() != Dialect::Sqlite;
    let plan = plan(&wanted, &there, is_concurrent, custody.dialect())?;
    if is_dry_run || plan.steps.is_empty() {
        return Ok(plan.into_report());
    }
    let mut report = IndexReport { notes: plan.notes, ..IndexReport::default() };
    if is_concurrent {
        for step in plan.steps {
            if let Err(error) = custody.script(&step.sql, false).await {
                report.failed = Some(clean(custody, &step, error, &mut report.notes).await);
                break;
            }
            report.steps.push(step.sql);
            report.undo.extend(step.undo);
        }
        return Ok(report);
    }
    custody.begin().await?;
    for step in &plan.steps {
        custody.script(&step.sql, true).await.map_err(|error| {
            error.prefixed(&format!("{} failed, and nothing was made", step.sql))
        })?;
    }
    custody.commit().await?;
    report.undo.extend(plan.steps.iter().filter_map(|step| step.undo.clone()));
    report.steps.extend(plan.steps.into_iter().map(|step| step.sql));
    Ok(report)
}

/// The statements of a script, all of which make indexes.
fn parse(script: &str, dialect: Dialect) -> Result<Vec<CreateIndex>> {
    let pieces = split(script, dialect);
    if pieces.len() > STATEMENTS_MAX {
        let text = format!("the script has more than {STATEMENTS_MAX} statements; split it");
        return Err(Error::usage(text));
    }
    let read = |piece: crate::sql::Piece| {
        let sql = &script[piece.range];
        CreateIndex::parse(sql, dialect).map_err(|why| {
            Error::usage(format!(
                "the statement in line {} {why}; only CREATE INDEX is run here, and nothing was",
                piece.line
            ))
        })
    };
    pieces.into_iter().map(read).collect()
}

struct Step {
    sql: String,
    undo: Option<String>,
    /// What it may leave behind half-made.
    leaves: Option<String>,
}

struct Plan {
    steps: Vec<Step>,
    notes: Vec<String>,
}

impl Plan {
    fn into_report(self) -> IndexReport {
        let undo = self.steps.iter().filter_map(|step| step.undo.clone()).collect();
        let steps = self.steps.into_iter().map(|step| step.sql).collect();
        IndexReport { steps, undo, notes: self.notes, failed: None }
    }
}

fn plan(
    wanted: &[CreateIndex],
    there: &[IndexInfo],
    is_concurrent: bool,
    dialect: Dialect,
) -> Result<Plan> {
    let concurrently = if is_concurrent { "CONCURRENTLY " } else { "" };
    let (mut steps, mut notes) = (Vec::new(), Vec::new());
    let (mut tables, mut seen) = (BTreeSet::new(), BTreeSet::new());
    for index in wanted {
        let key = (index.name.to_lowercase(), schema_of(index, dialect));
        if !seen.insert(key) {
            return Err(Error::usage(format!(
                "the script makes two indexes called {}; give one of them another name",
                index.name
            )));
        }
        let found = there.iter().find(|it| is_same(it, index, dialect));
        match found {
            Some(found) if found.is_valid => {
                let is_other = !is_of_table(found, index, dialect);
                let of = if is_other { format!(", of {}", found.table) } else { String::new() };
                notes.push(format!("{} is there already{of}", found.name));
                continue;
            }
            Some(found) => steps.push(Step {
                sql: format!("DROP INDEX {concurrently}{}", found.name),
                undo: None,
                leaves: None,
            }),
            None => {}
        }
        let dropped = qualified(index, dialect);
        steps.push(Step {
            sql: index.sql(is_concurrent),
            undo: Some(format!("DROP INDEX {concurrently}IF EXISTS {dropped}")),
            leaves: is_concurrent.then(|| dropped.clone()),
        });
        tables.insert(index.table_sql.clone());
    }
    steps.extend(tables.into_iter().map(|table| Step {
        sql: format!("ANALYZE {table}"),
        undo: None,
        leaves: None,
    }));
    Ok(Plan { steps, notes })
}

/// The schema of the table as it is written, which at PostgreSQL is that of the index.
fn schema_of(index: &CreateIndex, dialect: Dialect) -> Option<String> {
    let (schema, _) = index.table_sql.rsplit_once('.')?;
    Some(bare(schema, dialect))
}

fn qualified(index: &CreateIndex, dialect: Dialect) -> String {
    match dialect {
        Dialect::Sqlite => index.qualified(),
        #[cfg(feature = "postgres")]
        Dialect::Postgres => match index.table_sql.rsplit_once('.') {
            Some((schema, _)) => format!("{schema}.{}", index.qualified()),
            None => index.qualified(),
        },
    }
}

/// Whether one that is there has the name, in the schema if that is written.
fn is_same(there: &IndexInfo, index: &CreateIndex, dialect: Dialect) -> bool {
    match dialect {
        Dialect::Sqlite => there.name.eq_ignore_ascii_case(&index.name),
        #[cfg(feature = "postgres")]
        Dialect::Postgres => {
            let (schema, name) = parts(&there.name);
            let of = parts(&there.table).0;
            let wanted = schema_of(index, dialect);
            name == index.name && wanted.is_none_or(|it| it == schema || it == of)
        }
    }
}

fn is_of_table(there: &IndexInfo, index: &CreateIndex, dialect: Dialect) -> bool {
    let table = index.table_sql.rsplit('.').next().map(|it| bare(it, dialect)).unwrap_or_default();
    let found = parts(&there.table).1;
    found.eq_ignore_ascii_case(&table) || there.table.eq_ignore_ascii_case(&table)
}

/// The schema and the name of what stands as `schema.name`, each in quotes if it needs them.
fn parts(name: &str) -> (String, String) {
    let plain = |text: &str| match text.strip_prefix('"').and_then(|it| it.strip_suffix('"')) {
        Some(inner) => inner.replace("\"\"", "\""),
        None => text.to_owned(),
    };
    let at = match name.starts_with('"') {
        true => name[1..].find("\".").map(|at| at + 2),
        false => name.find('.'),
    };
    match at {
        Some(at) => (plain(&name[..at]), plain(&name[at + 1..])),
        None => (String::new(), plain(name)),
    }
}

/// Drops what a statement has left behind, or names it where that fails.
async fn clean(custody: &Custody, step: &Step, error: Error, notes: &mut Vec<String>) -> Error {
    let error = error.prefixed(&format!("{} failed", step.sql));
    let Some(name) = &step.leaves else { return error };
    let drop = format!("DROP INDEX CONCURRENTLY IF EXISTS {name}");
    match custody.script(&drop, false).await {
        Ok(()) => notes.push(format!("what it left behind was dropped: {drop}")),
        Err(_) => notes.push(format!("it has left an index behind that is of no use: {drop};")),
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_two_parts() {
        let check = |name: &str, schema: &str, bare: &str| {
            assert_eq!(parts(name), (schema.to_owned(), bare.to_owned()), "{name}");
        };
        check("public.a", "public", "a");
        check("\"a.b\".\"c\"\"d\"", "a.b", "c\"d");
        check("a", "", "a");
    }

    #[test]
    fn only_indexes_are_made() {
        let check = |script: &str, says: &str| {
            let error = parse(script, Dialect::Sqlite).unwrap_err();
            assert!(error.message().contains(says), "{error}");
        };
        check("CREATE INDEX a ON t (x);\nDROP TABLE t;", "line 2 is no CREATE INDEX");
        check("CREATE TABLE a (x)", "line 1 is no CREATE INDEX");
        let all =
            parse("-- why\nCREATE INDEX a ON t (x); ; CREATE INDEX b ON u (y)", Dialect::Sqlite);
        let all = all.unwrap();
        assert_eq!(all.len(), 2);
        let there =
            IndexInfo { name: "A".into(), table: "t".into(), is_valid: true, ..Default::default() };
        let plan = plan(&all, &[there], false, Dialect::Sqlite).unwrap().into_report();
        assert_eq!(plan.steps, ["CREATE INDEX IF NOT EXISTS b ON u (y)", "ANALYZE u"]);
        assert_eq!(plan.undo, ["DROP INDEX IF EXISTS b"]);
        assert_eq!(plan.notes, ["A is there already"]);
    }
}
