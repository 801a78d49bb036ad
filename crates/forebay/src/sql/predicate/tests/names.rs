//! What a name stands for, and which spellings of a comparison count.

use std::collections::BTreeSet;

use super::super::{NotUnderstood, occurrences};
use super::{check_with, described};

const SCHEMA: &str = "
    t: id int pk, a int, b text, c text nocase, d, g int generated, o text odd, r real rtrim
    u: id int pk, t_id int, a int, x text, y real, n num
    w: k text, rowid text
    f: opaque
    CREATE VIEW v AS SELECT * FROM t
    CREATE VIEW broken AS SELECT FROM
    CREATE VIEW strange AS SELECT \"Quoted Name\", o FROM t NATURAL JOIN u
";

fn check(sql: &str, expect: &str) {
    check_with(SCHEMA, sql, expect);
}

fn from(from: &str, expect: &str) {
    check(&format!("SELECT * FROM {from}"), expect);
}

#[test]
fn comparisons() {
    from("t WHERE a = 1 AND b == 'x' AND d IS 2", "t[a=1, b='x', d=2]");
    from("t WHERE 1 < a AND 2 >= a", "t[a>1, a<=2]");
    from("t WHERE a BETWEEN 1 AND ?", "t[a>=1<=?1]");
    from("t WHERE a BETWEEN 1 AND d", "t[a>=1]");
    from("t WHERE 5 BETWEEN a AND d", "t[a<=5, d>=5]");
    from("t WHERE a NOT BETWEEN 1 AND 2", "t");
    from("t WHERE a IN (1, ?, NULL)", "t[a in (1 ?1 NULL)]");
    from("t WHERE a IN ()", "t[a in ()]");
    from("t WHERE a IN (1, d)", "t");
    from("t WHERE a NOT IN (1)", "t");
    from("t WHERE a IS NULL AND NULL IS b AND d ISNULL", "t[a null, b null, d null]");
    from(
        "t WHERE a NOT NULL AND b NOTNULL AND d IS NOT NULL",
        "t[a not null, b not null, d not null]",
    );
    from("t WHERE a = NULL", "t[a=NULL]");
    from("t WHERE a IS ? AND b IS NOT ? AND d <> 1 AND a != 2", "t");
    from("t WHERE a IS NOT DISTINCT FROM 1 AND b IS DISTINCT FROM 2", "t[a=1]");
    from("t WHERE b LIKE 'x%' AND b GLOB 'x*'", "t");
    from("t WHERE a", "t");
    from("t WHERE a = 1 IS TRUE", "t");
    from("t WHERE a = TRUE AND b = CURRENT_DATE AND d = \"text\"", "t");
}

#[test]
fn expressions_on_the_column_are_none() {
    from("t WHERE +a = 1", "t");
    from("t WHERE -a = 1", "t");
    from("t WHERE a + 0 = 1", "t");
    from("t WHERE CAST(a AS TEXT) = '1'", "t");
    from("t WHERE lower(b) = 'x'", "t");
    from("t WHERE (((a))) = (((1)))", "t[a=1]");
    from("t WHERE g = 1", "t");
    from("t WHERE NOT a = 1", "t");
    from("t WHERE a = 1 = 1", "t");
    from("t WHERE (a = 1) = 1", "t");
    from("t WHERE likely(a = 1)", "t");
}

#[test]
fn constants() {
    from("t WHERE a = -1 AND d = - (2)", "t[a=-1, d=-2]");
    from("t WHERE a = 0x1F AND d = 0xffffffffffffffff", "t[a=31, d=-1]");
    from("t WHERE a = 1_000 AND d = 1.5e3", "t[a=1000, d=1500.0]");
    from(
        "t WHERE a = 9223372036854775807 AND d = -9223372036854775808",
        "t[a=9223372036854775807, d=-9223372036854775808]",
    );
    from("t WHERE b = 'it''s' AND d = ''", "t[b='it's', d='']");
    from("t WHERE d = x'00FF'", "t[d=blob[2]]");
    from("t WHERE d IN (1., .5, 1e22)", "t[d in (1.0 0.5 1e22)]");
    // Digits of which SQLite might make other bits than we do.
    from("t WHERE d = 9223372036854775808", "t");
    from("t WHERE d = 0.12345678901234567", "t");
    from("t WHERE d = 1e23", "t");
    from("t WHERE a = 1 + 1 AND b = 'a' || 'b' AND d = -? AND a = +1", "t");
    from("t WHERE a = ? AND b = :b AND c = ? AND d = ?2", "t[a=?1, b=?2, c:nocase=?3, d=?2]");
}

#[test]
fn collations() {
    from("t WHERE c = 'x' AND 'y' = c AND r > 1", "t[c:nocase='x', c:nocase='y', r:rtrim>1]");
    from("t WHERE b = 'x' COLLATE NOCASE", "t[b:nocase='x']");
    from("t WHERE b COLLATE rtrim = 'x' COLLATE NOCASE", "t[b:rtrim='x']");
    from("t WHERE 'x' COLLATE \"nocase\" = b COLLATE RTRIM", "t[b:nocase='x']");
    from("t WHERE c COLLATE BINARY = 'x'", "t[c='x']");
    from("t WHERE (c COLLATE RTRIM) COLLATE BINARY > 'x'", "t[c>'x']");
    from("t WHERE b COLLATE mine = 'x'", "t");
    from("t WHERE b COLLATE mine = 'x' COLLATE NOCASE", "t");
    from("t WHERE o = 'x'", "t");
    from("t WHERE o = 'x' COLLATE NOCASE AND o IS NULL", "t[o:nocase='x', o null]");
    from("t WHERE b COLLATE NOCASE IN ('x', 'y')", "t[b:nocase in ('x' 'y')]");
    from("t WHERE b IN ('x' COLLATE NOCASE, 'y')", "t");
    from("t WHERE b IN ('x' COLLATE NOCASE)", "t");
    from("t WHERE b BETWEEN 'a' COLLATE NOCASE AND 'b'", "t[b:nocase>='a', b<='b']");
    from("(SELECT c AS z FROM t) WHERE z = 'x'", "t[c:nocase='x']");
    from("(SELECT c COLLATE BINARY AS z FROM t) WHERE z = 'x'", "t");
}

#[test]
fn names_of_columns() {
    from(
        "t WHERE A = 1 AND [b] = 'x' AND \"C\" = 'y' AND `d` = 2",
        "t[a=1, b='x', c:nocase='y', d=2]",
    );
    from("t WHERE t.a = 1 AND main.t.b = 'x' AND temp.t.d = 1", "t[a=1, b='x']");
    from("t z WHERE z.a = 1 AND t.b = 'x'", "t[a=1]");
    from("t AS 'z' WHERE z.'a' = 1", "t[a=1]");
    from("t, u WHERE a = 1 AND b = 'x' AND x = 'y'", "t[b='x'] u[x='y']");
    from("t, u WHERE missing = 1", "t u");
    from("t JOIN u USING (a) WHERE b = 'x' AND t.c = 'c' AND u.a = 1", "t[c:nocase='c'] u[a=1]");
    from("t NATURAL JOIN u WHERE b = 'x'", "t u");
    from("(t JOIN u ON t.a = u.a) WHERE t.b = 'x' AND x = 'y'", "t[b='x'] u[x='y']");
    // An alias hides the tables within, and a single table in parentheses loses its alias.
    from("(t JOIN u ON t.a = 1) AS z WHERE z.b = 'x' AND t.b = 'x'", "t u");
    from("(t z) WHERE z.a = 1", "t");
    from("(t) WHERE a = 1", "t");
    // An alias of the result comes after the columns of FROM.
    check("SELECT b AS a, d AS z FROM t WHERE a = 1 AND z = 2", "t[a=1]");
    // A name in a subquery is looked for there first.
    check("SELECT * FROM u WHERE EXISTS (SELECT 1 FROM t WHERE a = 1 AND x = 'x')", "u t[a=1]");
    check("SELECT * FROM t WHERE EXISTS (SELECT 1 FROM u t WHERE t.a = 1)", "t u[a=1]");
    from("(SELECT a, d AS a FROM t) WHERE a = 1", "t");
    from("v WHERE a = 1 AND v.b = 'x'", "t[a=1, b='x']");
}

/// Result columns without a name of their own get one, and the second of a name another.
#[test]
fn names_that_are_made_up() {
    from("(SELECT b, d FROM t) WHERE b = 'x'", "t[b='x']");
    from("(SELECT b COLLATE NOCASE, d FROM t) WHERE d = 'x'", "t[d='x']");
    from("(SELECT b COLLATE NOCASE, b FROM t) WHERE b = 'x'", "t");
    from("(SELECT (b COLLATE NOCASE) COLLATE RTRIM, d AS b FROM t) WHERE b = 'x'", "t");
    from("(SELECT likely(b), d AS b FROM t) WHERE b = 'x'", "t");
    from("(SELECT likelihood(t.b, 0.5), d AS b FROM t) WHERE b = 'x'", "t");
    from("(SELECT a + 0, d AS \"a + 0\" FROM t) WHERE \"a + 0\" = 1", "t");
    from("(SELECT a + 0, d FROM t) WHERE d = 1", "t[d=1]");
    from("(SELECT TRUE, d AS column1 FROM t) WHERE column1 = 1", "t");
    from("(SELECT a, d AS column1 FROM t) WHERE column1 = 1", "t[d=1]");
    from("(SELECT NULL, d AS \"null\" FROM t) WHERE \"null\" = 1", "t");
    from("(SELECT d AS \"true\", a FROM t) WHERE \"true\" = 1", "t");
    from("(SELECT d AS \"true\", a AS column1 FROM t) WHERE column1 = 1", "t");
    from("(SELECT t.a, u.a, d AS \"a:1\" FROM t, u) WHERE \"a:1\" = 1", "t u");
    check("WITH c(\"true\", z) AS (SELECT a, d FROM t) SELECT * FROM c WHERE z = 1", "t[d=1]");
    check("WITH c(\"true\", z) AS (SELECT a, d FROM t) SELECT * FROM c WHERE \"true\" = 1", "t");
    from("(SELECT b COLLATE NOCASE, id AS b FROM t) ORDER BY b LIMIT 5", "t");
    from("(SELECT TRUE, id AS column1 FROM t) ORDER BY column1 LIMIT 5", "t");
    from("(SELECT TRUE, id FROM t) ORDER BY id LIMIT 5", "t[top 5 by id at 1]");
    // The name within is another's: a query around it must not be asked instead.
    check(
        "SELECT * FROM u WHERE EXISTS (SELECT 1 FROM (SELECT a + 0 FROM t) WHERE \"a + 0\" = 1)",
        "u t",
    );
}

#[test]
fn the_rowid() {
    from("t WHERE rowid = 1 AND t.oid = 2 AND _ROWID_ IN (3)", "t[id=1, id=2, id=3]");
    from("t, u WHERE rowid = 1 AND u.rowid = 2", "t u[id=2]");
    from("w WHERE rowid = 'x' AND oid = 1", "w[rowid='x']");
    from("v WHERE rowid = 1", "t");
    from("(SELECT rowid FROM t) WHERE rowid = 1 AND id = 1", "t");
    from("(SELECT rowid AS z FROM t) WHERE z = 1", "t[id=1]");
}

#[test]
fn pages() {
    from("t ORDER BY a LIMIT 5", "t[top 5 by a at 1]");
    from(
        "t WHERE b = 'x' ORDER BY c DESC, a LIMIT ? OFFSET ?",
        "t[b='x', top ?1 by c:nocase desc at 3]",
    );
    from("t ORDER BY a LIMIT 10, 5", "t[top 5 by a at 1]");
    from("t, u ORDER BY x LIMIT 5", "t u[top 5 by x at 11]");
    check("SELECT b, t.* FROM u, t ORDER BY t.a LIMIT 5", "u t[top 5 by a at 2]");
    check("SELECT b, a FROM t ORDER BY 2 LIMIT 5", "t[top 5 by a at 1]");
    check("SELECT b AS a, a AS z FROM t ORDER BY a LIMIT 5", "t[top 5 by b at 0]");
    check("SELECT b AS a, a AS z FROM t ORDER BY t.a LIMIT 5", "t[top 5 by a at 1]");
    check("SELECT d + 1 AS a, a AS z FROM t ORDER BY a LIMIT 5", "t");
    check("SELECT *, b AS a FROM t ORDER BY a LIMIT 5", "t[top 5 by a at 1]");
    check("SELECT b FROM t ORDER BY a LIMIT 5", "t");
    check("SELECT b COLLATE NOCASE AS z FROM t ORDER BY z LIMIT 5", "t");
    check("SELECT b FROM t ORDER BY b COLLATE NOCASE LIMIT 5", "t[top 5 by b:nocase at 0]");
    check("SELECT b FROM t ORDER BY b COLLATE mine LIMIT 5", "t");
    check("SELECT id FROM t ORDER BY rowid DESC LIMIT 5", "t[top 5 by id desc at 0]");
    check("SELECT o FROM t ORDER BY o LIMIT 5", "t");
    check("SELECT g FROM t ORDER BY g LIMIT 5", "t");
    from("t ORDER BY a NULLS LAST LIMIT 5", "t");
    from("t ORDER BY a NULLS FIRST LIMIT 5", "t");
    from("t ORDER BY a", "t");
    from("t LIMIT 5", "t");
    from("t ORDER BY a + 0 LIMIT 5", "t");
    from("t ORDER BY a LIMIT 2 + 3", "t");
    from("t ORDER BY a LIMIT 5 OFFSET (SELECT id FROM u)", "t u");
    check("SELECT DISTINCT a FROM t ORDER BY a LIMIT 5", "t");
    check("SELECT a, count(*) FROM t GROUP BY a ORDER BY a LIMIT 5", "t");
    check("SELECT a, max(b) FROM t ORDER BY a LIMIT 5", "t");
    check("SELECT a FROM t ORDER BY a, sum(b) OVER () LIMIT 5", "t");
    check("SELECT a FROM t UNION ALL SELECT a FROM u ORDER BY a LIMIT 5", "t u");
    check("SELECT a FROM (SELECT a FROM t ORDER BY a LIMIT 5)", "t");
    check(
        "SELECT a, (SELECT count(*) FROM u WHERE u.a = 1) FROM t ORDER BY a LIMIT 5",
        "t[top 5 by a at 0] u[a=1]",
    );
    from("t LEFT JOIN u ON u.a = t.a ORDER BY t.a LIMIT 5", "t[top 5 by a at 1] u");
    from("t LEFT JOIN u ON u.a = t.a ORDER BY u.a LIMIT 5", "t u");
    from("t RIGHT JOIN u ON u.a = t.a ORDER BY u.a LIMIT 5", "t u");
    from("t JOIN u USING (a) ORDER BY t.a LIMIT 5", "t u");
    from("v ORDER BY a LIMIT 5", "t[top 5 by a at 1]");
    from("(SELECT DISTINCT a FROM t) ORDER BY a LIMIT 5", "t");
    check(
        "WITH c(z) AS (SELECT a FROM t) SELECT 1, z FROM c ORDER BY z LIMIT 5",
        "t[top 5 by a at 1]",
    );
}

#[test]
fn what_is_not_understood() {
    from("f", "? f is not an ordinary table");
    from("unheard_of", "? unheard_of is not known");
    from("temp.t", "? t is not in the main schema");
    from("json_each('[1]')", "? it calls a table function");
    check("SELECT 1 WHERE 1 IN json_each('[1]')", "? it calls a table function");
    check("SELECT 1 FROM t WHERE EXISTS (SELECT 1 FROM f)", "? f is not an ordinary table");
    check("INSERT INTO t SELECT * FROM u", "? it is not a query");
    check("EXPLAIN SELECT * FROM t", "? it is not a query");
    check("SELECT 1; SELECT * FROM t", "? there is more than one statement");
    check("", "? it is not a query");
    from(
        "broken",
        "? in the view broken: the parser says: near \"FROM\": syntax error at line: 1, column: 30",
    );
    let many = vec!["t"; 65].join(", ");
    from(&many, "? it joins more than 64 tables");
    let ctes: Vec<String> =
        (1..10).map(|n| format!("c{n} AS (SELECT * FROM c{}, c{})", n - 1, n - 1)).collect();
    let sql = format!("WITH c0 AS (SELECT * FROM t), {} SELECT * FROM c9", ctes.join(", "));
    check(&sql, "? it reads more than 256 tables");
}

#[test]
fn names_mentioned() {
    let schema = described(SCHEMA);
    let understood = |sql| occurrences(sql, &schema);
    let found =
        understood("SELECT \"Some\", `Other`, [Third] FROM t WHERE t.'fourth' = Fifth").unwrap();
    let expect = ["some", "other", "third", "fifth", "t"].map(str::to_owned);
    assert!(found.names.is_superset(&BTreeSet::from(expect)), "{:?}", found.names);
    assert!(!found.names.contains("fourth"), "SQLite reports it with its table");
    assert!(!found.is_natural);
    let found = understood("SELECT * FROM strange").unwrap();
    assert!(found.names.contains("quoted name") && found.is_natural, "{found:?}");
    assert!(understood("SELECT * FROM t JOIN u USING (a)").unwrap().is_natural);
    let why: NotUnderstood = understood("SELECT").unwrap_err();
    assert!(why.reason().starts_with("the parser says"), "{why:?}");
}
