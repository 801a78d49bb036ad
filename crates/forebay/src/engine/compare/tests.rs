//! Answers compared, written as rows of values.

use std::sync::Arc;

use super::*;
use crate::row::{Column, ColumnKind};
use crate::sql::{Relation, Schema, Table, determined};

struct One(Table);

impl Schema for One {
    fn relation(&self, name: &str) -> Option<Relation<'_>> {
        (name == "t").then_some(Relation::Table(&self.0))
    }
}

/// Rows separated by `;`, values by `,`: NULL, integers, floats with a point, and texts.
fn rows(text: &str) -> Rows {
    let value = |word: &str| match (word.trim(), word.trim().parse::<i64>()) {
        ("null", _) => Value::Null,
        (_, Ok(n)) => Value::Integer(n),
        (word, _) if word.contains('.') => Value::Real(word.parse().unwrap()),
        (word, _) => Value::Text(word.trim_matches('\'').into()),
    };
    let rows: Vec<Vec<Value>> = text
        .split(';')
        .filter(|row| !row.trim().is_empty())
        .map(|row| row.split(',').map(value).collect())
        .collect();
    let width = rows.first().map_or(2, Vec::len);
    let column = |index| Column {
        name: format!("c{index}").into(),
        declared: None,
        kind: ColumnKind::Plain,
    };
    let columns: Arc<[Column]> = (0..width).map(column).collect();
    Rows::new(columns, rows.into_iter().flatten().collect())
}

fn check(sql: &str, kept: &str, read: &str, expect: Compared) {
    let schema = One(Table { name: "t".into(), columns: Vec::new(), ..table() });
    let determined = determined(sql, &schema, None);
    for (kept, read) in [(kept, read), (read, kept)] {
        let found = compare(determined.as_ref(), &rows(kept), &rows(read));
        assert_eq!(found, expect, "{sql}: {kept} and {read}");
    }
}

fn table() -> Table {
    Table { name: "t".into(), columns: Vec::new(), rowid: None }
}

#[test]
fn plain_answers_are_multisets() {
    let sql = "SELECT a, b FROM t";
    check(sql, "1, x; 2, y", "1, x; 2, y", Compared::Equal);
    check(sql, "1, x; 2, y", "2, y; 1, x", Compared::Equal);
    check(sql, "", "", Compared::Equal);
    check(sql, "1, x; 1, x; 2, y", "1, x; 2, y; 2, y", Compared::Different);
    check(sql, "1, x", "1, x; 1, x", Compared::Different);
    check(sql, "1, x", "", Compared::Different);
    check(sql, "1, x", "1, X", Compared::Different);
    check(sql, "1, x", "1.0, x", Compared::Different);
    check(sql, "0.0, x", "-0.0, x", Compared::Different);
    check(sql, "null, x", "0, x", Compared::Different);
    check(sql, "1, ab", "'1a', b", Compared::Different);
    check("no query", "1, x", "2, x", Compared::Undetermined);
}

#[test]
fn what_is_alike_or_free_does_not_count() {
    let grouped = "SELECT c, count(*) FROM t GROUP BY c";
    check(grouped, "'ab ', 2", "'AB', 2", Compared::Equal);
    check(grouped, "1, 2", "1.0, 2", Compared::Equal);
    check(grouped, "0.0, 2", "-0.0, 2", Compared::Equal);
    check(grouped, "ab, 2", "ac, 2", Compared::Different);
    check(grouped, "ab, 2", "AB, 3", Compared::Different);
    check(grouped, "ab, 2", "ab, 2.0", Compared::Different);
    let sums = "SELECT count(*), sum(a) FROM t GROUP BY b";
    check(sums, "1, 0.3", "1, 0.30000000000000004", Compared::Equal);
    check(sums, "1, 3", "1, 4", Compared::Different);
    check(sums, "1, 3", "1, null", Compared::Different);
    check(sums, "1, 3", "1, 3.0", Compared::Different);
    check("SELECT avg(a), total(a) FROM t", "0.1, 2.0", "0.2, 2.0", Compared::Undetermined);
    check("SELECT avg(a), total(a) FROM t GROUP BY b", "0.1, 2.0", "", Compared::Different);
}

#[test]
fn pages_may_differ_in_what_is_tied_at_their_ends() {
    let page = "SELECT a, b FROM t ORDER BY a LIMIT 3";
    check(page, "1, x; 2, y; 2, z", "1, x; 2, y; 2, w", Compared::Equal);
    check(page, "1, x; 2, y; 3, z", "1, q; 2, y; 3, z", Compared::Different);
    check(page, "1, x; 2, y; 3, z", "1, x; 2, y; 4, z", Compared::Different);
    check(page, "1, x; 2, y; 2, z", "1, x; 1, x; 2, z", Compared::Different);
    check(page, "1, x; 2, y", "1, x; 2, y; 2, z", Compared::Different);
    check("SELECT b, a FROM t ORDER BY 1 LIMIT 2", "x, 1; 'Y', 2", "x, 1; y, 3", Compared::Equal);
    let later = "SELECT a, b FROM t ORDER BY a LIMIT 3 OFFSET 1";
    check(later, "1, x; 2, y; 3, z", "1, q; 2, y; 3, z", Compared::Equal);
    check(later, "1, x; 2, y; 3, z", "1, x; 2, q; 3, z", Compared::Different);
    check("SELECT a, b FROM t LIMIT 1", "1, x", "2, y", Compared::Undetermined);
    check("SELECT a, b FROM t LIMIT 1", "1, x", "", Compared::Different);
}

#[test]
fn digests_are_of_multisets() {
    let digest = |text| digest(&rows(text));
    assert_eq!(digest("1, x; 2, y"), digest("2, y; 1, x"));
    for other in ["1, x; 2, x", "1, x", "1, x; 1, x; 2, y", "1, y; 2, x", "1.0, x; 2, y"] {
        assert_ne!(digest("1, x; 2, y"), digest(other), "{other}");
    }
}

const SCHEMA: &str = "
    CREATE TABLE t (id INTEGER PRIMARY KEY, a INT, b TEXT, c TEXT COLLATE NOCASE, d, e REAL);
    CREATE TABLE u (id INTEGER PRIMARY KEY, t_id INT, x TEXT COLLATE RTRIM, y REAL);
    CREATE VIEW v AS SELECT a, b FROM t WHERE a > 1;
";

/// The same rows are asked for in two databases that hold them in another order, with other
/// indexes and other statistics, so that SQLite takes other ways: both answers are right, and
/// must pass for the same. Where they are not equal anyway, the case shows that it can fail.
#[test]
fn two_right_answers_never_differ() {
    let statements = [
        "SELECT a, b FROM t WHERE a > 1",
        "SELECT * FROM t JOIN u ON t.a = u.t_id",
        "SELECT c FROM t UNION ALL SELECT x FROM u",
        "SELECT c FROM t UNION SELECT x FROM u",
        "SELECT c FROM t INTERSECT SELECT c FROM t WHERE a < 3",
        "SELECT c, d FROM t EXCEPT SELECT c, d FROM t WHERE a = 1",
        "SELECT DISTINCT c FROM t",
        "SELECT DISTINCT d FROM t",
        "SELECT DISTINCT x, c FROM t JOIN u ON t.a = u.t_id",
        "SELECT c, count(*), b FROM t GROUP BY c",
        "SELECT d, count(*), sum(a), sum(e), avg(e), total(e) FROM t GROUP BY d",
        "SELECT x, min(y), max(x), group_concat(id) FROM u GROUP BY x",
        "SELECT min(c), max(c), min(d), max(d), min(e), max(x) FROM t JOIN u ON t.a = u.t_id",
        "SELECT lower(c) AS n, sum(e), coalesce(sum(a), 0) FROM t GROUP BY n",
        "SELECT a FROM t GROUP BY a HAVING count(*) > 2",
        "SELECT a FROM t GROUP BY a HAVING sum(e) > 0.6",
        "SELECT sum(DISTINCT d), round(sum(e), 15), sum(a) * 2 FROM t",
        "SELECT count(DISTINCT c), count(DISTINCT d), count(*) FROM t",
        "SELECT id, (SELECT x FROM u WHERE t_id = a) FROM t",
        "SELECT id, (SELECT count(*) FROM u WHERE t_id = a) FROM t",
        "SELECT id FROM t WHERE c IN (SELECT x FROM u)",
        "SELECT id FROM t WHERE b = (SELECT x FROM u WHERE t_id = a)",
        "SELECT a, row_number() OVER (ORDER BY a), first_value(b) OVER (ORDER BY a) FROM t",
        "SELECT a, b FROM t ORDER BY a LIMIT 7",
        "SELECT a, b FROM t ORDER BY a LIMIT 7 OFFSET 5",
        "SELECT c, id FROM t ORDER BY c LIMIT 9",
        "SELECT d, id FROM t ORDER BY d DESC LIMIT 9",
        "SELECT e AS k, id FROM t ORDER BY k LIMIT 5, 9",
        "SELECT x, id FROM u ORDER BY x LIMIT 9",
        "SELECT c, count(*) AS n, sum(e) FROM t GROUP BY c ORDER BY n DESC LIMIT 3",
        "SELECT DISTINCT c FROM t ORDER BY c LIMIT 2",
        "SELECT id FROM t LIMIT 3",
        "SELECT count(*) FROM (SELECT a FROM t LIMIT 5) WHERE a > 1",
        "SELECT count(*) FROM (SELECT DISTINCT c FROM t) WHERE c = 'AB' COLLATE BINARY",
        "SELECT a, v.b, d FROM v NATURAL JOIN t",
        "SELECT (SELECT b FROM t AS i WHERE i.a = t.a) AS z, id FROM t WHERE z > 'b'",
        "SELECT id FROM t WHERE EXISTS (SELECT 1 FROM u WHERE t_id = a LIMIT 1)",
        "WITH w AS (SELECT a, e FROM t) SELECT a, sum(e) FROM w GROUP BY a",
    ];
    let schema = Tables::new();
    let (mut unequal, mut undetermined) = (0, 0);
    for seed in 0..20 {
        let [left, right] = [0, 1].map(|variant| database(seed, variant));
        for sql in statements {
            let [kept, read] = [&left, &right].map(|db| answer(db, sql));
            let determined = determined(sql, &schema, None);
            let found = compare(determined.as_ref(), &kept, &read);
            assert_ne!(found, Compared::Different, "{sql}\n{kept:?}\n{read:?}");
            unequal += u32::from(kept != read);
            undetermined += u32::from(found == Compared::Undetermined);
        }
    }
    assert!(unequal > 300, "the two databases are too much alike: {unequal}");
    assert!(undetermined < 200, "too little is determined: {undetermined}");
}

/// The relations of `SCHEMA`.
struct Tables([Table; 2]);

impl Tables {
    fn new() -> Tables {
        Tables(["t", "u"].map(|name| Table { name: name.into(), ..table() }))
    }
}

impl Schema for Tables {
    fn relation(&self, name: &str) -> Option<Relation<'_>> {
        match name {
            "v" => Some(Relation::View("CREATE VIEW v AS SELECT a, b FROM t WHERE a > 1")),
            name => self.0.iter().find(|table| &*table.name == name).map(Relation::Table),
        }
    }
}

/// A database of the rows of `seed`, many of them alike, in the order of a variant.
fn database(seed: u64, variant: usize) -> rusqlite::Connection {
    let db = rusqlite::Connection::open_in_memory().unwrap();
    db.execute_batch(SCHEMA).unwrap();
    let mut random = fastrand::Rng::with_seed(seed);
    let mut inserts: Vec<String> = (0..40)
        .map(|id| {
            let text = ["'ab'", "'AB'", "'Ab'", "'b'", "'b '"];
            let mixed = ["1", "1.0", "'1'", "0.0", "-0.0", "NULL", "'x'", "'X'"];
            let mut pick = |all: &[&str]| (*random.choice(all).unwrap()).to_owned();
            let (b, c, d, x) = (pick(&text), pick(&text), pick(&mixed), pick(&text));
            let e = pick(&["0.1", "0.2", "0.3", "1e16", "-1e16", "NULL"]);
            let (a, t_id) = (random.i32(0..5), random.i32(0..5));
            format!(
                "INSERT INTO t VALUES ({id}, {a}, {b}, {c}, {d}, {e});
                 INSERT INTO u VALUES ({id}, {t_id}, {x}, {e});"
            )
        })
        .collect();
    if variant == 1 {
        random.shuffle(&mut inserts);
        db.execute_batch(
            "CREATE INDEX i1 ON t(a, id DESC); CREATE INDEX i2 ON t(c, e, id DESC);
             CREATE INDEX i3 ON t(d, id DESC); CREATE INDEX i4 ON u(t_id, y, id DESC);
             CREATE INDEX i5 ON u(x, id DESC); CREATE INDEX i6 ON t(e, c DESC);
             PRAGMA reverse_unordered_selects = on;",
        )
        .unwrap();
    }
    db.execute_batch(&inserts.concat()).unwrap();
    db
}

fn answer(db: &rusqlite::Connection, sql: &str) -> Rows {
    let mut statement = db.prepare(sql).unwrap();
    let width = statement.column_count();
    let column = |index| Column {
        name: format!("c{index}").into(),
        declared: None,
        kind: ColumnKind::Plain,
    };
    let columns: Arc<[Column]> = (0..width).map(column).collect();
    let mut values = Vec::new();
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next().unwrap() {
        values.extend((0..width).map(|index| match row.get_ref(index).unwrap() {
            rusqlite::types::ValueRef::Null => Value::Null,
            rusqlite::types::ValueRef::Integer(n) => Value::Integer(n),
            rusqlite::types::ValueRef::Real(x) => Value::Real(x),
            rusqlite::types::ValueRef::Text(text) => {
                Value::Text(std::str::from_utf8(text).unwrap().into())
            }
            rusqlite::types::ValueRef::Blob(blob) => Value::Blob(blob.into()),
        }));
    }
    Rows::new(columns, values)
}
