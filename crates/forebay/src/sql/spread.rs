//! Queries with a place for a list: `WHERE author IN (:keys)`. The text with as many parameters in
//! that place as there are keys. Whatever else is in the text stays as it is.

use super::lex::{Dialect, Kind, Token, tokens_in};
use super::outline::{NotBuildable, Numbers, Places};

/// What stands for the list.
const MARKER: &str = ":keys";

/// A text with a place for a list.
#[derive(Debug)]
pub(crate) struct Spread {
    /// Before and behind the place, each bare `?` with its number.
    before: String,
    behind: String,
    places: Places,
    dialect: Dialect,
}

impl Spread {
    pub(crate) fn new(sql: &str, dialect: Dialect) -> Result<Spread, NotBuildable> {
        let tokens: Vec<Token> =
            tokens_in(sql, dialect).filter(|token| token.kind.is_significant()).collect();
        let text = |token: &Token| &sql[token.start..token.end];
        let is = |token: Option<&Token>, word: &str| {
            token.is_some_and(|token| text(token).eq_ignore_ascii_case(word))
        };
        let mut marks = (0..tokens.len()).filter(|at| is_marker(sql, &tokens, *at));
        let at = marks.next().ok_or("has no place for the keys: write WHERE .. IN (:keys)")?;
        if marks.next().is_some() {
            return Err("has two places for the keys");
        }
        let end = if dialect == Dialect::Sqlite { at } else { at + 1 };
        let around = |back: usize| at.checked_sub(back).and_then(|it| tokens.get(it));
        if !is(around(1), "(") || !is(around(2), "IN") || !is(tokens.get(end + 1), ")") {
            return Err("has :keys elsewhere than in IN (:keys)");
        }
        if is(around(3), "NOT") {
            return Err("asks for all rows but those of the keys");
        }
        if is_limited(sql, &tokens) {
            return Err("has a LIMIT of its own, which would be one for the rows of all keys \
                 together: number them in a subquery, row_number() OVER (PARTITION BY ..), and \
                 compare the number");
        }
        let parameters = tokens.iter().enumerate();
        let parameters = parameters.filter(|(n, it)| it.kind == Kind::Parameter && *n != at);
        let (mut numbers, mut places) = (Numbers::default(), Vec::new());
        for (_, token) in parameters {
            let number = numbers.note(text(token));
            if text(token) == "?" {
                places.push((token.end, number));
            }
        }
        let numbered = |from: usize, to: usize| {
            let (mut out, mut done) = (String::new(), from);
            for (end, number) in places.iter().filter(|(end, _)| (from..=to).contains(end)) {
                out.push_str(&sql[done..*end]);
                out.push_str(&number.to_string());
                done = *end;
            }
            out + &sql[done..to]
        };
        Ok(Spread {
            before: numbered(0, tokens[at].start),
            behind: numbered(tokens[end].end, sql.len()),
            places: numbers.places()?,
            dialect,
        })
    }

    /// How its other parameters are written.
    pub(crate) fn places(&self) -> Places {
        self.places
    }

    /// The text for so many keys.
    pub(crate) fn text(&self, keys: usize) -> String {
        let places: Vec<String> = (0..keys).map(|at| self.place(at)).collect();
        format!("{}{}{}", self.before, places.join(", "), self.behind)
    }

    /// The parameter for one of the keys, from 0 on.
    pub(crate) fn place(&self, at: usize) -> String {
        match (self.places, self.dialect) {
            (Places::Named, _) => format!(":forebay_{at}"),
            (Places::Numbered(last), Dialect::Sqlite) => format!("?{}", last + 1 + at),
            #[cfg(feature = "postgres")]
            (Places::Numbered(last), Dialect::Postgres) => format!("${}", last + 1 + at),
        }
    }
}

/// Whether the marker stands there: one token for SQLite, two for PostgreSQL.
fn is_marker(sql: &str, tokens: &[Token], at: usize) -> bool {
    let text = |token: &Token| &sql[token.start..token.end];
    let token = &tokens[at];
    match tokens.get(at + 1) {
        _ if text(token) == MARKER => token.kind == Kind::Parameter,
        // `a::keys` is a cast.
        Some(next) if text(token) == ":" && next.start == token.end => {
            let is_cast =
                at > 0 && tokens[at - 1].end == token.start && text(&tokens[at - 1]) == ":";
            !is_cast && text(next) == &MARKER[1..]
        }
        _ => false,
    }
}

/// Whether the statement itself has a LIMIT or the like, beside those within parentheses.
fn is_limited(sql: &str, tokens: &[Token]) -> bool {
    let mut depth = 0i64;
    tokens.iter().any(|token| {
        let word = &sql[token.start..token.end];
        depth += i64::from(word == "(") - i64::from(word == ")");
        let limits = ["LIMIT", "OFFSET", "FETCH"];
        depth == 0
            && token.kind == Kind::Word
            && limits.iter().any(|it| word.eq_ignore_ascii_case(it))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_in(dialect: Dialect, sql: &str, expect: Result<&str, &str>) {
        let found = Spread::new(sql, dialect).map(|spread| spread.text(2));
        match (found, expect) {
            (Ok(found), Ok(expect)) => assert_eq!(found, expect),
            (Err(why), Err(expect)) => assert!(why.contains(expect), "{sql}: {why}"),
            (found, _) => panic!("{sql}: {found:?}"),
        }
    }

    #[test]
    fn lists_in_sqlite() {
        let check = |sql, expect| check_in(Dialect::Sqlite, sql, expect);
        check("SELECT * FROM t WHERE a IN (:keys)", Ok("SELECT * FROM t WHERE a IN (?1, ?2)"));
        check(
            "SELECT ':keys', ? FROM t WHERE b = ? AND a in ( :keys ) AND c = ? -- ?",
            Ok("SELECT ':keys', ?1 FROM t WHERE b = ?2 AND a in ( ?4, ?5 ) AND c = ?3 -- ?"),
        );
        check(
            "SELECT * FROM t WHERE a IN (:keys) AND b = :b",
            Ok("SELECT * FROM t WHERE a IN (:forebay_0, :forebay_1) AND b = :b"),
        );
        check("SELECT * FROM t WHERE a = ?", Err("no place"));
        check("SELECT * FROM t WHERE a IN (:keys) OR b IN (:keys)", Err("two places"));
        check("SELECT * FROM t WHERE a NOT IN (:keys)", Err("all rows but"));
        check("SELECT * FROM t WHERE a = :keys", Err("elsewhere"));
        check("SELECT * FROM t WHERE a IN (1, :keys)", Err("elsewhere"));
        check("SELECT * FROM t WHERE a IN (:keys) LIMIT 5", Err("LIMIT"));
        check("SELECT * FROM t WHERE a IN (:keys) AND b = :b AND c = ?", Err("names"));
        let sql = "SELECT * FROM t WHERE a IN (:keys) AND b IN (SELECT b FROM u LIMIT 1)";
        check(sql, Ok("SELECT * FROM t WHERE a IN (?1, ?2) AND b IN (SELECT b FROM u LIMIT 1)"));
    }

    #[cfg(feature = "postgres")]
    #[test]
    fn lists_in_postgres() {
        let check = |sql, expect| check_in(Dialect::Postgres, sql, expect);
        check(
            "SELECT a::keys FROM t WHERE b = $1 AND a IN (:keys) AND c = $2::text",
            Ok("SELECT a::keys FROM t WHERE b = $1 AND a IN ($3, $4) AND c = $2::text"),
        );
        check("SELECT a FROM t WHERE a IN (::keys)", Err("no place"));
        check("SELECT a FROM t WHERE a IN (:keys) FETCH FIRST ROW ONLY", Err("LIMIT"));
    }
}
