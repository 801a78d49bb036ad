//! Whatever the text, reading it ends, does not panic and needs little stack; numbers and
//! parameters are read as SQLite reads them.

use fastrand::Rng;
use rusqlite::types::Value as Stored;

use super::super::{Operand, Test, occurrences};
use super::described;
use crate::value::Value;

const SCHEMA: &str = "
    t: id int pk, a int, b text, c
    CREATE VIEW v AS SELECT * FROM t
";

/// How many texts the test suite tries, and how many a long run.
const SHORT: usize = 30_000;
const LONG: usize = 3_000_000;

#[test]
fn no_text_is_a_panic() {
    soup(SHORT, 1);
}

#[test]
#[ignore = "runs for some minutes"]
fn no_text_is_a_panic_at_length() {
    soup(LONG, 2);
}

/// Reads random rows of tokens, and broken pieces of valid queries.
fn soup(count: usize, seed: u64) {
    const WORDS: &[&str] = &[
        "SELECT",
        "FROM",
        "WHERE",
        "t",
        "v",
        "a",
        "b",
        "c",
        "(",
        ")",
        "(",
        ")",
        ",",
        "*",
        "=",
        "<",
        "AND",
        "OR",
        "NOT",
        "IS",
        "NULL",
        "IN",
        "BETWEEN",
        "LIKE",
        "ESCAPE",
        "COLLATE",
        "NOCASE",
        "CASE",
        "WHEN",
        "THEN",
        "ELSE",
        "END",
        "CAST",
        "AS",
        "JOIN",
        "LEFT",
        "NATURAL",
        "USING",
        "ON",
        "GROUP",
        "BY",
        "HAVING",
        "ORDER",
        "LIMIT",
        "OFFSET",
        "UNION",
        "ALL",
        "EXCEPT",
        "WITH",
        "RECURSIVE",
        "VALUES",
        "EXISTS",
        "OVER",
        "FILTER",
        "WINDOW",
        "PARTITION",
        "ROWS",
        "1",
        "2.5",
        "'x'",
        "\"q\"",
        "[r]",
        "`s`",
        "''",
        "\"\"",
        "[]",
        "?",
        "?2",
        ":n",
        "x'ab'",
        "x''",
        ".",
        "||",
        "->",
        "->>",
        "+",
        "-",
        "~",
        "DISTINCT",
        "CREATE",
        "VIEW",
        "TABLE",
        "DELETE",
        "INSERT",
        "INTO",
        "UPDATE",
        "SET",
        "RETURNING",
        "EXPLAIN",
        "PRAGMA",
        "RAISE",
        "INDEXED",
        "CURRENT_TIME",
        "DEFAULT",
        "PRIMARY",
        "KEY",
        "CHECK",
        "REFERENCES",
        "é",
        "\"\"\"\"",
        "ABORT",
        "CROSS",
        "FULL",
        "OUTER",
        "INNER",
        "RIGHT",
        "NULLS",
        "FIRST",
        "MATERIALIZED",
        ";",
        "WITHOUT",
        "CONSTRAINT",
        "TRIGGER",
        "BEGIN",
        "GENERATED",
        "ALWAYS",
        "IGNORE",
        "TEMP",
        "0x1",
    ];
    const WHOLE: &[&str] = &[
        "SELECT a, t.b AS x FROM t LEFT JOIN v ON t.a = v.a WHERE t.a IN (1, 2) ORDER BY 1 LIMIT 2",
        "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT max(x) FROM c, t",
        "SELECT sum(a) FILTER (WHERE b > 1) OVER (PARTITION BY c ORDER BY a ROWS 1 PRECEDING)",
        "SELECT CASE a WHEN 1 THEN 'x' ELSE (SELECT b FROM t) END FROM (SELECT * FROM v) AS z",
        "CREATE TABLE x(a INTEGER PRIMARY KEY, b TEXT COLLATE NOCASE CHECK (b > 1), UNIQUE (a, b))",
    ];
    let schema = described(SCHEMA);
    let mut rng = Rng::with_seed(seed);
    for _ in 0..count {
        let mut words: Vec<&str> = Vec::new();
        if rng.bool() {
            words.push("SELECT");
            words.extend((0..rng.usize(..20)).map(|_| WORDS[rng.usize(..WORDS.len())]));
        } else {
            words.extend(WHOLE[rng.usize(..WHOLE.len())].split(' '));
            for _ in 0..rng.usize(1..4) {
                let at = rng.usize(..words.len());
                match rng.u8(..3) {
                    0 => drop(words.remove(at)),
                    1 => words[at] = WORDS[rng.usize(..WORDS.len())],
                    _ => words.insert(at, WORDS[rng.usize(..WORDS.len())]),
                }
            }
        }
        let sql = words.join(if rng.u8(..8) == 0 { "" } else { " " });
        if let Err(why) = occurrences(&sql, &schema) {
            assert_ne!(why.reason(), "the parser failed", "{sql}");
        }
        super::super::declared(&sql);
    }
}

#[test]
fn chains_and_nesting_need_no_stack() {
    let deep = |open: &str, n: usize, inner: &str, close: &str| {
        format!("SELECT * FROM t WHERE {}{inner}{}", open.repeat(n), close.repeat(n))
    };
    let texts = [
        deep("a = 1 AND ", 9_000, "b = 'x'", ""),
        deep("a = 1 OR ", 9_000, "a = 2", ""),
        deep("NOT ", 20_000, "a", ""),
        deep("- ", 40_000, "a = 1", ""),
        deep("a || ", 15_000, "b", ""),
        deep("(", 99, "a = 1", ")"),
        deep("(", 40_000, "a = 1", ")"),
        deep("(", 40_000, "", ""),
        deep("CASE WHEN a THEN ", 4_000, "1", " END"),
        deep("EXISTS (SELECT 1 FROM t WHERE ", 60, "a = 1", ")"),
        deep("max(", 90, "a", ")"),
        format!("SELECT * FROM t {}", "JOIN t ".repeat(10_000)),
        format!("SELECT 1 {}", "UNION SELECT 1 ".repeat(6_000)),
        format!("SELECT {} 1", "a, ".repeat(20_000)),
    ];
    // A worker's stack, with what else may be on it.
    let worker = std::thread::Builder::new().stack_size(512 * 1024);
    let run = move || {
        let schema = described(SCHEMA);
        texts.iter().filter(|sql| occurrences(sql, &schema).is_ok()).count()
    };
    let understood = worker.spawn(run).unwrap().join().unwrap();
    assert_eq!(understood, 10);
}

#[test]
fn numbers_are_those_of_sqlite() {
    let connection = rusqlite::Connection::open_in_memory().unwrap();
    let schema = described(SCHEMA);
    let mut rng = Rng::with_seed(3);
    let mut read = 0;
    for _ in 0..20_000 {
        let digits = |rng: &mut Rng, n: usize| -> String {
            (0..rng.usize(..n)).map(|_| rng.digit(10)).collect()
        };
        let mut text = digits(&mut rng, 12);
        if rng.bool() {
            text = format!("{text}.{}", digits(&mut rng, 8));
        }
        if rng.bool() {
            text = format!("{text}e{}{}", ["", "+", "-"][rng.usize(..3)], rng.u8(..30));
        }
        let sql = format!("SELECT {text}");
        let Ok(Stored::Integer(_) | Stored::Real(_)) =
            connection.query_row(&sql, [], |row| row.get(0))
        else {
            continue;
        };
        let expect: Stored = connection.query_row(&sql, [], |row| row.get(0)).unwrap();
        let found = occurrences(&format!("SELECT * FROM t WHERE c = {text}"), &schema).unwrap();
        let Some(conjunct) = found.occurrences[0].conjuncts.first() else { continue };
        let Test::OneOf(operands) = &conjunct.test else { panic!("{conjunct:?}") };
        let found = match &operands[0] {
            Operand::Literal(Value::Integer(n)) => Stored::Integer(*n),
            Operand::Literal(Value::Real(x)) => Stored::Real(*x),
            other => panic!("{other:?}"),
        };
        assert_eq!(found, expect, "{text}");
        read += 1;
    }
    assert!(read > 10_000, "{read}");
}

#[test]
fn parameters_have_the_numbers_of_sqlite() {
    let connection = rusqlite::Connection::open_in_memory().unwrap();
    let schema = described(SCHEMA);
    let mut rng = Rng::with_seed(4);
    for _ in 0..2_000 {
        const ALL: &[&str] = &["?", "?", "?1", "?3", "?007", ":a", ":A", "@a", "$a", "$b::c(d)"];
        let used: Vec<&str> = (0..rng.usize(1..9)).map(|_| ALL[rng.usize(..ALL.len())]).collect();
        let mut statement = connection.prepare(&format!("SELECT {}", used.join(", "))).unwrap();
        let numbers = 1..=i64::try_from(statement.parameter_count()).unwrap();
        let expect: Vec<i64> = statement
            .query_row(rusqlite::params_from_iter(numbers), |row| {
                (0..used.len()).map(|n| row.get(n)).collect()
            })
            .unwrap();
        let terms: Vec<String> = used.iter().map(|it| format!("a = {it}")).collect();
        let sql = format!("SELECT * FROM t WHERE {}", terms.join(" OR "));
        let found = occurrences(&sql, &schema).unwrap();
        let Test::OneOf(operands) = &found.occurrences[0].conjuncts[0].test else {
            panic!("{sql}")
        };
        let found: Vec<i64> = operands
            .iter()
            .map(|operand| match operand {
                Operand::Parameter(number) => i64::try_from(*number).unwrap(),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(found, expect, "{sql}");
    }
}
