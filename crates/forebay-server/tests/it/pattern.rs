//! JSON patterns: objects need only what the pattern has, `"*"` stands for anything, and text
//! with `*` around it for what contains it.

use serde_json::Value;

#[track_caller]
pub(crate) fn assert_matches(actual: &Value, pattern: &Value) {
    assert!(matches(actual, pattern), "\n  answer: {actual}\n pattern: {pattern}");
}

fn matches(actual: &Value, pattern: &Value) -> bool {
    match (actual, pattern) {
        (_, Value::String(pattern)) if pattern == "*" => true,
        (Value::String(text), Value::String(pattern)) => {
            match pattern.strip_prefix('*').and_then(|rest| rest.strip_suffix('*')) {
                Some(part) => text.contains(part),
                None => text == pattern,
            }
        }
        (Value::Object(actual), Value::Object(pattern)) => pattern
            .iter()
            .all(|(key, pattern)| actual.get(key).is_some_and(|value| matches(value, pattern))),
        (Value::Array(actual), Value::Array(pattern)) => {
            actual.len() == pattern.len()
                && actual.iter().zip(pattern).all(|(value, pattern)| matches(value, pattern))
        }
        (actual, pattern) => actual == pattern,
    }
}
