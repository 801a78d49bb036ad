use std::collections::HashMap;

use forebay::Value;

use crate::place::{Place, on_each};
use crate::ready::{caught_up, follow};

const TABLE: &str = "
    CREATE TABLE t (id int PRIMARY KEY, a text, b int);
    INSERT INTO t VALUES (1, '/*', 1), (2, '-- x', 2), (3, '*/', 3)";

/// Statements that are odd where they begin, where they end, or by what is in them.
const STATEMENTS: &[&str] = &[
    "SELECT a, b + 1 FROM t ORDER BY id",
    "SELECT 1 + 1",
    "SELECT '/* a' FROM t WHERE a <> '*/'",
    "SELECT '-- a' FROM t",
    "SELECT 'a' -- b\n 'c'",
    "SELECT E'\\'/*', $$ -- $$, $f$ /* $$ $f$",
    "SELECT 'a\\'",
    "SELECT U&'d\\0061t' , U&\"a\" FROM t",
    "SELECT 2 - -1",
    "SELECT @-- c\n-5",
    "SELECT a$1 FROM (SELECT 1 AS a$1) x",
    "(SELECT 1) UNION (SELECT 2) ORDER BY 1",
    "VALUES (1, 'a')",
    "TABLE t ORDER BY id",
    "WITH x AS (SELECT 1 AS n) SELECT n FROM x",
    "INSERT INTO t VALUES (7, 'n', 4) RETURNING a, b + 1",
    "DELETE FROM t WHERE id > 3",
    "EXPLAIN (COSTS off) SELECT 1",
    "SHOW server_encoding",
    "SELECT nothing FROM t",
    "SELECT FROM",
    "SELECT 'never ends",
    "SELECT $f$ never ends",
    "SELECT (1",
    "SELEC 1",
    "-",
    "",
];

const BEFORE: &[&str] = &[
    "",
    "/*t='1'*/",
    "/* a */ -- b\n",
    "--\n",
    "-- c\r",
    "/*/",
    "/***/",
    "/*+ h */",
    ";",
    "/* a /* b */",
    "/* a /* b */ c */",
    "\x0b",
    "/* a */\x0b",
];

const BEHIND: &[&str] = &[
    "",
    ";",
    " /*t='1'*/",
    "/*t*/;",
    "; /*t*/",
    ";;/* a */ -- b",
    " -- c",
    "--",
    "/*+ h */ /* t */",
    "/* never",
    "/* a /* b */",
    "/* a /* b */ c */",
    "*/",
    "-- \\",
    "\x0b/* t */",
    " /* é */ ",
    "'/* t */",
    "$f$/* t */",
];

/// The rows, or the error without what the text has at its place.
fn shown(place: &Place, sql: &str) -> Result<String, String> {
    // A session of its own, so what it does is rolled back.
    place
        .attempt(&format!("BEGIN;{sql}"))
        .map_err(|error| error.split(" at ").next().unwrap().to_owned())
}

#[test]
fn a_statement_is_the_same_with_and_without_comments_around_it() {
    on_each("a_statement_is_the_same_with_and_without_comments_around_it", async |place| {
        let db = place.open(TABLE).await;
        let mut shorter = 0;
        for sql in STATEMENTS {
            // Each before and each behind alone, and each with some other.
            let alone = BEFORE.iter().map(|it| (*it, "")).chain(BEHIND.iter().map(|it| ("", *it)));
            let paired = BEFORE.iter().copied().cycle().zip(BEHIND.iter().copied());
            let mut known = HashMap::new();
            for (before, behind) in alone.chain(paired) {
                let text = [before, *sql, behind].concat();
                let bare = db.prepare(&text);
                if bare.sql() == text.trim_ascii() {
                    continue;
                }
                shorter += 1;
                let known = known.entry(bare.sql().to_owned());
                let found = known.or_insert_with(|| shown(place, bare.sql()));
                assert_eq!(*found, shown(place, &text), "{text:?} as {:?}", bare.sql());
            }
        }
        assert!(shorter > 300, "{shorter} texts were cut");
    });
}

#[test]
fn traced_statements_share_answers_and_what_is_prepared() {
    on_each("traced_statements_share_answers_and_what_is_prepared", async |place| {
        let db = follow(place, TABLE).await;
        caught_up(&db).await;
        let sql = "SELECT a FROM t WHERE id = $1";
        assert!(!db.query(sql).bind(1).fetch().await.unwrap().cached);
        for n in 0..20 {
            for text in [
                format!("/*traceparent='00-{n}-01'*/ {sql}"),
                format!("{sql} /*traceparent='00-{n}-01'*/;"),
                format!("{sql} -- request {n}"),
            ] {
                let outcome = db.query(&text).bind(1).fetch().await.unwrap();
                assert!(outcome.cached, "{text}");
                assert_eq!(outcome.rows.values(0), [Value::from("/*")]);
            }
        }
        // One that is not cached is prepared once for all of them.
        let session = db.session();
        session.execute("BEGIN").await.unwrap();
        for n in 0..20 {
            let traced = format!("SELECT b FROM t WHERE id = $1 /* {n} */");
            session.query(&traced).bind(2).fetch().await.unwrap();
        }
        let prepared: Vec<String> = session
            .query(
                "SELECT statement FROM pg_prepared_statements WHERE statement LIKE '%b FROM t%' \
                 AND NOT from_sql AND statement NOT LIKE '%pg_prepared%'",
            )
            .all()
            .await
            .unwrap();
        assert_eq!(prepared, ["SELECT b FROM t WHERE id = $1"]);
    });
}
