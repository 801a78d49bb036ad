//! The shape of a statement: what is the same in two texts that differ only in comments, blanks,
//! literals, parameters, and the case of words. It groups statistics and names statements in logs
//! and errors; it is never a key under which an answer is found.
//!
//! Literals and parameters become `?`, a sign before a number belongs to it, and a list of them
//! after IN becomes `(?..)`. Rows of VALUES that equal the row before them are dropped. Words are
//! folded to lower case as SQLite does it (ASCII only); quoted identifiers keep their text.
//! NULL, TRUE and FALSE stay, because they change the shape (`IS NULL`). A token that SQLite
//! would not recognise becomes `!`, so that half a literal cannot get into a log.

use std::sync::Arc;

use smallvec::SmallVec;

use super::digest::digest;
use super::lex::{Dialect, Kind, Lexer, Token, tokens_in};

/// Bytes of a fingerprint's text at most, the mark of a cut included.
const TEXT_BYTES_MAX: usize = 4096;
const CUT: &str = "…";

/// The shape of a statement, as a number and as a text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Fingerprint {
    id: u64,
    text: Arc<str>,
}

impl Fingerprint {
    /// Takes one pass over `sql`, which need not be valid. Semicolons at its ends do not matter.
    pub(crate) fn new(sql: &str, dialect: Dialect) -> Fingerprint {
        let shape = normalise(sql, dialect);
        Fingerprint { id: digest(shape.as_bytes()), text: bounded(&shape) }
    }

    /// The XXH64 digest of the whole normalised text: the same in every run and on every
    /// platform. Different shapes may collide.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// The same, short enough to stand beside every version of every row: two statements in a
    /// few thousand may share one.
    pub(crate) fn number(id: u64) -> u32 {
        (id >> 32) as u32
    }

    /// The normalised text, at most 4 KiB; it ends in `…` when it was cut.
    pub(crate) fn text(&self) -> &Arc<str> {
        &self.text
    }
}

fn bounded(shape: &str) -> Arc<str> {
    if shape.len() <= TEXT_BYTES_MAX {
        return shape.into();
    }
    let mut end = TEXT_BYTES_MAX - CUT.len();
    while !shape.is_char_boundary(end) {
        end -= 1;
    }
    [&shape[..end], CUT].concat().into()
}

fn normalise(sql: &str, dialect: Dialect) -> String {
    let mut lexer = tokens_in(sql, dialect);
    let mut writer = Writer::new(sql);
    while let Some(token) = lexer.next_significant() {
        writer.push(token, &mut lexer);
    }
    writer.out
}

/// What the last token written was, as far as the next one needs to know.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    /// Nothing, a semicolon, a `(` or a point: what follows joins it without a blank.
    Joint,
    /// A word after which an operand comes, never the arguments of a function.
    Keyword,
    /// An operator or a comma.
    Operator,
    /// Any other word, a quoted identifier, or a `)`.
    Name,
    /// A literal or a parameter.
    Operand,
}

/// A VALUES whose rows are being written.
struct Values {
    /// The number of parentheses open around the rows.
    depth: usize,
    /// Where in the output the present row begins.
    row: usize,
    /// Where in the output the row before lies.
    before: Option<(usize, usize)>,
}

struct Writer<'a> {
    sql: &'a str,
    out: String,
    last: Last,
    depth: usize,
    /// A semicolon has been read; it is written only when a statement follows it.
    semicolon: bool,
    values: SmallVec<[Values; 2]>,
}

impl<'a> Writer<'a> {
    fn new(sql: &'a str) -> Writer<'a> {
        // The shape is rarely longer than the text, and that of a long text is mostly short.
        let out = String::with_capacity((sql.len() + sql.len() / 4).min(1024));
        let values = SmallVec::new();
        Writer { sql, out, last: Last::Joint, depth: 0, semicolon: false, values }
    }

    /// `lexer` stands behind `token`, and is moved on when more is taken than this token.
    fn push(&mut self, token: Token, lexer: &mut Lexer<'_>) {
        let text = &self.sql[token.start..token.end];
        match (token.kind, text) {
            (Kind::Semicolon, _) => return self.end_statement(),
            (Kind::Operator, "(") => return self.open(),
            (Kind::Operator, ")") => return self.close(),
            (Kind::Operator, ",") => return self.join(",", Last::Operator),
            _ => self.end_values(self.depth),
        }
        match (token.kind, text) {
            (Kind::Word, _) => self.word(text, lexer),
            (Kind::Quoted, _) => self.write(text, Last::Name),
            (Kind::Operator, ".") => self.join(".", Last::Joint),
            (Kind::Operator, "+" | "-") if self.is_sign(lexer) => {}
            (Kind::Operator, _) => self.write(text, Last::Operator),
            (Kind::Illegal, _) => self.write("!", Last::Operand),
            _ => self.write("?", Last::Operand),
        }
    }

    fn write(&mut self, text: &str, last: Last) {
        if self.last != Last::Joint || self.semicolon {
            self.gap();
        }
        self.out.push_str(text);
        self.last = last;
    }

    /// Writes `text` without a blank before it.
    fn join(&mut self, text: &str, last: Last) {
        if self.semicolon {
            self.gap();
        }
        self.out.push_str(text);
        self.last = last;
    }

    fn gap(&mut self) {
        let semicolon = std::mem::take(&mut self.semicolon);
        self.out.push_str(if semicolon { "; " } else { " " });
    }

    fn end_statement(&mut self) {
        self.semicolon = !self.out.is_empty();
        self.last = Last::Joint;
        self.depth = 0;
        self.values.clear();
    }

    fn word(&mut self, text: &str, lexer: &mut Lexer<'_>) {
        // Behind a point every word is a name.
        let name = self.out.ends_with('.') && self.last == Last::Joint;
        self.write(text, Last::Name);
        let start = self.out.len() - text.len();
        self.out[start..].make_ascii_lowercase();
        if name || !takes_operand(&self.out.as_bytes()[start..]) {
            return;
        }
        self.last = Last::Keyword;
        match &self.out[start..] {
            "in" => self.list(lexer),
            "values" => self.values.push(Values { depth: self.depth, row: start, before: None }),
            _ => {}
        }
    }

    /// Whether a plus or minus belongs to the number behind it, and not between two operands.
    fn is_sign(&self, lexer: &Lexer<'_>) -> bool {
        !matches!(self.last, Last::Name | Last::Operand)
            && lexer.clone().next_significant().is_some_and(|next| next.kind == Kind::Number)
    }

    fn open(&mut self) {
        let last = self.last;
        self.depth += 1;
        if last == Last::Name {
            self.join("(", Last::Joint);
        } else {
            self.write("(", Last::Joint);
        }
        if let Some(values) = self.values.last_mut()
            && values.depth + 1 == self.depth
        {
            values.row = self.out.len() - 1;
        }
    }

    fn close(&mut self) {
        self.join(")", Last::Name);
        self.depth = self.depth.saturating_sub(1);
        self.end_values(self.depth + 1);
        let Some(values) = self.values.last_mut().filter(|values| values.depth == self.depth)
        else {
            return;
        };
        let row = (values.row, self.out.len());
        match values.before {
            Some((start, end)) if self.out[start..end] == self.out[row.0..row.1] => {
                self.out.truncate(end);
            }
            _ => values.before = Some(row),
        }
    }

    /// Forgets every VALUES with at least `depth` parentheses around it.
    fn end_values(&mut self, depth: usize) {
        while self.values.last().is_some_and(|values| values.depth >= depth) {
            self.values.pop();
        }
    }

    /// Writes the list behind IN in its short form when all its elements are literals or
    /// parameters; else leaves it to be written token by token.
    fn list(&mut self, lexer: &mut Lexer<'_>) {
        let mut ahead = lexer.clone();
        let sql = self.sql;
        let is = |token: Token, marks: &[&str]| {
            token.kind == Kind::Operator && marks.contains(&&sql[token.start..token.end])
        };
        if !ahead.next_significant().is_some_and(|token| is(token, &["("])) {
            return;
        }
        let mut element = false;
        while let Some(token) = ahead.next_significant() {
            match token.kind {
                Kind::Number | Kind::Text | Kind::Blob | Kind::Parameter if !element => {
                    element = true;
                }
                _ if element && is(token, &[","]) => element = false,
                _ if element && is(token, &[")"]) => {
                    self.write("(?..)", Last::Name);
                    *lexer = ahead;
                    return;
                }
                _ if !element && is(token, &["+", "-"]) => {}
                _ => return,
            }
        }
    }
}

/// Whether `word`, in lower case, is a keyword that an operand follows. A word that is missing
/// here costs a blank before a parenthesis, or keeps a sign apart from its number.
fn takes_operand(word: &[u8]) -> bool {
    match word.len() {
        2 => matches!(word, b"as" | b"by" | b"in" | b"is" | b"on" | b"or"),
        3 => matches!(word, b"all" | b"and" | b"not" | b"set"),
        4 => matches!(
            word,
            b"case" | b"else" | b"from" | b"glob" | b"join" | b"like" | b"over" | b"then" | b"when"
        ),
        5 => matches!(word, b"check" | b"limit" | b"match" | b"union" | b"using" | b"where"),
        6 => matches!(
            word,
            b"escape"
                | b"except"
                | b"exists"
                | b"having"
                | b"offset"
                | b"regexp"
                | b"select"
                | b"values"
        ),
        7 => matches!(word, b"between"),
        8 => matches!(word, b"distinct"),
        9 => matches!(word, b"intersect" | b"returning"),
        _ => false,
    }
}

#[cfg(test)]
mod pairs;
#[cfg(test)]
mod tests;
