//! Where PostgreSQL's tokenizer cuts a text. Operators are taken run by run, which may join what
//! the server takes apart; nothing here depends on that.
//!
//! Source: "Lexical Structure" in PostgreSQL's manual (4.1), and `scan.l`. Strings without a
//! prefix are read as `standard_conforming_strings` says by default: a backslash is a backslash.

use super::{Kind, at, skip};

/// The kind and the length of the token at the beginning of `z`, which is not empty.
pub(super) fn first(z: &[u8]) -> (Kind, usize) {
    match z[0] {
        b' ' | b'\t'..=b'\r' => (Kind::Space, skip(z, 1, |c| matches!(c, b' ' | b'\t'..=b'\r'))),
        b'e' | b'E' if at(z, 1) == b'\'' => escaped(z),
        b'b' | b'B' | b'x' | b'X' if at(z, 1) == b'\'' => prefixed(z, 1, Kind::Blob),
        b'n' | b'N' if at(z, 1) == b'\'' => prefixed(z, 1, Kind::Text),
        b'u' | b'U' if at(z, 1) == b'&' && at(z, 2) == b'\'' => prefixed(z, 2, Kind::Text),
        b'u' | b'U' if at(z, 1) == b'&' && at(z, 2) == b'"' => prefixed(z, 2, Kind::Quoted),
        c if begins_word(c) => (Kind::Word, skip(z, 1, |c| begins_word(c) || is_inner(c))),
        b'0'..=b'9' => number(z),
        b'.' if at(z, 1).is_ascii_digit() => number(z),
        b'\'' => prefixed(z, 0, Kind::Text),
        b'"' => prefixed(z, 0, Kind::Quoted),
        b'$' => dollar(z),
        b';' => (Kind::Semicolon, 1),
        b'(' | b')' | b',' | b'.' | b'[' | b']' | b':' => (Kind::Operator, 1),
        b'-' if at(z, 1) == b'-' => (Kind::Comment, skip(z, 2, |c| !matches!(c, b'\n' | b'\r'))),
        b'/' if at(z, 1) == b'*' => comment(z),
        c if is_operator(c) => (Kind::Operator, operator(z)),
        _ => (Kind::Illegal, 1),
    }
}

fn begins_word(c: u8) -> bool {
    c.is_ascii_alphabetic() || c == b'_' || c >= 0x80
}

fn is_inner(c: u8) -> bool {
    c.is_ascii_digit() || c == b'$'
}

fn is_operator(c: u8) -> bool {
    b"+-*/<>=~!@#%^&|`?".contains(&c)
}

/// A run of operator characters; a comment ends it.
fn operator(z: &[u8]) -> usize {
    let end = skip(z, 1, is_operator);
    let is_comment = |i: &usize| matches!((z[*i], at(z, i + 1)), (b'-', b'-') | (b'/', b'*'));
    (1..end).find(is_comment).unwrap_or(end)
}

/// A string or an identifier in quotes behind a prefix; a quote within is doubled.
fn prefixed(z: &[u8], prefix: usize, kind: Kind) -> (Kind, usize) {
    let quote = z[prefix];
    let mut i = prefix + 1;
    loop {
        i = skip(z, i, |c| c != quote);
        if i >= z.len() {
            return (Kind::Illegal, i);
        }
        if at(z, i + 1) != quote {
            return (kind, i + 1);
        }
        i += 2;
    }
}

/// `E'…'`: a backslash takes the meaning of the character behind it.
fn escaped(z: &[u8]) -> (Kind, usize) {
    let mut i = 2;
    while i < z.len() {
        match (z[i], at(z, i + 1)) {
            (b'\\', _) | (b'\'', b'\'') => i += 2,
            (b'\'', _) => return (Kind::Text, i + 1),
            _ => i += 1,
        }
    }
    (Kind::Illegal, z.len())
}

/// `$1`, or a string between two equal tags: `$$…$$`, `$tag$…$tag$`.
fn dollar(z: &[u8]) -> (Kind, usize) {
    if at(z, 1).is_ascii_digit() {
        return (Kind::Parameter, skip(z, 1, |c| c.is_ascii_digit()));
    }
    let named = if begins_word(at(z, 1)) {
        skip(z, 2, |c| begins_word(c) || c.is_ascii_digit())
    } else {
        1
    };
    if at(z, named) != b'$' {
        return (Kind::Illegal, 1);
    }
    let tag = &z[..=named];
    let body = &z[tag.len()..];
    match body.windows(tag.len()).position(|window| window == tag) {
        Some(end) => (Kind::Text, tag.len() + end + tag.len()),
        None => (Kind::Illegal, z.len()),
    }
}

/// `/* … */`, which may hold others; the server refuses one that does not end.
fn comment(z: &[u8]) -> (Kind, usize) {
    let mut depth = 0usize;
    let mut i = 0;
    while i + 1 < z.len() {
        match (z[i], z[i + 1]) {
            (b'/', b'*') => {
                depth += 1;
                i += 2;
            }
            (b'*', b'/') => {
                depth -= 1;
                i += 2;
                if depth == 0 {
                    return (Kind::Comment, i);
                }
            }
            _ => i += 1,
        }
    }
    (Kind::Illegal, z.len())
}

fn number(z: &[u8]) -> (Kind, usize) {
    let is_digit = |c: u8| c.is_ascii_digit() || c == b'_';
    let mut i = match (z[0], at(z, 1)) {
        (b'0', b'x' | b'X' | b'o' | b'O' | b'b' | b'B') => {
            skip(z, 2, |c| c.is_ascii_hexdigit() || c == b'_')
        }
        _ => skip(z, 0, is_digit),
    };
    // In `1..10`, of a loop, the points belong to neither number.
    if at(z, i) == b'.' && at(z, i + 1) != b'.' {
        i = skip(z, i + 1, is_digit);
    }
    if matches!(at(z, i), b'e' | b'E') {
        let sign = usize::from(matches!(at(z, i + 1), b'+' | b'-'));
        if at(z, i + 1 + sign).is_ascii_digit() {
            i = skip(z, i + 1 + sign, is_digit);
        }
    }
    let end = skip(z, i, |c| begins_word(c) || is_inner(c));
    (if end == i { Kind::Number } else { Kind::Illegal }, end)
}

#[cfg(test)]
mod tests {
    use super::super::{Dialect, tokens_in};

    /// The tokens that mean something, each with its kind's first letter, joined by blanks.
    fn check(sql: &str, expect: &str) {
        let tokens: Vec<_> = tokens_in(sql, Dialect::Postgres).collect();
        let ends = tokens.iter().map(|token| token.end).collect::<Vec<_>>();
        let starts = tokens.iter().map(|token| token.start).collect::<Vec<_>>();
        let tiled = [&[0], &ends[..]].concat();
        assert_eq!(tiled, [&starts[..], &[sql.len()]].concat(), "{sql:?} is tiled");
        let shown = tokens.iter().filter(|token| token.kind.is_significant()).map(|token| {
            format!("{:.1}:{}", format!("{:?}", token.kind), &sql[token.start..token.end])
        });
        assert_eq!(shown.collect::<Vec<_>>().join(" "), expect, "{sql:?}");
    }

    #[test]
    fn texts_are_cut_as_the_server_cuts_them() {
        check("select a$1 from t", "W:select W:a$1 W:from W:t");
        check("a=$1and$2", "W:a O:= P:$1 W:and$2");
        check("'it''s' 'a\\'", "T:'it''s' T:'a\\'");
        check(r"E'a\'b' e'\\' E'a''b'", r"T:E'a\'b' T:e'\\' T:E'a''b'");
        check(r"E'never \'", r"I:E'never \'");
        check("$$a'b$$ $f$ $$ $g$ $f$", "T:$$a'b$$ T:$f$ $$ $g$ $f$");
        check("$f$ never", "I:$f$ never");
        check("$ 1", "I:$ N:1");
        check("/* a /* b */ c */ 1 /* never", "N:1 I:/* never");
        check("1 -- to the end\r2", "N:1 N:2");
        check(
            "\"a\"\"b\" U&\"c\" u&'d' N'e' b'01' X'ff'",
            "Q:\"a\"\"b\" Q:U&\"c\" T:u&'d' T:N'e' B:b'01' B:X'ff'",
        );
        check("a @> b AND c ?| d--x", "W:a O:@> W:b W:AND W:c O:?| W:d");
        check("1.5e-3 .5 0x1F 1_000 1..2 1a", "N:1.5e-3 N:.5 N:0x1F N:1_000 N:1 O:. N:.2 I:1a");
        check("x::int[1]", "W:x O:: O:: W:int O:[ N:1 O:]");
        check("größe; é", "W:größe S:; W:é");
        check("a+-1 a*/**/b", "W:a O:+- N:1 W:a O:* W:b");
    }
}
