//! Trigger functions that only stamp a row: PL/pgSQL that assigns to columns of NEW what it takes
//! from constants, from the row, and from functions of the server that write nothing. Deny by
//! default: a text that is not of this small language is not one of them. It asks nothing.

use std::collections::BTreeSet;

/// The longest text that is read.
const BYTES_MAX: usize = 20_000;
/// Brackets and IFs within each other.
const DEPTH_MAX: usize = 32;

/// Functions of the server that write nothing, by a name that no function of a user may have.
pub(super) const FUNCTIONS: &[&str] = &[
    "abs",
    "btrim",
    "clock_timestamp",
    "concat",
    "date_trunc",
    "gen_random_uuid",
    "length",
    "lower",
    "md5",
    "now",
    "round",
    "statement_timestamp",
    "timezone",
    "to_tsvector",
    "transaction_timestamp",
    "upper",
];

/// The same for operators.
pub(super) const OPERATORS: &[&str] = &["!=", "*", "+", "-", "<", "<=", "<>", "=", ">", ">=", "||"];

/// Words that stand for a value by the grammar, whatever functions there are.
const VALUES: &[&str] = &[
    "current_date",
    "current_time",
    "current_timestamp",
    "current_user",
    "false",
    "localtime",
    "localtimestamp",
    "null",
    "session_user",
    "tg_op",
    "tg_table_name",
    "tg_table_schema",
    "true",
    "user",
];

/// What looks like a function and is grammar.
const GRAMMAR: &[&str] = &["coalesce", "greatest", "least", "nullif"];

/// What a body mentions that may mean something else than it seems.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Mentioned<'a> {
    /// Columns of the row, as the catalogue has them.
    pub(super) columns: BTreeSet<String>,
    /// Functions and operators out of the lists above.
    pub(super) names: BTreeSet<&'a str>,
}

/// What the body of a trigger function mentions; `None` unless it only stamps the row.
pub(super) fn read(body: &str) -> Option<Mentioned<'static>> {
    if body.len() > BYTES_MAX {
        return None;
    }
    let mut reader = Reader { tokens: tokens(body)?, at: 0, depth: 0, found: Mentioned::default() };
    reader.word("begin")?;
    reader.statements()?;
    reader.word("end")?;
    let _ = reader.sign(";");
    (reader.at == reader.tokens.len()).then_some(reader.found)
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token<'t> {
    /// Without quotes, in small letters as the server has it.
    Word(String),
    /// With quotes.
    Name(&'t str),
    Text,
    Number,
    Sign(&'t str),
}

/// `None` where something is not certain.
fn tokens(text: &str) -> Option<Vec<Token<'_>>> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if let Some(behind) = blank(rest, first)? {
            rest = behind;
            continue;
        }
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let length = |is: &dyn Fn(char) -> bool| rest.find(|c| !is(c)).unwrap_or(rest.len());
        let (token, length) = match first {
            'a'..='z' | 'A'..='Z' | '_' => {
                let length = length(&is_part);
                (Token::Word(rest[..length].to_ascii_lowercase()), length)
            }
            '0'..='9' => {
                let length = length(&|c| c.is_ascii_digit() || c == '.');
                if rest[length..].starts_with(is_part) {
                    return None;
                }
                (Token::Number, length)
            }
            '\'' | '"' => {
                let inner = &rest[1..1 + rest[1..].find(first)?];
                // A doubled quote, or a text that goes on with the next one.
                if inner.contains('\\') || rest[inner.len() + 2..].trim_start().starts_with(first) {
                    return None;
                }
                let token = if first == '"' { Token::Name(inner) } else { Token::Text };
                (token, inner.len() + 2)
            }
            '(' | ')' | ',' | ';' | '.' => (Token::Sign(&rest[..1]), 1),
            ':' if rest.starts_with(":=") => (Token::Sign(":="), 2),
            _ => {
                let length = length(&|c| "+-*/<>=~!@#%^&|`?".contains(c));
                let run = &rest[..length];
                let end = ["--", "/*"].iter().filter_map(|it| run.find(it)).min();
                let run = &run[..end.unwrap_or(length)];
                (Token::Sign(OPERATORS.iter().find(|it| **it == run)?), run.len())
            }
        };
        tokens.push(token);
        rest = &rest[length..];
    }
    Some(tokens)
}

/// What is behind a blank or a comment, if the text begins with one; nothing where it is not
/// certain where that ends.
#[expect(clippy::option_option, reason = "what is no blank is no fault")]
fn blank(text: &str, first: char) -> Option<Option<&str>> {
    if first.is_ascii_whitespace() {
        return Some(Some(&text[1..]));
    }
    if text.starts_with("--") {
        return Some(Some(text.find(['\n', '\r']).map_or("", |end| &text[end..])));
    }
    if let Some(comment) = text.strip_prefix("/*") {
        let (inner, behind) = comment.split_once("*/")?;
        // They may be nested.
        return (!inner.contains("/*")).then_some(Some(behind));
    }
    Some(None)
}

struct Reader<'t> {
    tokens: Vec<Token<'t>>,
    at: usize,
    depth: usize,
    found: Mentioned<'static>,
}

impl Reader<'_> {
    fn is_word(&self, word: &str) -> bool {
        matches!(self.tokens.get(self.at), Some(Token::Word(it)) if it == word)
    }

    fn word(&mut self, word: &str) -> Option<()> {
        self.is_word(word).then(|| self.at += 1)
    }

    fn sign(&mut self, sign: &str) -> Option<()> {
        let is_it = self.tokens.get(self.at) == Some(&Token::Sign(sign));
        is_it.then(|| self.at += 1)
    }

    fn one_of<'w>(&mut self, words: &[&'w str]) -> Option<&'w str> {
        let word = *words.iter().find(|word| self.is_word(word))?;
        self.at += 1;
        Some(word)
    }

    fn deeper(&mut self, read: impl FnOnce(&mut Self) -> Option<()>) -> Option<()> {
        self.depth += 1;
        let done = if self.depth > DEPTH_MAX { None } else { read(self) };
        self.depth -= 1;
        done
    }

    fn statements(&mut self) -> Option<()> {
        while !["end", "elsif", "elseif", "else"].iter().any(|word| self.is_word(word)) {
            self.statement()?;
        }
        Some(())
    }

    fn statement(&mut self) -> Option<()> {
        match self.one_of(&["return", "null", "if", "new"])? {
            "return" => drop(self.one_of(&["new", "old", "null"])?),
            "null" => {}
            "if" => self.deeper(Reader::choice)?,
            _ => {
                self.column()?;
                self.sign(":=").or_else(|| self.sign("="))?;
                self.expression()?;
            }
        }
        self.sign(";")
    }

    /// What comes after IF, up to END IF.
    fn choice(&mut self) -> Option<()> {
        self.expression()?;
        self.word("then")?;
        self.statements()?;
        while self.one_of(&["elsif", "elseif"]).is_some() {
            self.expression()?;
            self.word("then")?;
            self.statements()?;
        }
        if self.word("else").is_some() {
            self.statements()?;
        }
        self.word("end")?;
        self.word("if")
    }

    /// What comes after NEW or OLD.
    fn column(&mut self) -> Option<()> {
        self.sign(".")?;
        let name = match self.tokens.get(self.at)? {
            Token::Word(name) => name.clone(),
            Token::Name(name) => (*name).to_owned(),
            _ => return None,
        };
        self.at += 1;
        self.found.columns.insert(name);
        Some(())
    }

    /// Operands with operators between; what binds more tightly does not matter.
    fn expression(&mut self) -> Option<()> {
        self.deeper(|reader| {
            loop {
                reader.operand()?;
                reader.tests()?;
                if reader.between().is_none() {
                    return Some(());
                }
            }
        })
    }

    /// IS NULL and its like, behind an operand.
    fn tests(&mut self) -> Option<()> {
        while self.is_word("is") {
            let before = self.at;
            self.at += 1;
            let _ = self.word("not");
            if self.is_word("distinct") {
                // It stands between two operands.
                self.at = before;
                return Some(());
            }
            self.one_of(&["null", "true", "false"])?;
        }
        Some(())
    }

    fn between(&mut self) -> Option<()> {
        if self.one_of(&["and", "or"]).is_some() {
            return Some(());
        }
        if self.word("is").is_some() {
            let _ = self.word("not");
            self.word("distinct")?;
            self.found.names.insert("=");
            return self.word("from");
        }
        self.operator()
    }

    fn operator(&mut self) -> Option<()> {
        let name = *OPERATORS.iter().find(|it| self.sign(it).is_some())?;
        self.found.names.insert(name);
        Some(())
    }

    fn operand(&mut self) -> Option<()> {
        while self.word("not").is_some() || self.prefix().is_some() {}
        match self.tokens.get(self.at)? {
            Token::Text | Token::Number => {
                self.at += 1;
                return Some(());
            }
            Token::Sign("(") => {
                self.at += 1;
                self.expression()?;
                return self.sign(")");
            }
            _ => {}
        }
        if self.one_of(VALUES).is_some() {
            return Some(());
        }
        if self.one_of(&["new", "old"]).is_some() {
            return self.column();
        }
        if let Some(name) = self.one_of(GRAMMAR) {
            // The others compare by the default order of the type, if at all.
            if name == "nullif" {
                self.found.names.insert("=");
            }
            return self.arguments();
        }
        if self.word("pg_catalog").is_some() {
            self.sign(".")?;
        }
        let name = self.one_of(FUNCTIONS)?;
        self.found.names.insert(name);
        self.arguments()
    }

    fn prefix(&mut self) -> Option<()> {
        let name = *["+", "-"].iter().find(|it| self.sign(it).is_some())?;
        self.found.names.insert(name);
        Some(())
    }

    fn arguments(&mut self) -> Option<()> {
        self.sign("(")?;
        if self.sign(")").is_some() {
            return Some(());
        }
        self.expression()?;
        while self.sign(",").is_some() {
            self.expression()?;
        }
        self.sign(")")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str, expect: Option<(&[&str], &[&str])>) {
        let expect = expect.map(|(columns, names)| Mentioned {
            columns: columns.iter().map(|it| (*it).to_owned()).collect(),
            names: names.iter().copied().collect(),
        });
        assert_eq!(read(body), expect, "{body}");
    }

    #[test]
    fn what_only_stamps_a_row() {
        let at: &[&str] = &["at"];
        check("BEGIN NEW.at := now(); RETURN NEW; END", Some((at, &["now"])));
        check("\n begin\n new.at = Now() ;\nreturn new;\nend;\n", Some((at, &["now"])));
        check("BEGIN NEW.AT := CURRENT_TIMESTAMP; RETURN NEW; END;", Some((at, &[])));
        check("BEGIN NEW.\"At\" := pg_catalog.now(); RETURN NEW; END", Some((&["At"], &["now"])));
        check(
            "BEGIN -- a; b\n NEW.n := OLD.n + 1; /* c */ NEW.v := lower(NEW.v) || '-x';
             RETURN NEW; END",
            Some((&["n", "v"], &["+", "lower", "||"])),
        );
        check(
            "BEGIN IF TG_OP = 'UPDATE' AND NEW.a IS DISTINCT FROM OLD.a THEN NEW.at := now();
             ELSIF NOT (NEW.b IS NOT NULL) THEN NULL; ELSE NEW.b := coalesce(NEW.b, -1); END IF;
             RETURN NEW; END",
            Some((&["a", "at", "b"], &["-", "=", "now"])),
        );
        check("BEGIN RETURN OLD; END", Some((&[], &[])));
        check("BEGIN END", Some((&[], &[])));
        check("BEGIN NEW.n := OLD.n +-- one\n1; END", Some((&["n"], &["+"])));
    }

    #[test]
    fn what_may_do_more() {
        for body in [
            "",
            "BEGIN",
            "END",
            "BEGIN NEW.at := now(); RETURN NEW; END; SELECT 1",
            "BEGIN NEW.at := note(); RETURN NEW; END",
            "BEGIN NEW.at := public.now(); RETURN NEW; END",
            "BEGIN NEW.at := now; RETURN NEW; END",
            "BEGIN NEW.at := \"now\"(); RETURN NEW; END",
            "BEGIN NEW.at := (SELECT now()); RETURN NEW; END",
            "BEGIN NEW.at := now() FROM t; RETURN NEW; END",
            "BEGIN NEW.at := now()::text; RETURN NEW; END",
            "BEGIN NEW.at := NEW.a @@ NEW.b; RETURN NEW; END",
            "BEGIN NEW.at := 1 +- 2; RETURN NEW; END",
            "BEGIN NEW.at := note; RETURN NEW; END",
            "BEGIN NEW.at.x := 1; RETURN NEW; END",
            "BEGIN NEW.at[1] := 1; RETURN NEW; END",
            "BEGIN NEW := OLD; RETURN NEW; END",
            "BEGIN OLD.at := now(); RETURN NEW; END",
            "BEGIN PERFORM note(); RETURN NEW; END",
            "BEGIN UPDATE t SET a = 1; RETURN NEW; END",
            "BEGIN NEW.a := E'\\''; PERFORM note(); --'; END",
            "BEGIN NEW.a := 'a''b'; RETURN NEW; END",
            "BEGIN NEW.a := 'a'\n'b'; RETURN NEW; END",
            "BEGIN NEW.a := $$a$$; RETURN NEW; END",
            "BEGIN NEW.a := '\\'; RETURN NEW; END",
            "BEGIN /* /* */ NEW.a := note(); */ RETURN NEW; END",
            "BEGIN /* NEW.a := 1; END",
            "DECLARE x int := note(); BEGIN RETURN NEW; END",
            "<<a>> BEGIN RETURN NEW; END",
            "BEGIN RETURN NEW; EXCEPTION WHEN others THEN RETURN NULL; END",
            "BEGIN IF note() THEN RETURN NEW; END IF; END",
            "BEGIN IF NEW.a = 1 THEN RETURN NEW; END; END",
            "BEGIN IF NEW IS DISTINCT FROM OLD THEN RETURN NEW; END IF; END",
            "BEGIN NEW.a := new.b IN (1, 2); RETURN NEW; END",
            "BEGIN EXECUTE 'x'; RETURN NEW; END",
            "BEGIN NEW.a := 1e5; RETURN NEW; END",
            "BEGIN NEW.é := 1; RETURN NEW; END",
            "BEGIN NEW.a := now(; RETURN NEW; END",
            "BEGIN NEW.a := now(1,); RETURN NEW; END",
            "BEGIN NEW.a := 1 2; RETURN NEW; END",
            "BEGIN NEW.a := CURRENT_TIMESTAMP note(); RETURN NEW; END",
        ] {
            check(body, None);
        }
        let deep = format!("BEGIN NEW.a := {}1{}; END", "(".repeat(40), ")".repeat(40));
        check(&deep, None);
        check(&format!("BEGIN {} END", " ".repeat(BYTES_MAX)), None);
    }

    #[test]
    fn no_text_panics() {
        let pieces =
            ["BEGIN", "NEW", ".", "a", ":=", "now()", "'", "\"", "--", "/*", "*/", ";", "é"];
        for one in pieces {
            for two in pieces {
                for three in pieces {
                    read(&format!("{one} {two}{three}"));
                }
            }
        }
    }
}
