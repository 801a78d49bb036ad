//! What an application says of itself in a comment of a statement, in the manner of sqlcommenter:
//! `/*controller='users',traceparent='00-…-01'*/`. Only what is understood is taken.

use super::lex::{Dialect, Kind, tokens_in};
use crate::trace::TraceParent;

/// The keys that say who asks, in the order in which they are shown.
const KEYS: [&str; 3] = ["route", "controller", "action"];

/// Bytes of what is taken at most.
const CALLER_BYTES_MAX: usize = 200;

/// What the comments of a text say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Comment {
    /// `route=/users controller=users`
    pub(crate) caller: Option<String>,
    /// The trace that it belongs to.
    pub(crate) trace: Option<TraceParent>,
}

impl Comment {
    /// Cost: the tokens of the text, if it may have a comment.
    pub(crate) fn of(text: &str, dialect: Dialect) -> Comment {
        let mut found = Comment::default();
        if !text.contains("/*") {
            return found;
        }
        let mut values: [Option<String>; KEYS.len()] = Default::default();
        for token in tokens_in(text, dialect).filter(|token| token.kind == Kind::Comment) {
            for (key, value) in pairs(&text[token.start..token.end]) {
                match KEYS.iter().position(|it| *it == key) {
                    Some(at) => values[at] = values[at].take().or_else(|| unescaped(value)),
                    None if key == "traceparent" => {
                        found.trace = found.trace.take().or_else(|| TraceParent::parse(value));
                    }
                    None => {}
                }
            }
        }
        let known =
            KEYS.iter().zip(&values).filter_map(|(key, value)| Some((key, value.as_ref()?)));
        let words: Vec<String> = known.map(|(key, value)| format!("{key}={value}")).collect();
        found.caller = (!words.is_empty()).then(|| cut(words.join(" ")));
        found
    }
}

/// The `key='value'` pairs of a comment, as they are written.
fn pairs(comment: &str) -> impl Iterator<Item = (&str, &str)> {
    let inside = comment.strip_prefix("/*").unwrap_or("");
    let inside = inside.strip_suffix("*/").unwrap_or(inside);
    inside.split(',').filter_map(|pair| {
        let (key, value) = pair.trim_ascii().split_once('=')?;
        let value = value.trim_ascii().strip_prefix('\'')?.strip_suffix('\'')?;
        Some((key.trim_ascii_end(), value))
    })
}

/// Without the escapes of URLs, if it is text then; control characters become blanks.
fn unescaped(value: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let [first, after @ ..] = rest {
        let escaped = match (first, after) {
            (b'%', [high, low, ..]) => {
                let digit = |it: &u8| char::from(*it).to_digit(16);
                digit(high).zip(digit(low)).map(|(high, low)| (high << 4 | low) as u8)
            }
            _ => None,
        };
        bytes.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { &after[2..] } else { after };
    }
    let text = String::from_utf8(bytes).ok()?;
    Some(text.chars().map(|it| if it.is_control() { ' ' } else { it }).collect())
}

fn cut(mut text: String) -> String {
    if text.len() > CALLER_BYTES_MAX {
        let mut end = CALLER_BYTES_MAX;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comments_say() {
        fn check(text: &str, caller: Option<&str>, trace: Option<&str>) {
            let found = Comment::of(text, Dialect::Sqlite);
            let found_trace = found.trace.map(|it| it.to_string());
            assert_eq!(
                (found.caller.as_deref(), found_trace.as_deref()),
                (caller, trace),
                "{text}"
            );
        }
        const PARENT: &str = "00-5bd66ef5095369c7b0d1f8f4bd33716a-c532cb4098ac3dd2-01";
        check("SELECT 1", None, None);
        check("SELECT 1 /* nothing to say, really */", None, None);
        check("SELECT 1 /*route='%2Fusers%2F%3Aid'*/", Some("route=/users/:id"), None);
        check(
            "SELECT 1 /*action='list',controller='users',route='/u',db_driver='x'*/",
            Some("route=/u controller=users action=list"),
            None,
        );
        check("/* controller = 'a' */ SELECT 1 /*controller='b'*/", Some("controller=a"), None);
        check(&format!("SELECT 1 /*traceparent='{PARENT}'*/"), None, Some(PARENT));
        check("SELECT 1 /*traceparent='00-short-1-01'*/", None, None);
        check("SELECT '/*route=''a''*/'", None, None);
        check("SELECT 1 /*route='a%0Ab%zz%'*/", Some("route=a b%zz%"), None);
        check("SELECT 1 /*route='%ff'*/", None, None);
        check("SELECT 1 /*route='open", None, None);
        let long = format!("SELECT 1 /*route='{}'*/", "é".repeat(200));
        let found = Comment::of(&long, Dialect::Sqlite).caller.unwrap();
        assert_eq!(found, format!("route={}", "é".repeat(97)));
    }
}
