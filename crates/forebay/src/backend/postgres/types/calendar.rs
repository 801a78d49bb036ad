//! Days into years, months and days of the Gregorian calendar, also before there was one, and
//! back. The server's day 0 is 2000-01-01.
//!
//! Years are written as ISO 8601 has them: four digits, and outside of 0000 to 9999 a sign and six
//! or more. The year before 0001 is 0000, so 44 BC is -000043.

use compact_str::CompactString;
use std::fmt::Write as _;

/// Days from 0000-03-01 to 2000-01-01. Years that begin in March have their leap day at the end.
const DAYS_TO_2000: i64 = 730_425;
const DAYS_OF_400_YEARS: i64 = 146_097;

/// Digits of a year at most: the last one that the server knows is 5,874,897.
const YEAR_DIGITS_MAX: usize = 7;

/// Appends the date of a day.
pub(super) fn push(day: i64, out: &mut CompactString) {
    let (year, month, day) = civil(day);
    match year {
        0..=9999 => write!(out, "{year:04}-{month:02}-{day:02}"),
        _ => write!(out, "{year:+07}-{month:02}-{day:02}"),
    }
    .expect("a string takes what is written");
}

/// The day of a date as the server writes it: `2024-01-31`, with the era beside it.
pub(super) fn parse(date: &str, is_bc: bool) -> Option<i64> {
    let mut parts = date.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || year.len() > YEAR_DIGITS_MAX {
        return None;
    }
    let number = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok());
    let (year, month, day) = (number(year)??, number(month)??, number(day)??);
    let year: i64 = if is_bc { 1 - year } else { year };
    ((1..=12).contains(&month) && (1..=31).contains(&day)).then(|| days(year, month, day))
}

/// A date that begins with a year of our own form, into the server's: the rest follows the year.
/// `None` when the server reads the text as it is.
pub(super) fn server_form(text: &str) -> Option<String> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let len = unsigned.bytes().take_while(u8::is_ascii_digit).count();
    let (year, rest) = unsigned.split_at(len);
    if !(4..=YEAR_DIGITS_MAX).contains(&len) || !rest.starts_with('-') {
        return None;
    }
    let year: i64 = year.parse().ok()?;
    match text.as_bytes().first() {
        Some(b'-') => Some(format!("{:04}{rest} BC", year + 1)),
        _ if year == 0 => Some(format!("0001{rest} BC")),
        Some(b'+') => Some(format!("{year:04}{rest}")),
        _ => None,
    }
}

fn civil(day: i64) -> (i64, i64, i64) {
    let day = day + DAYS_TO_2000;
    let (era, of_era) = (day.div_euclid(DAYS_OF_400_YEARS), day.rem_euclid(DAYS_OF_400_YEARS));
    let leaps = of_era / 1460 - of_era / 36_524 + of_era / 146_096;
    let year = (of_era - leaps) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march + 2) / 5 + 1;
    let month = if march < 10 { march + 3 } else { march - 9 };
    (era * 400 + year + i64::from(month <= 2), month, day)
}

fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let march = (month + 9) % 12;
    let of_year = (153 * march + 2) / 5 + day - 1;
    era * DAYS_OF_400_YEARS + of_era * 365 + of_era / 4 - of_era / 100 + of_year - DAYS_TO_2000
}
