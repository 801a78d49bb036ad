//! Where the statements of a script begin and end. It cuts where `sqlite3` and `psql` do: not in
//! strings, comments and parentheses, nor in the bodies of triggers and of functions. A text that
//! is not valid is cut somewhere, and the database refuses a piece of it.

use std::ops::Range;

use super::lex::{Dialect, Kind, Token, tokens_in};

/// One statement of a script: from its first word to before its semicolon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) range: Range<usize>,
    /// The line of its first word, from 1.
    pub(crate) line: usize,
}

/// The statements of a script, in order; empty ones are left out.
pub(crate) fn split(script: &str, dialect: Dialect) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut lines = Lines { script, at: 0, line: 1 };
    let mut open: Option<Range<usize>> = None;
    let mut depth = Depth::new(dialect);
    for token in tokens_in(script, dialect).filter(|token| token.kind.is_significant()) {
        let is_end = depth.ends_at(token, &script[token.start..token.end]);
        if is_end {
            pieces.extend(open.take().map(|range| lines.piece(range)));
            depth = Depth::new(dialect);
        } else {
            open.get_or_insert(token.start..token.end).end = token.end;
        }
    }
    pieces.extend(open.map(|range| lines.piece(range)));
    pieces
}

/// The comments before the first statement of a script, without what marks them.
pub(crate) fn leading_comments(script: &str, dialect: Dialect) -> impl Iterator<Item = &str> {
    let tokens = tokens_in(script, dialect).take_while(|token| !token.kind.is_significant());
    tokens.filter(|token| token.kind == Kind::Comment).map(|token| {
        let text = &script[token.start..token.end];
        let text = text.strip_prefix("/*").and_then(|it| it.strip_suffix("*/")).unwrap_or(text);
        text.trim_start_matches('-').trim()
    })
}

/// The tokens of a statement that mean something, words in lower case and without their quotes.
pub(crate) fn words(statement: &str, dialect: Dialect) -> impl Iterator<Item = String> {
    let tokens = tokens_in(statement, dialect).filter(|token| token.kind.is_significant());
    tokens.map(move |token| {
        let text = &statement[token.start..token.end];
        match (token.kind, dialect) {
            (Kind::Word, _) => text.to_ascii_lowercase(),
            (Kind::Quoted, _) => unquoted(text),
            _ => text.to_owned(),
        }
    })
}

/// Where the tokens of a statement that mean something lie.
pub(crate) fn tokens_of(statement: &str, dialect: Dialect) -> Vec<Range<usize>> {
    let tokens = tokens_in(statement, dialect).filter(|token| token.kind.is_significant());
    tokens.map(|token| token.start..token.end).collect()
}

fn unquoted(text: &str) -> String {
    let mut inner = text.chars();
    let quote = inner.next().unwrap_or('"');
    inner.next_back();
    let inner = inner.as_str();
    if quote == '[' {
        inner.to_owned()
    } else {
        inner.replace(&format!("{quote}{quote}"), &quote.to_string())
    }
}

/// Counts lines, each once.
struct Lines<'a> {
    script: &'a str,
    at: usize,
    line: usize,
}

impl Lines<'_> {
    fn piece(&mut self, range: Range<usize>) -> Piece {
        let between = &self.script.as_bytes()[self.at..range.start];
        self.line += between.iter().filter(|byte| **byte == b'\n').count();
        self.at = range.start;
        Piece { range, line: self.line }
    }
}

/// How deep within something that may hold semicolons the text is.
enum Depth {
    Sqlite(Trigger),
    #[cfg(feature = "postgres")]
    Postgres(Body),
}

impl Depth {
    fn new(dialect: Dialect) -> Depth {
        match dialect {
            Dialect::Sqlite => Depth::Sqlite(Trigger::Begin),
            #[cfg(feature = "postgres")]
            Dialect::Postgres => Depth::Postgres(Body::default()),
        }
    }

    /// Whether the statement ends with this token, which is a semicolon then.
    fn ends_at(&mut self, token: Token, word: &str) -> bool {
        match self {
            Depth::Sqlite(trigger) => {
                let is_end = token.kind == Kind::Semicolon && trigger.may_end();
                *trigger = trigger.after(token, word);
                is_end
            }
            #[cfg(feature = "postgres")]
            Depth::Postgres(body) => body.ends_at(token, word),
        }
    }
}

/// Whether a statement is a trigger, whose body holds statements: that one ends with `; END;`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trigger {
    /// Before its first word, or after EXPLAIN. Then `Create` or `No`.
    Begin,
    /// After CREATE, or CREATE TEMP. Then `Body` or `No`.
    Create,
    /// It is none.
    No,
    /// Within the body. Then `Semicolon`.
    Body,
    /// After a semicolon in the body. Then `End` or `Body`.
    Semicolon,
    /// After END behind a semicolon: the next semicolon ends it. Else `Body`.
    End,
}

impl Trigger {
    fn may_end(self) -> bool {
        matches!(self, Trigger::Begin | Trigger::Create | Trigger::No | Trigger::End)
    }

    fn after(self, token: Token, word: &str) -> Trigger {
        let is = |words: &[&str]| words.iter().any(|it| word.eq_ignore_ascii_case(it));
        let is_semicolon = token.kind == Kind::Semicolon;
        match self {
            Trigger::Begin if is(&["EXPLAIN", "QUERY", "PLAN"]) => Trigger::Begin,
            Trigger::Begin if is(&["CREATE"]) => Trigger::Create,
            Trigger::Create if is(&["TEMP", "TEMPORARY"]) => Trigger::Create,
            Trigger::Create if is(&["TRIGGER"]) => Trigger::Body,
            Trigger::Begin | Trigger::Create | Trigger::No => Trigger::No,
            Trigger::Body | Trigger::Semicolon | Trigger::End if is_semicolon => Trigger::Semicolon,
            Trigger::Semicolon if is(&["END"]) => Trigger::End,
            Trigger::Body | Trigger::Semicolon | Trigger::End => Trigger::Body,
        }
    }
}

/// Parentheses, and the body of a function that is written in SQL: `BEGIN ATOMIC … END`.
#[cfg(feature = "postgres")]
#[derive(Default)]
struct Body {
    parentheses: usize,
    blocks: usize,
    /// The first words, as far as they say whether it makes a function.
    words: Vec<String>,
}

#[cfg(feature = "postgres")]
impl Body {
    /// Words that say it: CREATE OR REPLACE FUNCTION.
    const WORDS: usize = 4;

    fn ends_at(&mut self, token: Token, word: &str) -> bool {
        match word {
            "(" => self.parentheses += 1,
            ")" => self.parentheses = self.parentheses.saturating_sub(1),
            _ => {}
        }
        if token.kind == Kind::Word {
            self.note(&word.to_ascii_lowercase());
        }
        token.kind == Kind::Semicolon && self.parentheses == 0 && self.blocks == 0
    }

    fn note(&mut self, word: &str) {
        if self.words.len() < Body::WORDS {
            self.words.push(word.to_owned());
        }
        if !self.is_function() || self.parentheses > 0 {
            return;
        }
        match word {
            "begin" => self.blocks += 1,
            "case" if self.blocks > 0 => self.blocks += 1,
            "end" => self.blocks = self.blocks.saturating_sub(1),
            _ => {}
        }
    }

    fn is_function(&self) -> bool {
        let mut words = self.words.iter().map(String::as_str);
        let kind = match (words.next(), words.next()) {
            (Some("create"), Some("or")) => words.nth(1),
            (Some("create"), kind) => kind,
            _ => None,
        };
        matches!(kind, Some("function" | "procedure"))
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::fallible_iterator::FallibleIterator as _;

    use super::*;

    fn pieces(script: &str, dialect: Dialect) -> Vec<(usize, &str)> {
        let pieces = split(script, dialect);
        pieces.into_iter().map(|it| (it.line, &script[it.range])).collect()
    }

    #[test]
    fn scripts_of_sqlite() {
        let check = |script: &str, expect: &[(usize, &str)]| {
            assert_eq!(pieces(script, Dialect::Sqlite), expect, "{script:?}");
        };
        check("", &[]);
        check(" ;; -- only a comment; really\n/* ; */ ;", &[]);
        check("a;b", &[(1, "a"), (1, "b")]);
        check("-- head\na\n ;\n\n b -- tail", &[(2, "a"), (5, "b")]);
        check(
            "SELECT ';', \";\", [;], `;`, x'3b';b",
            &[(1, "SELECT ';', \";\", [;], `;`, x'3b'"), (1, "b")],
        );
        let trigger = "CREATE TEMP TRIGGER t AFTER INSERT ON a BEGIN\n UPDATE b SET c = CASE d \
                       WHEN 1 THEN 2 END;\n DELETE FROM end; END";
        check(&format!("{trigger};\nSELECT 1;"), &[(1, trigger), (4, "SELECT 1")]);
        check(&format!("{trigger} -- the end"), &[(1, trigger)]);
        check(
            "CREATE TABLE trigger (a); END; b",
            &[(1, "CREATE TABLE trigger (a)"), (1, "END"), (1, "b")],
        );
        check("SELECT 'never; ends", &[(1, "SELECT 'never; ends")]);
    }

    /// SQLite itself says where a statement ends.
    #[test]
    fn sqlite_cuts_at_the_same_places() {
        const WORDS: [&str; 22] = [
            "CREATE",
            "TEMP",
            "TRIGGER",
            "x",
            "AFTER INSERT ON a BEGIN",
            "SELECT",
            "1",
            ";",
            ";",
            "END",
            "CASE",
            "WHEN 1 THEN",
            "';'",
            "--;\n",
            "/*;*/",
            "\n",
            "EXPLAIN",
            "TABLE",
            "(",
            ")",
            "DELETE FROM a",
            "END;",
        ];
        let bare = rusqlite::Connection::open_in_memory().unwrap();
        bare.execute_batch("CREATE TABLE a (x)").unwrap();
        let mut random = fastrand::Rng::with_seed(7);
        let (mut whole, mut cut) = (0, 0);
        for _ in 0..20_000 {
            let valid = [
                "CREATE TRIGGER x AFTER INSERT ON a BEGIN DELETE FROM a; \
                 SELECT CASE 1 WHEN 1 THEN 2 END; END;",
                "CREATE TEMP TRIGGER y AFTER INSERT ON a WHEN 1 BEGIN SELECT ';END;'; END;",
                "SELECT 1;",
                "DELETE FROM a;",
                "EXPLAIN SELECT 1;",
            ];
            let mut script = String::new();
            for _ in 0..random.usize(1..6) {
                match random.usize(0..3) {
                    0 => (0..random.usize(1..6)).for_each(|_| {
                        script += WORDS[random.usize(0..WORDS.len())];
                        script.push(' ');
                    }),
                    _ => script += valid[random.usize(0..valid.len())],
                }
            }
            let mut batch = rusqlite::Batch::new(&bare, &script);
            let ours = pieces(&script, Dialect::Sqlite);
            for (_, piece) in &ours {
                match batch.next() {
                    Ok(Some(statement)) => {
                        let theirs = statement.expanded_sql().unwrap();
                        let theirs = pieces(&theirs, Dialect::Sqlite);
                        assert_eq!(theirs.len(), 1, "{script:?}: {theirs:?}");
                        assert_eq!(theirs[0].1, *piece, "{script:?}");
                        whole += 1;
                    }
                    Ok(None) => panic!("{script:?}: {piece:?} is not there"),
                    // The rest cannot be compared: SQLite stops at what it does not understand.
                    Err(_) => {
                        cut += 1;
                        break;
                    }
                }
            }
        }
        assert!(whole > 10_000 && cut > 1_000, "{whole} {cut}");
    }

    #[test]
    fn what_is_said_before_the_first_statement() {
        let check = |script: &str, expect: &[&str]| {
            let found: Vec<&str> = leading_comments(script, Dialect::Sqlite).collect();
            assert_eq!(found, expect, "{script:?}");
        };
        check("-- no-transaction\nVACUUM -- not this", &["no-transaction"]);
        check("\n/* a licence */ --no-transaction", &["a licence", "no-transaction"]);
        check("VACUUM; -- no-transaction", &[]);
    }

    #[cfg(feature = "postgres")]
    #[test]
    fn scripts_of_postgres() {
        let check = |script: &str, expect: &[&str]| {
            let found: Vec<&str> =
                pieces(script, Dialect::Postgres).into_iter().map(|it| it.1).collect();
            assert_eq!(found, expect, "{script:?}");
        };
        check("a; /* ; /* ; */ ; */ b;", &["a", "b"]);
        check("DO $$ begin a; end; $$; b", &["DO $$ begin a; end; $$", "b"]);
        check("SELECT $f$;$$;$f$, E'\\';', 'x;\\';b", &["SELECT $f$;$$;$f$, E'\\';', 'x;\\'", "b"]);
        let rule = "CREATE RULE r AS ON INSERT TO a DO (DELETE FROM b; DELETE FROM c)";
        check(&format!("{rule}; b"), &[rule, "b"]);
        let function = "CREATE OR REPLACE FUNCTION f(a int) RETURNS int LANGUAGE sql BEGIN ATOMIC \
             SELECT CASE WHEN a > 1 THEN 2 END; SELECT 1; END";
        check(&format!("{function}; b"), &[function, "b"]);
        check("BEGIN; a; END; b", &["BEGIN", "a", "END", "b"]);
        check(
            "CREATE TABLE \"create function\" (begin int); b",
            &["CREATE TABLE \"create function\" (begin int)", "b"],
        );
    }
}
