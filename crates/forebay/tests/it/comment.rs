use forebay::Value;
use rusqlite::Connection;

use crate::place::{Place, truth};

const SCHEMA: &str = "
    CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b INT);
    INSERT INTO t VALUES (1, '/*', 1), (2, '-- x', 2), (3, '*/', 3);
";

/// Columns and rows, or the code of the error.
fn shown(bare: &Connection, sql: &str) -> String {
    let ask = || {
        let mut statement = bare.prepare(sql)?;
        let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
        let mut rows = statement.query([])?;
        let mut shown = format!("{names:?}");
        while let Some(row) = rows.next()? {
            for column in 0..names.len() {
                shown += &format!(" {:?}", row.get_ref(column)?);
            }
        }
        Ok(shown)
    };
    ask().unwrap_or_else(|error: rusqlite::Error| match error.sqlite_error_code() {
        Some(code) => format!("{code:?}"),
        None => match error {
            // Not with the text of the statement.
            rusqlite::Error::SqlInputError { msg, .. } => msg,
            other => other.to_string(),
        },
    })
}

/// Statements that are odd where they begin, where they end, or by what is in them.
const STATEMENTS: &[&str] = &[
    "SELECT a FROM t WHERE id = 1",
    "SELECT a, b + 1 FROM t ORDER BY id",
    "SELECT 1 + 1",
    "SELECT 1 AS one",
    "SELECT NULL",
    "SELECT 'a', \"b\"",
    "SELECT count(*), a FROM t GROUP BY a HAVING count(*) > 0",
    "SELECT (SELECT max(id) FROM t)",
    "SELECT '/* a' FROM t WHERE a <> '*/'",
    "SELECT '-- a' FROM t",
    "SELECT a -- b\n FROM t /* c */ WHERE id = 2",
    "SELECT [a], `b`, \"id\" FROM t",
    "SELECT 2 - -1",
    "SELECT x'00' || 'a' FROM t",
    "SELECT DISTINCT b % 2 FROM t",
    "SELECT id FROM t UNION SELECT 7",
    "VALUES (1, 'a')",
    "WITH x AS (SELECT 1 AS n) SELECT n FROM x",
    "WITH x AS (SELECT 1 AS n) SELECT n + 1 FROM x",
    "INSERT INTO t (a, b) VALUES ('n', 4) RETURNING a",
    "INSERT INTO t (a, b) VALUES ('n', 4) RETURNING a, b + 1",
    "INSERT INTO t (a, b) VALUES ('n', 4) RETURNING id AS n, \"a\"",
    "UPDATE t SET b = b WHERE id = 1 RETURNING *",
    "DELETE FROM t WHERE id > 3 RETURNING t.id",
    "REPLACE INTO t VALUES (1, '/*', 1)",
    "EXPLAIN SELECT 1",
    "PRAGMA user_version",
    "CREATE VIEW IF NOT EXISTS v AS SELECT 1",
    "SELECT nothing FROM t",
    "SELECT FROM",
    "SELECT 'never ends",
    "SELECT (1",
    "SELEC 1",
    "(SELECT 1)",
    "-",
    "/",
    "",
];

const BEFORE: &[&str] = &[
    "",
    " ",
    "/*t='1'*/",
    "/* a */ -- b\n",
    "--\n",
    "-- c\r",
    "/*/",
    "/**/",
    "/***/",
    "/*+ h */",
    "/* 1 */ /*+ h */ ",
    ";",
    "/* a /* b */",
    "/* a /* b */ c */",
    "\u{feff}",
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
    " --\r",
    "/*+ h */",
    " /*+ h */ /* t */",
    "/* never",
    "/*",
    "/* a /* b */",
    "/* a /* b */ c */",
    "*/",
    "-- \\",
    "-",
    "\x0b/* t */",
    "/* t */\x0b",
    " /* é */ ",
    "; SELECT 2 /* t */",
    "'/* t */",
    "'-- t",
];

#[tokio::test]
async fn a_statement_is_the_same_with_and_without_comments_around_it() {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    let bare = place.bare();
    let mut shorter = 0;
    for (before, sql, behind) in STATEMENTS.iter().flat_map(|sql| {
        let ends = BEFORE.iter().flat_map(|before| BEHIND.iter().map(move |it| (before, it)));
        ends.map(move |(before, behind)| (before, sql, behind))
    }) {
        let text = [*before, *sql, *behind].concat();
        // The library has trimmed texts ever since.
        let whole = text.trim_ascii();
        let statement = db.prepare(&text);
        shorter += usize::from(statement.sql().len() < whole.len());
        let [expect, found] = [whole, statement.sql()].map(|sql| {
            bare.execute_batch("BEGIN").unwrap();
            let shown = shown(&bare, sql);
            bare.execute_batch("ROLLBACK").unwrap();
            shown
        });
        assert_eq!(found, expect, "{text:?} as {:?}", statement.sql());
    }
    assert!(shorter > 2_000, "{shorter} texts were cut");
}

#[tokio::test]
async fn traced_statements_share_answers_and_templates() {
    let place = Place::new();
    let db = place.open(SCHEMA).await;
    let sql = "SELECT a FROM t WHERE id = ?";
    assert!(!db.query(sql).bind(1).fetch().await.unwrap().cached);
    for n in 0..20 {
        for text in [
            format!("/*traceparent='00-{n}-01'*/ {sql}"),
            format!("{sql} /*traceparent='00-{n}-01'*/"),
            format!("{sql} /*application:Shop,line:{n}*/;"),
            format!("{sql} -- request {n}"),
        ] {
            let outcome = db.query(&text).bind(1).fetch().await.unwrap();
            assert!(outcome.cached, "{text}");
            assert_eq!(outcome.rows.values(0), [Value::from("/*")]);
            assert_eq!(db.prepare(&text).sql(), sql);
        }
    }
    db.execute("UPDATE t SET a = 'new' WHERE id = ? /* n */").bind(1).await.unwrap();
    let read = db.query("SELECT a FROM t WHERE id = ? /* after */").bind(1).fetch().await.unwrap();
    assert!(!read.cached);
    assert_eq!(read.rows.values(0), [Value::from("new")]);
    assert_eq!(truth(&db, "SELECT count(*) FROM t /* all */").await, [[Value::from(3)]]);
}
