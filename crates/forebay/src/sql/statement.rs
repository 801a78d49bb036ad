//! Whether a text can be a statement at all. It does not split scripts: where a statement ends is
//! known by the database that prepares it.

use super::lex::{Kind, tokens};

/// Whether there is nothing to execute: only blanks, comments and semicolons.
pub(crate) fn is_blank(sql: &str) -> bool {
    tokens(sql).all(|token| !token.kind.is_significant() || token.kind == Kind::Semicolon)
}

/// The text from its first word on: empty statements in front of it are left out.
pub(crate) fn skip_blank(sql: &str) -> &str {
    let first = tokens(sql)
        .find(|token| token.kind.is_significant() && token.kind != Kind::Semicolon)
        .map_or(sql.len(), |token| token.start);
    &sql[first..]
}

/// Whether something follows a semicolon: another statement, or the body of a trigger.
pub(crate) fn may_hold_several(sql: &str) -> bool {
    let mut significant = tokens(sql).filter(|token| token.kind.is_significant());
    significant.any(|token| token.kind == Kind::Semicolon)
        && significant.any(|token| token.kind != Kind::Semicolon)
}

/// Whether the text holds a NUL byte, at which SQLite would silently cut it.
pub(crate) fn contains_nul(sql: &str) -> bool {
    sql.as_bytes().contains(&0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_texts() {
        let check = |sql, blank| assert_eq!(is_blank(sql), blank, "{sql:?}");
        check("", true);
        check(" \n;; -- a\n /* b */ ;", true);
        check("/* never closed", true);
        check("/*", false);
        check("select 1", false);
        check("-- insert\n/* update */ ; ;dElEtE from t", false);
        check("'select'", false);
        check("\0select", false);
    }

    #[test]
    fn blanks() {
        let check = |sql, expect| assert_eq!(skip_blank(sql), expect, "{sql:?}");
        check("select 1; ", "select 1; ");
        check(" ;/* a */; -- b\n select ;", "select ;");
        check(" ; ", "");
    }

    #[test]
    fn several() {
        let check = |sql, expect| assert_eq!(may_hold_several(sql), expect, "{sql:?}");
        check("select 1", false);
        check("select 1; ; -- the end; really", false);
        check("select ';' || \";\"", false);
        check("select 1; select 2", true);
        check("create trigger t after insert on u begin select 1; end", true);
    }

    #[test]
    fn nul_bytes() {
        assert!(contains_nul("select 1\0; drop table t"));
        assert!(!contains_nul("select '\u{2400}'"));
    }
}
