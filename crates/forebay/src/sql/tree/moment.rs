//! Dates and points in time as numbers whose order is that of the server: days, or microseconds,
//! since the beginning of 2000. Only the forms of ISO 8601 are read that mean the same under every
//! setting; whatever else the server may read is nothing here.

/// What the server holds for `infinity` and its opposite, as a date and otherwise.
const DATE_ENDS: (i64, i64) = (i32::MIN as i64, i32::MAX as i64);
const ENDS: (i64, i64) = (i64::MIN, i64::MAX);

const DAY: i64 = 86_400_000_000;

/// Days of a date such as `2024-01-31`.
pub(super) fn date(text: &str) -> Option<i64> {
    endless(text, DATE_ENDS).or_else(|| days(text))
}

/// Microseconds of a point in time without a zone, such as `2024-01-31T10:30:00.5`, or of a date.
pub(super) fn timestamp(text: &str) -> Option<i64> {
    endless(text, ENDS).or_else(|| moment(text))
}

/// The same in UTC, which the text has to say: `2024-01-31T10:30:00Z`, or `+00` in its place.
pub(super) fn timestamptz(text: &str) -> Option<i64> {
    let in_utc = ["Z", "+00", "+00:00"].iter().find_map(|zone| text.strip_suffix(zone));
    // Without a time, what looks like a zone might be something else.
    let in_utc = in_utc.filter(|text| text.len() > 10);
    endless(text, ENDS).or_else(|| moment(in_utc?))
}

fn endless(text: &str, (first, last): (i64, i64)) -> Option<i64> {
    match text {
        "infinity" => Some(last),
        "-infinity" => Some(first),
        _ => None,
    }
}

/// A number of so many digits.
fn number(text: &str, digits: usize) -> Option<i64> {
    let is_plain = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_plain { text.parse().ok() } else { None }
}

fn days(text: &str) -> Option<i64> {
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let (year, month, day) = (number(year, 4)?, number(month, 2)?, number(day, 2)?);
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if is_leap => 29,
        2 => 28,
        _ => return None,
    };
    if year == 0 || !(1..=last).contains(&day) {
        return None;
    }
    // Years begin with March here, so that the day that some have more is their last.
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let since_march_of_0 = year * 365 + year / 4 - year / 100 + year / 400 + day_of_year;
    Some(since_march_of_0 - 730_425)
}

fn moment(text: &str) -> Option<i64> {
    let (date, time) = match text.split_once(['T', ' ']) {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let time = time.map_or(Some(0), time_of_day)?;
    Some(days(date)? * DAY + time)
}

fn time_of_day(text: &str) -> Option<i64> {
    let mut parts = text.split(':');
    let (hour, minute, second) = (parts.next()?, parts.next()?, parts.next().unwrap_or("00"));
    if parts.next().is_some() {
        return None;
    }
    let (second, fraction) = second.split_once('.').unwrap_or((second, "0"));
    let (hour, minute, second) = (number(hour, 2)?, number(minute, 2)?, number(second, 2)?);
    if hour > 23 || minute > 59 || second > 59 || !(1..=6).contains(&fraction.len()) {
        return None;
    }
    let fraction = number(&format!("{fraction:0<6}"), 6)?;
    Some(((hour * 60 + minute) * 60 + second) * 1_000_000 + fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The days are the server's own: `SELECT '…'::date - '2000-01-01'::date`.
    #[test]
    fn dates_are_days() {
        let check = |text: &str, expect: Option<i64>| assert_eq!(date(text), expect, "{text}");
        check("2000-01-01", Some(0));
        check("2000-02-29", Some(59));
        check("2000-03-01", Some(60));
        check("1999-12-31", Some(-1));
        check("2024-01-31", Some(8_796));
        check("2024-12-31", Some(9_131));
        check("0001-01-01", Some(-730_119));
        check("9999-12-31", Some(2_921_939));
        check("infinity", Some(i32::MAX.into()));
        check("-infinity", Some(i32::MIN.into()));
        for text in ["2023-02-29", "2024-13-01", "2024-00-01", "2024-01-00", "0000-01-01", "today"]
        {
            check(text, None);
        }
        for text in ["2024-1-01", "20240101", "2024-01-01 ", "2024-01-01-01", "", "01/02/2024"] {
            check(text, None);
        }
    }

    #[test]
    fn moments_are_microseconds() {
        let check = |text: &str, plain: Option<i64>, zoned: Option<i64>| {
            assert_eq!((timestamp(text), timestamptz(text)), (plain, zoned), "{text}");
        };
        check("2000-01-02", Some(DAY), None);
        check("2000-01-01T00:00:01.5", Some(1_500_000), None);
        check("2000-01-01 00:01", Some(60_000_000), None);
        check("2000-01-01T00:00:01.000001Z", None, Some(1_000_001));
        check("2000-01-01 01:00:00+00", None, Some(3_600_000_000));
        check("1999-12-31T23:59:59.9+00:00", None, Some(-100_000));
        check("infinity", Some(i64::MAX), Some(i64::MAX));
        check("-infinity", Some(i64::MIN), Some(i64::MIN));
        check("2000-01-01Z", None, None);
        check("2000-01-01T00:00:00+02", None, None);
        check("2000-01-01T24:00:00", None, None);
        check("2000-01-01T00:00:60", None, None);
        check("2000-01-01T00:00:00.1234567", None, None);
        check("2000-01-01T0:00", None, None);
        check("2000-01-01T", None, None);
    }
}
