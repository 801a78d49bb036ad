//! One element of an array, as JSON: numbers as numbers with all their digits, booleans as such,
//! JSON as it is, anything else as a string.

use super::oid::Codec;
use crate::json;
use crate::value::Value;

/// Appends an element of this type.
pub(super) fn push(codec: Codec, value: &Value, out: &mut String) {
    match (codec, value) {
        (Codec::Bool, Value::Integer(n)) => out.push_str(if *n == 0 { "false" } else { "true" }),
        (Codec::Json | Codec::Jsonb, Value::Text(text)) => out.push_str(text),
        // JSON has no number that is infinite or none.
        (Codec::Numeric, Value::Text(digits)) if digits.ends_with(|c: char| c.is_ascii_digit()) => {
            out.push_str(digits);
        }
        _ => json::value(value, out),
    }
}
