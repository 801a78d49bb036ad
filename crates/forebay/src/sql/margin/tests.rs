//! Texts with comments around them, by example and at random.

use proptest::prelude::*;

use super::*;
use crate::sql::lex::tokens;

fn check_sqlite(sql: &str, expect: &str) {
    assert_eq!(without_margins(sql, Dialect::Sqlite), expect, "{sql:?}");
}

#[test]
fn comments_before_and_behind_are_left_out() {
    let check = |sql: &str, expect: &str| {
        check_sqlite(sql, expect);
        #[cfg(feature = "postgres")]
        assert_eq!(without_margins(sql, Dialect::Postgres), expect, "{sql:?}");
    };
    let bare = "SELECT a FROM t WHERE b = 1";
    for text in [
        "SELECT a FROM t WHERE b = 1",
        "  SELECT a FROM t WHERE b = 1\n",
        "/*traceparent='00-1'*/ SELECT a FROM t WHERE b = 1",
        "SELECT a FROM t WHERE b = 1 /*traceparent='00-1'*/",
        "SELECT a FROM t WHERE b = 1/**/;",
        "SELECT a FROM t WHERE b = 1; /*a*/ ; -- b",
        "SELECT a FROM t WHERE b = 1 /*a*//*b*/ -- c\n-- d",
        "-- a\n/* b */\t-- c\nSELECT a FROM t WHERE b = 1 --a-b",
        "SELECT a FROM t WHERE b = 1 -- a\n/* b */",
    ] {
        check(text, bare);
    }
    for same in [
        "SELECT 1;",
        "SELECT a FROM t;",
        "SELECT a /* b */ FROM t",
        "SELECT 'a' -- b\n'c' FROM t",
        "SELECT a FROM t WHERE b = '/* c */'",
        "SELECT a FROM t WHERE b = '-- c'",
        "SELECT a FROM t WHERE b = 'c */",
        "SELECT a FROM t WHERE b - -1 > 2",
        "/*+ SeqScan(t) */ SELECT a FROM t",
        "/* a */ /*+ SeqScan(t) */ SELECT a FROM t",
        "SELECT a FROM t /*+ SeqScan(t) */",
        "/* only */",
        "-- only",
        "/* a */ ; SELECT a FROM t",
        "/* a */ CREATE VIEW v AS SELECT 1",
        "CREATE VIEW v AS SELECT 1 /* a */",
        "BEGIN /* a */",
        "",
        "--",
        "/*",
        "*/",
    ] {
        check(same, same);
    }
    check("SELECT a FROM t /*+ SeqScan(t) */ /* b */", "SELECT a FROM t /*+ SeqScan(t) */");
    check("/* a */ insert INTO t VALUES (1) /* b */", "insert INTO t VALUES (1)");
    check("/* a\0 */ SELECT a FROM t", "/* a\0 */ SELECT a FROM t");
    check("SELECT a FROM t /* a\0 */", "SELECT a FROM t /* a\0 */");
    check("/* a */\x0bSELECT a FROM t", "/* a */\x0bSELECT a FROM t");
    check("SELECT a FROM t\x0b/* a */", "SELECT a FROM t\x0b");
    check("/* a */ SELECT 1; SELECT 2 FROM t /* b */", "SELECT 1; SELECT 2 FROM t");
    let long = format!("SELECT a FROM t -- {}", "x".repeat(LINE_COMMENT_BYTES));
    check(&long, &long);
    check(&format!("{long}\n/* b */"), "SELECT a FROM t");
    check(&format!("/* {} */ SELECT a FROM t -- é", "é".repeat(200)), "SELECT a FROM t");
}

/// What SQLite calls a column, it says with the comments in it.
#[test]
fn names_of_columns_stay_as_they_are_at_sqlite() {
    for same in [
        "SELECT 1 /* a */",
        "SELECT a, b + 1 /* a */",
        "SELECT a, NULL /* a */",
        "SELECT (SELECT a FROM t) /* a */",
        "UPDATE t SET a = 1 WHERE b = 2 RETURNING a + 1 /* a */",
        "INSERT INTO t VALUES (1) RETURNING \"nothing\" /* a */",
        "SELECT a COLLATE nocase /* a */",
        "SELECT 1 FROM t UNION SELECT 2 /* a */",
        "SELECT DISTINCT a /* a */",
    ] {
        check_sqlite(same, same);
    }
    for bare in [
        "SELECT 1 AS one",
        "SELECT a, t.b",
        "SELECT *",
        "SELECT 1 FROM t",
        "UPDATE t SET a = (SELECT 1) WHERE b = 2",
        "INSERT INTO t VALUES (1) RETURNING id",
        "INSERT INTO t VALUES (1) RETURNING a + 1 AS \"b\"",
        "INSERT INTO t (a) VALUES (1), (2)",
        "VALUES (1)",
        "DELETE FROM t",
        "WITH a AS (SELECT 1) SELECT * FROM a",
    ] {
        check_sqlite(&format!("{bare} /* a */"), bare);
    }
}

#[cfg(feature = "postgres")]
#[test]
fn each_dialect_has_comments_of_its_own() {
    let check = |sql: &str, sqlite: &str, postgres: &str| {
        check_sqlite(sql, sqlite);
        assert_eq!(without_margins(sql, Dialect::Postgres), postgres, "{sql:?}");
    };
    let nested = "/* a /* b */ c */ SELECT a FROM t";
    check(nested, nested, "SELECT a FROM t");
    let nested = "SELECT a FROM t /* a /* b */";
    check(nested, "SELECT a FROM t", nested);
    let line = "-- a\rSELECT a FROM t";
    check(line, line, "SELECT a FROM t");
    let dollar = "SELECT $$ /* a */ FROM t --$$ /* b */";
    check(dollar, "SELECT $$ /* a */ FROM t", "SELECT $$ /* a */ FROM t --$$");
    let tagged = "SELECT $f$ a";
    check(&format!("{tagged} /* b */"), &format!("{tagged} /* b */"), &format!("{tagged} /* b */"));
    let number = "SELECT 1$f$ -- $f$";
    check(&format!("{number} /* b */"), &format!("{number} /* b */"), &format!("{number} /* b */"));
    let escape = "SELECT E'\\'' FROM t /* a */";
    check(escape, "SELECT E'\\'' FROM t /* a */", escape);
    check("SELECT 1 /* a */", "SELECT 1 /* a */", "SELECT 1");
    check(
        "SELECT [a /* b */] FROM t -- [",
        "SELECT [a /* b */] FROM t",
        "SELECT [a /* b */] FROM t",
    );
}

const SOUP: &[&str] = &[
    " ",
    "\n",
    "\r",
    "\t",
    "\x0b",
    "--",
    "-- c",
    "-- c\n",
    "/*",
    "*/",
    "/* c */",
    "/**/",
    "/*+ h */",
    "/* a /* b */ c */",
    "-",
    "*",
    "/",
    ";",
    "'",
    "'a'",
    "''",
    "\"",
    "\"a\"",
    "`",
    "[",
    "]",
    "$$",
    "$f$",
    "E'\\''",
    "E'",
    "\\",
    "U&'a'",
    "x'00'",
    "SELECT",
    "select ",
    "INSERT",
    "VALUES",
    "CREATE",
    "FROM",
    "RETURNING",
    "AS",
    "a",
    "t",
    "1",
    ".5",
    "1e",
    ",",
    ".",
    "(",
    ")",
    "?1",
    "$1",
    ":a",
    "@>",
    "é",
    "\u{feff}",
    "\0",
];

/// The tokens that mean something, as texts, without semicolons behind the last one.
fn meaning(sql: &str, dialect: Dialect) -> Vec<(Kind, &str)> {
    let tokens = tokens_in(sql, dialect).filter(|token| token.kind.is_significant());
    let mut tokens: Vec<(Kind, &str)> =
        tokens.map(|token| (token.kind, &sql[token.start..token.end])).collect();
    while tokens.last().is_some_and(|(kind, _)| *kind == Kind::Semicolon) {
        tokens.pop();
    }
    tokens
}

fn dialects() -> Vec<Dialect> {
    vec![
        Dialect::Sqlite,
        #[cfg(feature = "postgres")]
        Dialect::Postgres,
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None,
        ..ProptestConfig::default() })]

    #[test]
    fn the_tokens_stay_and_nothing_is_left_to_leave_out(
        pieces in prop::collection::vec(prop::sample::select(SOUP), 0..14),
        verb in prop::bool::weighted(0.7),
        before in prop::sample::select(SOUP),
    ) {
        let verb = if verb { "SELECT " } else { "" };
        let sql = [before, verb, &pieces.concat()].concat();
        for dialect in dialects() {
            let bare = without_margins(&sql, dialect);
            prop_assert_eq!(meaning(bare, dialect), meaning(sql.trim_ascii(), dialect));
            prop_assert_eq!(without_margins(bare, dialect), bare, "once is enough");
            let is_hint = |it: &Token, sql: &str| sql[it.start..it.end].starts_with("/*+");
            let hints = |sql: &str| tokens_in(sql, dialect).filter(|it| is_hint(it, sql)).count();
            prop_assert_eq!(hints(bare), hints(&sql));
        }
    }

    /// However it is traced, a statement is the same.
    #[test]
    fn traced_texts_meet(
        ids in prop::array::uniform2("[a-z0-9='%;,-]{0,40}"),
        sql in prop::sample::select(&["SELECT a FROM t WHERE b = '--'", "DELETE FROM t"][..]),
    ) {
        for dialect in dialects() {
            for id in &ids {
                for traced in [
                    format!("/*{id}*/ {sql}"),
                    format!("{sql} /*{id}*/"),
                    format!("{sql}/*{id}*/;"),
                    format!("{sql} -- {id}"),
                ] {
                    prop_assert_eq!(without_margins(&traced, dialect), sql, "{}", traced);
                }
            }
        }
    }
}

#[test]
fn the_soup_reaches_what_it_is_for() {
    assert!(SOUP.iter().any(|piece| tokens(piece).any(|token| token.kind == Kind::Comment)));
}
