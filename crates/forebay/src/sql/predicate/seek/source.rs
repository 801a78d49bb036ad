//! The rows that a statement is after, as a query: of an UPDATE or DELETE those that it changes, of
//! an INSERT those that it inserts. It works on tokens and checks nothing.

use super::super::bind::{Mentions, bind};
use super::super::occurrence::NotUnderstood;
use crate::sql::lex::{Kind, tokens};

/// The words of a text outside of parentheses, each with where it begins and ends.
struct Outer<'a>(Vec<(&'a str, usize, usize)>);

/// The word before the parameter of this number, in lower case.
pub(crate) fn word_before_parameter(sql: &str, number: usize) -> Option<String> {
    let text = bind(sql, &mut Mentions::default()).ok()?.text;
    let wanted = format!("?{number}");
    let mut before = None;
    for token in tokens(&text).filter(|token| token.kind.is_significant()) {
        let word = &text[token.start..token.end];
        if word == wanted {
            return before;
        }
        before = (token.kind == Kind::Word).then(|| word.to_ascii_lowercase());
    }
    None
}

/// The query for the rows that `sql` is after; `None` if it reads none. Its parameters have the
/// numbers that they have in `sql`.
pub(super) fn rows_of(sql: &str) -> Result<Option<String>, NotUnderstood> {
    let text = bind(sql, &mut Mentions::default())?.text;
    let outer = Outer::of(&text);
    let verbs = ["select", "values", "insert", "replace", "update", "delete"];
    let Some((verb, start, end)) = outer.first(0, &verbs) else { return Ok(None) };
    let (before, behind) = (&text[..start], &text[end..]);
    Ok(match verb.to_ascii_lowercase().as_str() {
        "select" | "values" => Some(text),
        "insert" | "replace" => {
            let from = outer.first(end, &["select"]).map(|(_, start, _)| start);
            from.map(|from| {
                let to = outer.first(from, &["returning"]).map_or(text.len(), |(_, at, _)| at);
                let to = outer.upsert(from).unwrap_or(to).min(to);
                // A WITH may stand before the INSERT and behind its columns.
                let own = outer.first(end, &["with"]).filter(|(_, at, _)| *at < from);
                let from = own.map_or(from, |(_, at, _)| at);
                if own.is_some() {
                    text[from..to].to_owned()
                } else {
                    format!("{before}{}", &text[from..to])
                }
            })
        }
        "delete" => {
            let from = behind.trim_start().strip_prefix_word("from");
            from.map(|_| format!("{before}SELECT 1{}", outer.upto(&text, end)))
        }
        _ => outer.first(end, &["set"]).map(|(_, set, set_end)| {
            let name = target(&text[end..set]);
            let from = outer.first(set_end, &["from"]);
            let filter = outer.first(set_end, &["where"]);
            let more = match from {
                Some((_, _, at)) => {
                    let to = filter.map_or(outer.end(&text, at), |(_, at, _)| at);
                    format!(", {}", &text[at..to])
                }
                None => String::new(),
            };
            let filter = filter.map_or("", |(_, at, _)| &text[at..outer.end(&text, at)]);
            format!("{before}SELECT 1 FROM {name}{more} {filter}")
        }),
    })
}

/// What is updated, without the words on conflicts before it.
fn target(text: &str) -> &str {
    let words: Vec<_> = Outer::of(text).0;
    match words.as_slice() {
        [(or, ..), (_, _, end), ..] if or.eq_ignore_ascii_case("or") => &text[*end..],
        _ => text,
    }
}

impl<'a> Outer<'a> {
    fn of(text: &'a str) -> Outer<'a> {
        let mut depth = 0usize;
        let mut words = Vec::new();
        for token in tokens(text) {
            let word = &text[token.start..token.end];
            match (token.kind, word) {
                (Kind::Operator, "(") => depth += 1,
                (Kind::Operator, ")") => depth = depth.saturating_sub(1),
                (Kind::Word, _) if depth == 0 => words.push((word, token.start, token.end)),
                _ => {}
            }
        }
        Outer(words)
    }

    /// The first of these words that begins at `from` or later.
    fn first(&self, from: usize, wanted: &[&str]) -> Option<(&'a str, usize, usize)> {
        let is_wanted = |word: &str| wanted.iter().any(|it| word.eq_ignore_ascii_case(it));
        self.0.iter().find(|(word, start, _)| *start >= from && is_wanted(word)).copied()
    }

    /// Where ON CONFLICT begins: `ON` alone may belong to a join.
    fn upsert(&self, from: usize) -> Option<usize> {
        let pairs = self.0.windows(2);
        pairs
            .filter(|pair| pair[0].1 >= from)
            .find(|pair| {
                pair[0].0.eq_ignore_ascii_case("on") && pair[1].0.eq_ignore_ascii_case("conflict")
            })
            .map(|pair| pair[0].1)
    }

    /// Where what a statement says of its rows ends.
    fn end(&self, text: &str, from: usize) -> usize {
        self.first(from, &["returning", "order", "limit"]).map_or(text.len(), |(_, at, _)| at)
    }

    fn upto<'t>(&self, text: &'t str, from: usize) -> &'t str {
        &text[from..self.end(text, from)]
    }
}

/// Words at the beginning of a text.
trait Begins {
    fn strip_prefix_word(&self, word: &str) -> Option<&str>;
}

impl Begins for str {
    fn strip_prefix_word(&self, word: &str) -> Option<&str> {
        let head = self.get(..word.len())?;
        head.eq_ignore_ascii_case(word).then(|| &self[word.len()..])
    }
}
