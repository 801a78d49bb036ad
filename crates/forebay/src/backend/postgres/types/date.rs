//! `date`, `timestamp` and `timestamptz` as ISO 8601: with `T` between date and time, as chrono,
//! jiff, time and JavaScript read them, and, where the type has a time zone, always in UTC with
//! `Z`, whatever the session's zone. Infinite ones are `infinity` and `-infinity`.

use compact_str::CompactString;

use super::calendar;
use super::read::Reader;
use super::time;

const INFINITY: CompactString = CompactString::const_new("infinity");
const NEGATIVE_INFINITY: CompactString = CompactString::const_new("-infinity");

pub(super) fn date(bytes: &[u8]) -> Option<CompactString> {
    let mut reader = Reader::new(bytes);
    let day = reader.i32()?;
    reader.end(match day {
        i32::MAX => INFINITY,
        i32::MIN => NEGATIVE_INFINITY,
        _ => write_date(i64::from(day)),
    })
}

/// With `zone` to follow, which is empty or `Z`.
pub(super) fn timestamp(bytes: &[u8], zone: &str) -> Option<CompactString> {
    let mut reader = Reader::new(bytes);
    let microseconds = reader.i64()?;
    reader.end(match microseconds {
        i64::MAX => INFINITY,
        i64::MIN => NEGATIVE_INFINITY,
        _ => write_timestamp(microseconds, zone),
    })
}

/// A date as the server writes it with DateStyle ISO.
pub(super) fn parse_date(text: &str) -> Option<CompactString> {
    if let Some(infinite) = infinite(text) {
        return Some(infinite);
    }
    let (date, is_bc) = era(text);
    calendar::parse(date, is_bc).map(write_date)
}

/// A timestamp as the server writes it with DateStyle ISO, with an offset if it has a `zone`.
pub(super) fn parse_timestamp(text: &str, zone: &str) -> Option<CompactString> {
    if let Some(infinite) = infinite(text) {
        return Some(infinite);
    }
    let (text, is_bc) = era(text);
    let (date, time) = text.split_once(' ')?;
    let (time, offset) = match time.rfind(['+', '-']) {
        Some(at) if !zone.is_empty() => (&time[..at], time::parse_offset(&time[at..])?),
        None if zone.is_empty() => (time, 0),
        _ => return None,
    };
    let day = calendar::parse(date, is_bc)?.checked_mul(time::DAY)?;
    let time = time::parse(time)?.checked_sub(offset.checked_mul(time::SECOND)?)?;
    Some(write_timestamp(day.checked_add(time)?, zone))
}

fn infinite(text: &str) -> Option<CompactString> {
    match text {
        "infinity" => Some(INFINITY),
        "-infinity" => Some(NEGATIVE_INFINITY),
        _ => None,
    }
}

fn era(text: &str) -> (&str, bool) {
    text.strip_suffix(" BC").map_or((text, false), |text| (text, true))
}

fn write_date(day: i64) -> CompactString {
    let mut out = CompactString::default();
    calendar::push(day, &mut out);
    out
}

fn write_timestamp(microseconds: i64, zone: &str) -> CompactString {
    let mut out = write_date(microseconds.div_euclid(time::DAY));
    out.push('T');
    let time = microseconds.rem_euclid(time::DAY);
    time::push(time, &mut out).expect("what is left of a day is a time of day");
    out.push_str(zone);
    out
}
