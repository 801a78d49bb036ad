//! Durations as texts: `"1h30m"`. Only what is known when the code is compiled.

use std::time::Duration;

/// Reads numbers with units, the largest first: `ms`, `s`, `m`, `h`, `d`.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(refusal(text));
    }
    let mut total = Duration::ZERO;
    let mut unit_before = u64::MAX;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let count: u64 = rest[..digits].parse().map_err(|_| refusal(text))?;
        rest = &rest[digits..];
        let letters = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        let unit_ms = match &rest[..letters] {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(refusal(text)),
        };
        if unit_ms >= unit_before {
            return Err(refusal(text));
        }
        unit_before = unit_ms;
        rest = rest[letters..].trim_start();
        let part = count.checked_mul(unit_ms).map(Duration::from_millis);
        total = part.and_then(|part| total.checked_add(part)).ok_or_else(|| refusal(text))?;
    }
    Ok(total)
}

fn refusal(text: &str) -> String {
    format!(
        "`{text}` is not a duration: write numbers with the units ms, s, m, h and d, the largest \
         first, as \"90s\" or \"1h30m\""
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_with_units_are_durations() {
        let check = |text: &str, expect: Option<u64>| {
            let millis = parse(text).ok().map(|duration| duration.as_millis() as u64);
            assert_eq!(millis, expect, "{text}");
        };
        check("1h", Some(3_600_000));
        check("90s", Some(90_000));
        check("1h30m", Some(5_400_000));
        check(" 2d 1ms ", Some(172_800_001));
        check("0s", Some(0));
        check("", None);
        check("60", None);
        check("h", None);
        check("1.5h", None);
        check("-1s", None);
        check("1m1h", None);
        check("1s1s", None);
        check("1w", None);
        check("1 h", None);
        check("18446744073709551615d", None);
        check("99999999999999999999s", None);
        check("1ü", None);
    }
}
