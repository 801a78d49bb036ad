//! The comments around a statement, in which tracing tools write what differs with every call. They
//! are left out before anything else is done with a text, so that they split neither the cache nor
//! what a server has prepared. Comments within a statement stay: in their place a blank could mean
//! something else. So do hints (`/*+ … */`), which are meant for the server.

use super::lex::{Dialect, Kind, Token, tokens_in};

/// The end of a text in which a comment up to the end of its line is looked for. Longer ones at the
/// end stay where they are, unless another comment comes behind them.
const LINE_COMMENT_BYTES: usize = 128;

/// What begins a statement that may be written without what is around it. The texts of others may
/// be kept by the database word for word, as those of views are.
const VERBS: [&str; 9] =
    ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "VALUES", "REPLACE", "MERGE", "("];

/// The statement in a text, without white space around it; without comments before and behind it,
/// too, if it is about rows, and then without semicolons among those behind it.
///
/// Cost: a look at the first bytes and at the last ones, and the tokens of the text only if a
/// comment may be there.
#[inline]
pub(crate) fn without_margins(sql: &str, dialect: Dialect) -> &str {
    let sql = sql.trim_ascii();
    if begins_with_comment(sql) || may_end_with_comment(sql) {
        return Margins::of(sql, dialect).map_or(sql, |margins| margins.within(sql));
    }
    sql
}

/// Whether a text begins as a statement about rows does, which has a plan.
pub(crate) fn is_about_rows(sql: &str, dialect: Dialect) -> bool {
    let first = tokens_in(sql, dialect).find(|token| token.kind.is_significant());
    first.is_some_and(|token| is_verb(&sql[token.start..token.end]))
}

fn is_verb(word: &str) -> bool {
    VERBS.iter().any(|verb| word.eq_ignore_ascii_case(verb))
}

#[inline]
fn begins_with_comment(sql: &str) -> bool {
    matches!(sql.as_bytes(), [b'/', b'*', ..] | [b'-', b'-', ..])
}

#[inline]
fn may_end_with_comment(sql: &str) -> bool {
    let end = sql.trim_end_matches([';', ' ', '\t', '\n', '\r', '\x0c']);
    end.ends_with("*/") || has_line_comment(end)
}

/// Whether two dashes stand in the last line, near its end.
#[inline]
fn has_line_comment(sql: &str) -> bool {
    let mut from = sql.len().saturating_sub(LINE_COMMENT_BYTES);
    while !sql.is_char_boundary(from) {
        from += 1;
    }
    let mut tail = &sql[from..];
    while let Some(dash) = tail.rfind('-') {
        if tail[..dash].ends_with('-') {
            return !sql[from + dash..].contains(['\n', '\r']);
        }
        tail = &tail[..dash];
    }
    false
}

/// Where a statement begins and ends in its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Margins {
    start: usize,
    end: usize,
}

impl Margins {
    /// `None` if the text is to be left as it is.
    #[cold]
    fn of(sql: &str, dialect: Dialect) -> Option<Margins> {
        let mut tokens = tokens_in(sql, dialect);
        let first = tokens.find(|token| !is_margin(sql, *token))?;
        let word = &sql[first.start..first.end];
        if !is_verb(word) {
            return None;
        }
        let mut names = Names::default();
        names.take(sql, first);
        let (mut end, mut has_comment, mut is_odd) = (first.end, false, false);
        for token in tokens {
            if token.kind == Kind::Semicolon || is_margin(sql, token) {
                has_comment |= token.kind == Kind::Comment;
                continue;
            }
            (end, has_comment) = (token.end, false);
            is_odd |= may_hide_a_string(&sql[token.start..token.end]);
            names.take(sql, token);
        }
        let is_known = match dialect {
            Dialect::Sqlite => !names.may_end_with_an_expression(),
            // A setting may have given backslashes in strings a meaning of their own.
            #[cfg(feature = "postgres")]
            Dialect::Postgres => !sql[first.start..].contains('\\'),
        };
        let end = if has_comment && is_known && !is_odd { end } else { sql.len() };
        Some(Margins { start: first.start, end })
    }

    fn within(self, sql: &str) -> &str {
        // A vertical tab stays, and takes the blanks behind it into its token.
        sql[self.start..self.end].trim_ascii_end()
    }
}

/// Whether a token may be two to PostgreSQL, the second of which begins a string: `1$a$`.
fn may_hide_a_string(token: &str) -> bool {
    let mut bytes = token.bytes();
    match bytes.next() {
        Some(b'0'..=b'9' | b'.') => token.contains('$'),
        Some(b'$') => {
            bytes.next().is_some_and(|it| it.is_ascii_digit()) && token[1..].contains('$')
        }
        _ => false,
    }
}

/// Whether a token may be left out at either end: a comment that is no hint, or white space that is
/// such to every version of both databases. A NUL byte is for the database to refuse.
fn is_margin(sql: &str, token: Token) -> bool {
    let text = &sql[token.start..token.end];
    match token.kind {
        Kind::Comment => !text.starts_with("/*+") && !text.contains('\0'),
        Kind::Space => text.bytes().all(|byte| byte.is_ascii_whitespace()),
        _ => false,
    }
}

/// What SQLite would call the last column of the answer. It gives an expression without a name the
/// text that it has up to the next word, comments included, or up to the end.
#[derive(Debug, Default)]
struct Names {
    depth: usize,
    /// The last words outside parentheses have begun a list of columns, and nothing has ended it.
    is_list: bool,
    before_last: Place,
    last: Place,
}

/// A token, by what it says about the name of a column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    /// `SELECT`, `RETURNING`, a comma, a point.
    Before,
    /// `AS`
    As,
    /// What may be the name of a column.
    Name,
    Star,
    #[default]
    Other,
}

impl Names {
    fn take(&mut self, sql: &str, token: Token) {
        let text = &sql[token.start..token.end];
        let is = |words: &[&str]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
        match text {
            "(" => self.depth += 1,
            ")" => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        let begins = token.kind == Kind::Word && is(&["SELECT", "RETURNING"]);
        if self.depth == 0 && token.kind == Kind::Word {
            let ends = is(&["FROM", "WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "VALUES"]);
            self.is_list = begins || self.is_list && !ends;
        }
        self.before_last = self.last;
        self.last = match token.kind {
            _ if begins => Place::Before,
            Kind::Word if is(&["AS"]) => Place::As,
            Kind::Word if is(&["NULL", "TRUE", "FALSE", "CURRENT_DATE"]) => Place::Other,
            Kind::Word if is(&["CURRENT_TIME", "CURRENT_TIMESTAMP"]) => Place::Other,
            Kind::Word => Place::Name,
            Kind::Operator if text == "," || text == "." => Place::Before,
            Kind::Operator if text == "*" => Place::Star,
            _ => Place::Other,
        };
    }

    fn may_end_with_an_expression(&self) -> bool {
        let is_named = matches!(
            (self.before_last, self.last),
            (Place::As, _) | (Place::Before, Place::Name | Place::Star)
        );
        self.is_list && !is_named
    }
}

#[cfg(test)]
mod tests;
