//! Whether a text can be a statement at all. It does not split scripts: where a statement ends is
//! known by the database that prepares it.

use super::lex::{Kind, Token, tokens};

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

/// Whether the text may say that rows in the way of others are replaced: `REPLACE INTO`,
/// `OR REPLACE`, `ON CONFLICT REPLACE`. A call of the function `replace` does not count.
pub(crate) fn may_replace(sql: &str) -> bool {
    let is = |token: &Token, word: &str| sql[token.start..token.end].eq_ignore_ascii_case(word);
    let mut significant = tokens(sql).filter(|token| token.kind.is_significant()).peekable();
    let mut before: Option<Token> = None;
    while let Some(token) = significant.next() {
        if token.kind == Kind::Word && is(&token, "REPLACE") {
            let is_clause = before.is_some_and(|token| is(&token, "OR") || is(&token, "CONFLICT"));
            let is_call = significant.peek().is_some_and(|token| is(token, "("));
            if is_clause || !is_call {
                return true;
            }
        }
        before = Some(token);
    }
    false
}

/// Whether the text is a query or a change of rows, going by its first word: no PRAGMA.
pub(crate) fn begins_with_rows(sql: &str) -> bool {
    let sql = skip_blank(sql);
    let first = tokens(sql).next().map_or("", |token| &sql[token.start..token.end]);
    ["SELECT", "VALUES", "WITH", "INSERT", "REPLACE", "UPDATE", "DELETE"]
        .iter()
        .any(|word| first.eq_ignore_ascii_case(word))
}

/// Whether a word, quoted or not, stands anywhere in the text.
pub(crate) fn has_word(sql: &str, word: &str) -> bool {
    tokens(sql).any(|token| {
        let quotes = ['"', '`', '[', ']', '\''];
        sql[token.start..token.end].trim_matches(quotes).eq_ignore_ascii_case(word)
    })
}

/// The module of a CREATE VIRTUAL TABLE; quoted, it is taken as it stands.
pub(crate) fn module_of(sql: &str) -> Option<&str> {
    let mut words =
        tokens(sql).filter(|token| token.kind.is_significant()).map(|t| &sql[t.start..t.end]);
    let is =
        |word: Option<&str>, expect: &str| word.is_some_and(|w| w.eq_ignore_ascii_case(expect));
    if !is(words.next(), "CREATE") || !is(words.next(), "VIRTUAL") {
        return None;
    }
    // A table cannot be called USING without quotes.
    words.find(|word| word.eq_ignore_ascii_case("USING"))?;
    words.next()
}

/// Whether the text holds a NUL byte, at which SQLite would silently cut it.
pub(crate) fn contains_nul(sql: &str) -> bool {
    sql.as_bytes().contains(&0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_about_rows() {
        let check = |sql, expect| assert_eq!(begins_with_rows(sql), expect, "{sql:?}");
        check("select 1", true);
        check("; -- a\n /* b */ Insert INTO t VALUES (1)", true);
        check("WITH a AS (SELECT 1) DELETE FROM t", true);
        check("PRAGMA foreign_keys = ON", false);
        check("EXPLAIN SELECT 1", false);
        check("\"select\"", false);
        check("", false);
    }

    #[test]
    fn words() {
        let check = |sql, expect| assert_eq!(has_word(sql, "changes"), expect, "{sql:?}");
        check("SELECT Changes()", true);
        check("SELECT \"changes\" ()", true);
        check("SELECT [changes](), `changes`", true);
        check("SELECT total_changes() -- changes", false);
        check("SELECT my_changes, 'the changes'", false);
    }

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
    fn replacing() {
        let check = |sql, expect| assert_eq!(may_replace(sql), expect, "{sql:?}");
        check("REPLACE INTO t VALUES (1)", true);
        check("with a as (select 1) replace\n/* b */ into t select * from a", true);
        check("insert or replace into t values (1)", true);
        check("update OR -- a\n REPLACE t set a = 1", true);
        check("CREATE TABLE t (a UNIQUE ON CONFLICT REPLACE)", true);
        check("CREATE TRIGGER r AFTER INSERT ON t BEGIN REPLACE INTO u VALUES (1); END", true);
        check("select a or replace(b, 'x', 'y') from t", true);
        check("update t set a = replace (a, 'replace', \"replace\")", false);
        check("insert into t values (1) on conflict do update set a = 'or replace'", false);
        check("insert or ignore into replaced values (1)", false);
    }

    #[test]
    fn modules() {
        let check = |sql, expect| assert_eq!(module_of(sql), expect, "{sql:?}");
        check("CREATE VIRTUAL TABLE t USING fts5(a, b)", Some("fts5"));
        check("create virtual table main.\"using\" /* a */ using RTREE (id)", Some("RTREE"));
        check("CREATE VIRTUAL TABLE t USING \"fts5\"", Some("\"fts5\""));
        check("CREATE TABLE t (a)", None);
        check("CREATE VIEW v AS SELECT * FROM a JOIN b USING (c)", None);
    }

    #[test]
    fn nul_bytes() {
        assert!(contains_nul("select 1\0; drop table t"));
        assert!(!contains_nul("select '\u{2400}'"));
    }
}
