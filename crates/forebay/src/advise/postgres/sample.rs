//! Values for the parameters of a text that was seen without them, as in `pg_stat_statements`:
//! drawn from the columns that the parameters are compared with. The server says which these are:
//! the plan that it would make for any values shows them as `$1`.

use std::collections::BTreeMap;

use super::catalogue::{Catalogue, Table};
use super::need::needs;
use super::plan::{Node, Plan};
use super::quote::identifier;
use super::server::Server;
use super::term::{Sift, cast_of_text, is_name};
use crate::error::{Error, Result};
use crate::value::Value;

/// Sets of values that are drawn.
const SETS: usize = 3;

/// Rows that values are drawn from.
const ROWS_MAX: usize = 200;

/// So many times as many rows are read, so that they are from many pages.
const PAGES: f64 = 20.0;

/// A parameter that is compared with nothing is a LIMIT as a rule.
const LIMIT: i64 = 20;

/// The highest number of a parameter.
const PARAMETERS_MAX: usize = 64;

/// Where a parameter's values are drawn from.
#[derive(Clone, Debug, PartialEq)]
struct Source {
    table: (String, String),
    column: String,
    sift: Sift,
}

/// Draws values. An error says why there are none.
pub(super) async fn sample(
    server: &Server,
    catalogue: &Catalogue,
    text: &str,
    types: &[u32],
) -> Result<Vec<Vec<Value>>> {
    let count = types.len();
    if count > PARAMETERS_MAX {
        return Err(Error::usage(format!("it has more than {PARAMETERS_MAX} parameters")));
    }
    let plan = generic(server, catalogue.version, text, count).await?;
    let sources = sources(&plan.root);
    let mut drawn: BTreeMap<(String, String), Vec<Vec<String>>> = BTreeMap::new();
    for source in sources.values() {
        if drawn.contains_key(&source.table) {
            continue;
        }
        let Some(table) = catalogue.table(&source.table) else { continue };
        let columns: Vec<&str> = sources
            .values()
            .filter(|other| other.table == source.table)
            .map(|other| other.column.as_str())
            .collect();
        drawn.insert(source.table.clone(), rows(server, table, &columns).await?);
    }
    let typed = |at: usize, n: usize| Ok(typed(value(at, n, &sources, &drawn)?, types[at - 1]));
    (0..SETS).map(|n| (1..=count).map(|at| typed(at, n)).collect()).collect()
}

/// The plan for any values.
async fn generic(server: &Server, version: u32, text: &str, count: usize) -> Result<Plan> {
    if version >= 160_000 {
        let sql = format!("EXPLAIN (GENERIC_PLAN, FORMAT JSON, VERBOSE) {text}");
        return server.planned_script(&sql).await;
    }
    server.script(&format!("PREPARE forebay_sample AS {text}")).await?;
    let nulls = vec!["NULL"; count].join(", ");
    let sql = format!(
        "SET plan_cache_mode = force_generic_plan; \
         EXPLAIN (FORMAT JSON, VERBOSE) EXECUTE forebay_sample ({nulls})"
    );
    let plan = server.planned_script(&sql).await;
    server.script("RESET plan_cache_mode; DEALLOCATE forebay_sample").await?;
    plan
}

/// What each parameter is compared with.
fn sources(root: &Node) -> BTreeMap<usize, Source> {
    let mut sources = BTreeMap::new();
    for need in needs(root) {
        let arms = need.choices.iter().flatten().flatten();
        for term in need.terms.iter().chain(arms) {
            let Some(value) = &term.value else { continue };
            let column = column_of(&term.key);
            for number in numbers(value) {
                if let Some(column) = column.clone() {
                    let (table, sift) = (need.table.clone(), term.sift.clone());
                    sources.entry(number).or_insert(Source { table, column, sift });
                }
            }
        }
    }
    sources
}

/// The column of a key, or the expression itself: its values are drawn as well.
fn column_of(key: &str) -> Option<String> {
    let name = cast_of_text(key).unwrap_or(key);
    let is_simple = is_name(name) || !name.contains('$');
    is_simple.then(|| name.to_owned())
}

fn numbers(text: &str) -> Vec<usize> {
    let parts = text.split('$').skip(1);
    let digits = |part: &str| part.chars().take_while(char::is_ascii_digit).collect::<String>();
    parts.filter_map(|part| digits(part).parse().ok()).collect()
}

/// Some rows of a table, with these columns as texts, in the order of their names.
async fn rows(server: &Server, table: &Table, columns: &[&str]) -> Result<Vec<Vec<String>>> {
    #[expect(clippy::cast_precision_loss, reason = "it is small")]
    let percent = (100.0 * PAGES * ROWS_MAX as f64 / table.rows.max(1.0)).clamp(0.001, 100.0);
    let list: Vec<String> = columns.iter().map(|column| format!("({column})::text")).collect();
    // Whole pages are drawn, and rows in a page were written together.
    let ask = format!(
        "SELECT {} FROM {} TABLESAMPLE SYSTEM ({percent:.4})
         ORDER BY pg_catalog.random() LIMIT {ROWS_MAX}",
        list.join(", "),
        table.sql
    );
    let cells = server.ask(&ask).await?;
    let row = |row: Vec<Option<&str>>| {
        row.into_iter().map(|cell| cell.map(str::to_owned)).collect::<Option<Vec<String>>>()
    };
    Ok(cells.rows().filter_map(row).collect())
}

/// The value of a parameter in a set.
fn value(
    number: usize,
    set: usize,
    sources: &BTreeMap<usize, Source>,
    drawn: &BTreeMap<(String, String), Vec<Vec<String>>>,
) -> Result<Value> {
    let Some(source) = sources.get(&number) else { return Ok(Value::Integer(LIMIT)) };
    let unknown = || {
        let table = identifier(&source.table.1);
        Error::usage(format!(
            "there are no values for ${number}: the table {table} is empty, or may not be read; \
             give the statement with values"
        ))
    };
    let rows = drawn.get(&source.table).filter(|rows| !rows.is_empty()).ok_or_else(unknown)?;
    let same = sources.values().filter(|other| other.table == source.table);
    let place = same.clone().position(|other| other == source).unwrap_or(0);
    let mut column: Vec<&String> = rows.iter().filter_map(|row| row.get(place)).collect();
    let at = (set * 2 + 1) * rows.len() / (2 * SETS);
    let text = match source.sift {
        Sift::Range { is_upper } => {
            column.sort_by(|a, b| by_value(a, b));
            let near = at + if is_upper { rows.len() / 20 } else { 0 };
            column.get(near.min(column.len().saturating_sub(1))).copied()
        }
        _ => rows.get(at).and_then(|row| row.get(place)),
    };
    let text = text.ok_or_else(unknown)?;
    Ok(match source.sift {
        Sift::Prefix | Sift::Within => {
            Value::Text(format!("{}%", text.chars().take(3).collect::<String>()).into())
        }
        _ => Value::Text(text.as_str().into()),
    })
}

/// A text as the number that a parameter of this type is sent as.
fn typed(value: Value, kind: u32) -> Value {
    let Value::Text(text) = &value else { return value };
    match kind {
        // bigint, smallint, integer.
        20 | 21 | 23 => text.parse().map_or(value, Value::Integer),
        // real, double precision.
        700 | 701 => text.parse().map_or(value, Value::Real),
        // boolean.
        16 => Value::Integer(i64::from(text.starts_with('t'))),
        _ => value,
    }
}

/// Numbers by their size, other texts as texts.
fn by_value(a: &str, b: &str) -> std::cmp::Ordering {
    match (a.parse::<f64>(), b.parse::<f64>()) {
        (Ok(a), Ok(b)) => a.total_cmp(&b),
        _ => a.cmp(b),
    }
}
