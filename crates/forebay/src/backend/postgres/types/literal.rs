//! Arrays in the server's text form, `{1,NULL,"a b"}`, into the JSON list that `array` makes of
//! the binary form, and such lists back into the server's form for parameters.

use std::borrow::Cow;

use super::array::DIMENSIONS_MAX;
use super::decode;
use super::element;
use super::oid::{Codec, codec};
use super::param::{self, Refused};
use crate::json::{Next, Scan};

/// The one type whose elements are not separated by commas.
const BOX: u32 = 603;

/// The JSON list of an array with elements of this type.
pub(super) fn json(element: u32, text: &str) -> Option<String> {
    let list = if has_bounds(text) { text.split_once('=')?.1 } else { text };
    let mut literal = Literal { rest: list, codec: codec(element), delimiter: delimiter(element) };
    let mut out = String::with_capacity(list.len());
    literal.list(DIMENSIONS_MAX, &mut out)?;
    literal.rest.trim_ascii().is_empty().then_some(out)
}

/// The server's text for a JSON list, where it is one; any other text is the server's already.
pub(super) fn text(element: u32, list: &str) -> Result<Cow<'_, str>, Refused> {
    if !list.trim_ascii_start().starts_with('[') || has_bounds(list) {
        return Ok(Cow::Borrowed(list));
    }
    let mut scan = Scan::new(list);
    let mut out = String::with_capacity(list.len());
    push_list(element, &mut scan, &mut out)?;
    scan.end()?;
    Ok(Cow::Owned(out))
}

fn delimiter(element: u32) -> char {
    if element == BOX { ';' } else { ',' }
}

/// Whether the text begins as `[2:4]={…}` does, where the indices do not begin with 1.
fn has_bounds(text: &str) -> bool {
    let is_bound = |c: char| c.is_ascii_digit() || matches!(c, '[' | ']' | ':' | '+' | '-' | ' ');
    text.trim_ascii_start().starts_with('[') && text.trim_start_matches(is_bound).starts_with('=')
}

struct Literal<'a> {
    rest: &'a str,
    codec: Codec,
    delimiter: char,
}

impl Literal<'_> {
    fn list(&mut self, depth_max: usize, out: &mut String) -> Option<()> {
        if !self.pass('{') || depth_max == 0 {
            return None;
        }
        out.push('[');
        if self.pass('}') {
            out.push(']');
            return Some(());
        }
        loop {
            match self.peek()? {
                '{' => self.list(depth_max - 1, out)?,
                '"' => self.quoted(out)?,
                _ => self.bare(out)?,
            }
            match (self.pass(self.delimiter), self.pass('}')) {
                (true, false) => out.push(','),
                (false, true) => {
                    out.push(']');
                    return Some(());
                }
                _ => return None,
            }
        }
    }

    fn quoted(&mut self, out: &mut String) -> Option<()> {
        let mut text = String::new();
        let mut chars = self.rest.char_indices();
        chars.next();
        loop {
            match chars.next()? {
                (at, '"') => {
                    self.rest = &self.rest[at + 1..];
                    return self.push(&text, out);
                }
                (_, '\\') => text.push(chars.next()?.1),
                (_, c) => text.push(c),
            }
        }
    }

    fn bare(&mut self, out: &mut String) -> Option<()> {
        let mut text = String::new();
        let mut chars = self.rest.char_indices();
        let mut is_escaped = false;
        let end = loop {
            match chars.next()? {
                (at, c) if c == self.delimiter || c == '}' => break at,
                (_, '{' | '"') => return None,
                (_, '\\') => {
                    is_escaped = true;
                    text.push(chars.next()?.1);
                }
                (_, c) => text.push(c),
            }
        };
        self.rest = &self.rest[end..];
        match text.trim_ascii_end() {
            "" => None,
            null if !is_escaped && null.eq_ignore_ascii_case("null") => {
                out.push_str("null");
                Some(())
            }
            _ if is_escaped => self.push(&text, out),
            bare => self.push(bare, out),
        }
    }

    fn push(&self, text: &str, out: &mut String) -> Option<()> {
        element::push(self.codec, &decode::text(self.codec, text)?, out);
        Some(())
    }

    fn peek(&mut self) -> Option<char> {
        self.rest = self.rest.trim_ascii_start();
        self.rest.chars().next()
    }

    fn pass(&mut self, c: char) -> bool {
        let is_next = self.peek() == Some(c);
        if is_next {
            self.rest = &self.rest[c.len_utf8()..];
        }
        is_next
    }
}

/// Recursion is bounded by the scanner, which enters no list that is nested too deeply.
fn push_list(element: u32, scan: &mut Scan<'_>, out: &mut String) -> Result<(), Refused> {
    let codec = codec(element);
    let is_json = matches!(codec, Codec::Json | Codec::Jsonb);
    scan.enter()?;
    out.push('{');
    let mut is_first = true;
    while scan.item(is_first, b']')? {
        if !is_first {
            out.push(delimiter(element));
        }
        is_first = false;
        match scan.next()? {
            Next::Null => {
                scan.null()?;
                out.push_str("NULL");
            }
            _ if is_json => push_quoted(scan.raw()?, out),
            Next::Boolean | Next::Number => out.push_str(scan.raw()?),
            Next::Text => push_quoted(&param::text(codec, &scan.text()?)?, out),
            Next::List => push_list(element, scan, out)?,
            Next::Object => return Err(Refused::Element),
        }
    }
    out.push('}');
    Ok(())
}

fn push_quoted(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        out.extend(matches!(c, '"' | '\\').then_some('\\'));
        out.push(c);
    }
    out.push('"');
}
