//! Writes scalars as JSON. Floats that JSON has no number for are strings, and bytes are the
//! string `\x` with two hexadecimal digits for each, as PostgreSQL writes them.

use compact_str::{CompactString, format_compact};

use crate::value::Value;

/// Appends a value.
pub(crate) fn value(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Integer(n) => out.push_str(&format_compact!("{n}")),
        Value::Real(x) if x.is_finite() => out.push_str(&real(*x)),
        Value::Real(x) => text(&real(*x), out),
        Value::Text(value) => text(value, out),
        Value::Blob(blob) => {
            out.push_str("\"\\");
            hex(blob, out);
            out.push('"');
        }
    }
}

/// Appends a string, with quotes and escapes.
pub(crate) fn text(text: &str, out: &mut String) {
    out.push('"');
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f)) {
        out.push_str(&rest[..at]);
        match rest.as_bytes()[at] {
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            byte @ (b'"' | b'\\') => {
                out.push('\\');
                out.push(char::from(byte));
            }
            control => out.push_str(&format_compact!("\\u{control:04x}")),
        }
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
    out.push('"');
}

/// The shortest digits that give this float back, as PostgreSQL arranges them: `0.0001`, `1e+15`,
/// `NaN`, `-Infinity`.
pub(crate) fn real(x: f64) -> CompactString {
    if x.is_nan() {
        return CompactString::const_new("NaN");
    }
    if x.is_infinite() {
        return CompactString::const_new(if x > 0.0 { "Infinity" } else { "-Infinity" });
    }
    let scientific = format_compact!("{x:e}");
    let (digits, exponent) = scientific.split_once('e').expect("it was asked for with an exponent");
    let exponent: i32 = exponent.parse().expect("an exponent is a small integer");
    match exponent {
        -4..15 => format_compact!("{x}"),
        _ => format_compact!("{digits}e{exponent:+03}"),
    }
}

/// Appends bytes as `\x` and hexadecimal digits.
pub(crate) fn hex(bytes: &[u8], out: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.reserve(2 + 2 * bytes.len());
    out.push_str("\\x");
    for byte in bytes {
        out.push(char::from(DIGITS[usize::from(byte >> 4)]));
        out.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
}

/// The bytes that `\x` and hexadecimal digits stand for.
pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("\\x")?.as_bytes();
    let (pairs, odd) = digits.as_chunks::<2>();
    let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|n| u8::try_from(n).ok());
    let bytes = pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?));
    bytes.collect::<Option<Vec<u8>>>().filter(|_| odd.is_empty())
}
