//! A statement as who traces sees it: a span of `tracing` with what it is, and no value of it. A
//! subscriber that speaks OpenTelemetry finds the names that its conventions have for databases.

use tracing::field::Empty;
use tracing::{Level, Span};

use super::trip::Brought;
use crate::sql::Dialect;
use crate::trace::TraceParent;
use crate::watch::{Record, Visit};

/// Bytes of a summary at most, as the conventions have it.
const SUMMARY_BYTES_MAX: usize = 255;

/// What a statement's trip belongs to. Boxed where there is one, since most have none and lie
/// within futures.
pub(super) struct Course {
    pub(super) trace: Option<TraceParent>,
    span: Span,
}

impl Course {
    /// That of a statement that goes to the database; `None` while nobody is interested. Cost then:
    /// a comparison and a look at the task.
    #[inline]
    pub(super) fn begin(record: &Record, dialect: Dialect) -> Option<Box<Course>> {
        let is_traced = tracing::enabled!(target: "forebay::statement", Level::DEBUG);
        if !is_traced && !TraceParent::is_open() {
            return None;
        }
        let span = if is_traced { span(record, dialect, false) } else { Span::none() };
        Some(Box::new(Course { trace: TraceParent::current(), span }))
    }

    /// It has ended.
    #[cold]
    pub(super) fn end(&self, visit: &Visit, brought: &Brought) {
        self.span.record("db.response.returned_rows", brought.rows);
        self.span.record("forebay.database_ms", visit.spent.as_secs_f64() * 1e3);
        self.span.record("forebay.pool_wait_ms", visit.wait.as_secs_f64() * 1e3);
        if brought.failed {
            self.span.record("otel.status_code", "ERROR");
        }
    }
}

/// Tells of an answer from memory, which takes no time worth a span of more than a point.
#[inline]
pub(super) fn tell_hit(record: &Record, dialect: Dialect) {
    if tracing::enabled!(target: "forebay::statement", Level::DEBUG) {
        drop(span(record, dialect, true));
    }
}

#[cold]
#[inline(never)]
fn span(record: &Record, dialect: Dialect, is_cached: bool) -> Span {
    let text = record.text();
    let summary = summary(text);
    let system = match dialect {
        Dialect::Sqlite => "sqlite",
        #[cfg(feature = "postgres")]
        Dialect::Postgres => "postgresql",
    };
    tracing::debug_span!(
        target: "forebay::statement",
        "forebay.statement",
        otel.name = summary.as_str(),
        otel.kind = "client",
        otel.status_code = Empty,
        db.system.name = system,
        db.query.summary = summary.as_str(),
        db.query.text = &**text,
        db.response.returned_rows = Empty,
        forebay.fingerprint = format_args!("{:016x}", record.id()),
        forebay.cached = is_cached,
        forebay.database_ms = Empty,
        forebay.pool_wait_ms = Empty,
    )
}

/// What a normalised text does to which table, as in `SELECT books`. The first table alone is
/// named, and none where a query stands in its place.
fn summary(text: &str) -> String {
    let mut words = text.split([' ', '(']).filter(|word| !word.is_empty());
    let verb = words.next().unwrap_or_default().to_ascii_uppercase();
    let before = match verb.as_str() {
        "UPDATE" => "update",
        "INSERT" | "REPLACE" => "into",
        "SELECT" | "DELETE" => "from",
        _ => "",
    };
    let target = match text.split_once(&format!("{before} ")) {
        Some((head, rest)) if !before.is_empty() && (head.is_empty() || head.ends_with(' ')) => {
            rest.split([' ', '(', ',']).next().filter(|name| !name.is_empty())
        }
        _ => None,
    };
    let all = target.map_or(verb.clone(), |target| format!("{verb} {target}"));
    if all.len() <= SUMMARY_BYTES_MAX { all } else { verb.chars().take(32).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summaries_name_the_deed_and_the_first_table() {
        fn check(text: &str, expect: &str) {
            assert_eq!(summary(text), expect, "{text}");
        }
        check("select a from t where b = ?", "SELECT t");
        check("select a from t, u", "SELECT t");
        check("select a from main.t join u on u.a = t.a", "SELECT main.t");
        check("select a from (select b from t)", "SELECT");
        check("select ? + ?", "SELECT");
        check("insert into t(a) values (?..)", "INSERT t");
        check("insert or replace into t values (?)", "INSERT t");
        check("replace into t values (?)", "REPLACE t");
        check("update t set a = ?", "UPDATE t");
        check("delete from t", "DELETE t");
        check("with x as (select ?) select a from x", "WITH");
        check("begin immediate", "BEGIN");
        check("values (?)", "VALUES");
        check("", "");
        check(&format!("select a from {}", "t".repeat(300)), "SELECT");
    }
}
