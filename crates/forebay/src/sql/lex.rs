//! The tokens of a text, cut exactly where SQLite's own tokenizer cuts them, or PostgreSQL's. The
//! tokens tile the text: none is left out, none overlaps. A token borrows nothing and nothing is
//! allocated.
//!
//! It does not parse, and it does not tell keywords from identifiers: in SQLite most keywords may
//! be identifiers, and only the grammar knows. A NUL byte is an illegal token here, where SQLite
//! sees the end of the text; callers refuse such texts.

#[cfg(feature = "postgres")]
mod postgres;

/// Whose rules a text is cut by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    #[cfg(feature = "postgres")]
    Postgres,
}

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// Blanks, line ends and byte order marks.
    Space,
    /// `-- …` to the end of the line, or `/* … */`. SQLite lets the end of the text close both.
    Comment,
    /// A keyword or an identifier without quotes.
    Word,
    /// `"…"`, `` `…` `` or `[…]`.
    Quoted,
    /// `'…'`.
    Text,
    /// `x'…'`.
    Blob,
    /// Digits with `_`, a point and an exponent, or hexadecimal after `0x`.
    Number,
    /// `?`, `?1`, `:a`, `@a`, `#a`, `$a`, `$a::b(c)`.
    Parameter,
    /// One operator or punctuation mark other than the semicolon.
    Operator,
    /// `;`
    Semicolon,
    /// What SQLite calls an unrecognized token, such as a string that does not end.
    Illegal,
}

impl Kind {
    /// Whether the token means something to the parser.
    pub(crate) fn is_significant(self) -> bool {
        !matches!(self, Kind::Space | Kind::Comment)
    }
}

/// One token and the bytes it covers, which begin and end on character boundaries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// The tokens of one text, in order.
#[derive(Clone, Debug)]
pub(crate) struct Lexer<'a> {
    bytes: &'a [u8],
    position: usize,
    dialect: Dialect,
}

/// Begins with the first token of `sql`, which is SQLite's.
pub(crate) fn tokens(sql: &str) -> Lexer<'_> {
    tokens_in(sql, Dialect::Sqlite)
}

/// Begins with the first token of `sql`.
pub(crate) fn tokens_in(sql: &str, dialect: Dialect) -> Lexer<'_> {
    Lexer { bytes: sql.as_bytes(), position: 0, dialect }
}

impl Lexer<'_> {
    /// The next token that is neither space nor comment.
    pub(crate) fn next_significant(&mut self) -> Option<Token> {
        self.find(|token| token.kind.is_significant())
    }
}

impl Iterator for Lexer<'_> {
    type Item = Token;

    #[inline]
    fn next(&mut self) -> Option<Token> {
        let start = self.position;
        let rest = self.bytes.get(start..).filter(|rest| !rest.is_empty())?;
        let (kind, len) = match self.dialect {
            Dialect::Sqlite => first(rest),
            #[cfg(feature = "postgres")]
            Dialect::Postgres => postgres::first(rest),
        };
        debug_assert!(len > 0 && len <= rest.len(), "a token lies within the text");
        self.position = start + len;
        Some(Token { kind, start, end: self.position })
    }
}

/// The byte at `i`, or 0 behind the end, as in the C string that SQLite reads.
#[inline]
fn at(z: &[u8], i: usize) -> u8 {
    z.get(i).copied().unwrap_or(0)
}

/// The first index from `i` on whose byte does not satisfy `accept`.
#[inline]
fn skip(z: &[u8], mut i: usize, accept: impl Fn(u8) -> bool) -> usize {
    while i < z.len() && accept(z[i]) {
        i += 1;
    }
    i
}

#[inline]
fn is_identifier(c: u8) -> bool {
    const TABLE: [bool; 256] = {
        let mut table = [false; 256];
        let mut c = 0;
        while c < 256 {
            let byte = c as u8;
            table[c] = byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || c >= 128;
            c += 1;
        }
        table
    };
    TABLE[c as usize]
}

/// A vertical tab continues a run of blanks but does not begin one, as in SQLite.
#[inline]
fn is_space(c: u8) -> bool {
    matches!(c, b' ' | b'\t'..=b'\r')
}

#[inline]
fn is_digit(c: u8) -> bool {
    c.is_ascii_digit() || c == b'_'
}

/// The kind and the length of the token at the beginning of `z`, which is not empty.
fn first(z: &[u8]) -> (Kind, usize) {
    match z[0] {
        b' ' | b'\t' | b'\n' | b'\x0c' | b'\r' => (Kind::Space, skip(z, 1, is_space)),
        b'x' | b'X' if at(z, 1) == b'\'' => blob(z),
        0xEF if at(z, 1) == 0xBB && at(z, 2) == 0xBF => (Kind::Space, 3),
        b'a'..=b'z' | b'A'..=b'Z' | b'_' | 0x80.. => (Kind::Word, skip(z, 1, is_identifier)),
        b'0'..=b'9' => number(z),
        b'.' if at(z, 1).is_ascii_digit() => number(z),
        b'\'' | b'"' | b'`' => quoted(z),
        b'[' => bracketed(z),
        b'?' => (Kind::Parameter, skip(z, 1, |c| c.is_ascii_digit())),
        b'$' | b'@' | b':' | b'#' => parameter(z),
        b';' => (Kind::Semicolon, 1),
        b'-' if at(z, 1) == b'-' => (Kind::Comment, skip(z, 2, |c| c != b'\n' && c != 0)),
        // At the very end of the text SQLite reads `/*` as two operators.
        b'/' if at(z, 1) == b'*' && at(z, 2) != 0 => (Kind::Comment, block_comment(z)),
        _ => operator(z),
    }
}

fn operator(z: &[u8]) -> (Kind, usize) {
    let len = match (z[0], at(z, 1)) {
        (b'-', b'>') if at(z, 2) == b'>' => 3,
        (b'-', b'>')
        | (b'=', b'=')
        | (b'<', b'=' | b'>' | b'<')
        | (b'>', b'=' | b'>')
        | (b'!', b'=')
        | (b'|', b'|') => 2,
        (
            b'(' | b')' | b',' | b'.' | b'+' | b'-' | b'*' | b'/' | b'%' | b'=' | b'<' | b'>'
            | b'|' | b'&' | b'~',
            _,
        ) => 1,
        _ => return (Kind::Illegal, 1),
    };
    (Kind::Operator, len)
}

fn block_comment(z: &[u8]) -> usize {
    let mut i = 3;
    while at(z, i) != 0 {
        if z[i - 1] == b'*' && z[i] == b'/' {
            return i + 1;
        }
        i += 1;
    }
    i
}

fn quoted(z: &[u8]) -> (Kind, usize) {
    let delimiter = z[0];
    let mut i = 1;
    loop {
        i = skip(z, i, |c| c != delimiter && c != 0);
        if at(z, i) == 0 {
            return (Kind::Illegal, i);
        }
        if at(z, i + 1) != delimiter {
            let kind = if delimiter == b'\'' { Kind::Text } else { Kind::Quoted };
            return (kind, i + 1);
        }
        i += 2;
    }
}

fn bracketed(z: &[u8]) -> (Kind, usize) {
    let i = skip(z, 1, |c| c != b']' && c != 0);
    if at(z, i) == b']' { (Kind::Quoted, i + 1) } else { (Kind::Illegal, i) }
}

fn blob(z: &[u8]) -> (Kind, usize) {
    let mut i = skip(z, 2, |c| c.is_ascii_hexdigit());
    let mut kind = Kind::Blob;
    if at(z, i) != b'\'' || i % 2 == 1 {
        kind = Kind::Illegal;
        i = skip(z, i, |c| c != b'\'' && c != 0);
    }
    (kind, if at(z, i) == b'\'' { i + 1 } else { i })
}

fn number(z: &[u8]) -> (Kind, usize) {
    let mut i;
    if z[0] == b'0' && matches!(at(z, 1), b'x' | b'X') && at(z, 2).is_ascii_hexdigit() {
        i = skip(z, 3, |c| c.is_ascii_hexdigit() || c == b'_');
    } else {
        i = skip(z, 0, is_digit);
        if at(z, i) == b'.' {
            i = skip(z, i + 1, is_digit);
        }
        if matches!(at(z, i), b'e' | b'E') {
            let sign = usize::from(matches!(at(z, i + 1), b'+' | b'-'));
            if at(z, i + 1 + sign).is_ascii_digit() {
                i = skip(z, i + 2, is_digit);
            }
        }
    }
    let end = skip(z, i, is_identifier);
    (if end == i { Kind::Number } else { Kind::Illegal }, end)
}

/// A named parameter, with the suffixes of Tcl variables that SQLite takes.
fn parameter(z: &[u8]) -> (Kind, usize) {
    let mut named = false;
    let mut i = 1;
    loop {
        let c = at(z, i);
        if is_identifier(c) {
            named = true;
            i += 1;
        } else if c == b'(' && named {
            i = skip(z, i + 1, |c| c != 0 && c != b')' && !is_space(c));
            return if at(z, i) == b')' { (Kind::Parameter, i + 1) } else { (Kind::Illegal, i) };
        } else if c == b':' && at(z, i + 1) == b':' {
            i += 2;
        } else {
            return (if named { Kind::Parameter } else { Kind::Illegal }, i);
        }
    }
}

#[cfg(test)]
mod tests;
