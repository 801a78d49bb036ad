//! What statements seek, as lines of text.

use super::*;
use crate::sql::predicate::tests::described;

const SCHEMA: &str = "
    t: id int pk, a int, b int, c text, d text nocase
    u: id int pk, t_id int, x text, y int
    CREATE VIEW v AS SELECT id, a AS first, c FROM t WHERE b = 1
    f: opaque";

/// Every use of a table: what is compared, `[arms]` of an OR, the order, the groups, the columns.
fn shown(it: &Use) -> String {
    let key = |key: &Key| {
        let collation = key.collation.map(|it| format!(" {}", it.clause()));
        format!("{}{}", key.sql.replace('"', ""), collation.unwrap_or_default())
    };
    let term = |term: &Term| {
        let sign = match &term.sift {
            Sift::Equal(_) => "=",
            Sift::OneOf => "in ",
            Sift::Range(_) => "<",
            Sift::NotNull => "not null ",
            Sift::Null => "null ",
            Sift::Like { is_glob: false, .. } => "like ",
            Sift::Like { is_glob: true, .. } => "glob ",
            Sift::Not => "if ",
        };
        match &term.key {
            Some(it) => format!("{sign}{}", key(it)),
            None => {
                format!("{sign}{}", term.condition.clone().unwrap_or_default().replace('"', ""))
            }
        }
    };
    let mut parts: Vec<String> = it.terms.iter().map(term).collect();
    for arms in &it.choices {
        let arm = |arm: &Vec<Term>| arm.iter().map(term).collect::<Vec<_>>().join("&");
        parts.push(format!("[{}]", arms.iter().map(arm).collect::<Vec<_>>().join(" | ")));
    }
    for it in &it.order {
        parts.push(format!("by {}{}", key(&it.key), if it.is_descending { " desc" } else { "" }));
    }
    parts.extend(it.groups.iter().map(|it| format!("group {}", key(it))));
    if let Some(columns) = &it.columns {
        let columns: Vec<String> = columns.iter().map(u16::to_string).collect();
        parts.push(format!("reads {}", columns.join(" ")));
    }
    format!("{}: {}", it.table, parts.join(", "))
}

fn check(sql: &str, expect: &[&str]) {
    let found = sought(sql, &described(SCHEMA)).unwrap();
    let found: Vec<String> = found.uses.iter().map(shown).collect();
    assert_eq!(found, expect, "{sql}");
}

#[test]
fn comparisons() {
    check("SELECT a FROM t WHERE b = 3", &["t: =b, reads 1 2"]);
    check("SELECT * FROM t WHERE ? = a AND b >= 2", &["t: =a, <b"]);
    check("SELECT * FROM t WHERE a IN (1, 2) AND b BETWEEN 1 AND 2", &["t: in a, <b"]);
    check(
        "SELECT * FROM t WHERE a IS NULL AND b IS NOT NULL AND c <> 'x'",
        &["t: null a, not null b, if c <> 'x'"],
    );
    check("SELECT * FROM t WHERE c LIKE 'x%' AND d GLOB 'y*'", &["t: like c, glob d"]);
    check("SELECT * FROM t WHERE c = 'x' COLLATE NOCASE", &["t: =c"]);
    check("SELECT * FROM t WHERE c COLLATE NOCASE = 'x'", &["t: =c COLLATE NOCASE"]);
    check("SELECT * FROM t WHERE lower(c) = 'x'", &["t: =lower(c)"]);
    check("SELECT * FROM t WHERE a + b > 7 AND abs(a) = ?", &["t: <a + b, =abs(a)"]);
    check("SELECT * FROM t WHERE (a, b) = (1, 2)", &["t: =a, =b"]);
    check("SELECT * FROM t WHERE (a, b) > (1, 2)", &["t: <a"]);
    check("SELECT * FROM t WHERE a = b AND NOT a = 1", &["t: if a = b, if NOT (a = 1)"]);
    check("SELECT * FROM t WHERE a = (SELECT max(y) FROM u)", &["t: =a", "u: by y desc, reads 3"]);
}

#[test]
fn alternatives() {
    check("SELECT * FROM t WHERE a = 1 OR a = 2", &["t: in a"]);
    check(
        "SELECT * FROM t WHERE a = 1 OR b = 2 AND c = 'x'",
        &["t: if (a = 1) OR ((b = 2) AND (c = 'x')), [=a | =b&=c]"],
    );
    check("SELECT * FROM t WHERE a = ? OR b = ?", &["t: [=a | =b]"]);
    check("SELECT * FROM t, u WHERE t.a = 1 OR u.y = 2", &["t: ", "u: "]);
}

#[test]
fn joins() {
    check(
        "SELECT t.a FROM t JOIN u ON u.t_id = t.id WHERE u.y > 3",
        &["t: =id, reads 0 1", "u: <y, =t_id, reads 1 3"],
    );
    check("SELECT * FROM t LEFT JOIN u USING (id) WHERE x = 'q'", &["t: =id", "u: =x, =id"]);
    check(
        "SELECT * FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.t_id = t.id)",
        &["t: ", "u: =t_id, reads 1"],
    );
    check("SELECT first FROM v WHERE c = 'x' ORDER BY first", &["t: =b, =c, by a, reads 0 1 2 3"]);
    check("WITH w AS (SELECT a, b FROM t) SELECT a FROM w WHERE b = 4", &["t: =b, reads 1 2"]);
}

#[test]
fn orders_and_groups() {
    check("SELECT a FROM t ORDER BY b DESC, 1", &["t: by b desc, by a, reads 1 2"]);
    check("SELECT a AS n FROM t ORDER BY n", &["t: by a, reads 1"]);
    check("SELECT lower(c) AS l FROM t ORDER BY l", &["t: by lower(c), reads 3"]);
    check("SELECT t.a FROM t, u ORDER BY t.b, u.x", &["t: by b, reads 1 2", "u: reads 2"]);
    check("SELECT b, count(*) FROM t GROUP BY b, a", &["t: group b, group a, reads 1 2"]);
    check("SELECT DISTINCT a FROM t", &["t: group a, reads 1"]);
    check("SELECT max(a) FROM t WHERE b = 1", &["t: =b, by a desc, reads 1 2"]);
}

#[test]
fn statements_that_write() {
    check("DELETE FROM t WHERE a = 1", &["t: =a"]);
    check("DELETE FROM t AS x WHERE x.a = 1 RETURNING b", &["t: =a"]);
    check("UPDATE OR IGNORE t SET a = 2, b = 3 WHERE c = 'x'", &["t: =c"]);
    check("UPDATE t SET a = u.y FROM u WHERE u.t_id = t.id", &["t: =id", "u: =t_id"]);
    check("WITH w AS (SELECT 1) INSERT INTO t (a) SELECT y FROM u WHERE x = 'x'", &["u: =x"]);
    check("INSERT INTO t (a) SELECT y FROM u WHERE y > 1 ON CONFLICT DO NOTHING", &["u: <y"]);
    check("INSERT INTO t (a) VALUES (1)", &[]);
    let change = |sql: &str| sought(sql, &described(SCHEMA)).unwrap().change.unwrap();
    let columns = std::collections::BTreeSet::from([1, 2]);
    assert_eq!(change("UPDATE t SET a = 2, b = 3"), Change::Update { table: "t".into(), columns });
    assert_eq!(change("DELETE FROM t"), Change::Delete { table: "t".into() });
    assert_eq!(change("INSERT INTO t (a) VALUES (1)"), Change::Insert { table: "t".into() });
}

#[test]
fn what_is_not_read() {
    let check = |sql: &str| sought(sql, &described(SCHEMA)).unwrap_err();
    check("SELECT * FROM f WHERE a = 1");
    check("SELECT * FROM nothing");
    check("CREATE TABLE x (a)");
    check("SELECT 1; SELECT 2");
    check("");
}

#[test]
fn offsets() {
    let check = |sql: &str, known: bool, expect: Option<&str>| {
        let found = sought(sql, &described(SCHEMA)).unwrap();
        assert_eq!(found.offset.is_some(), known, "{sql}");
        assert_eq!(without_offset(sql).as_deref(), expect, "{sql}");
        assert_eq!(outer_offset(sql).is_some(), known, "{sql}");
    };
    assert_eq!(outer_offset("SELECT * FROM t LIMIT 5 OFFSET $2"), Some("$2"));
    assert_eq!(outer_offset("SELECT * FROM t LIMIT 5 OFFSET 99"), Some("99"));
    check("SELECT * FROM t LIMIT 5 OFFSET 99", true, Some("SELECT * FROM t LIMIT 5 OFFSET 0"));
    check("SELECT * FROM t LIMIT 99, 5", true, Some("SELECT * FROM t LIMIT 0, 5"));
    check("SELECT * FROM t LIMIT 5 OFFSET ?", true, None);
    check("SELECT * FROM t LIMIT 5", false, None);
    check("SELECT (SELECT a FROM t LIMIT 1 OFFSET 9) FROM t", false, None);
}

#[test]
fn patterns_in_trigrams() {
    let check = |sql: &str, expect: Option<&str>| {
        assert_eq!(in_trigrams(sql, "c", "i").as_deref(), expect, "{sql}");
    };
    let asked = "IN (SELECT rowid FROM \"i\" WHERE \"c\" LIKE";
    check(
        "SELECT * FROM t WHERE c LIKE '%x%' AND a = 1",
        Some(&format!("SELECT * FROM t WHERE rowid {asked} '%x%') AND a = 1")),
    );
    check(
        "SELECT * FROM t AS q WHERE q.\"c\" LIKE ?2",
        Some(&format!("SELECT * FROM t AS q WHERE q.rowid {asked} ?2)")),
    );
    check("SELECT * FROM t WHERE c LIKE '%x%' ESCAPE '!'", None);
    check("SELECT * FROM t WHERE c LIKE '%' || ? || '%'", None);
    check("SELECT * FROM t WHERE d LIKE '%x%'", None);
}

#[test]
fn statements_of_a_text() {
    let check = |text: &str, expect: &[(&str, &[&str])]| {
        let found = statements(text);
        let found: Vec<(&str, &[&str])> = found.iter().map(|(sql, it)| (*sql, &it[..])).collect();
        assert_eq!(found, expect, "{text:?}");
    };
    check("", &[]);
    check(" ; -- only this", &[]);
    check("SELECT 1", &[("SELECT 1", &[])]);
    check(
        "-- a\nSELECT ';'; /* b */ SELECT 2 -- c\n;",
        &[("SELECT ';'", &["-- a"]), ("SELECT 2", &["/* b */"])],
    );
}

/// Nothing that a text may hold is a panic.
#[test]
fn any_text() {
    let words = [
        "SELECT", "FROM", "t", "u", "WHERE", "a", "=", "?", "(", ")", ",", "OR", "AND", "ORDER",
        "BY", "LIMIT", "OFFSET", "1", "'%x", "'%x%'", "LIKE", "UPDATE", "SET", "DELETE", "INSERT",
        "INTO", "VALUES", "WITH", "AS", "v", ".", "c", "GROUP", "ON", "CONFLICT", ";", "é", "\"",
    ];
    let mut random = fastrand::Rng::with_seed(7);
    let schema = described(SCHEMA);
    for _ in 0..3_000 {
        let count = random.usize(1..14);
        let text: Vec<&str> = (0..count).map(|_| words[random.usize(..words.len())]).collect();
        let text = text.join(if random.bool() { " " } else { "" });
        let _ = sought(&text, &schema);
        let _ = (without_offset(&text), in_trigrams(&text, "c", "i"), statements(&text));
        let _ = word_before_parameter(&text, 1);
    }
}
