//! One statement of a client: its text, its parameters, how it is run, and the form of its result.

use std::sync::Arc;
use std::time::{Duration, Instant};

use forebay::{Outcome, Query, Session};
use serde::{Deserialize, Serialize};

use super::store::{SqlSource, StoredSql};
use super::value::{Arg, put_row};
use crate::failure::Failure;
use crate::json::Answer;
use crate::options::Options;

/// Space that the result of a statement without rows may need, or that it has changed rows of
/// which its answer cannot tell.
pub(crate) const RESULT_BYTES_MIN: usize = 512;

/// A statement as a client sends it.
#[derive(Debug, Deserialize)]
pub(crate) struct Stmt {
    #[serde(default)]
    sql: Option<String>,
    #[serde(default)]
    sql_id: Option<i32>,
    #[serde(default)]
    args: Option<Vec<Arg>>,
    #[serde(default)]
    named_args: Option<Vec<NamedArg>>,
    #[serde(default)]
    want_rows: Option<bool>,
}

#[derive(Debug, Deserialize)]
struct NamedArg {
    name: String,
    value: Arg,
}

/// A statement whose text is known.
pub(crate) struct Prepared {
    pub(crate) sql: Arc<str>,
    args: Vec<Arg>,
    named_args: Vec<NamedArg>,
    pub(crate) want_rows: bool,
}

/// The bounds of one collected answer.
#[derive(Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) rows: usize,
    pub(crate) bytes: usize,
    pub(crate) time: Duration,
}

impl Stmt {
    pub(crate) fn prepare(self, sqls: &StoredSql) -> Result<Prepared, Failure> {
        Ok(Prepared {
            sql: sqls.resolve(SqlSource { sql: self.sql, sql_id: self.sql_id })?,
            args: self.args.unwrap_or_default(),
            named_args: self.named_args.unwrap_or_default(),
            want_rows: self.want_rows.unwrap_or(true),
        })
    }
}

impl Bounds {
    pub(crate) fn new(options: &Options, bytes: usize) -> Bounds {
        Bounds { rows: options.rows_max, bytes, time: options.statement_timeout }
    }
}

impl Prepared {
    /// The statement on `session`, with its parameters and bounds. It may be asked for again.
    pub(crate) fn query<'a>(&'a self, session: &'a Session, bounds: Bounds) -> Query<'a> {
        let mut query = bounded(session, &self.sql, bounds);
        for Arg(value) in &self.args {
            query = query.bind(value);
        }
        for NamedArg { name, value: Arg(value) } in &self.named_args {
            query = query.bind_named(name, value);
        }
        query
    }

    /// Runs it and appends its result. Its parameters are moved, as they may be large.
    pub(crate) async fn run(
        self,
        session: &Session,
        options: &Options,
        answer: &mut Answer,
    ) -> Result<(), Failure> {
        // A statement whose result could not be told in any case is not run at all.
        answer.make_room(RESULT_BYTES_MIN)?;
        let started = Instant::now();
        let bounds = Bounds::new(options, options.response_bytes_max);
        let mut query = bounded(session, &self.sql, bounds);
        for Arg(value) in self.args {
            query = query.bind(value);
        }
        for NamedArg { name, value: Arg(value) } in self.named_args {
            query = query.bind_named(&name, value);
        }
        let outcome = query.fetch().await?;
        let put = put_result(answer, &outcome, self.want_rows, started.elapsed()).await;
        put.map_err(|failure| failure.after(&outcome))
    }
}

fn bounded<'a>(session: &'a Session, sql: &'a str, bounds: Bounds) -> Query<'a> {
    session.query(sql).timeout(bounds.time).max_rows(bounds.rows).max_bytes(bounds.bytes)
}

/// A column, as results and cursors describe it.
#[derive(Serialize)]
pub(crate) struct Col<'a> {
    name: &'a str,
    decltype: Option<&'a str>,
}

pub(crate) fn cols(columns: &[forebay::Column]) -> Vec<Col<'_>> {
    columns.iter().map(col).collect()
}

fn col(column: &forebay::Column) -> Col<'_> {
    Col { name: &column.name, decltype: column.declared.as_deref() }
}

/// Appends the columns. They are checked one by one: their names are as long as a client likes.
pub(crate) fn put_cols(answer: &mut Answer, columns: &[forebay::Column]) -> Result<(), Failure> {
    answer.raw("[");
    for (index, column) in columns.iter().enumerate() {
        answer.raw(if index > 0 { "," } else { "" });
        answer.put(&col(column))?;
    }
    answer.raw("]");
    Ok(())
}

async fn put_result(
    answer: &mut Answer,
    outcome: &Outcome,
    want_rows: bool,
    elapsed: Duration,
) -> Result<(), Failure> {
    let rows = &outcome.rows;
    answer.raw(r#"{"cols":"#);
    put_cols(answer, rows.columns())?;
    answer.raw(r#","rows":["#);
    for index in 0..if want_rows { rows.len() } else { 0 } {
        if index > 0 {
            answer.raw(",");
        }
        answer.admit(rows.values(index))?;
        put_row(answer.buffer(), rows.values(index));
        answer.check()?;
        answer.breathe().await;
    }
    answer.raw(r#"],"affected_row_count":"#);
    answer.put(&outcome.rows_affected)?;
    answer.raw(r#","last_insert_rowid":"#);
    answer.put(&outcome.last_insert_id.map(|id| id.to_string()))?;
    // How many rows were looked at, SQLite does not tell; these are the rows answered.
    answer.raw(r#","replication_index":null,"rows_read":"#);
    answer.put(&rows.len())?;
    answer.raw(r#","rows_written":"#);
    answer.put(&outcome.rows_affected)?;
    answer.raw(r#","query_duration_ms":"#);
    answer.put(&(elapsed.as_secs_f64() * 1e3))?;
    answer.raw("}");
    answer.check()
}
