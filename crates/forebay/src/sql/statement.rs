//! What can be said of a text from its first tokens alone. It does not split scripts: where a
//! statement ends is known by the database that prepares it.

use super::lex::{Kind, tokens};

/// The first word of the first statement, as written: `EXPLAIN`, `select`, `With`. `None` when
/// the text is blank or begins with something else, which is then no statement.
pub(crate) fn leading_keyword(sql: &str) -> Option<&str> {
    let token = tokens(sql)
        .find(|token| token.kind.is_significant() && token.kind != Kind::Semicolon)
        .filter(|token| token.kind == Kind::Word)?;
    Some(&sql[token.start..token.end])
}

/// Whether there is nothing to execute: only blanks, comments and semicolons.
pub(crate) fn is_blank(sql: &str) -> bool {
    tokens(sql).all(|token| !token.kind.is_significant() || token.kind == Kind::Semicolon)
}

/// Whether the text holds a NUL byte, at which SQLite would silently cut it.
pub(crate) fn contains_nul(sql: &str) -> bool {
    sql.as_bytes().contains(&0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_tokens() {
        fn check(sql: &str, keyword: Option<&str>, blank: bool) {
            assert_eq!(leading_keyword(sql), keyword, "{sql:?}");
            assert_eq!(is_blank(sql), blank, "{sql:?}");
        }
        check("", None, true);
        check(" \n;; -- a\n /* b */ ;", None, true);
        check("/* never closed", None, true);
        check("/*", None, false);
        check("select 1", Some("select"), false);
        check("\u{feff}Select 1", Some("Select"), false);
        check("-- insert\n/* update */ ; ;dElEtE from t", Some("dElEtE"), false);
        check("--\nWITH\tx as (select 1) select * from x", Some("WITH"), false);
        check("(select 1)", None, false);
        check("'select'", None, false);
        check("\"select\"", None, false);
        check("0x", None, false);
        check("\0select", None, false);
        check("größe", Some("größe"), false);
    }

    #[test]
    fn nul_bytes() {
        assert!(contains_nul("select 1\0; drop table t"));
        assert!(!contains_nul("select '\u{2400}'"));
    }
}
