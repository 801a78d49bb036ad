//! `interval` as an ISO 8601 duration, which jiff, `Temporal` of JavaScript and many others read:
//! `P1Y2M3DT4H5M6.5S`. One that is negative in all its parts has the sign before the `P`, where
//! they look for it; where the parts have different signs, each has its own, as the server writes
//! it. Months, days and time are never converted into one another.

use compact_str::{CompactString, format_compact};

use super::read::Reader;
use super::time;

/// The parts that an interval keeps apart.
struct Interval {
    months: i32,
    days: i32,
    microseconds: i64,
}

pub(super) fn interval(bytes: &[u8]) -> Option<CompactString> {
    let mut reader = Reader::new(bytes);
    let microseconds = reader.i64()?;
    let (days, months) = (reader.i32()?, reader.i32()?);
    reader.end(match (microseconds, days, months) {
        // From PostgreSQL 17 on.
        (i64::MAX, i32::MAX, i32::MAX) => CompactString::const_new("infinity"),
        (i64::MIN, i32::MIN, i32::MIN) => CompactString::const_new("-infinity"),
        _ => write(&Interval { months, days, microseconds }),
    })
}

/// An interval as the server writes it with IntervalStyle postgres, which is the default:
/// `1 year 2 mons -3 days +04:05:06.5`. Those of other styles stay as they are.
pub(super) fn parse(text: &str) -> CompactString {
    parts(text).map_or_else(|| text.into(), |interval| write(&interval))
}

/// An interval whose sign stands before the `P`, as the server reads it, with a sign for each part.
/// `None` when the server reads the text as it is.
pub(super) fn server_form(text: &str) -> Option<String> {
    let parts = text.strip_prefix("-P")?;
    let mut out = String::from("P");
    let mut is_number = false;
    for c in parts.chars() {
        let begins = !is_number && (c.is_ascii_digit() || matches!(c, '-' | '+' | '.' | ','));
        match (begins, c) {
            (true, '-') => (),
            (true, '+') => out.push('-'),
            (true, _) => out.extend(['-', c]),
            (false, _) => out.push(c),
        }
        is_number = c.is_ascii_digit() || matches!(c, '-' | '+' | '.' | ',');
    }
    Some(out)
}

fn parts(text: &str) -> Option<Interval> {
    let mut interval = Interval { months: 0, days: 0, microseconds: 0 };
    let mut words = text.split(' ');
    while let Some(word) = words.next() {
        if word.contains(':') {
            let unsigned = word.strip_prefix(['+', '-']).unwrap_or(word);
            let time = time::parse(unsigned)?;
            interval.microseconds = if word.starts_with('-') { -time } else { time };
            continue;
        }
        let number: i32 = word.parse().ok()?;
        match words.next()? {
            "year" | "years" => {
                interval.months = interval.months.checked_add(number.checked_mul(12)?)?;
            }
            "mon" | "mons" => interval.months = interval.months.checked_add(number)?,
            "day" | "days" => interval.days = number,
            _ => return None,
        }
    }
    Some(interval)
}

fn write(interval: &Interval) -> CompactString {
    let Interval { months, days, microseconds } = *interval;
    if (months, days, microseconds) == (0, 0, 0) {
        return CompactString::const_new("PT0S");
    }
    let is_negative = months <= 0 && days <= 0 && microseconds <= 0;
    let sign = if is_negative { -1 } else { 1 };
    let mut out = CompactString::const_new(if is_negative { "-P" } else { "P" });
    let (months, days, time) = (i64::from(months), i64::from(days), i128::from(microseconds));
    push(sign * i128::from(months / 12), "Y", &mut out);
    push(sign * i128::from(months % 12), "M", &mut out);
    push(sign * i128::from(days), "D", &mut out);
    if time != 0 {
        out.push('T');
        push_time(sign * time, &mut out);
    }
    out
}

fn push_time(microseconds: i128, out: &mut CompactString) {
    let seconds = microseconds / i128::from(time::SECOND);
    push(seconds / 3600, "H", out);
    push(seconds / 60 % 60, "M", out);
    let (seconds, fraction) = (seconds % 60, microseconds % i128::from(time::SECOND));
    if (seconds, fraction) != (0, 0) {
        // The whole seconds alone would have no sign where they are 0.
        out.push_str(if microseconds < 0 { "-" } else { "" });
        out.push_str(&format_compact!("{}", seconds.abs()));
        time::push_fraction((fraction as i64).abs(), out);
        out.push('S');
    }
}

/// Appends a part, if it is not zero.
fn push(number: i128, unit: &str, out: &mut CompactString) {
    if number != 0 {
        out.push_str(&format_compact!("{number}{unit}"));
    }
}
