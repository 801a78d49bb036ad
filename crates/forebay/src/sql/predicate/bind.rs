//! A text made ready for the parser: every parameter gets the number that SQLite gives it, blanks
//! and comments go, and texts too long or too deeply nested are refused. It does not parse.

use std::collections::{BTreeSet, HashMap};

use super::occurrence::NotUnderstood;
use super::place::plain;
use crate::sql::lex::{Kind, Token, tokens};

/// Longer texts are not read: it would cost more than it brings.
const BYTES_MAX: usize = 100_000;

/// Parentheses within one another. Queries nest by nothing else, so this bounds recursion.
const NESTING_MAX: usize = 100;

/// SQLite's largest parameter number, unless it was compiled with another.
const PARAMETER_MAX: usize = 32_766;

/// What stands in the texts of a query.
#[derive(Debug, Default)]
pub(super) struct Mentions {
    pub(super) names: BTreeSet<String>,
    pub(super) is_natural: bool,
}

/// A text as the parser gets it: one statement, tokens cut where SQLite cuts them and set apart by
/// one blank, parameters as `?` with their number.
#[derive(Debug, Default)]
pub(super) struct Bound {
    pub(super) text: String,
    /// The LIMIT of the statement itself is written with a comma, so that the offset comes first.
    /// The syntax tree does not show it.
    pub(super) is_offset_first: bool,
}

/// Makes a text ready, and notes every identifier on the way.
pub(super) fn bind(sql: &str, mentions: &mut Mentions) -> Result<Bound, NotUnderstood> {
    if sql.len() > BYTES_MAX {
        return Err(NotUnderstood::because(format!("the text is longer than {BYTES_MAX} bytes")));
    }
    let mut text = String::with_capacity(sql.len() + 16);
    let mut numbers = Numbers::default();
    let mut nesting = 0usize;
    let mut before = "";
    let (mut is_over, mut is_in_limit, mut is_offset_first) = (false, false, false);
    for token in tokens(sql).filter(|token| token.kind.is_significant()) {
        let word = &sql[token.start..token.end];
        if token.kind == Kind::Semicolon {
            is_over = !text.is_empty();
            continue;
        }
        if is_over {
            return Err(NotUnderstood::because("there is more than one statement"));
        }
        nesting = nest(nesting, word)?;
        if nesting == 0 {
            // LIMIT is never a name, and nothing with a comma follows it in a query.
            is_in_limit |= token.kind == Kind::Word && word.eq_ignore_ascii_case("limit");
            is_offset_first |= is_in_limit && word == ",";
        }
        // A name behind a dot is one of the relation before it, and SQLite reports it as such.
        if before != "." {
            mentions.note(token, word);
        }
        before = word;
        match token.kind {
            Kind::Parameter => {
                text.push('?');
                text.push_str(&numbers.number(word)?.to_string());
            }
            // The underscores between digits mean nothing.
            Kind::Number => text.extend(word.chars().filter(|c| *c != '_')),
            Kind::Illegal => return Err(NotUnderstood::because("it has a token that is none")),
            _ => text.push_str(word),
        }
        text.push(' ');
    }
    Ok(Bound { text, is_offset_first })
}

/// Whatever could be an identifier in a text, without quotes and in lower case.
pub(crate) fn identifiers(sql: &str) -> BTreeSet<String> {
    let mut mentions = Mentions::default();
    tokens(sql).for_each(|token| mentions.note(token, &sql[token.start..token.end]));
    mentions.names
}

/// The parameters of a text: how many there are, and the numbers of those that have a name, each
/// with its name as it is written. `None` for a text that SQLite refuses.
pub(crate) fn parameters(sql: &str) -> Option<(usize, Vec<(&str, usize)>)> {
    let mut numbers = Numbers::default();
    for token in tokens(sql).filter(|token| token.kind == Kind::Parameter) {
        numbers.number(&sql[token.start..token.end]).ok()?;
    }
    Some((numbers.last, numbers.named.into_iter().collect()))
}

/// The depth behind a token.
fn nest(depth: usize, word: &str) -> Result<usize, NotUnderstood> {
    let depth = match word {
        "(" => depth + 1,
        ")" => depth.saturating_sub(1),
        _ => depth,
    };
    if depth > NESTING_MAX {
        return Err(NotUnderstood::because(format!("it is nested deeper than {NESTING_MAX}")));
    }
    Ok(depth)
}

impl Mentions {
    fn note(&mut self, token: Token, word: &str) {
        match token.kind {
            Kind::Word => {
                let name = word.to_ascii_lowercase();
                self.is_natural |= name == "natural" || name == "using";
                self.names.insert(name);
            }
            // A string may stand for a name, as in `t.'x'`.
            Kind::Quoted | Kind::Text => {
                self.names.insert(plain(word));
            }
            _ => {}
        }
    }
}

/// The numbers of parameters, given as SQLite's parser gives them: in the order of the text.
#[derive(Debug, Default)]
struct Numbers<'a> {
    last: usize,
    named: HashMap<&'a str, usize>,
}

impl<'a> Numbers<'a> {
    fn number(&mut self, parameter: &'a str) -> Result<usize, NotUnderstood> {
        let number = match parameter.strip_prefix('?') {
            Some("") => self.last + 1,
            Some(digits) => digits.parse().unwrap_or(0),
            None if parameter.starts_with('#') => 0,
            None => *self.named.entry(parameter).or_insert(self.last + 1),
        };
        if number == 0 || number > PARAMETER_MAX {
            return Err(NotUnderstood::because("it has a parameter that SQLite refuses"));
        }
        self.last = self.last.max(number);
        Ok(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_for_the_parser() {
        let check = |sql: &str, expect: Result<&str, &str>| {
            let bound = bind(sql, &mut Mentions::default());
            let bound = bound.as_ref().map(|it| it.text.trim_end());
            assert_eq!(bound.map_err(NotUnderstood::reason), expect, "{sql:?}");
        };
        check("SELECT ?, ?5, ?, :a, $b, :a, ?2", Ok("SELECT ?1 , ?5 , ?6 , ?7 , ?8 , ?7 , ?2"));
        check(":a :A @a $a :a", Ok("?1 ?2 ?3 ?4 ?1"));
        check("?3 :a ?3 :a ?", Ok("?3 ?4 ?3 ?4 ?5"));
        check("$a::b(c) ?001", Ok("?1 ?1"));
        check(";; SELECT 1_000.5 /* ? */ -- ?\n;;", Ok("SELECT 1000.5"));
        check("SELECT 1; SELECT 2", Err("there is more than one statement"));
        check("SELECT ?0", Err("it has a parameter that SQLite refuses"));
        check("SELECT ?32767", Err("it has a parameter that SQLite refuses"));
        check("SELECT 'x", Err("it has a token that is none"));
        check(&"(".repeat(101), Err("it is nested deeper than 100"));
        check(&"x".repeat(100_001), Err("the text is longer than 100000 bytes"));
    }

    #[test]
    fn limits_with_a_comma() {
        let check = |sql: &str, expect| {
            let bound = bind(sql, &mut Mentions::default()).unwrap();
            assert_eq!(bound.is_offset_first, expect, "{sql}");
        };
        check("SELECT a, b FROM t LIMIT 5", false);
        check("SELECT a FROM t LIMIT 5 OFFSET 6", false);
        check("SELECT a FROM t limit 5, 6", true);
        check("SELECT (SELECT 1 LIMIT 5, 6), 2 FROM t LIMIT 7", false);
        check("SELECT (SELECT 1 LIMIT 5), 2 FROM t LIMIT 7, 8", true);
        check("SELECT a FROM t LIMIT max(1, 2)", false);
        check("SELECT \"limit\", 'limit', 1 FROM t", false);
    }

    #[test]
    fn names_of_every_spelling() {
        let mut mentions = Mentions::default();
        let sql = "SELECT A, \"B\"\"b\", [C c], `D`, t.'E', 1e5, ?, :f /* g */ FROM t";
        bind(sql, &mut mentions).unwrap();
        let names: Vec<&str> = mentions.names.iter().map(String::as_str).collect();
        assert_eq!(names, ["a", "b\"b", "c c", "d", "from", "select", "t"]);
        assert!(!mentions.is_natural);
        bind("a NATURAL JOIN b", &mut mentions).unwrap();
        assert!(mentions.is_natural);
    }
}
