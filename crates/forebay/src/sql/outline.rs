//! The outline of a query: where its clauses lie and how its parameters are written, as far as that
//! must be known to put its text into another or to add a clause at its end. Deny by default: a
//! text that could mean something else there is refused. It does not parse.

use std::collections::HashMap;

use super::lex::{Dialect, Kind, Token, tokens_in};

/// What is known of a query from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outline {
    /// Where the statement ends: behind its last token that is no semicolon.
    pub(crate) end: usize,
    /// Where its own ORDER BY begins.
    pub(crate) order: Option<usize>,
    /// Its own ORDER BY holds names, commas and directions, and nothing else.
    pub(crate) has_plain_order: bool,
    /// It has a LIMIT, OFFSET or FETCH of its own.
    pub(crate) is_limited: bool,
    /// It has a FOR UPDATE or the like of its own.
    pub(crate) locks: bool,
    pub(crate) places: Places,
}

/// How the parameters of a text are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Places {
    /// With numbers, or as `?`; the largest number, 0 if there is none.
    Numbered(usize),
    /// All of them with names.
    Named,
}

/// Why nothing can be built on a text, as the end of a sentence that begins with "the statement".
pub(crate) type NotBuildable = &'static str;

/// The outline of a text.
pub(crate) fn outline(sql: &str, dialect: Dialect) -> Result<Outline, NotBuildable> {
    let mut reader = Reader::default();
    for token in tokens_in(sql, dialect).filter(|token| token.kind.is_significant()) {
        reader.read(token, &sql[token.start..token.end])?;
    }
    reader.finish()
}

/// The table that a query answers every row of, if it is of the form `SELECT names FROM table`, in
/// whatever order; without its quotes.
pub(crate) fn plain_source(sql: &str, dialect: Dialect) -> Option<String> {
    let mut tokens = tokens_in(sql, dialect).filter(|token| token.kind.is_significant());
    let text = |token: Token| &sql[token.start..token.end];
    let is = |token: Token, word: &str| text(token).eq_ignore_ascii_case(word);
    let is_name = |token: Token| matches!(token.kind, Kind::Word | Kind::Quoted);
    tokens.next().filter(|token| is(*token, "SELECT"))?;
    let from = tokens.find(|token| {
        let is_listed = is_name(*token) || matches!(text(*token), "," | "." | "*");
        !is_listed || is(*token, "FROM") || is(*token, "DISTINCT")
    })?;
    let table = tokens.next().filter(|token| is(from, "FROM") && is_name(*token))?;
    let rest: Vec<Token> = tokens.filter(|token| token.kind != Kind::Semicolon).collect();
    let is_ordered = rest.first().is_none_or(|token| is(*token, "ORDER"));
    let is_plain = rest.iter().all(|token| is_name(*token) || matches!(text(*token), "," | "."));
    let is_limited = rest.iter().any(|token| is(*token, "LIMIT"));
    let name = text(table).trim_matches(['"', '`', '[', ']']).to_owned();
    (is_ordered && is_plain && !is_limited).then_some(name)
}

#[derive(Default)]
struct Reader<'a> {
    outline: Option<Outline>,
    numbers: Numbers<'a>,
    depth: usize,
    before: &'a str,
    is_over: bool,
    is_with: bool,
}

impl<'a> Reader<'a> {
    fn read(&mut self, token: Token, word: &'a str) -> Result<(), NotBuildable> {
        if token.kind == Kind::Semicolon {
            self.is_over |= self.outline.is_some();
            return Ok(());
        }
        if self.is_over {
            return Err("holds more than one statement");
        }
        if token.kind == Kind::Illegal {
            return Err("has a token that is none");
        }
        if self.outline.is_none() {
            self.begin(token, word)?;
        }
        self.nest(word)?;
        if token.kind == Kind::Parameter {
            self.numbers.note(word);
        }
        self.clause(token, word)?;
        if let Some(outline) = &mut self.outline {
            outline.end = token.end;
        }
        self.before = word;
        Ok(())
    }

    fn begin(&mut self, token: Token, word: &str) -> Result<(), NotBuildable> {
        let is = |expect: &str| word.eq_ignore_ascii_case(expect);
        self.is_with = is("WITH");
        if token.kind != Kind::Word || !(self.is_with || is("SELECT") || is("VALUES")) {
            return Err("does not begin with SELECT, WITH or VALUES");
        }
        self.outline = Some(Outline {
            end: token.end,
            order: None,
            has_plain_order: true,
            is_limited: false,
            locks: false,
            places: Places::Numbered(0),
        });
        Ok(())
    }

    fn nest(&mut self, word: &str) -> Result<(), NotBuildable> {
        match word {
            "(" => self.depth += 1,
            ")" => self.depth = self.depth.checked_sub(1).ok_or(UNBALANCED)?,
            _ => {}
        }
        Ok(())
    }

    fn clause(&mut self, token: Token, word: &str) -> Result<(), NotBuildable> {
        let is = |words: &[&str]| words.iter().any(|it| word.eq_ignore_ascii_case(it));
        let is_word = token.kind == Kind::Word && self.before != ".";
        let begins = matches!(self.before, "(" | ")");
        if self.is_with && is_word && begins && is(&["INSERT", "UPDATE", "DELETE", "MERGE"]) {
            return Err("writes");
        }
        let (depth, before) = (self.depth, self.before);
        let Some(outline) = &mut self.outline else { return Ok(()) };
        if outline.order.is_some() {
            let is_name = matches!(token.kind, Kind::Word | Kind::Quoted | Kind::Number);
            outline.has_plain_order &= is_name || matches!(word, "," | ".");
        }
        if depth > 0 || !is_word {
            return Ok(());
        }
        if is(&["ORDER"]) && !before.eq_ignore_ascii_case("AS") {
            outline.order = Some(token.start);
        }
        if is(&["INTO"]) {
            return Err("writes");
        }
        outline.is_limited |= is(&["LIMIT", "OFFSET", "FETCH"]);
        outline.locks |= is(&["FOR"]);
        Ok(())
    }

    fn finish(self) -> Result<Outline, NotBuildable> {
        let mut outline = self.outline.ok_or("is empty")?;
        if self.depth > 0 {
            return Err(UNBALANCED);
        }
        outline.places = self.numbers.places()?;
        Ok(outline)
    }
}

const UNBALANCED: NotBuildable = "has parentheses that do not match";

/// The numbers of parameters, given as the database gives them.
#[derive(Default)]
pub(super) struct Numbers<'a> {
    last: usize,
    has_numbered: bool,
    named: HashMap<&'a str, usize>,
}

impl<'a> Numbers<'a> {
    /// The number of the next parameter in the text.
    pub(super) fn note(&mut self, word: &'a str) -> usize {
        let number = match digits(word) {
            Some("") => self.last.saturating_add(1),
            // The database refuses what does not fit.
            Some(digits) => digits.parse().unwrap_or(usize::MAX),
            None => *self.named.entry(word).or_insert(self.last.saturating_add(1)),
        };
        self.has_numbered |= digits(word).is_some();
        self.last = self.last.max(number);
        number
    }

    pub(super) fn places(&self) -> Result<Places, NotBuildable> {
        match (self.has_numbered, self.named.is_empty()) {
            (true, false) => Err("has parameters with names beside others without"),
            (_, true) => Ok(Places::Numbered(self.last)),
            (false, false) => Ok(Places::Named),
        }
    }
}

/// The digits of a parameter that has a number; none for a bare `?`. PostgreSQL's have a dollar
/// sign before them, with which an SQLite name may begin, too.
fn digits(word: &str) -> Option<&str> {
    let numbered = |it: &&str| !it.is_empty() && it.bytes().all(|byte| byte.is_ascii_digit());
    word.strip_prefix('?').or_else(|| word.strip_prefix('$').filter(numbered))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outlines() {
        let check = |sql: &str, expect: Result<(&str, Option<&str>, bool, bool, Places), &str>| {
            let found = outline(sql, Dialect::Sqlite);
            let found = found.map(|it| {
                let order = it.order.map(|at| &sql[at..it.end]);
                (&sql[..it.end], order, it.has_plain_order, it.is_limited || it.locks, it.places)
            });
            assert_eq!(found, expect, "{sql:?}");
        };
        let none = Places::Numbered(0);
        check("SELECT 1", Ok(("SELECT 1", None, true, false, none)));
        check(
            "SELECT a FROM t ORDER BY a DESC, t.\"b\" ; ; -- x",
            Ok((
                "SELECT a FROM t ORDER BY a DESC, t.\"b\"",
                Some("ORDER BY a DESC, t.\"b\""),
                true,
                false,
                none,
            )),
        );
        check(
            "SELECT a FROM (SELECT a FROM t ORDER BY a LIMIT 5) ORDER BY lower(a)",
            Ok((
                "SELECT a FROM (SELECT a FROM t ORDER BY a LIMIT 5) ORDER BY lower(a)",
                Some("ORDER BY lower(a)"),
                false,
                false,
                none,
            )),
        );
        let sql = "SELECT row_number() OVER (ORDER BY a), 'order limit' AS \"limit\" FROM t";
        check(sql, Ok((sql, None, true, false, none)));
        let sql = "SELECT t.limit FROM t";
        check(sql, Ok((sql, None, true, false, none)));
        let sql = "VALUES (1) LIMIT 3";
        check(sql, Ok((sql, None, true, true, none)));
        let sql = "SELECT a FROM t WHERE a = ? AND b = ?5 AND c = ?";
        check(sql, Ok((sql, None, true, false, Places::Numbered(6))));
        let sql = "WITH c AS (SELECT :a) SELECT * FROM c WHERE x = @b";
        check(sql, Ok((sql, None, true, false, Places::Named)));
        check("SELECT :a, ?", Err("has parameters with names beside others without"));
        check("SELECT 1; SELECT 2", Err("holds more than one statement"));
        check("SELECT (1", Err(UNBALANCED));
        check("SELECT 1) UNION SELECT (2", Err(UNBALANCED));
        check("SELECT 'x", Err("has a token that is none"));
        check("WITH a AS (SELECT 1) DELETE FROM t", Err("writes"));
        check("SELECT a INTO b FROM t ORDER BY a", Err("writes"));
        check("UPDATE t SET a = 1", Err("does not begin with SELECT, WITH or VALUES"));
        check("(SELECT 1)", Err("does not begin with SELECT, WITH or VALUES"));
        check("-- nothing", Err("is empty"));
    }

    #[cfg(feature = "postgres")]
    #[test]
    fn outlines_in_the_words_of_postgres() {
        let places = |sql| outline(sql, Dialect::Postgres).map(|it| it.places);
        assert_eq!(places("SELECT $2::int, '$9', a ? 'b' FROM t"), Ok(Places::Numbered(2)));
        let locks = |sql| outline(sql, Dialect::Postgres).map(|it| (it.locks, it.is_limited));
        assert_eq!(locks("SELECT a FROM t FOR UPDATE"), Ok((true, false)));
        assert_eq!(locks("SELECT a FROM t FETCH FIRST 3 ROWS ONLY"), Ok((false, true)));
        assert_eq!(places("WITH d AS (DELETE FROM t RETURNING *) SELECT * FROM d"), Err("writes"));
    }

    #[test]
    fn queries_of_one_whole_table() {
        let check = |sql: &str, expect: Option<&str>| {
            assert_eq!(plain_source(sql, Dialect::Sqlite).as_deref(), expect, "{sql}");
        };
        check("SELECT * FROM t", Some("t"));
        check("select t.a, \"b\" as c from [T t] order by a desc, c;", Some("T t"));
        check("SELECT a FROM t WHERE b", None);
        check("SELECT DISTINCT a FROM t", None);
        check("SELECT count(*) FROM t", None);
        check("SELECT a FROM t, u", None);
        check("SELECT a FROM t ORDER BY a LIMIT 3", None);
        check("SELECT a FROM (SELECT a FROM t)", None);
        check("SELECT a FROM t JOIN u", None);
        check("SELECT a FROM t ORDER BY lower(a)", None);
        check("SELECT 1", None);
        check("VALUES (1)", None);
    }
}
