//! Literals and parameters in a text, and what each is there for, as far as the words beside it
//! tell. It is for advice: nothing may be answered by it.

use super::lex::{Dialect, Kind, Token, tokens_in};
use super::outline::Numbers;

/// What an operand is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Something equals it, or is `IN` a list of it alone.
    Equal,
    /// One of several in a list behind `IN`.
    List,
    /// A bound.
    Range,
    /// LIMIT or OFFSET.
    Page,
    /// LIKE and its kin.
    Pattern,
    Other,
}

/// One literal or parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Operand {
    pub(crate) role: Role,
    /// The number that the database gives to a parameter; `None` for a literal.
    pub(crate) number: Option<usize>,
    /// Where it stands.
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// Where the comparison begins behind what it compares: its `=`, or its `IN`.
    pub(crate) sign: Option<usize>,
}

/// All literals and parameters of a text, in order. NULL, TRUE and FALSE are none.
pub(crate) fn operands(sql: &str, dialect: Dialect) -> Vec<Operand> {
    let tokens: Vec<Token> =
        tokens_in(sql, dialect).filter(|token| token.kind.is_significant()).collect();
    let reader = Reader { sql, tokens: &tokens };
    let mut numbers = Numbers::default();
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let number = match token.kind {
            Kind::Parameter => Some(numbers.note(reader.text(at))),
            Kind::Number | Kind::Text | Kind::Blob => None,
            _ => continue,
        };
        let (role, sign) = reader.role(at);
        found.push(Operand { role, number, start: token.start, end: token.end, sign });
    }
    found
}

/// The same text for a reader of SQLite's grammar: parameters with their numbers, and without the
/// casts that only PostgreSQL writes with colons.
pub(crate) fn plainly(sql: &str, dialect: Dialect) -> String {
    if dialect == Dialect::Sqlite {
        return sql.to_owned();
    }
    let tokens: Vec<Token> = tokens_in(sql, dialect).collect();
    let text = |at: usize| tokens.get(at).map_or("", |token| &sql[token.start..token.end]);
    let mut out = String::with_capacity(sql.len());
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        if text(at) == "::" || (text(at) == ":" && text(at + 1) == ":") {
            at += if text(at) == "::" { 1 } else { 2 };
            while text(at + 1) == "." {
                at += 2;
            }
            at += 1;
            for (open, close) in [("(", ")"), ("[", "]")] {
                if text(at) == open {
                    while at < tokens.len() && text(at) != close {
                        at += 1;
                    }
                    at += 1;
                }
            }
            continue;
        }
        // The schema that is meant without its name.
        if text(at) == "public" && text(at + 1) == "." {
            at += 2;
            continue;
        }
        match (token.kind, text(at).strip_prefix('$')) {
            (Kind::Parameter, Some(number)) => {
                out.push('?');
                out.push_str(number);
            }
            _ => out.push_str(text(at)),
        }
        at += 1;
    }
    out
}

struct Reader<'a> {
    sql: &'a str,
    tokens: &'a [Token],
}

impl Reader<'_> {
    fn text(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", |token| &self.sql[token.start..token.end])
    }

    fn is(&self, at: Option<usize>, words: &[&str]) -> bool {
        at.is_some_and(|at| words.iter().any(|word| self.text(at).eq_ignore_ascii_case(word)))
    }

    fn role(&self, at: usize) -> (Role, Option<usize>) {
        let mut before = at.checked_sub(1);
        if self.is(before, &["-", "+"]) {
            before = before.and_then(|it| it.checked_sub(1));
        }
        let behind = Some(at + 1);
        let start = |at: Option<usize>| at.and_then(|at| self.tokens.get(at)).map(|it| it.start);
        if let Some((is_alone, sign)) = self.list(at) {
            let role = if is_alone { Role::Equal } else { Role::List };
            return (role, start(Some(sign)));
        }
        if self.is(before, &["=", "=="]) {
            return (Role::Equal, start(before));
        }
        if self.is(before, &["<", "<=", ">", ">=", "BETWEEN", "<>", "!="]) || self.is_upper(before)
        {
            return (Role::Range, None);
        }
        if self.is(before, &["LIKE", "GLOB", "ILIKE", "REGEXP", "MATCH", "~", "~*", "%"]) {
            return (Role::Pattern, None);
        }
        if self.is(before, &["LIMIT", "OFFSET", "FIRST", "NEXT"]) || self.is_second(before) {
            return (Role::Page, None);
        }
        let role = if self.is(behind, &["=", "=="]) {
            Role::Equal
        } else if self.is(behind, &["<", "<=", ">", ">=", "BETWEEN", "<>", "!="]) {
            Role::Range
        } else {
            Role::Other
        };
        (role, None)
    }

    /// Whether it is in a list behind IN, and whether alone there; with where IN stands.
    fn list(&self, at: usize) -> Option<(bool, usize)> {
        let is_member = |at: usize| {
            let kind = self.tokens.get(at).map(|token| token.kind);
            let is_value =
                matches!(kind, Some(Kind::Number | Kind::Text | Kind::Blob | Kind::Parameter));
            is_value || matches!(self.text(at), "," | "-" | "+")
        };
        let mut open = at.checked_sub(1)?;
        while is_member(open) {
            open = open.checked_sub(1)?;
        }
        let sign = open.checked_sub(1)?;
        if self.text(open) != "(" || !self.is(Some(sign), &["IN"]) {
            return None;
        }
        let is_alone = (open..)
            .skip(1)
            .take_while(|it| is_member(*it))
            .all(|it| !matches!(self.text(it), ","));
        Some((is_alone, sign))
    }

    /// Whether the AND before it is that of a BETWEEN.
    fn is_upper(&self, before: Option<usize>) -> bool {
        let three = |at: usize| at.checked_sub(2);
        self.is(before, &["AND"]) && self.is(before.and_then(three), &["BETWEEN"])
    }

    /// Whether it is the second number of a LIMIT.
    fn is_second(&self, before: Option<usize>) -> bool {
        let two = |at: usize| at.checked_sub(2);
        self.text(before.unwrap_or(usize::MAX)) == "," && self.is(before.and_then(two), &["LIMIT"])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roles(sql: &str, dialect: Dialect) -> String {
        let word = |it: &Operand| {
            let number = it.number.map_or("-".to_owned(), |number| number.to_string());
            format!("{number} {:?}", it.role)
        };
        operands(sql, dialect).iter().map(word).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn roles_by_the_words_beside() {
        let check =
            |sql: &str, expect: &str| assert_eq!(roles(sql, Dialect::Sqlite), expect, "{sql}");
        check("SELECT a FROM t WHERE id = ?", "1 Equal");
        check("SELECT a FROM t WHERE ?2 = id AND b == :x", "2 Equal, 3 Equal");
        check("SELECT a FROM t WHERE id IN (?)", "1 Equal");
        check(
            "SELECT a FROM t WHERE id IN (-1) AND b in (?, 'x', ?)",
            "- Equal, 1 List, - List, 2 List",
        );
        check("SELECT a FROM t WHERE id > ? AND 3 >= c", "1 Range, - Range");
        check("SELECT a FROM t WHERE id BETWEEN ? AND ? AND c = ?", "1 Range, 2 Range, 3 Equal");
        check("SELECT a FROM t LIMIT ?, ?", "1 Page, 2 Page");
        check("SELECT a FROM t LIMIT 10 OFFSET ?", "- Page, 1 Page");
        check("SELECT a FROM t WHERE n LIKE ? AND f(?)", "1 Pattern, 2 Other");
        check("INSERT INTO t VALUES (?, 1)", "1 Other, - Other");
        check("SELECT a FROM t WHERE id = -5", "- Equal");
        check("?", "1 Other");
        check(") , IN ( ?", "1 Equal");
        check("", "");
    }

    #[cfg(feature = "postgres")]
    #[test]
    fn texts_of_postgres_in_plain_words() {
        let check = |sql: &str, expect: &str| {
            assert_eq!(plainly(sql, Dialect::Postgres), expect, "{sql}");
        };
        check(
            "SELECT a FROM t WHERE b = $2::int AND c = $1",
            "SELECT a FROM t WHERE b = ?2 AND c = ?1",
        );
        check("SELECT a::pg_catalog.varchar(3)[] FROM t", "SELECT a FROM t");
        check("SELECT '$1', a::", "SELECT '$1', a");
        check("SELECT a FROM public.t", "SELECT a FROM t");
        assert_eq!(roles("SELECT a FROM t WHERE b = $2::int", Dialect::Postgres), "2 Equal");
    }
}
