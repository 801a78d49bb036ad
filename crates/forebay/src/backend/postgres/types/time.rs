//! `time` and `timetz`, in binary. Their texts are ISO 8601 as the server writes them.

use compact_str::CompactString;
use std::fmt::Write as _;

use super::read::Reader;

pub(super) const SECOND: i64 = 1_000_000;
pub(super) const DAY: i64 = 86_400 * SECOND;

/// The server's own limit on offsets, in seconds.
const OFFSET_MAX: i32 = 16 * 3600;

pub(super) fn time(bytes: &[u8]) -> Option<CompactString> {
    let mut reader = Reader::new(bytes);
    let time = reader.i64()?;
    let mut out = CompactString::default();
    push(time, &mut out)?;
    reader.end(out)
}

pub(super) fn timetz(bytes: &[u8]) -> Option<CompactString> {
    let mut reader = Reader::new(bytes);
    let (time, west) = (reader.i64()?, reader.i32()?);
    let mut out = CompactString::default();
    push(time, &mut out)?;
    if !(-OFFSET_MAX..=OFFSET_MAX).contains(&west) {
        return None;
    }
    let (sign, offset) = (if west > 0 { '-' } else { '+' }, west.abs());
    let written = match (offset / 3600, offset / 60 % 60, offset % 60) {
        (hours, 0, 0) => write!(out, "{sign}{hours:02}"),
        (hours, minutes, 0) => write!(out, "{sign}{hours:02}:{minutes:02}"),
        (hours, minutes, seconds) => write!(out, "{sign}{hours:02}:{minutes:02}:{seconds:02}"),
    };
    written.expect("a string takes what is written");
    reader.end(out)
}

/// Appends a time of day, in microseconds; 24:00:00 is one.
pub(super) fn push(time: i64, out: &mut CompactString) -> Option<()> {
    if !(0..=DAY).contains(&time) {
        return None;
    }
    let seconds = time / SECOND;
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    write!(out, "{hours:02}:{minutes:02}:{:02}", seconds % 60).ok()?;
    push_fraction(time % SECOND, out);
    Some(())
}

/// Appends a point and the microseconds without zeros at the end, if there are any.
pub(super) fn push_fraction(microseconds: i64, out: &mut CompactString) {
    if microseconds != 0 {
        write!(out, ".{microseconds:06}").expect("a string takes what is written");
        out.truncate(out.trim_end_matches('0').len());
    }
}

/// Microseconds of `10:00:00.5`; the hours may be more than a day has.
pub(super) fn parse(text: &str) -> Option<i64> {
    let mut parts = text.splitn(3, ':');
    let (hours, minutes) = (digits(parts.next()?)?, digits(parts.next()?)?);
    let (seconds, fraction) = match parts.next()?.split_once('.') {
        Some((seconds, fraction)) => (seconds, fraction),
        None => return to_microseconds(hours, minutes, digits(text.rsplit(':').next()?)?, 0),
    };
    let scale = 10_i64.pow(u32::try_from(6_usize.checked_sub(fraction.len())?).ok()?);
    to_microseconds(hours, minutes, digits(seconds)?, digits(fraction)? * scale)
}

/// Seconds of `+05`, `-05:30` or `+05:30:15`.
pub(super) fn parse_offset(text: &str) -> Option<i64> {
    let mut parts = text.get(1..)?.splitn(3, ':');
    let mut seconds = digits(parts.next()?)?.checked_mul(3600)?;
    for unit in [60, 1] {
        seconds += parts.next().map_or(Some(0), digits)?.checked_mul(unit)?;
    }
    match text.as_bytes()[0] {
        b'+' => Some(seconds),
        b'-' => Some(-seconds),
        _ => None,
    }
}

fn to_microseconds(hours: i64, minutes: i64, seconds: i64, fraction: i64) -> Option<i64> {
    if minutes > 59 || seconds > 60 {
        return None;
    }
    let seconds = hours.checked_mul(3600)?.checked_add(minutes * 60 + seconds)?;
    seconds.checked_mul(SECOND)?.checked_add(fraction)
}

/// A number of at most ten digits and nothing else, as interval hours may have.
fn digits(text: &str) -> Option<i64> {
    let is_number = (1..=10).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| is_number)
}
