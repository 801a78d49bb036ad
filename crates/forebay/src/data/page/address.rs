//! The query of an address: its parameters, which are read, and an address with others of them.

use std::fmt::Write as _;

/// The parameters that say which page is asked for.
const OF_THE_PLACE: [&str; 3] = ["page", "after", "before"];

/// An address without what says which page it is of.
pub(super) struct Address<'a> {
    path: &'a str,
    others: Vec<&'a str>,
}

impl<'a> Address<'a> {
    pub(super) fn new(url: &'a str) -> Address<'a> {
        let url = url.split_once('#').map_or(url, |(url, _)| url);
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        let is_other = |part: &&str| !part.is_empty() && !OF_THE_PLACE.contains(&&*name(part));
        Address { path, others: query.split('&').filter(is_other).collect() }
    }

    /// The address with this parameter behind the others.
    pub(super) fn with(&self, parameter: Option<(&str, &str)>) -> String {
        let mut url = String::new();
        push(&mut url, self.path);
        let mut before = '?';
        for part in &self.others {
            url.push(before);
            push(&mut url, part);
            before = '&';
        }
        if let Some((name, value)) = parameter {
            url.push(before);
            push(&mut url, name);
            url.push('=');
            push(&mut url, value);
        }
        url
    }
}

/// The name of a parameter.
fn name(part: &str) -> String {
    decoded(part.split_once('=').map_or(part, |(name, _)| name))
}

/// The names and values of a query, as a form writes them.
pub(super) fn parameters(query: &str) -> impl Iterator<Item = (String, String)> {
    query.split('&').filter(|part| !part.is_empty()).map(|part| {
        let (_, value) = part.split_once('=').unwrap_or((part, ""));
        (name(part), decoded(value))
    })
}

/// A `+` is a blank, `%` with two digits is a byte; what is neither stays as it is.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, behind @ ..] = rest {
        let hex = behind.first_chunk().filter(|_| *first == b'%').and_then(hexadecimal);
        match (*first, hex) {
            (_, Some(byte)) => {
                bytes.push(byte);
                rest = &behind[2..];
                continue;
            }
            (b'+', None) => bytes.push(b' '),
            (byte, None) => bytes.push(byte),
        }
        rest = behind;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hexadecimal(digits: &[u8; 2]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|it| u8::try_from(it).ok());
    Some(digit(digits[0])? * 16 + digit(digits[1])?)
}

/// Appends a part of an address. What may not stand in one is escaped; what is escaped stays so.
fn push(url: &mut String, part: &str) {
    for byte in part.bytes() {
        let is_allowed = byte.is_ascii_alphanumeric() || b"-._~:/?@!$&'()*+,;=%[]".contains(&byte);
        if is_allowed {
            url.push(char::from(byte));
        } else {
            let _ = write!(url, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_read_as_forms_write_them() {
        let check = |query: &str, expect: &[(&str, &str)]| {
            let found: Vec<_> = parameters(query).collect();
            let found: Vec<_> = found.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
            assert_eq!(found, expect, "{query}");
        };
        check("", &[]);
        check("a=1&&b&c=", &[("a", "1"), ("b", ""), ("c", "")]);
        check("%70age=%32&x+y=a%2Bb+c", &[("page", "2"), ("x y", "a+b c")]);
        check("a=%&b=%4&c=%zz&d=%ff", &[("a", "%"), ("b", "%4"), ("c", "%zz"), ("d", "\u{fffd}")]);
        check("a==&b=c=d", &[("a", "="), ("b", "c=d")]);
    }

    #[test]
    fn the_place_is_left_out_however_it_is_written() {
        let address = Address::new("/p?%70age=3&Page=1&pages=2&bef%6Fre=x");
        assert_eq!(address.with(None), "/p?Page=1&pages=2");
    }
}
