//! Entity tags: made of what an answer says, and compared with what a client has.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderValue, header};
use sha2::{Digest as _, Sha256};

/// Bytes of the digest that a tag has: two answers have one by chance once in 2^64 or so.
const TAG_BYTES: usize = 18;

/// Headers that say what the bytes of a body mean.
const MEANING: [header::HeaderName; 3] =
    [header::CONTENT_TYPE, header::CONTENT_ENCODING, header::CONTENT_LANGUAGE];

/// A strong tag: another one for every other body.
pub(super) fn strong(headers: &HeaderMap, body: &[u8]) -> HeaderValue {
    let mut digest = Sha256::new();
    for name in MEANING {
        for value in headers.get_all(name) {
            digest.update((value.len() as u64).to_le_bytes());
            digest.update(value.as_bytes());
        }
        digest.update([0xff; 8]);
    }
    digest.update(body);
    let text = URL_SAFE_NO_PAD.encode(&digest.finalize()[..TAG_BYTES]);
    HeaderValue::try_from(format!("\"{text}\"")).expect("these letters are allowed in a header")
}

/// The tag that a client has of this answer, in the client's own words, if it has it: then it need
/// not be sent again. Strong and weak tags are alike here (RFC 9110, 13.1.2). A `*` is any answer.
pub(super) fn known(asked: &[HeaderValue], own: &HeaderValue) -> Option<HeaderValue> {
    let own_text = own.to_str().ok()?;
    let bare = |tag: &str| tag.strip_prefix("W/").unwrap_or(tag).to_owned();
    for line in asked {
        let Ok(line) = line.to_str() else { continue };
        if line.trim() == "*" {
            return Some(own.clone());
        }
        for tag in tags(line) {
            if bare(tag) == bare(own_text) {
                return HeaderValue::from_str(tag).ok();
            }
        }
    }
    None
}

/// The tags of a list; it ends with what is none.
fn tags(line: &str) -> impl Iterator<Item = &str> {
    let mut rest = line;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches([',', ' ', '\t']);
        let opens = if rest.starts_with("W/") { 2 } else { 0 };
        let inner = rest[opens..].strip_prefix('"')?;
        let end = opens + 1 + inner.find('"')? + 1;
        let (tag, after) = rest.split_at(end);
        rest = after;
        Some(tag)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_compared_as_the_standard_says() {
        let check = |lines: &[&str], own: &str, expect: Option<&str>| {
            let lines: Vec<HeaderValue> =
                lines.iter().map(|l| HeaderValue::from_bytes(l.as_bytes()).unwrap()).collect();
            let found = known(&lines, &own.parse().unwrap());
            assert_eq!(found.as_ref().map(|v| v.to_str().unwrap()), expect, "{lines:?}");
        };
        check(&["\"a\""], "\"a\"", Some("\"a\""));
        check(&["W/\"a\""], "\"a\"", Some("W/\"a\""));
        check(&["\"a\""], "W/\"a\"", Some("\"a\""));
        check(&["\"b\", W/\"c\" ,\"a\""], "\"a\"", Some("\"a\""));
        check(&["\"b\"", "\"a\""], "\"a\"", Some("\"a\""));
        check(&["\"a,b\""], "\"a,b\"", Some("\"a,b\""));
        check(&["*"], "\"a\"", Some("\"a\""));
        check(&[" * "], "\"a\"", Some("\"a\""));
        for bad in ["", "a", "\"a", "\"A\"", "w/\"a\"", "\"*\"", "x \"a\"", "ü, \"a\"", "W/", "\""]
        {
            check(&[bad], "\"a\"", None);
        }
        check(&[], "\"a\"", None);
    }

    #[test]
    fn another_answer_has_another_tag() {
        let tag = |pairs: &[(&'static str, &str)], body: &[u8]| {
            let pairs = pairs.iter().map(|(n, v)| (n.parse().unwrap(), v.parse().unwrap()));
            strong(&pairs.collect(), body)
        };
        let html = ("content-type", "text/html");
        let all = [
            tag(&[], b""),
            tag(&[], b"a"),
            tag(&[html], b"a"),
            tag(&[("content-type", "text/plain")], b"a"),
            tag(&[("content-encoding", "text/html")], b"a"),
            tag(&[html, ("content-language", "en")], b"a"),
        ];
        let different: std::collections::HashSet<&[u8]> =
            all.iter().map(HeaderValue::as_bytes).collect();
        assert_eq!(different.len(), all.len());
        assert_eq!(tag(&[html, ("x", "1")], b"a"), tag(&[html], b"a"));
        assert!(all.iter().all(|tag| tag.len() == 26));
    }
}
