//! Relations read from SQLite, and what queries over them rest on, against SQLite itself.

use fastrand::Rng;
use rusqlite::Connection;

use super::Relations;
use crate::sql::{Affinity, Collation, Relation, Schema, Table};

mod meaning;
mod query;

fn open(schema: &str) -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    connection.execute_batch(schema).unwrap();
    connection
}

/// A table as one line: `a int, b text nocase, ...`, with `rowid` and `generated` where they hold.
fn line(table: &Table) -> String {
    let columns = table.columns.iter().enumerate().map(|(number, column)| {
        let affinity = match column.affinity {
            Affinity::Blob => "",
            Affinity::Text => " text",
            Affinity::Numeric => " num",
            Affinity::Integer => " int",
            Affinity::Real => " real",
        };
        let collation = match column.collation {
            Some(Collation::Binary) => "",
            Some(Collation::Nocase) => " nocase",
            Some(Collation::Rtrim) => " rtrim",
            None => " odd",
        };
        let generated = if column.is_generated { " generated" } else { "" };
        let rowid = if table.rowid.map(usize::from) == Some(number) { " rowid" } else { "" };
        format!("{}{affinity}{collation}{generated}{rowid}", column.name)
    });
    columns.collect::<Vec<_>>().join(", ")
}

#[test]
fn tables() {
    let check = |columns: &str, expect: &str| {
        let connection = open(&format!("CREATE TABLE \"T\" {columns}"));
        let relations = Relations::read(&connection, "SELECT * FROM [t]").unwrap();
        let Some(Relation::Table(table)) = relations.relation("t") else { panic!("{columns}") };
        assert_eq!((&*table.name, line(table)), ("T", expect.to_owned()), "{columns}");
    };
    check(
        "(a, B INT, c VARCHAR(10), d BLOB, e DOUBLE, f DATE)",
        "a, B int, c text, d, e real, f num",
    );
    check("(a TEXT COLLATE nocase, b TEXT COLLATE \"RTRIM\")", "a text nocase, b text rtrim");
    check("(a TEXT COLLATE NOCASE COLLATE BINARY)", "a text");
    check("(a TEXT CONSTRAINT x NOT NULL CONSTRAINT y COLLATE NOCASE UNIQUE)", "a text nocase");
    check("(a INTEGER PRIMARY KEY, b)", "a int rowid, b");
    check("(a, b INTEGER, PRIMARY KEY (b DESC))", "a, b int rowid");
    check("(a INTEGER COLLATE NOCASE PRIMARY KEY)", "a int rowid");
    check("(a INTEGER PRIMARY KEY DESC)", "a int");
    check("(a INT PRIMARY KEY)", "a int");
    check("(a TEXT PRIMARY KEY, b INTEGER)", "a text, b int");
    check("(a INTEGER, b INTEGER, PRIMARY KEY (a, b))", "a int, b int");
    check("(a INTEGER PRIMARY KEY) WITHOUT ROWID", "a int");
    check("(a \"\", b '' COLLATE NOCASE)", "a num, b num nocase");
    check("(a ANY, b INT) STRICT", "a, b int");
    check("(a ANY, b \"any\")", "a num, b num");
    check("(a, b AS (a + 1), c INT AS (a) STORED)", "a, b generated, c int generated");
    check("(a \"TEXT COLLATE NOCASE\", b 'INT')", "a text, b int");
    check(
        "(\"a b\" TEXT DEFAULT 'COLLATE NOCASE', [c] CHECK (c COLLATE NOCASE <> 'x'))",
        "a b text, c",
    );
    check("AS SELECT 1 AS a, 'x' AS b", "a, b");
    check(
        "(a REFERENCES t(a) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED COLLATE rtrim)",
        "a rtrim",
    );
}

#[test]
fn columns_as_they_were_added_and_renamed() {
    let connection = open(
        "CREATE TABLE t(a TEXT COLLATE NOCASE, gone, c);
         ALTER TABLE t ADD COLUMN d INT COLLATE rtrim;
         ALTER TABLE t DROP COLUMN gone; ALTER TABLE t RENAME COLUMN c TO \"e f\";
         ALTER TABLE t RENAME TO u",
    );
    let relations = Relations::read(&connection, "SELECT * FROM u").unwrap();
    let Some(Relation::Table(table)) = relations.relation("U") else { panic!() };
    assert_eq!(line(table), "a text nocase, e f, d int rtrim");
}

#[test]
fn only_what_is_named() {
    let connection = open(
        "CREATE TABLE t(a); CREATE TABLE u(a); CREATE TABLE unnamed(a); CREATE INDEX i ON t(a);
         CREATE VIEW v AS SELECT * FROM w; CREATE VIEW w AS SELECT * FROM \"U\";
         CREATE VIRTUAL TABLE f USING fts5(x); CREATE TABLE s(a INTEGER PRIMARY KEY AUTOINCREMENT)",
    );
    let relations = Relations::read(
        &connection,
        "SELECT i, sqlite_sequence, \"f\" FROM t, v, s, missing -- unnamed",
    );
    let relations = relations.unwrap();
    assert!(relations.is_utf8);
    let kind = |name: &str| match relations.relation(name) {
        Some(Relation::Table(_)) => "table",
        Some(Relation::View(_)) => "view",
        Some(Relation::Opaque) => "opaque",
        None => "none",
    };
    let found =
        ["t", "u", "unnamed", "i", "v", "w", "f", "f_data", "s", "sqlite_sequence", "missing"]
            .map(kind);
    assert_eq!(
        found,
        [
            "table", "table", "none", "none", "view", "view", "opaque", "none", "table", "opaque",
            "none"
        ]
    );
}

#[test]
fn encodings() {
    let connection = open("PRAGMA encoding = 'UTF-16le'; CREATE TABLE t(a)");
    assert!(!Relations::read(&connection, "SELECT * FROM t").unwrap().is_utf8);
}

/// SQLite gives a column of any declared type the same affinity.
#[test]
fn affinities() {
    const PIECES: &[&str] = &[
        "int", "char", "clob", "text", "blob", "real", "floa", "doub", "x", " ", "nt", "ch", "ar",
        "re", "al", "INT", "Text", "bl", "ob", "(10)", "any", "num", "fl", "do", "ub",
    ];
    let connection = Connection::open_in_memory().unwrap();
    let mut rng = Rng::with_seed(1);
    for _ in 0..1_000 {
        let declared: String =
            (0..rng.usize(..5)).map(|_| PIECES[rng.usize(..PIECES.len())]).collect();
        // Quoted, a type may be any text; SQLite leaves out the quotes.
        let table = format!(
            "DROP TABLE IF EXISTS t; CREATE TABLE t(a \"{declared}\"); \
             INSERT INTO t VALUES ('1'), (1), (1.5)"
        );
        connection.execute_batch(&table).unwrap();
        let mut stored =
            connection.prepare("SELECT typeof(a), typeof(CAST(a AS INT)) FROM t").unwrap();
        let stored: Vec<String> =
            stored.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        let relations = Relations::read(&connection, "SELECT * FROM t").unwrap();
        let Some(Relation::Table(table)) = relations.relation("t") else { panic!("{declared}") };
        let expect = match table.columns[0].affinity {
            Affinity::Blob => ["text", "integer", "real"],
            Affinity::Text => ["text", "text", "text"],
            Affinity::Numeric | Affinity::Integer => ["integer", "integer", "real"],
            Affinity::Real => ["real", "real", "real"],
        };
        assert_eq!(stored, expect, "{declared:?}");
        // INTEGER and NUMERIC differ in casts only.
        if !declared.trim().is_empty() && !declared.contains('(') {
            let cast = format!("SELECT typeof(CAST(1.5 AS \"{declared}\"))");
            let cast: String = connection.query_row(&cast, [], |row| row.get(0)).unwrap();
            let is_integer = table.columns[0].affinity == Affinity::Integer;
            assert_eq!(cast == "integer", is_integer, "{declared:?}");
        }
    }
}
