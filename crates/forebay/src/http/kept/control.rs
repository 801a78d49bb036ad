//! `Cache-Control`, as a cache that all clients share reads it. What cannot be understood is read
//! in the sense that keeps less.

use http::{HeaderMap, HeaderName, header};

/// A field for this cache alone (RFC 9213): it counts in place of `Cache-Control`, and no client
/// sees it.
pub(super) const TARGETED: HeaderName = HeaderName::from_static("forebay-cache-control");

/// What is said, by whoever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Control {
    pub(super) no_store: bool,
    pub(super) no_cache: bool,
    pub(super) private: bool,
    pub(super) public: bool,
    pub(super) only_if_cached: bool,
    /// Seconds; the least, if it is said more than once. What is no number is 0.
    pub(super) max_age: Option<u64>,
    pub(super) s_maxage: Option<u64>,
    pub(super) min_fresh: Option<u64>,
}

impl Control {
    /// What an answer says to a cache that all share; `None` if it says nothing.
    pub(super) fn of_answer(headers: &HeaderMap) -> Option<Control> {
        let targeted = Control::read(headers, &TARGETED);
        targeted.or_else(|| Control::read(headers, &header::CACHE_CONTROL))
    }

    /// What a request says. `Pragma: no-cache` is what HTTP/1.0 had for it.
    pub(super) fn of_request(headers: &HeaderMap) -> Control {
        if let Some(control) = Control::read(headers, &header::CACHE_CONTROL) {
            return control;
        }
        let no_cache = headers.get_all(header::PRAGMA).iter().any(|value| {
            let value = value.as_bytes().to_ascii_lowercase();
            value.windows(8).any(|part| part == b"no-cache")
        });
        Control { no_cache, ..Control::default() }
    }

    fn read(headers: &HeaderMap, name: &HeaderName) -> Option<Control> {
        let mut lines = headers.get_all(name).iter().peekable();
        lines.peek()?;
        let mut control = Control::default();
        for line in lines {
            match line.to_str() {
                Ok(line) => directives(line).for_each(|(name, value)| control.note(&name, value)),
                // Nobody knows what it says.
                Err(_) => control.no_store = true,
            }
        }
        Some(control)
    }

    fn note(&mut self, name: &str, value: Option<&str>) {
        let least = |known: Option<u64>| {
            let seconds = value.map_or(0, seconds);
            Some(known.map_or(seconds, |known| known.min(seconds)))
        };
        match name {
            "no-store" => self.no_store = true,
            // With the names of fields it is about these only; it is taken for all of it.
            "no-cache" => self.no_cache = true,
            "private" => self.private = true,
            "public" => self.public = true,
            "only-if-cached" => self.only_if_cached = true,
            "max-age" => self.max_age = least(self.max_age),
            "s-maxage" => self.s_maxage = least(self.s_maxage),
            "min-fresh" => {
                let seconds = value.map_or(u64::MAX, seconds);
                self.min_fresh = Some(self.min_fresh.map_or(seconds, |known| known.max(seconds)));
            }
            _ => {}
        }
    }
}

/// The directives of a line: names in small letters, values without quotes.
fn directives(line: &str) -> impl Iterator<Item = (String, Option<&str>)> {
    let mut rest = line;
    std::iter::from_fn(move || {
        loop {
            rest = rest.trim_start_matches([',', ' ', '\t']);
            if rest.is_empty() {
                return None;
            }
            let end = end_of_directive(rest);
            let (one, after) = rest.split_at(end);
            rest = after;
            let (name, value) = match one.split_once('=') {
                Some((name, value)) => (name, Some(unquoted(value.trim()))),
                None => (one, None),
            };
            let name = name.trim().to_ascii_lowercase();
            if !name.is_empty() {
                return Some((name, value));
            }
        }
    })
}

/// Where the next comma is that is not within quotes.
fn end_of_directive(text: &str) -> usize {
    let (mut is_quoted, mut is_escaped) = (false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_quoted => is_escaped = true,
            b'"' => is_quoted = !is_quoted,
            b',' if !is_quoted => return at,
            _ => {}
        }
    }
    text.len()
}

fn unquoted(value: &str) -> &str {
    value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value)
}

/// Seconds; too large a number is a very long time, and what is none is no time.
fn seconds(text: &str) -> u64 {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number {
        return 0;
    }
    text.parse().unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&str]) -> Control {
        let mut headers = HeaderMap::new();
        for line in lines {
            let line = http::HeaderValue::from_bytes(line.as_bytes()).unwrap();
            headers.append(header::CACHE_CONTROL, line);
        }
        Control::of_answer(&headers).unwrap_or_default()
    }

    #[test]
    fn directives_are_read_in_the_careful_sense() {
        let none = Control::default();
        let age = |seconds| Control { max_age: Some(seconds), ..none };
        for (lines, expect) in [
            (&["max-age=60"][..], age(60)),
            (&["Max-Age=\"60\""], age(60)),
            (&["max-age=60, max-age=30"], age(30)),
            (&["max-age=60", "max-age=30"], age(30)),
            (&["max-age=x"], age(0)),
            (&["max-age=-1"], age(0)),
            (&["max-age"], age(0)),
            (&["max-age=99999999999999999999999"], age(u64::MAX)),
            (&[" , ,max-age = 5 ,,"], age(5)),
            (&["s-maxage=7, public"], Control { s_maxage: Some(7), public: true, ..none }),
            (&["NO-STORE"], Control { no_store: true, ..none }),
            (&["no-cache=\"set-cookie, x\""], Control { no_cache: true, ..none }),
            (&["x=\"a, no-store\", private"], Control { private: true, ..none }),
            (&["x=\"a\\\", no-store"], none),
            (&["private=\"x\""], Control { private: true, ..none }),
            (&["ü"], Control { no_store: true, ..none }),
            (&["=, =x, must-revalidate"], none),
            (&[], none),
        ] {
            assert_eq!(read(lines), expect, "{lines:?}");
        }
    }

    #[test]
    fn the_field_for_this_cache_counts_first() {
        let mut headers = HeaderMap::new();
        assert_eq!(Control::of_answer(&headers), None);
        headers.append(header::CACHE_CONTROL, "no-store".parse().unwrap());
        headers.append(TARGETED, "max-age=9".parse().unwrap());
        let expect = Control { max_age: Some(9), ..Control::default() };
        assert_eq!(Control::of_answer(&headers), Some(expect));
    }

    #[test]
    fn pragma_is_what_old_clients_say() {
        let mut headers = HeaderMap::new();
        headers.append(header::PRAGMA, "No-Cache".parse().unwrap());
        assert!(Control::of_request(&headers).no_cache);
        headers.append(header::CACHE_CONTROL, "max-age=5".parse().unwrap());
        assert!(!Control::of_request(&headers).no_cache);
    }
}
