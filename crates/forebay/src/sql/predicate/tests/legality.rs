//! The table of legal places, each in both directions: what may be applied to a table, and what
//! may not.

use super::check_with;

const SCHEMA: &str = "
    t: id int pk, a int, b text, c text nocase, d
    u: id int pk, t_id int, a int, x text, y real
    s: k text, n int nocase
    CREATE VIEW plain AS SELECT id AS i, a, b || 'x' AS bx, c FROM t WHERE a > 0
    CREATE VIEW over(p, q) AS SELECT i, c FROM plain
    CREATE VIEW grouped AS SELECT a, count(*) AS n FROM t GROUP BY a
    CREATE VIEW unioned AS SELECT a FROM t UNION ALL SELECT a FROM u
    CREATE VIEW outer_joined AS SELECT t.a, u.x FROM t LEFT JOIN u ON u.t_id = t.id AND u.y > 1
    CREATE VIEW circular AS SELECT * FROM circular
";

fn check(sql: &str, expect: &str) {
    check_with(SCHEMA, sql, expect);
}

/// The occurrences in `SELECT * FROM` this.
fn from(from: &str, expect: &str) {
    check(&format!("SELECT * FROM {from}"), expect);
}

#[test]
fn inner_joins() {
    from("t, u WHERE t.a = 1 AND u.x = 'x'", "t[a=1] u[x='x']");
    from("t JOIN u ON u.t_id = t.id AND t.a = 1 AND u.x = ?", "t[a=1] u[x=?1]");
    from("t CROSS JOIN u ON t.a > 1 WHERE u.a < 2", "t[a>1] u[a<2]");
    from("t JOIN u ON t.a = 1 JOIN s ON u.a = 2 AND t.b = 'b'", "t[b='b', a=1] u[a=2] s");
    from("t AS v, t WHERE v.a = 1", "t[a=1] t");
    from("t v, t w WHERE v.a = 1 AND w.a = 2", "t[a=1] t[a=2]");
    // More conditions than are kept.
    let first = (1..=64).map(|n| format!("b=?{n}")).collect::<Vec<_>>().join(", ");
    from(&format!("t WHERE {}", vec!["b = ?"; 70].join(" AND ")), &format!("t[{first}]"));
    // A comparison between two tables says nothing of one.
    from("t, u WHERE t.d = u.x", "t u");
}

#[test]
fn partners() {
    from("t JOIN u ON u.t_id = t.id WHERE t.b = ?", "t[b=?1] u[t_id of t.id by b]");
    from(
        "t, u WHERE u.x = 'x' AND t.id = u.t_id AND t.a > 1",
        "t[a>1, id of u.t_id by x] u[x='x']",
    );
    from(
        "t JOIN u ON u.t_id = t.id WHERE t.b IN ('x', ?)",
        "t[b in ('x' ?1)] u[t_id of t.id by b]",
    );
    // One that is told rows by constants needs no partner.
    from("t JOIN u ON u.t_id = t.id WHERE t.b = 'b' AND u.x = 'x'", "t[b='b'] u[x='x']");
    from("t JOIN u ON u.t_id = t.id WHERE t.b = 'b' AND u.x IS NULL", "t[b='b'] u[x null]");
    // Nobody can be the partner of whom it has to be told by.
    from("t JOIN u ON u.t_id = t.id", "t u");
    from("t JOIN u ON u.t_id = t.id WHERE t.b > 'b'", "t[b>'b'] u");
    from("t JOIN u ON u.t_id = t.id WHERE t.b COLLATE nocase = 'b'", "t[b:nocase='b'] u");
    from("t JOIN u ON u.t_id = t.id WHERE t.c = 'b'", "t[c:nocase='b'] u[t_id of t.id by c]");
    // Columns that may be equal without holding the same.
    from("t JOIN u ON u.x = t.b WHERE t.a = 1", "t[a=1] u");
    from("t JOIN s ON s.n = t.a WHERE t.b = 'b'", "t[b='b'] s");
    from("t JOIN u ON u.t_id < t.id WHERE t.b = 'b'", "t[b='b'] u");
    from("t JOIN u ON u.t_id = t.id + 0 WHERE t.b = 'b'", "t[b='b'] u");
    from("t JOIN u ON u.t_id = t.id OR u.a = 1 WHERE t.b = 'b'", "t[b='b'] u");
    // The left side of a LEFT JOIN is there with or without the right one.
    from("u LEFT JOIN t ON u.t_id = t.id AND t.b = 'b'", "u t[b='b']");
    from("u LEFT JOIN t ON u.t_id = t.id WHERE t.b = 'b'", "u t[b='b']");
    from("t LEFT JOIN u ON u.t_id = t.id AND t.b = 'b'", "t u");
    from("u, t WHERE u.t_id = t.id AND t.b = 'b'", "u[t_id of t.id by b] t[b='b']");
    from("t RIGHT JOIN u ON u.t_id = t.id WHERE t.b = 'b' AND u.t_id = t.id", "t[b='b'] u");
    // Rows behind a page are not told.
    check(
        "SELECT t.a, u.x FROM t JOIN u ON u.t_id = t.id WHERE t.b = ? ORDER BY t.a LIMIT 5",
        "t[b=?1, top 5 by a at 0] u",
    );
    check(
        "SELECT t.b, u.a FROM t JOIN u ON u.t_id = t.id WHERE t.b = ? ORDER BY u.a LIMIT 5",
        "t[b=?1] u[top 5 by a at 1, t_id of t.id by b]",
    );
    // Another block, another question.
    check("SELECT * FROM u WHERE u.t_id IN (SELECT id FROM t WHERE b = 'b')", "u t[b='b']");
    check(
        "SELECT * FROM u JOIN (SELECT id FROM t WHERE b = 'b') AS v ON v.id = u.t_id",
        "u t[b='b']",
    );
    check(
        "SELECT count(*) FROM t JOIN u ON u.t_id = t.id WHERE t.b = 'b' GROUP BY t.a",
        "t[b='b'] u[t_id of t.id by b]",
    );
}

#[test]
fn left_joins() {
    from("t LEFT JOIN u ON u.t_id = t.id AND u.x = 'x' AND t.a = 1", "t u[x='x']");
    from("t LEFT JOIN u ON t.id = u.t_id WHERE t.a = 1", "t[a=1] u[t_id of t.id by a]");
    from("t LEFT JOIN u ON t.id = u.t_id WHERE u.x = 'x'", "t u[x='x']");
    from("t LEFT JOIN u ON t.id = u.t_id WHERE u.x > 'x'", "t u[x>'x']");
    from("t LEFT JOIN u ON t.id = u.t_id WHERE u.x IS NOT NULL", "t u[x not null]");
    from("t LEFT JOIN u ON t.id = u.t_id WHERE u.x IS NULL", "t u");
    from("t LEFT JOIN u ON t.id = u.t_id WHERE u.x IS 'x'", "t u[x='x']");
    from("t LEFT JOIN u ON t.id = u.t_id WHERE t.a IS NULL", "t[a null] u");
    from("t LEFT JOIN u ON u.x IS NULL WHERE t.a IS NULL", "t[a null] u[x null]");
    from("t LEFT JOIN u ON t.id = u.t_id WHERE coalesce(u.x, 'x') = 'x'", "t u");
    from("t LEFT JOIN u ON t.id = u.t_id WHERE u.x = 'x' OR u.x IS NULL", "t u");
    from("t LEFT JOIN u ON u.t_id = t.id JOIN s ON u.x = 'x' AND u.y IS NULL", "t u[x='x'] s");
    from(
        "t LEFT JOIN (u JOIN s ON s.n = 1 AND u.x IS NULL) ON u.y = 2.5",
        "t u[y=2.5, x null] s[n:nocase=1]",
    );
    from(
        "t LEFT JOIN (u LEFT JOIN s ON s.n = 1) ON s.k IS NULL AND s.n > 0",
        "t u s[n:nocase>0, n:nocase=1]",
    );
}

#[test]
fn right_and_full_joins() {
    from("t RIGHT JOIN u ON t.a = 1 AND u.a = 1 WHERE t.b = 'b'", "t[b='b'] u");
    from("t FULL JOIN u ON t.a = 1 WHERE u.x = 'x' AND t.a IS NULL AND u.a IS NULL", "t u[x='x']");
    from("t JOIN s ON t.a = 1 LEFT JOIN u ON u.a = 1 RIGHT JOIN t z ON z.a = 1", "t s u t");
    from("t FULL JOIN u ON t.id = u.t_id WHERE t.id = u.t_id AND u.t_id = 1", "t[id=1] u[t_id=1]");
}

#[test]
fn parts_of_a_block() {
    check("SELECT count(*) FROM t WHERE a = 1", "t[a=1]");
    check("SELECT count(*) FROM t", "t");
    check("SELECT a, count(*) FROM t WHERE b = 'b' GROUP BY a HAVING a = 1", "t[b='b']");
    check("SELECT a FROM t HAVING a = 1", "t");
    check("SELECT DISTINCT a FROM t WHERE b = 'b'", "t[b='b']");
    check("SELECT a FROM t WHERE b = 'b' LIMIT 1 OFFSET 2", "t[b='b']");
    check("SELECT row_number() OVER (ORDER BY a) FROM t WHERE b = 'b'", "t[b='b']");
    check("SELECT a, CASE WHEN b = 'b' THEN 1 END FROM t", "t");
    check("SELECT a = 1 FROM t ORDER BY b = 'b'", "t");
    check("VALUES (1), (2)", "");
    check("SELECT 1", "");
}

#[test]
fn set_operations() {
    check("SELECT a FROM t WHERE a = 1 UNION SELECT a FROM u WHERE a = 2", "t[a=1] u[a=2]");
    check("SELECT a FROM t EXCEPT SELECT a FROM t WHERE b = 'b'", "t t[b='b']");
    check(
        "SELECT a FROM t INTERSECT SELECT a FROM u WHERE a = 3 ORDER BY 1 LIMIT (SELECT n FROM s)",
        "t u[a=3] s",
    );
    check("SELECT a FROM t WHERE a = 1 UNION ALL VALUES (1)", "t[a=1]");
}

#[test]
fn subqueries() {
    check("SELECT * FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.a = 1)", "t u[a=1]");
    check("SELECT * FROM t WHERE NOT EXISTS (SELECT 1 FROM u WHERE a = 1)", "t u[a=1]");
    check("SELECT * FROM t WHERE id IN (SELECT t_id FROM u WHERE x = ?)", "t u[x=?1]");
    check("SELECT * FROM t WHERE id NOT IN (SELECT t_id FROM u WHERE x = ?)", "t u[x=?1]");
    check("SELECT (SELECT max(x) FROM u WHERE u.t_id = t.id AND a = 1) FROM t", "t u[a=1]");
    check("SELECT * FROM t WHERE a = (SELECT 1)", "t");
    check("SELECT * FROM t WHERE a IN u", "t u");
    // Correlated: the outer column is no constant, and an inner condition says nothing outside.
    check("SELECT * FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.t_id = t.id AND t.a = 1)", "t u");
    check("SELECT * FROM t WHERE a = 1 AND EXISTS (SELECT 1 FROM u WHERE u.a = t.a)", "t[a=1] u");
    check("SELECT * FROM t ORDER BY (SELECT x FROM u WHERE a = 1)", "t u[a=1]");
    check(
        "SELECT * FROM t GROUP BY (SELECT x FROM u) HAVING (SELECT 1 FROM s WHERE n = 1)",
        "t u s[n:nocase=1]",
    );
    check("SELECT * FROM t JOIN u ON EXISTS (SELECT 1 FROM s WHERE k = 'k')", "t u s[k='k']");
    check(
        "SELECT sum(a) FILTER (WHERE b IN (SELECT k FROM s)) OVER (ORDER BY (SELECT x FROM u)) \
         FROM t",
        "t u s",
    );
    check("SELECT CASE (SELECT k FROM s) WHEN 1 THEN (SELECT x FROM u) END FROM t", "t u s");
}

#[test]
fn subqueries_in_from() {
    from("(SELECT * FROM t) AS v WHERE v.a = 1", "t[a=1]");
    from("(SELECT a AS z, b FROM t) WHERE z = 1 AND b > 'b'", "t[a=1, b>'b']");
    from("(SELECT a + 1 AS a FROM t) WHERE a = 1", "t");
    from("(SELECT a FROM t LIMIT 5) WHERE a = 1", "t");
    from("(SELECT DISTINCT a FROM t) WHERE a = 1", "t");
    from("(SELECT a FROM t GROUP BY a) WHERE a = 1", "t");
    from("(SELECT a, count(*) OVER () FROM t) WHERE a = 1", "t");
    from("(SELECT a, sum(a) FROM t) WHERE a = 1", "t");
    from("(SELECT a, max(a, 1) FROM t) WHERE a = 1", "t[a=1]");
    from("(SELECT a, max(a) FROM t) WHERE a = 1", "t");
    from("(SELECT a, unheard_of(a) FROM t) WHERE a = 1", "t");
    from("(SELECT a FROM t UNION SELECT a FROM u) WHERE a = 1", "t u");
    from("(SELECT a FROM t ORDER BY b) WHERE a = 1", "t[a=1]");
    from("(SELECT a FROM (SELECT a, b FROM t) WHERE b = 'b') WHERE a = 1", "t[a=1, b='b']");
    from("t LEFT JOIN (SELECT x, a FROM u) v ON v.a = 1 WHERE v.x IS NULL", "t u[a=1]");
    from("t LEFT JOIN (SELECT x, a FROM u) v ON v.a = 1 WHERE v.x = 'x'", "t u[x='x', a=1]");
    from("(SELECT t.b, u.x FROM t LEFT JOIN u ON u.t_id = t.id) v WHERE v.x = 'x'", "t u[x='x']");
    from("(SELECT t.b, u.x FROM t LEFT JOIN u ON u.t_id = t.id) v WHERE v.x IS NULL", "t u");
    from(
        "(SELECT t.b, u.x FROM t LEFT JOIN u ON u.t_id = t.id) v WHERE v.b IS NULL",
        "t[b null] u",
    );
    // An aggregate of the outer column belongs to the outer query, wherever it stands.
    from("(SELECT v.a, (SELECT sum(v.a) FROM u) FROM t v) WHERE a = 1", "t u");
    from("(SELECT v.a, (SELECT sum(u.a) FROM u) FROM t v) WHERE a = 1", "t[a=1] u");
    let filtered = |filter: &str, expect: &str| {
        from(&format!("(SELECT v.a, (SELECT {filter} FROM u) FROM t v) WHERE a = 1"), expect);
    };
    filtered("count(*) FILTER (WHERE v.b > 1)", "t u");
    filtered("count(*) FILTER (WHERE u.y > 1)", "t[a=1] u");
    filtered("count(*) FILTER (WHERE v.b > u.y)", "t[a=1] u");
    filtered("count(7) FILTER (WHERE v.b > 1)", "t u");
    filtered("group_concat('x', ',' ORDER BY v.b)", "t u");
    filtered("group_concat('x', ',' ORDER BY u.y)", "t[a=1] u");
    check(
        "SELECT a, (SELECT count(*) FILTER (WHERE v.b > 1) FROM u) FROM t v ORDER BY a LIMIT 1",
        "t u",
    );
}

#[test]
fn ctes() {
    check(
        "WITH c AS (SELECT a, b FROM t WHERE b = 'b') SELECT * FROM c WHERE a = 1",
        "t[a=1, b='b']",
    );
    check("WITH c AS (SELECT a FROM t) SELECT * FROM c x, c y WHERE x.a = 1", "t[a=1] t");
    check("WITH c(z) AS MATERIALIZED (SELECT a FROM t) SELECT * FROM c WHERE z = 1", "t[a=1]");
    check("WITH c AS (SELECT a FROM t LIMIT 9) SELECT * FROM c WHERE a = 1", "t");
    check("WITH t AS (SELECT a FROM u) SELECT * FROM t WHERE a = 1", "u[a=1]");
    check("WITH t AS (SELECT a FROM u) SELECT * FROM main.t WHERE a = 1", "t[a=1]");
    check("WITH unused AS (SELECT a FROM u) SELECT * FROM t", "t");
    check(
        "WITH d AS (SELECT * FROM c), c AS (SELECT a FROM t) SELECT * FROM d WHERE a = 1",
        "t[a=1]",
    );
    check(
        "WITH c AS (SELECT a FROM t) SELECT (WITH c AS (SELECT x FROM u) SELECT * FROM c) FROM c",
        "t u",
    );
    check("WITH plain AS (SELECT a FROM u) SELECT * FROM over", "t[a>0]");
    check(
        "WITH RECURSIVE r(n, m) AS (SELECT id, a FROM t WHERE b = 'b' UNION ALL SELECT u.id, u.a \
         FROM r JOIN u ON u.t_id = r.n WHERE u.x = 'x') SELECT * FROM r WHERE n = 1",
        "t[b='b'] u[x='x']",
    );
    check("WITH r AS (SELECT a FROM t UNION SELECT r.a FROM r WHERE a = 1) SELECT * FROM r", "t");
}

#[test]
fn views() {
    from("plain WHERE i = 1 AND bx = 'x' AND c = 'c'", "t[id=1, c:nocase='c', a>0]");
    from("over WHERE p = 1 AND q IN ('a', 'b')", "t[id=1, c:nocase in ('a' 'b'), a>0]");
    from("main.over AS o WHERE o.p = 1", "t[id=1, a>0]");
    from("over WHERE i = 1", "t[a>0]");
    from("grouped WHERE a = 1", "t");
    from("unioned WHERE a = 1", "t u");
    from("outer_joined WHERE a = 1 AND x = 'x'", "t[a=1] u[x='x', y>1]");
    from("outer_joined WHERE x IS NULL", "t u[y>1]");
    from("u LEFT JOIN plain p ON p.a = 1 WHERE p.c IS NULL", "u t[a=1, a>0]");
    let deep = "? ".to_owned() + &"in the view circular: ".repeat(24);
    from("circular", &(deep + "queries, views and CTEs are nested deeper than 24"));
}

#[test]
fn disjunctions() {
    from("t WHERE a = 1 OR a = 2", "t[a in (1 2)]");
    from("t WHERE (a = 1 OR (2 = a OR a IN (3, ?)))", "t[a in (1 2 3 ?1)]");
    from("t WHERE a = 1 OR b = 'b'", "t");
    from("t WHERE a = 1 OR a > 5", "t");
    from("t WHERE a = 1 OR a IS NULL", "t");
    from("t WHERE a = 1 OR (a = 2 AND b = 'b')", "t");
    from("t WHERE b = 'b' OR b = 'c' COLLATE NOCASE", "t");
    from("t WHERE a = 1 OR 1", "t");
    from("t, u WHERE t.a = 1 OR u.a = 2", "t u");
    from("t, t v WHERE t.a = 1 OR v.a = 1", "t t");
    from("t WHERE NOT (a = 1 OR a = 2)", "t");
}

#[test]
fn row_values() {
    from("t WHERE (a, b) = (1, ?)", "t[a=1, b=?1]");
    from("t WHERE (a, 'x') = (1, b)", "t[a=1, b='x']");
    from("t WHERE (a, b) IN ((1, 'x'), (2, ?))", "t[a in (1 2), b in ('x' ?1)]");
    from("t WHERE (a, b) < (1, 'x')", "t[a<=1]");
    from("t WHERE (?, ?) <= (a, b)", "t[a>=?1]");
    from("t WHERE (a, b) IS (1, 'x')", "t");
    from("t WHERE (a, b) <> (1, 'x')", "t");
    from("t WHERE (a, b) = (SELECT 1, 'x')", "t");
    from("t WHERE (a + 1, b) < (1, 'x')", "t");
}

#[test]
fn columns_that_are_equal() {
    from("t JOIN u ON u.t_id = t.id WHERE t.id = ?", "t[id=?1] u[t_id=?1]");
    from("t JOIN u ON u.t_id = t.id WHERE u.t_id IN (1, 2)", "t[id in (1 2)] u[t_id in (1 2)]");
    from("t LEFT JOIN u ON u.t_id = t.id WHERE t.id > 5", "t[id>5] u[t_id>5]");
    from("t LEFT JOIN u ON u.t_id = t.id AND t.id = 5", "t u[t_id=5]");
    from("t, u, u v WHERE t.id = u.t_id AND u.t_id = v.a AND v.a = 1", "t[id=1] u[t_id=1] u[a=1]");
    from("t JOIN plain p ON p.i = t.id WHERE t.id = 1", "t[id=1] t[id=1, a>0]");
    // Other affinities or collations could make equal what is not.
    from("t, u WHERE t.a = u.y AND t.a = 1", "t[a=1] u");
    from("t, u WHERE t.b = u.x AND t.b = 'b'", "t[b='b'] u");
    from("t, s WHERE t.a = s.n AND t.a = 1", "t[a=1] s");
    from("t, u WHERE t.a = u.a COLLATE NOCASE AND t.a = 1", "t[a=1] u");
    from("t, u WHERE t.a = u.a AND t.a = 'x' COLLATE NOCASE", "t[a:nocase='x'] u");
    from("t, u WHERE t.a IS u.a AND t.a = 1", "t[a=1] u");
    from("t, u WHERE t.a = u.a AND t.a IS NULL", "t[a null] u");
    from("t LEFT JOIN u ON u.a = t.a AND u.a = 1", "t u[a=1]");
}
