//! Sizes and times as people write them: `64 MB`, `500ms`. Reading and writing, nothing else.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// Units of time, with their milliseconds.
const TIMES: [(&str, u64); 4] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];

/// Units of size, with their bytes.
const SIZES: [(&str, u64); 8] = [
    ("", 1),
    ("b", 1),
    ("kb", 1_000),
    ("mb", 1_000_000),
    ("gb", 1_000_000_000),
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
];

/// A time such as `500ms`, `30s`, `5m` or `1h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Time(pub(crate) Duration);

impl FromStr for Time {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Time, &'static str> {
        let millis = parse(text, &TIMES).ok_or("expected a number with ms, s, m or h, like 30s")?;
        Ok(Time(Duration::from_millis(millis)))
    }
}

/// In the largest unit that leaves no rest, below an hour.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_millis() {
            millis if millis % 1_000 == 0 => write!(f, "{}s", millis / 1_000),
            millis => write!(f, "{millis}ms"),
        }
    }
}

/// A number of bytes, such as `4096`, `16MB` or `16MiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size(pub(crate) usize);

impl FromStr for Size {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Size, &'static str> {
        let bytes = parse(text, &SIZES).and_then(|bytes| usize::try_from(bytes).ok());
        bytes.map(Size).ok_or("expected bytes, or a number with KB, MB, GB, KiB, MiB or GiB")
    }
}

/// In the largest unit that leaves no rest.
impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [
            ("GiB", 1 << 30),
            ("GB", 1_000_000_000),
            ("MiB", 1 << 20),
            ("MB", 1_000_000),
            ("KiB", 1 << 10),
        ];
        match units.iter().find(|(_, bytes)| self.0 > 0 && self.0.is_multiple_of(*bytes)) {
            Some((unit, bytes)) => write!(f, "{}{unit}", self.0 / bytes),
            None => write!(f, "{}", self.0),
        }
    }
}

/// A whole number with a unit; none when it is neither, or too large.
fn parse(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit.trim_start())?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

/// A count with its thousands set apart.
pub(crate) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A time with two or three digits that matter.
pub(crate) fn brief_time(time: Duration) -> String {
    let nanos = time.as_nanos() as f64;
    let (value, unit) = match nanos {
        n if n < 1e3 => return format!("{n:.0} ns"),
        n if n < 1e6 => (n / 1e3, "µs"),
        n if n < 1e9 => (n / 1e6, "ms"),
        n => (n / 1e9, "s"),
    };
    let digits = if value < 9.95 { 1 } else { 0 };
    format!("{value:.digits$} {unit}")
}

/// A size in a unit that suits it.
pub(crate) fn brief_size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.0} KB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.0} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read() {
        let check = |text: &str, expect: Option<u64>| {
            let read = text.parse().ok().map(|Time(time)| time);
            assert_eq!(read, expect.map(Duration::from_millis), "{text}");
        };
        check("500ms", Some(500));
        check("30s", Some(30_000));
        check("5 m", Some(300_000));
        check("1H", Some(3_600_000));
        check("0s", Some(0));
        check("30", None);
        check("s", None);
        check("-1s", None);
        check("1.5s", None);
        check("5 weeks", None);
        check("99999999999999999999s", None);
        check("18446744073709551615h", None);
    }

    #[test]
    fn sizes_are_read() {
        let check = |text: &str, expect: Option<usize>| {
            assert_eq!(text.parse().ok().map(|Size(bytes)| bytes), expect, "{text}");
        };
        check("4096", Some(4_096));
        check("16MiB", Some(16 << 20));
        check("16 mb", Some(16_000_000));
        check("1GB", Some(1_000_000_000));
        check("0", Some(0));
        check("", None);
        check("MB", None);
        check("1 TB", None);
        check("18446744073709551615GB", None);
    }

    #[test]
    fn what_is_shown_can_be_read_back() {
        for text in ["0s", "1ms", "1500ms", "90s", "3600s"] {
            assert_eq!(text.parse::<Time>().unwrap().to_string(), text);
        }
        for text in ["0", "1023", "1KiB", "1025", "32MiB", "1GiB", "1025KiB", "500MB", "2GB"] {
            assert_eq!(text.parse::<Size>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn counts_are_grouped() {
        let check = |count, expect| assert_eq!(grouped(count), expect);
        check(0, "0");
        check(999, "999");
        check(1_000, "1,000");
        check(1_234_567, "1,234,567");
    }

    #[test]
    fn times_are_brief() {
        let check = |nanos, expect| assert_eq!(brief_time(Duration::from_nanos(nanos)), expect);
        check(0, "0 ns");
        check(740, "740 ns");
        check(1_234, "1.2 µs");
        check(12_345, "12 µs");
        check(9_960, "10 µs");
        check(1_500_000, "1.5 ms");
        check(2_000_000_000, "2.0 s");
    }
}
