//! Texts without their literals: whether a statement has any, and lines of a query plan in which
//! the server shows the values that it was given.

use super::lex::{Dialect, Kind, tokens_in};

/// Whether a text holds a literal, or something that may be half of one.
pub(crate) fn has_literals(sql: &str, dialect: Dialect) -> bool {
    tokens_in(sql, dialect).any(|token| is_literal(token.kind))
}

/// The text with `?` for each literal, and without its comments.
#[cfg(feature = "postgres")]
pub(crate) fn without_literals(text: &str, dialect: Dialect) -> String {
    let mut masked = String::with_capacity(text.len());
    for token in tokens_in(text, dialect) {
        match token.kind {
            kind if is_literal(kind) => masked.push('?'),
            Kind::Comment => masked.push(' '),
            _ => masked.push_str(&text[token.start..token.end]),
        }
    }
    masked
}

fn is_literal(kind: Kind) -> bool {
    matches!(kind, Kind::Number | Kind::Text | Kind::Blob | Kind::Illegal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_with_literals() {
        fn check(sql: &str, expect: bool) {
            assert_eq!(has_literals(sql, Dialect::Sqlite), expect, "{sql}");
        }
        check("SELECT a1 FROM t WHERE b = ? AND c = :c AND d IS NULL", false);
        check("SELECT \"1\", [2] FROM t /* 'x' */ WHERE b = ?1", false);
        check("SELECT a FROM t LIMIT 1", true);
        check("SELECT 'x'", true);
        check("SELECT x'00'", true);
        check("SELECT 'half", true);
    }

    #[cfg(feature = "postgres")]
    #[test]
    fn plans_without_values() {
        fn check(line: &str, expect: &str) {
            assert_eq!(without_literals(line, Dialect::Postgres), expect);
        }
        check("  ->  Index Scan using t_1 on t a", "  ->  Index Scan using t_1 on t a");
        check("Index Cond: (id = 42)", "Index Cond: (id = ?)");
        check("Filter: (name = 'it''s'::text)", "Filter: (name = ?::text)");
        check("Filter: (id = ANY ('{1,2}'::integer[]))", "Filter: (id = ANY (?::integer[]))");
        check("Filter: (\"Name\" = 'two\nlines'::text)", "Filter: (\"Name\" = ?::text)");
        check("Filter: (a = E'b\\'c')", "Filter: (a = ?)");
        check("Filter: (a = 'open", "Filter: (a = ?");
    }
}
