//! The instant before which rows are too old, as the column has instants. Where a column may have
//! something else than it is taken for, its rows are kept.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::job::{Job, text};
use super::retention::TimeUnit;
use super::target::Target;
use crate::error::{Error, Result};
use crate::value::Value;

/// Numbers from here on are taken for milliseconds, microseconds and nanoseconds: as seconds, this
/// is the year 5138, and as milliseconds, 1973.
const MILLIS_FROM: u64 = 100_000_000_000;

/// What rows have to be for the task to take them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Cutoff {
    /// A condition with one parameter.
    pub(super) condition: String,
    pub(super) value: Value,
}

impl Cutoff {
    /// `None` if no row has an instant.
    pub(super) async fn find(
        job: &Job<'_>,
        target: &Target,
        unit: Option<TimeUnit>,
        before_ms: i64,
    ) -> Result<Option<Cutoff>> {
        if job.is_sqlite() {
            return sqlite(job, target, unit, before_ms).await;
        }
        #[cfg(feature = "postgres")]
        return postgres(job, target, unit, before_ms).await;
        #[cfg(not(feature = "postgres"))]
        unreachable!("without the feature there are only SQLite databases")
    }
}

async fn sqlite(
    job: &Job<'_>,
    target: &Target,
    unit: Option<TimeUnit>,
    before_ms: i64,
) -> Result<Option<Cutoff>> {
    // A text is greater than any number; of mixed ones the texts alone are taken.
    let Target { table, column, .. } = target;
    let newest = newest(job, &format!("SELECT max({column}) FROM {table}")).await?;
    let Some(unit) = judged(&newest, unit, column)? else { return Ok(None) };
    let (kind, value) = match unit {
        TimeUnit::Text => {
            let at = Timestamp::from_millisecond(before_ms).ok();
            // The blank comes before the `T` that others have there, so that rows of that day are
            // kept rather than taken too early.
            let text = at
                .map(|at| TimeZone::UTC.to_datetime(at).strftime("%Y-%m-%d %H:%M:%S").to_string());
            let glob = "GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]*'";
            (format!("typeof({column}) = 'text' AND {column} {glob}"), text.map(Value::from))
        }
        unit => {
            let number = Some(Value::Integer(unit.of_ms(before_ms)));
            let low = unit.low();
            // Of mixed units the newest one alone is taken; 0 stands for no instant often enough.
            (format!("typeof({column}) IN ('integer', 'real') AND {column} >= {low}"), number)
        }
    };
    let value = value.ok_or_else(|| Error::usage("the age reaches beyond the calendar"))?;
    Ok(Some(Cutoff { condition: format!("{column} < ?1 AND {kind}"), value }))
}

#[cfg(feature = "postgres")]
async fn postgres(
    job: &Job<'_>,
    target: &Target,
    unit: Option<TimeUnit>,
    before_ms: i64,
) -> Result<Option<Cutoff>> {
    let Target { table, column, declared, .. } = target;
    // A server that keeps texts compares them by a collation, in which no order is certain.
    let cast = match declared.as_str() {
        "timestamp with time zone" => "timestamptz",
        // As `now()` is put into such a column: in the zone of the session.
        "timestamp without time zone" => "timestamp",
        "date" => "date",
        "bigint" | "integer" | "numeric" | "double precision" => {
            let sql = format!("SELECT max({column})::bigint FROM {table}");
            let newest = newest(job, &sql).await?;
            return Ok(judged(&newest, unit, column)?.map(|unit| Cutoff {
                condition: format!("{column} < $1::bigint AND {column} >= {}", unit.low()),
                value: Value::Integer(unit.of_ms(before_ms)),
            }));
        }
        other => {
            return Err(Error::usage(format!(
                "{column} has the type {other}, which is none of an instant; rows go by a \
                 timestamp, a date or a number"
            )));
        }
    };
    let value = Value::Real(before_ms as f64 / 1_000.0);
    // What is infinitely long ago is no instant.
    let condition = format!(
        "{column} < pg_catalog.to_timestamp($1::float8)::{cast} AND pg_catalog.isfinite({column})"
    );
    Ok(Some(Cutoff { condition, value }))
}

async fn newest(job: &Job<'_>, sql: &str) -> Result<Value> {
    let rows = job.rows(sql).await?;
    Ok(if rows.is_empty() { None } else { rows.values(0).first().cloned() }.unwrap_or(Value::Null))
}

/// What the newest value is taken for, if it can be that; `None` if there is none.
fn judged(newest: &Value, unit: Option<TimeUnit>, column: &str) -> Result<Option<TimeUnit>> {
    let seems = match newest {
        Value::Null => return Ok(None),
        Value::Integer(n) => TimeUnit::of_number(n.unsigned_abs()),
        Value::Real(n) => TimeUnit::of_number(n.abs() as u64),
        value => match text(value).is_some_and(|text| is_date(text.as_bytes())) {
            true => TimeUnit::Text,
            false => {
                return Err(Error::usage(format!(
                    "the newest value of {column} is neither a number nor a date as in \
                     2026-11-30 12:00:00, so that it is not known which rows are old; nothing was \
                     done"
                )));
            }
        },
    };
    match unit {
        Some(unit) if unit != seems => Err(Error::usage(format!(
            "the newest value of {column} looks like {seems}, and not like {unit}; nothing was done"
        ))),
        _ => Ok(Some(seems)),
    }
}

fn is_date(text: &[u8]) -> bool {
    let shape = b"dddd-dd-dd";
    let fits = |(byte, shape): (&u8, &u8)| match shape {
        b'd' => byte.is_ascii_digit(),
        shape => byte == shape,
    };
    text.len() >= shape.len() && text.iter().zip(shape).all(fits)
}

impl TimeUnit {
    fn of_number(n: u64) -> TimeUnit {
        match n {
            n if n < MILLIS_FROM => TimeUnit::Seconds,
            n if n < MILLIS_FROM * 1_000 => TimeUnit::Millis,
            n if n < MILLIS_FROM * 1_000_000 => TimeUnit::Micros,
            _ => TimeUnit::Nanos,
        }
    }

    /// The least number that is taken for one in this unit.
    fn low(self) -> u64 {
        match self {
            TimeUnit::Seconds | TimeUnit::Text => 1,
            TimeUnit::Millis => MILLIS_FROM,
            TimeUnit::Micros => MILLIS_FROM * 1_000,
            TimeUnit::Nanos => MILLIS_FROM * 1_000_000,
        }
    }

    fn of_ms(self, ms: i64) -> i64 {
        match self {
            TimeUnit::Seconds | TimeUnit::Text => ms.div_euclid(1_000),
            TimeUnit::Millis => ms,
            TimeUnit::Micros => ms.saturating_mul(1_000),
            TimeUnit::Nanos => ms.saturating_mul(1_000_000),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_column_seems_to_have() {
        use TimeUnit::{Micros, Millis, Nanos, Seconds, Text};
        let check = |newest: Value,
                     unit: Option<TimeUnit>,
                     expect: Result<Option<TimeUnit>, &str>| {
            match (judged(&newest, unit, "c"), expect) {
                (Ok(found), Ok(expect)) => assert_eq!(found, expect, "{newest:?} {unit:?}"),
                (Err(error), Err(says)) => {
                    assert!(error.message().contains(says), "{newest:?}: {error}");
                }
                (found, expect) => panic!("{newest:?} {unit:?}: {found:?}, {expect:?}"),
            }
        };
        let now = 1_796_000_000;
        check(Value::Null, None, Ok(None));
        check(Value::Null, Some(Text), Ok(None));
        check(Value::Integer(now), None, Ok(Some(Seconds)));
        check(Value::Real(now as f64 + 0.5), None, Ok(Some(Seconds)));
        check(Value::Integer(now * 1_000), None, Ok(Some(Millis)));
        check(Value::Integer(now * 1_000_000), None, Ok(Some(Micros)));
        check(Value::Integer(now * 1_000_000_000), None, Ok(Some(Nanos)));
        check(Value::from("2026-11-30"), None, Ok(Some(Text)));
        check(Value::from("2026-11-30T12:00:00Z"), Some(Text), Ok(Some(Text)));
        // Taken for milliseconds, all of these would be of 1970 and go.
        check(Value::Integer(now), Some(Millis), Err("looks like seconds"));
        check(Value::Integer(now), Some(Text), Err("looks like seconds"));
        check(Value::from("2026-11-30"), Some(Seconds), Err("looks like dates"));
        check(Value::from("30.11.2026"), None, Err("neither a number nor a date"));
        check(Value::from("n/a"), Some(Text), Err("neither a number nor a date"));
        check(Value::from(""), None, Err("nothing was done"));
    }
}
