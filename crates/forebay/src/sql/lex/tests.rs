//! Tokens by example, for every text, and against SQLite itself.

use proptest::prelude::*;

use super::*;

/// Pieces that, put together at random, reach the corners of the tokenizer.
pub(super) const SOUP: &[&str] = &[
    " ", "\n", "\t", "\x0b", "\r", "\x0c", "--", "-- c;\n", "/*", "*/", "/* ; */", "/**/", "/",
    "*", "-", "->", "->>", ">", "<", "=", "!", "|", "||", "&", "~", "%", "+", ",", ".", "(", ")",
    ";", "'", "''", "'a;b'", "\"", "\"x y\"", "`", "`q`", "[", "]", "[a b]", "x'", "x'0aF'",
    "X'00'", "x'0g'", "0", "0x", "0x1f_a", "12", "1_000", "1__0", "1.", ".5", "1e", "1e5", "1E-3",
    "1e+", "_", "12abc", "?", "?1", ":", ":a", "@b", "#c", "$d", "$", "::", "$e::f(g)", "$e(g h",
    "select", "FROM", "t", "é", "\u{feff}", "\u{1}", "\\", "^", "{", "😀", "x", "a$b", "null",
];

fn soup() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(SOUP), 0..16).prop_map(|pieces| pieces.concat())
}

#[test]
fn kinds() {
    use Kind::*;
    fn check(sql: &str, expect: &[(Kind, &str)]) {
        let found: Vec<_> = tokens(sql)
            .filter(|token| token.kind != Space)
            .map(|token| (token.kind, &sql[token.start..token.end]))
            .collect();
        assert_eq!(found, expect, "{sql:?}");
    }
    check("", &[]);
    check(" \t\r\n\x0c\u{feff}", &[]);
    check("sElect é_1$ _a", &[(Word, "sElect"), (Word, "é_1$"), (Word, "_a")]);
    check("\u{feff}a", &[(Word, "a")]);
    check("a\u{feff}", &[(Word, "a\u{feff}")]);
    check("'it''s' ''", &[(Text, "'it''s'"), (Text, "''")]);
    check(
        "\"a\"\"b\" `a``b` [a'b]",
        &[(Quoted, "\"a\"\"b\""), (Quoted, "`a``b`"), (Quoted, "[a'b]")],
    );
    check("'a", &[(Illegal, "'a")]);
    check("'a''", &[(Illegal, "'a''")]);
    check("[a", &[(Illegal, "[a")]);
    check("x'0aFf' X''", &[(Blob, "x'0aFf'"), (Blob, "X''")]);
    check("x'0' 1", &[(Illegal, "x'0'"), (Number, "1")]);
    check("x'0g' 1", &[(Illegal, "x'0g'"), (Number, "1")]);
    check("x'00", &[(Illegal, "x'00")]);
    check(
        "1 1_0 0x1F_f 1. .5 1.5e-3 2E5",
        &[
            (Number, "1"),
            (Number, "1_0"),
            (Number, "0x1F_f"),
            (Number, "1."),
            (Number, ".5"),
            (Number, "1.5e-3"),
            (Number, "2E5"),
        ],
    );
    check(
        "12abc 0xg 1e 1e+ 1é",
        &[
            (Illegal, "12abc"),
            (Illegal, "0xg"),
            (Illegal, "1e"),
            (Illegal, "1e"),
            (Operator, "+"),
            (Illegal, "1é"),
        ],
    );
    check(
        "? ?12 :a @b #c $d $a::b(c) $::a",
        &[
            (Parameter, "?"),
            (Parameter, "?12"),
            (Parameter, ":a"),
            (Parameter, "@b"),
            (Parameter, "#c"),
            (Parameter, "$d"),
            (Parameter, "$a::b(c)"),
            (Parameter, "$::a"),
        ],
    );
    check(
        ": $(a) $a(b c",
        &[
            (Illegal, ":"),
            (Illegal, "$"),
            (Operator, "("),
            (Word, "a"),
            (Operator, ")"),
            (Illegal, "$a(b"),
            (Word, "c"),
        ],
    );
    check("a--b\nc", &[(Word, "a"), (Comment, "--b"), (Word, "c")]);
    check("/* a * / ; */1", &[(Comment, "/* a * / ; */"), (Number, "1")]);
    check("/*/ 1", &[(Comment, "/*/ 1")]);
    check("/**/1", &[(Comment, "/**/"), (Number, "1")]);
    check("/*", &[(Operator, "/"), (Operator, "*")]);
    for operator in [
        "(", ")", ",", ".", "+", "-", "*", "/", "%", "=", "==", "<", "<=", "<>", "<<", ">", ">=",
        ">>", "!=", "|", "||", "&", "~", "->", "->>",
    ] {
        check(operator, &[(Operator, operator)]);
    }
    check("a;!;", &[(Word, "a"), (Semicolon, ";"), (Illegal, "!"), (Semicolon, ";")]);
    check("\0\\", &[(Illegal, "\0"), (Illegal, "\\")]);
    check("'a\0b'", &[(Illegal, "'a"), (Illegal, "\0"), (Word, "b"), (Illegal, "'")]);
}

/// The tokens tile the text, none is empty, and each can be cut out of it.
fn tiles(sql: &str) {
    let mut end = 0;
    for token in tokens(sql) {
        assert_eq!(token.start, end, "{sql:?}");
        assert!(token.end > token.start, "{sql:?}");
        assert!(sql.get(token.start..token.end).is_some(), "{sql:?} at {token:?}");
        end = token.end;
    }
    assert_eq!(end, sql.len(), "{sql:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None,
                                        ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_tiled(sql in ".*") {
        tiles(&sql);
    }

    #[test]
    fn any_characters_are_tiled(sql in prop::collection::vec(any::<char>(), 0..40)) {
        tiles(&sql.into_iter().collect::<String>());
    }

    #[test]
    fn any_soup_is_tiled(sql in soup()) {
        tiles(&sql);
    }
}

#[cfg(feature = "sqlite")]
mod against_sqlite {
    use rusqlite::fallible_iterator::FallibleIterator;
    use rusqlite::{Batch, Connection, Error};

    use super::*;

    /// What preparing `sql` fails with, and where.
    fn error(db: &Connection, sql: &str) -> Option<(String, Option<usize>)> {
        match db.prepare(sql) {
            Ok(_) => None,
            Err(Error::SqlInputError { msg, offset, .. }) => Some((msg, offset.try_into().ok())),
            Err(other) => Some((other.to_string(), None)),
        }
    }

    /// The arguments of a virtual table may be any tokens, so that SQLite reads on to the first
    /// one that it does not recognise.
    fn first_illegal(db: &Connection, soup: &str) {
        let sql = format!("create virtual table v using absent({soup}\n)");
        let illegal = tokens(&sql).find(|token| token.kind == Kind::Illegal);
        let failed = error(db, &sql);
        match illegal {
            Some(token) => {
                let text = &sql[token.start..token.end];
                let expect = (format!("unrecognized token: \"{text}\""), Some(token.start));
                assert_eq!(failed, Some(expect), "{sql:?}");
            }
            None => {
                let message = failed.map_or(String::new(), |(message, _)| message);
                assert!(!message.starts_with("unrecognized token"), "{message} in {sql:?}");
            }
        }
    }

    /// A syntax error names a token as SQLite cut it.
    fn error_token(db: &Connection, soup: &str) -> bool {
        let sql = format!("select 1, {soup}");
        let Some((message, Some(offset))) = error(db, &sql) else { return false };
        let near = message.strip_prefix("near \"").and_then(|m| m.strip_suffix("\": syntax error"));
        let Some(near) = near else { return false };
        let found = tokens(&sql).find(|token| token.start == offset);
        let found = found.map(|token| &sql[token.start..token.end]);
        assert_eq!(found, Some(near), "{sql:?}");
        true
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None,
                                            ..ProptestConfig::default() })]

        #[test]
        fn illegal_tokens_agree(
            soups in prop::collection::vec(
                // A semicolon or a parenthesis would end the arguments before their end.
                soup().prop_map(|soup| soup.replace(|c| ";()".contains(c), " ")), 8)
        ) {
            let db = Connection::open_in_memory().unwrap();
            for soup in soups {
                first_illegal(&db, &soup);
            }
        }

        #[test]
        fn tokens_of_errors_agree(
            soups in prop::collection::vec(soup().prop_map(|soup| soup.replace(';', " ")), 8)
        ) {
            let db = Connection::open_in_memory().unwrap();
            let named = soups.iter().filter(|soup| error_token(&db, soup)).count();
            prop_assume!(named > 0);
        }
    }

    #[test]
    fn literals_have_the_type_of_their_kind() {
        let db = Connection::open_in_memory().unwrap();
        let literals = SOUP.iter().flat_map(|a| SOUP.iter().map(move |b| format!("{a}{b}")));
        let mut seen = 0;
        for text in literals.chain(SOUP.iter().map(|piece| (*piece).to_owned())) {
            let whole = |kind| {
                tokens(&text).next().filter(|t| t.kind == kind && t.end == text.len()).is_some()
            };
            let expect: &[&str] = match () {
                () if whole(Kind::Number) => &["integer", "real"],
                () if whole(Kind::Text) => &["text"],
                () if whole(Kind::Blob) => &["blob"],
                () if whole(Kind::Parameter)
                    && !text.starts_with('#')
                    && !text.starts_with("?0") =>
                {
                    &["null"]
                }
                () => continue,
            };
            // `1__0` is one token, which the parser then refuses.
            if text.contains("__") || text.contains("_.") || text.ends_with('_') {
                continue;
            }
            let mut statement = db.prepare(&format!("select typeof({text})")).unwrap();
            let mut rows = statement.raw_query();
            let found: String = rows.next().unwrap().unwrap().get(0).unwrap();
            assert!(expect.contains(&&*found), "{text:?}: {found}");
            seen += 1;
        }
        assert!(seen > 50, "only {seen} literals were compared");
    }

    /// Statements that end where SQLite ends them, told by what each of them answers.
    #[test]
    fn statements_end_where_sqlite_ends_them() {
        let db = Connection::open_in_memory().unwrap();
        let pieces = [
            "';'", "\";\"", "`;`", "[;]", "x'3b'", "1.5e3", "/* ; */", "-- ;\n", "/*;*/",
            "$a::b(;)", ":c", "'--'", "'/*'", "/* ' */", "-- '\n", "\"'\"",
        ];
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..2000 {
            let mut sql = String::new();
            for _ in 0..random.usize(0..5) {
                sql += "select 1";
                for _ in 0..random.usize(0..4) {
                    let piece = pieces[random.usize(..pieces.len())];
                    sql += if piece.starts_with(['/', '-']) { piece } else { " union select " };
                    sql += if piece.starts_with(['/', '-']) { " " } else { piece };
                    // What is quoted stands for a string where there is no such column.
                    sql = sql.replace('`', "'").replace("[;]", "';'");
                }
                sql += [";", " ; ", ";;", ";--x\n"][random.usize(0..4)];
            }
            let mut batch = Batch::new(&db, &sql);
            let mut expect = 0;
            while let Some(mut statement) = batch.next().unwrap() {
                assert!(statement.raw_query().next().unwrap().is_some(), "{sql:?}");
                expect += 1;
            }
            let mut found = 0;
            let mut open = false;
            for token in tokens(&sql).filter(|token| token.kind.is_significant()) {
                found += usize::from(token.kind == Kind::Semicolon && open);
                open = token.kind != Kind::Semicolon;
            }
            assert_eq!(found + usize::from(open), expect, "{sql:?}");
        }
    }
}
