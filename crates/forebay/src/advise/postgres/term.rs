//! Conditions as the server prints them in plans: `((o.user_id = 5) AND (lower(u.email) = 'a'))`.
//! Everything nested stands in parentheses there, and columns have the name of their table before
//! them, so that a few rules are enough. What has another form is no term.

use std::collections::BTreeSet;

/// The longest condition that is read.
const TEXT_MAX: usize = 20_000;

/// How a condition finds rows by its key.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Sift {
    Equal,
    OneOf,
    Range {
        is_upper: bool,
    },
    Null,
    NotNull,
    /// `LIKE` with a beginning.
    Prefix,
    /// `LIKE` or `ILIKE` with three letters somewhere.
    Within,
    /// An operator that GIN knows.
    Contains(String),
}

/// A condition on one table.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Term {
    /// Without the name of the table.
    pub(super) key: String,
    pub(super) sift: Sift,
    /// What the key is compared with, if it is of no table: a literal or a parameter.
    pub(super) value: Option<String>,
    /// The whole condition, without the name of the table, if no other table is in it.
    pub(super) condition: Option<String>,
}

/// The parts that AND joins.
pub(super) fn parts(condition: &str) -> Vec<&str> {
    joined(condition, "AND")
}

/// The arms that OR joins; one, if there is none.
pub(super) fn arms(condition: &str) -> Vec<&str> {
    joined(condition, "OR")
}

fn joined<'a>(condition: &'a str, word: &str) -> Vec<&'a str> {
    if condition.len() > TEXT_MAX {
        return Vec::new();
    }
    let text = bare(condition);
    let words = outer_words(text);
    let mut parts = Vec::new();
    let mut from = 0;
    for (start, end) in &words {
        if &text[*start..*end] == word {
            parts.push(text[from..*start].trim());
            from = *end;
        }
    }
    parts.push(text[from..].trim());
    parts
}

/// The text without parentheses around all of it.
pub(super) fn bare(text: &str) -> &str {
    let text = text.trim();
    match text.strip_prefix('(') {
        Some(_) if close(text, 0) == Some(text.len() - 1) => bare(&text[1..text.len() - 1]),
        _ => text,
    }
}

/// Where the parenthesis at `open` is closed.
fn close(text: &str, open: usize) -> Option<usize> {
    let mut depth = 0usize;
    let mut at = open;
    let bytes = text.as_bytes();
    while at < bytes.len() {
        match bytes[at] {
            b'(' | b'[' => depth += 1,
            b')' | b']' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at);
                }
            }
            quote @ (b'\'' | b'"') => at = end_of_quoted(bytes, at, quote)?,
            _ => {}
        }
        at += 1;
    }
    None
}

/// The place of the closing quote. A doubled one closes and opens again, which comes to the same.
fn end_of_quoted(bytes: &[u8], from: usize, quote: u8) -> Option<usize> {
    let rest = bytes.get(from + 1..)?;
    rest.iter().position(|byte| *byte == quote).map(|at| from + 1 + at)
}

/// Words between blanks, outside of parentheses and quotes.
fn outer_words(text: &str) -> Vec<(usize, usize)> {
    let bytes = text.as_bytes();
    let (mut words, mut start, mut at) = (Vec::new(), None, 0);
    while at < bytes.len() {
        match bytes[at] {
            b' ' => words.extend(start.take().map(|start| (start, at))),
            byte => {
                start = start.or(Some(at));
                let end = match byte {
                    b'(' | b'[' => close(text, at),
                    b'\'' | b'"' => end_of_quoted(bytes, at, byte),
                    _ => Some(at),
                };
                let Some(end) = end else { return Vec::new() };
                at = end;
            }
        }
        at += 1;
    }
    words.extend(start.map(|start| (start, bytes.len())));
    words
}

/// The names of tables in an expression.
pub(super) fn tables_in(text: &str) -> BTreeSet<String> {
    let mut tables = BTreeSet::new();
    each_name(text, |name, _| {
        tables.insert(name.to_owned());
    });
    tables
}

/// The columns in an expression, with the names of their tables.
pub(super) fn columns_in(text: &str) -> Vec<(String, String)> {
    let mut columns = Vec::new();
    each_name(text, |table, column| columns.push((table.to_owned(), column.to_owned())));
    columns
}

/// The functions that an expression calls, without their schemas.
pub(super) fn functions_in(text: &str) -> Vec<&str> {
    let bytes = text.as_bytes();
    let (mut functions, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        if bytes[at] == b'\'' {
            let Some(end) = end_of_quoted(bytes, at, b'\'') else { break };
            at = end + 1;
            continue;
        }
        let Some(end) = name_end(bytes, at) else {
            at += 1;
            continue;
        };
        if bytes.get(end) == Some(&b'(') {
            functions.push(&text[at..end]);
        }
        at = end;
    }
    functions
}

/// Calls `found` with each `table.column`.
fn each_name(text: &str, mut found: impl FnMut(&str, &str)) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'\'' {
            let Some(end) = end_of_quoted(bytes, at, b'\'') else { return };
            at = end + 1;
            continue;
        }
        let Some(end) = name_end(bytes, at) else {
            at += 1;
            continue;
        };
        let second = (bytes.get(end) == Some(&b'.')).then(|| name_end(bytes, end + 1)).flatten();
        match second {
            Some(last) if bytes.get(last) != Some(&b'(') => {
                found(&text[at..end], &text[end + 1..last]);
                at = last;
            }
            Some(last) => at = last,
            None => at = end,
        }
    }
}

/// Where the name that begins at `at` ends; with its quotes.
fn name_end(bytes: &[u8], at: usize) -> Option<usize> {
    match bytes.get(at)? {
        b'"' => end_of_quoted(bytes, at, b'"').map(|end| end + 1),
        byte if byte.is_ascii_alphabetic() || *byte == b'_' || *byte >= 0x80 => {
            let is_in = |byte: &&u8| {
                byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$') || **byte >= 0x80
            };
            Some(at + bytes[at..].iter().take_while(is_in).count())
        }
        _ => None,
    }
}

/// An expression over one table, without the name of the table.
fn without_table(text: &str, table: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    let mark = format!("{table}.");
    while let Some(at) = rest.find(&mark) {
        let before = rest[..at].bytes().last();
        let is_inside = before.is_some_and(|it| it.is_ascii_alphanumeric() || it == b'_');
        plain.push_str(&rest[..at]);
        if is_inside {
            plain.push_str(&mark);
        }
        rest = &rest[at + mark.len()..];
    }
    plain + rest
}

/// A key of the table, if the expression is of it alone.
pub(super) fn key(text: &str, table: &str) -> Option<String> {
    let text = bare(text);
    let tables = tables_in(text);
    let is_of_it = tables.len() == 1 && tables.contains(table);
    // A subplan is not part of an index, nor is a row.
    let is_plain = !text.contains("SubPlan") && !text.contains("InitPlan") && !text.contains('*');
    (is_of_it && is_plain).then(|| without_table(text, table))
}

/// What one part of a condition says of a table.
pub(super) fn term(part: &str, table: &str) -> Option<Term> {
    let text = bare(part);
    let condition = key(text, table);
    let of = |key: String, sift, value| Term { key, sift, value, condition: condition.clone() };
    for (ending, sift) in [(" IS NOT NULL", Sift::NotNull), (" IS NULL", Sift::Null)] {
        if let Some(inner) = text.strip_suffix(ending) {
            return Some(of(key(inner, table)?, sift, None));
        }
    }
    let words = outer_words(text);
    if let [(start, end)] = words[..] {
        // A boolean by itself.
        let name = key(&text[start..end], table).filter(|name| is_name(name))?;
        return Some(of(name, Sift::Equal, Some("true".into())));
    }
    if let [(_, first), (start, end)] = words[..] {
        let name = key(&text[start..end], table).filter(|name| is_name(name));
        let is_not = &text[..first] == "NOT";
        return name.filter(|_| is_not).map(|name| of(name, Sift::Equal, Some("false".into())));
    }
    let (_, left_end) = *words.first()?;
    let (start, end) = *words.get(1)?;
    let (left, operator, right) = (&text[..left_end], &text[start..end], text[end..].trim());
    let side = key(left, table);
    let (name, other, is_left) = match side {
        Some(name) if !tables_in(right).contains(table) => (name, right, true),
        _ if !tables_in(left).contains(table) && words.len() == 3 => {
            (key(right, table)?, left, false)
        }
        _ => return None,
    };
    let value = tables_in(other).is_empty().then(|| other.to_owned());
    let sift = sift(operator, other, is_left)?;
    Some(of(name, sift, value))
}

/// How an operator finds rows.
fn sift(operator: &str, other: &str, is_left: bool) -> Option<Sift> {
    let is_any = other.starts_with("ANY (") || other.starts_with("ANY(");
    Some(match operator {
        "=" if is_any => Sift::OneOf,
        "=" => Sift::Equal,
        "<" | "<=" => Sift::Range { is_upper: is_left },
        ">" | ">=" => Sift::Range { is_upper: !is_left },
        "~~" | "~~*" if is_left => pattern(other, operator == "~~")?,
        "@>" | "&&" | "@@" | "?" | "?|" | "?&" if is_left => Sift::Contains(operator.to_owned()),
        _ => return None,
    })
}

/// What the pattern of a LIKE allows.
fn pattern(literal: &str, minds_case: bool) -> Option<Sift> {
    let Some(inner) = literal.strip_prefix('\'') else {
        // A parameter may be anything; a beginning is the usual thing.
        return literal.starts_with('$').then_some(Sift::Prefix);
    };
    let end = inner.rfind('\'')?;
    let inner = &inner[..end];
    let fixed = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).count();
    let runs = inner.split(['%', '_']).map(fixed).max().unwrap_or(0);
    if minds_case && !inner.starts_with(['%', '_', '\\']) {
        return Some(Sift::Prefix);
    }
    (runs >= 3).then_some(Sift::Within)
}

/// Whether it is a column and not an expression.
pub(super) fn is_name(text: &str) -> bool {
    name_end(text.as_bytes(), 0) == Some(text.len())
}

/// The column in `(name)::text`.
pub(super) fn cast_of_text(text: &str) -> Option<&str> {
    let inner = text.strip_suffix("::text")?;
    Some(bare(inner)).filter(|name| is_name(name))
}
