//! The table of legal places, each in both directions: what may be applied to a table, and what
//! may not. The trees come from real servers.

use super::super::{Catalogue, Outcome, Reading, Used};
use super::server::{Session, on_servers};
use crate::sql::{Bound, Conjunct, Operand, Test};
use crate::value::Value;

const SCHEMA: &str = "
    CREATE COLLATION blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
    CREATE TABLE t(id int PRIMARY KEY, a int, b text, c varchar(9), d numeric, f bool);
    CREATE TABLE u(id bigint PRIMARY KEY, t_id int NOT NULL, a smallint, x text COLLATE \"C\",
        y uuid);
    CREATE TABLE s(k char(4), n int, o oid, m date, g int GENERATED ALWAYS AS (7) STORED);
    CREATE TABLE part(id int, a int) PARTITION BY RANGE (id);
    CREATE TABLE part1 PARTITION OF part FOR VALUES FROM (0) TO (10);
    CREATE VIEW plain AS SELECT id AS i, a, b || 'x' AS bx, c FROM t WHERE a > 0;
    CREATE VIEW over(p, q) AS SELECT i, c FROM plain;
    CREATE VIEW grouped AS SELECT a, count(*) AS n FROM t GROUP BY a;
    CREATE VIEW unioned AS SELECT a FROM t UNION ALL SELECT a FROM u;
    CREATE VIEW outer_joined AS SELECT t.a, u.x FROM t LEFT JOIN u ON u.t_id = t.id AND u.id > 1
";

/// The statement, the types of its parameters, and what it comes to: every occurrence with its
/// conjuncts in brackets.
type Case = (&'static str, &'static str, &'static str);

/// Statements that begin with `SELECT * FROM`.
const FROM: &[Case] = &[
    // Inner joins.
    ("t, u WHERE t.a = 1 AND u.x = 'x'", "", "t[a=1] u[x='x']"),
    ("t JOIN u ON u.t_id = t.id AND t.a = 1 AND u.x = $1", "text", "t[a=1] u[x=$1]"),
    ("t CROSS JOIN u WHERE t.a > 1 AND u.a < 2", "", "t[a>1] u[a<2]"),
    ("t JOIN u ON t.a = 1 JOIN s ON u.a = 2 AND t.b = 'b'", "", "t[b='b' a=1] u[a=2] s"),
    ("t AS v, t WHERE v.a = 1", "", "t[a=1] t"),
    ("t v, t w WHERE v.a = 1 AND w.a = 2", "", "t[a=1] t[a=2]"),
    ("t, u WHERE t.b = u.x", "", "t u"),
    // Left joins.
    ("t LEFT JOIN u ON u.t_id = t.id AND u.x = 'x' AND t.a = 1", "", "t u[x='x']"),
    ("t LEFT JOIN u ON t.id = u.t_id WHERE t.a = 1", "", "t[a=1] u[t_id of t.id by a]"),
    ("t LEFT JOIN u ON t.id = u.t_id WHERE u.x = 'x'", "", "t u[x='x']"),
    ("t LEFT JOIN u ON t.id = u.t_id WHERE u.x > 'x'", "", "t u[x>'x']"),
    ("t LEFT JOIN u ON t.id = u.t_id WHERE u.x IS NOT NULL", "", "t u[x not null]"),
    ("t LEFT JOIN u ON t.id = u.t_id WHERE u.x IS NULL", "", "t u"),
    ("t LEFT JOIN u ON t.id = u.t_id WHERE u.x IS NOT DISTINCT FROM 'x'", "", "t u"),
    ("t LEFT JOIN u ON t.id = u.t_id WHERE t.a IS NULL", "", "t[a null] u"),
    ("t LEFT JOIN u ON u.x IS NULL WHERE t.a IS NULL", "", "t[a null] u[x null]"),
    ("t LEFT JOIN u ON t.id = u.t_id WHERE coalesce(u.x, 'x') = 'x'", "", "t u"),
    ("t LEFT JOIN u ON t.id = u.t_id WHERE u.x = 'x' OR u.x IS NULL", "", "t u"),
    (
        "t LEFT JOIN u ON t.id = u.t_id WHERE (CASE WHEN u.a = 1 THEN false ELSE true END)",
        "",
        "t u",
    ),
    ("t LEFT JOIN u ON u.t_id = t.id JOIN s ON u.x = 'x' AND u.y IS NULL", "", "t u[x='x'] s"),
    ("t LEFT JOIN (u JOIN s ON s.n = 1 AND u.x IS NULL) ON u.a = 2", "", "t u[a=2 x null] s[n=1]"),
    ("t LEFT JOIN (u LEFT JOIN s ON s.n = 1) ON s.k IS NULL AND s.n > 0", "", "t u s[n>0 n=1]"),
    // Right and full joins.
    ("t RIGHT JOIN u ON t.a = 1 AND u.a = 1 WHERE t.b = 'b'", "", "t[b='b' a=1] u"),
    ("t RIGHT JOIN u ON t.a = 1 WHERE t.b IS NULL AND u.x IS NULL", "", "t[a=1] u[x null]"),
    ("t FULL JOIN u ON t.id = u.t_id AND t.a = 1 WHERE u.x = 'x'", "", "t u[x='x']"),
    (
        "t FULL JOIN u ON t.id = u.t_id WHERE u.x = 'x' AND t.a IS NULL AND u.a IS NULL",
        "",
        "t u[x='x']",
    ),
    (
        "t JOIN s ON t.a = 1 LEFT JOIN u ON u.a = 1 RIGHT JOIN t z ON z.a = 1",
        "",
        "t[a=1] s u[a=1] t",
    ),
    ("t FULL JOIN u ON t.id = u.t_id WHERE t.id = u.t_id AND u.t_id = 1", "", "t[id=1] u[t_id=1]"),
    ("t FULL JOIN u ON t.id = u.t_id AND u.t_id = 1", "", "t u"),
    // USING: the column of the join is that of the side that is there, or of neither.
    ("t JOIN u USING (a) WHERE a = 1", "", "t[a=1] u[a=1]"),
    ("t LEFT JOIN u USING (a) WHERE a = 1", "", "t[a=1] u[a=1]"),
    ("t FULL JOIN u USING (a) WHERE a = 1", "", "t u"),
    (
        "(t LEFT JOIN u ON u.t_id = t.id) AS j(i, a, b) WHERE j.b = 'b' AND j.x = 'x'",
        "",
        "t[b='b'] u[x='x']",
    ),
    // Subqueries in FROM.
    ("(SELECT * FROM t) AS v WHERE v.a = 1", "", "t[a=1]"),
    ("(SELECT a AS z, b FROM t) q WHERE z = 1 AND b = 'b'", "", "t[a=1 b='b']"),
    ("(SELECT a + 1 AS a FROM t) q WHERE a = 1", "", "t"),
    ("(SELECT a FROM t LIMIT 5) q WHERE a = 1", "", "t"),
    ("(SELECT a FROM t OFFSET 5) q WHERE a = 1", "", "t"),
    ("(SELECT DISTINCT a FROM t) q WHERE a = 1", "", "t"),
    ("(SELECT DISTINCT ON (b) a FROM t) q WHERE a = 1", "", "t"),
    ("(SELECT a FROM t GROUP BY a) q WHERE a = 1", "", "t"),
    ("(SELECT a, count(*) OVER () FROM t) q WHERE a = 1", "", "t"),
    ("(SELECT max(a) AS a FROM t) q WHERE a = 1", "", "t"),
    ("(SELECT a, generate_series(1, a) FROM t) q WHERE a = 1", "", "t"),
    ("(SELECT a FROM t UNION SELECT a FROM u) q WHERE a = 1", "", "t u"),
    ("(SELECT a FROM t ORDER BY b) q WHERE a = 1", "", "t[a=1]"),
    ("(SELECT a FROM (SELECT a, b FROM t) r WHERE b = 'b') q WHERE a = 1", "", "t[a=1 b='b']"),
    ("t LEFT JOIN (SELECT x, a FROM u) v ON v.a = 1 WHERE v.x IS NULL", "", "t u[a=1]"),
    ("t LEFT JOIN (SELECT x, a FROM u) v ON v.a = 1 WHERE v.x = 'x'", "", "t u[x='x' a=1]"),
    ("(SELECT t.b, u.x FROM t LEFT JOIN u ON u.t_id = t.id) v WHERE v.x IS NULL", "", "t u"),
    (
        "(SELECT t.b, u.x FROM t LEFT JOIN u ON u.t_id = t.id) v WHERE v.b IS NULL",
        "",
        "t[b null] u",
    ),
    (
        "t, LATERAL (SELECT x FROM u WHERE u.t_id = t.id AND u.a = 1) v WHERE t.a = 2",
        "",
        "t[a=2] u[a=1]",
    ),
    ("t, generate_series(1, 3) g WHERE t.a = g AND g = 1", "", "t"),
    ("(VALUES (1), (2)) v(a) JOIN t USING (a) WHERE t.a = 1", "", "t[a=1]"),
    ("t, LATERAL unnest(ARRAY(SELECT x FROM u WHERE u.a = 1)) WHERE t.a = 2", "", "t[a=2] u[a=1]"),
    // Views.
    ("plain WHERE i = 1 AND bx = 'x' AND c = 'c'", "", "t[id=1 c='c' a>0]"),
    ("over WHERE p = 1 AND q IN ('a', 'b')", "", "t[id=1 c in ('a' 'b') a>0]"),
    ("grouped WHERE a = 1", "", "t"),
    ("unioned WHERE a = 1", "", "t u"),
    ("outer_joined WHERE a = 1 AND x = 'x'", "", "t[a=1] u[x='x' id>1]"),
    ("outer_joined WHERE x IS NULL", "", "t u[id>1]"),
    ("u LEFT JOIN plain p ON p.a = 1 WHERE p.c IS NULL", "", "u t[a=1 a>0]"),
    // Partitions are told by their root, in columns that may be others.
    ("part WHERE a = 1", "", "part[a=1]"),
    ("part1 WHERE a = 1", "", "part"),
    // Disjunctions.
    ("t WHERE a = 1 OR a = 2", "", "t[a in (1 2)]"),
    ("t WHERE (a = 1 OR (2 = a OR a IN (3, $1)))", "int", "t[a in (1 2 3 $1)]"),
    ("t WHERE a = 1 OR b = 'b'", "", "t"),
    ("t WHERE a = 1 OR a > 5", "", "t"),
    ("t WHERE a = 1 OR a IS NULL", "", "t"),
    ("t WHERE a = 1 OR (a = 2 AND b = 'b')", "", "t"),
    ("t WHERE a = 1 OR true", "", "t"),
    ("t, u WHERE t.a = 1 OR u.a = 2", "", "t u"),
    ("t, t v WHERE t.a = 1 OR v.a = 1", "", "t t"),
    ("t WHERE NOT (a = 1 OR a = 2)", "", "t"),
    ("t WHERE NOT (a = 1)", "", "t"),
    // Lists and rows.
    ("t WHERE a IN (1, 2, NULL)", "", "t[a in (1 2 NULL)]"),
    ("t WHERE a NOT IN (1, 2)", "", "t"),
    ("t WHERE a = ANY ('{1,NULL,3}')", "", "t[a in (1 NULL 3)]"),
    ("t WHERE a = ALL ('{1,3}')", "", "t"),
    ("t WHERE a < ANY ('{1,3}')", "", "t"),
    ("t WHERE a = ANY ('{{1},{3}}')", "", "t"),
    ("t WHERE a = ANY ('{}')", "", "t[a in ()]"),
    ("t WHERE a = ANY ($1)", "int[]", "t"),
    ("t WHERE a = ANY (ARRAY[1, $1])", "int", "t[a in (1 $1)]"),
    ("t WHERE b = ANY ('{a,NULL,\"x y\"}')", "", "t[b in ('a' NULL 'x y')]"),
    ("t WHERE c = ANY ('{abc,é}')", "", "t[c in ('abc' 'é')]"),
    ("u WHERE id = ANY ('{NULL,-5}')", "", "u[id in (NULL -5)]"),
    ("u WHERE a = ANY ('{1,2,-3}')", "", "u[a in (1 2 -3)]"),
    ("t WHERE (a, b) = (1, $1)", "text", "t[a=1 b=$1]"),
    ("u WHERE (a, x) < (1, 'x')", "", "u[a<=1]"),
    ("u WHERE (1, 'x') <= (a, x)", "", "u[a>=1]"),
    ("t WHERE (a, b) IN ((1, 'x'), (2, 'y'))", "", "t"),
    ("t WHERE (a, b) <> (1, 'x')", "", "t"),
    // Truth values and NULL.
    ("t WHERE f", "", "t[f=1]"),
    ("t WHERE NOT f", "", "t[f=0]"),
    ("t WHERE f IS TRUE AND a IS NOT NULL", "", "t[f=1 a not null]"),
    ("t WHERE f IS NOT TRUE", "", "t"),
    ("t WHERE f IS UNKNOWN", "", "t[f null]"),
    ("t WHERE f = $1", "bool", "t[f=$1]"),
    ("t WHERE (a, b) IS NULL", "", "t"),
    ("t WHERE d IS NULL", "", "t[d null]"),
    // Types and operators that are not compared here.
    ("t WHERE a = 1.0", "", "t"),
    ("t WHERE d = 1", "", "t"),
    ("t WHERE a = 1.5::float8", "", "t"),
    ("s WHERE k = 'k'", "", "s"),
    ("s WHERE m = '2024-01-01'", "", "s"),
    ("s WHERE g = 7", "", "s"),
    ("s WHERE o = '5' AND o <> 7", "", "s[o=5]"),
    ("t WHERE a + 0 = 1", "", "t"),
    ("t WHERE a = 5000000000", "", "t[a=5000000000]"),
    ("u WHERE id = 5", "", "u[id=5]"),
    ("u WHERE id = -5 AND a <= $1", "bigint", "u[id=-5 a<=$1]"),
    (
        "u WHERE y = 'A0EEBC99-9c0b-4ef8-bb6d-6bb9bd380a11'",
        "",
        "u[y='a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11']",
    ),
    ("u WHERE y > $1", "uuid", "u[y>$1]"),
    ("t WHERE a BETWEEN 1 AND $1", "int", "t[a>=1 a<=$1]"),
    ("t WHERE b LIKE 'x%'", "", "t"),
    ("t WHERE lower(b) = 'x'", "", "t"),
    ("t WHERE a <> 1", "", "t"),
    // Collations: equality wherever it is that of bytes, order only where that is.
    ("t WHERE b > 'b' COLLATE \"C\"", "", "t[b>'b']"),
    ("t WHERE b > 'b' COLLATE \"en-x-icu\"", "", "t"),
    ("t WHERE b = 'b' COLLATE \"en-x-icu\"", "", "t[b='b']"),
    ("t WHERE b = 'b' COLLATE blind", "", "t"),
    ("t WHERE b IN ('b', 'c') AND b COLLATE blind = 'd'", "", "t[b in ('b' 'c')]"),
    ("t WHERE c = $1 AND b = $2", "varchar, varchar", "t[c=$1 b=$2]"),
    // Columns that are equal.
    ("t JOIN u ON u.t_id = t.id WHERE t.id = $1", "int", "t[id=$1] u[t_id=$1]"),
    ("t JOIN u ON u.t_id = t.id WHERE u.t_id IN (1, 2)", "", "t[id in (1 2)] u[t_id in (1 2)]"),
    ("t LEFT JOIN u ON u.t_id = t.id WHERE t.id > 5", "", "t[id>5] u[t_id>5]"),
    ("t LEFT JOIN u ON u.t_id = t.id AND t.id = 5", "", "t u[t_id=5]"),
    ("t, u, u v WHERE t.id = u.t_id AND u.t_id = v.a AND v.a = 1", "", "t[id=1] u[t_id=1] u[a=1]"),
    ("t JOIN plain p ON p.i = t.id WHERE t.id = 1", "", "t[id=1] t[id=1 a>0]"),
    ("t, u WHERE t.b COLLATE \"C\" = u.x AND t.b = 'b'", "", "t[b='b'] u[x='b']"),
    ("t, t v WHERE t.b = v.c AND t.b = 'b'", "", "t[b='b'] t[c='b']"),
    ("t, u WHERE t.d = u.id AND u.id = 1", "", "t u[id=1]"),
    ("t, u WHERE t.a = u.a AND t.a IS NULL", "", "t[a null] u"),
    ("t LEFT JOIN u ON u.a = t.a AND u.a = 1", "", "t u[a=1]"),
];

/// Whole statements.
const WHOLE: &[Case] = &[
    ("SELECT count(*) FROM t WHERE a = 1", "", "t[a=1]"),
    ("SELECT count(*) FROM t", "", "t"),
    ("SELECT a, count(*) FROM t WHERE b = 'b' GROUP BY a HAVING a = 1", "", "t[b='b']"),
    ("SELECT a + 1, count(*) FROM t WHERE b = 'b' GROUP BY a + 1 HAVING a + 1 = 1", "", "t[b='b']"),
    ("SELECT 1 FROM t HAVING count(*) > 1", "", "t"),
    ("SELECT DISTINCT a FROM t WHERE b = 'b'", "", "t[b='b']"),
    ("SELECT a FROM t WHERE b = 'b' LIMIT 1 OFFSET 2", "", "t[b='b']"),
    ("SELECT row_number() OVER (ORDER BY a) FROM t WHERE b = 'b'", "", "t[b='b']"),
    ("SELECT a, CASE WHEN b = 'b' THEN 1 END FROM t", "", "t"),
    ("VALUES (1), (2)", "", ""),
    ("SELECT 1", "", ""),
    // Set operations.
    ("SELECT a FROM t WHERE a = 1 UNION SELECT a FROM u WHERE a = 2", "", "t[a=1] u[a=2]"),
    ("SELECT a FROM t EXCEPT SELECT a FROM t WHERE b = 'b'", "", "t t[b='b']"),
    (
        "SELECT a FROM t INTERSECT SELECT a FROM u WHERE a = 3 \
         ORDER BY 1 LIMIT (SELECT n::int8 FROM s)",
        "",
        "t u[a=3] s",
    ),
    (
        "(SELECT a FROM t WHERE a = 1 UNION ALL VALUES (1)) UNION SELECT a FROM u WHERE a = 2",
        "",
        "t[a=1] u[a=2]",
    ),
    // Subqueries.
    ("SELECT * FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.a = 1)", "", "t u[a=1]"),
    ("SELECT * FROM t WHERE NOT EXISTS (SELECT 1 FROM u WHERE a = 1)", "", "t u[a=1]"),
    ("SELECT * FROM t WHERE id IN (SELECT t_id FROM u WHERE x = $1)", "text", "t u[x=$1]"),
    ("SELECT * FROM t WHERE id NOT IN (SELECT t_id FROM u WHERE x = 'x')", "", "t u[x='x']"),
    ("SELECT (SELECT max(x) FROM u WHERE u.t_id = t.id AND a = 1) FROM t", "", "t u[a=1]"),
    ("SELECT * FROM t WHERE a = (SELECT 1)", "", "t"),
    ("SELECT * FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.t_id = t.id AND t.a = 1)", "", "t u"),
    ("SELECT * FROM t WHERE a = 1 AND EXISTS (SELECT 1 FROM u WHERE u.a = t.a)", "", "t[a=1] u"),
    ("SELECT * FROM t ORDER BY (SELECT max(x) FROM u WHERE a = 1)", "", "t u[a=1]"),
    (
        "SELECT a FROM t GROUP BY a, (SELECT max(x) FROM u) \
         HAVING (SELECT true FROM s WHERE n = 1)",
        "",
        "t u s[n=1]",
    ),
    ("SELECT * FROM t JOIN u ON EXISTS (SELECT 1 FROM s WHERE n = 1)", "", "t u s[n=1]"),
    ("SELECT sum(a) FILTER (WHERE b IN (SELECT x FROM u)) FROM t", "", "t u"),
    ("SELECT ARRAY(SELECT a FROM u WHERE x = 'x')", "", "u[x='x']"),
    // CTEs.
    (
        "WITH c AS (SELECT a, b FROM t WHERE b = 'b') SELECT * FROM c WHERE a = 1",
        "",
        "t[a=1 b='b']",
    ),
    ("WITH c AS (SELECT a FROM t) SELECT * FROM c x, c y WHERE x.a = 1", "", "t[a=1] t"),
    ("WITH c(z) AS MATERIALIZED (SELECT a FROM t) SELECT * FROM c WHERE z = 1", "", "t[a=1]"),
    ("WITH c AS (SELECT a FROM t LIMIT 9) SELECT * FROM c WHERE a = 1", "", "t"),
    ("WITH t AS (SELECT a FROM u) SELECT * FROM t WHERE a = 1", "", "u[a=1]"),
    ("WITH unused AS (SELECT a FROM u WHERE a = 1) SELECT * FROM t", "", "t u[a=1]"),
    (
        "WITH c AS (SELECT a FROM t), d AS (SELECT * FROM c) SELECT * FROM d WHERE a = 1",
        "",
        "t[a=1]",
    ),
    (
        "WITH c AS (SELECT a FROM t) \
         SELECT (WITH c AS (SELECT x FROM u) SELECT max(x) FROM c) FROM c",
        "",
        "t u",
    ),
    (
        "WITH c AS (SELECT a FROM t) SELECT (SELECT max(a) FROM c WHERE a = 2) FROM u",
        "",
        "u t[a=2]",
    ),
    (
        "WITH RECURSIVE r(n, m) AS (SELECT id, a FROM t WHERE b = 'b' UNION ALL SELECT u.t_id, u.a \
         FROM r JOIN u ON u.t_id = r.n WHERE u.x = 'x') SELECT * FROM r WHERE n = 1",
        "",
        "t[b='b'] u[x='x']",
    ),
    (
        "WITH RECURSIVE r AS (SELECT a FROM t UNION SELECT r.a FROM r WHERE a = 1) SELECT * FROM r",
        "",
        "t",
    ),
    // Pages.
    ("SELECT id, a FROM t WHERE b = 'b' ORDER BY id LIMIT 5", "", "t[b='b' top 5 by id at 0]"),
    ("SELECT a, id FROM t ORDER BY id DESC LIMIT $1", "bigint", "t[top $1 by id desc at 1]"),
    ("SELECT id FROM t ORDER BY id LIMIT 5 OFFSET 3", "", "t[top 5 by id at 0]"),
    ("SELECT a FROM t ORDER BY a LIMIT 5", "", "t"),
    ("SELECT a FROM t ORDER BY a DESC LIMIT 5", "", "t"),
    ("SELECT a FROM t ORDER BY a NULLS FIRST LIMIT 5", "", "t[top 5 by a at 0]"),
    ("SELECT a FROM t ORDER BY a DESC NULLS LAST LIMIT 5", "", "t[top 5 by a desc at 0]"),
    ("SELECT a FROM t WHERE a > 3 ORDER BY a DESC LIMIT 5", "", "t[a>3 top 5 by a desc at 0]"),
    ("SELECT a FROM t WHERE a IS NULL ORDER BY a LIMIT 5", "", "t[a null]"),
    ("SELECT id FROM t ORDER BY id FETCH FIRST 5 ROWS WITH TIES", "", "t"),
    ("SELECT id FROM t ORDER BY id LIMIT NULL", "", "t"),
    ("SELECT id FROM t ORDER BY id LIMIT 2 + 3", "", "t"),
    ("SELECT b FROM t ORDER BY id LIMIT 5", "", "t"),
    ("SELECT x FROM u ORDER BY x LIMIT 5", "", "u"),
    ("SELECT id + 1 FROM t ORDER BY 1 LIMIT 5", "", "t"),
    ("SELECT DISTINCT id FROM t ORDER BY id LIMIT 5", "", "t"),
    ("SELECT DISTINCT ON (id) id FROM t ORDER BY id LIMIT 5", "", "t"),
    ("SELECT id, count(*) FROM t GROUP BY id ORDER BY id LIMIT 5", "", "t"),
    ("SELECT id, generate_series(1, 2) FROM t ORDER BY id LIMIT 5", "", "t"),
    ("SELECT id, row_number() OVER (ORDER BY a) FROM t ORDER BY id LIMIT 5", "", "t"),
    ("SELECT id FROM t UNION SELECT t_id FROM u ORDER BY id LIMIT 5", "", "t u"),
    ("SELECT i FROM plain ORDER BY i LIMIT 5", "", "t[a>0 top 5 by id at 0]"),
    (
        "SELECT t.id FROM t LEFT JOIN u ON u.t_id = t.id ORDER BY t.id LIMIT 5",
        "",
        "t[top 5 by id at 0] u",
    ),
    ("SELECT u.id FROM t LEFT JOIN u ON u.t_id = t.id ORDER BY u.id LIMIT 5", "", "t u"),
    (
        "SELECT u.id FROM t RIGHT JOIN u ON u.t_id = t.id ORDER BY u.id LIMIT 5",
        "",
        "t u[top 5 by id at 0]",
    ),
    ("SELECT u.id FROM t FULL JOIN u ON u.t_id = t.id ORDER BY u.id LIMIT 5", "", "t u"),
    // Partners.
    (
        "SELECT * FROM t JOIN u ON u.t_id = t.id WHERE t.b = $1",
        "text",
        "t[b=$1] u[t_id of t.id by b]",
    ),
    (
        "SELECT * FROM t, u WHERE u.x = 'x' AND t.id = u.t_id AND t.a > 1",
        "",
        "t[a>1 id of u.t_id by x] u[x='x']",
    ),
    (
        "SELECT * FROM t JOIN u ON u.t_id = t.id WHERE t.b = 'b' AND u.x = 'x'",
        "",
        "t[b='b'] u[x='x']",
    ),
    ("SELECT * FROM t JOIN u ON u.t_id = t.id WHERE t.a > 1", "", "t[a>1] u"),
    ("SELECT * FROM t JOIN u ON u.t_id < t.id WHERE t.b = 'b'", "", "t[b='b'] u"),
    ("SELECT * FROM u LEFT JOIN t ON u.t_id = t.id WHERE t.b = 'b'", "", "u t[b='b']"),
    ("SELECT * FROM t LEFT JOIN u ON u.t_id = t.id AND t.b = 'b'", "", "t u"),
    (
        "SELECT t.id, u.x FROM t JOIN u ON u.t_id = t.id WHERE t.b = 'b' ORDER BY t.id LIMIT 5",
        "",
        "t[b='b' top 5 by id at 0] u",
    ),
];

#[test]
fn places() {
    on_servers("places", SCHEMA, |session| {
        let mut catalogue = Catalogue::default();
        let mut wrong = Vec::new();
        let whole = FROM
            .iter()
            .map(|(from, types, expect)| (format!("SELECT * FROM {from}"), types, expect));
        let whole =
            whole.chain(WHOLE.iter().map(|(sql, types, it)| ((*sql).to_owned(), types, it)));
        for (sql, types, expect) in whole {
            let found = found(session, &mut catalogue, &sql, types);
            let is_right = match expect.strip_prefix("? ") {
                Some(why) => found.contains(why),
                // Whether all columns count is a test of its own.
                None => found.replace('+', "") == *expect,
            };
            if !is_right {
                wrong.push(format!("{sql}\n   found {found}\n  expect {expect}"));
            }
        }
        assert!(wrong.is_empty(), "version {}:\n{}", session.version, wrong.join("\n"));
    });
}

/// Which columns are used: those of every clause, by their names.
#[test]
fn columns() {
    let cases = [
        ("SELECT a FROM t", "t: a"),
        ("SELECT count(*) FROM t", "t:"),
        ("SELECT * FROM t", "t: id a b c d f"),
        ("SELECT 1 FROM t WHERE a = 1 ORDER BY b", "t: a b"),
        ("SELECT max(a) FILTER (WHERE f) OVER (PARTITION BY b ORDER BY c) FROM t", "t: a b c f"),
        ("SELECT count(*) FROM t GROUP BY a HAVING max(b) > 'b'", "t: a b"),
        ("SELECT count(*) FROM t GROUP BY a + 1 HAVING a + 1 > 2", "t: a"),
        ("SELECT t.a FROM t JOIN u ON u.t_id = t.id", "t: id a, u: t_id"),
        ("SELECT 1 FROM t JOIN u USING (a)", "t: a, u: a"),
        ("SELECT j.b FROM (t JOIN u USING (a)) j", "t: a b, u: a"),
        ("SELECT a FROM t FULL JOIN u USING (a)", "t: a, u: a"),
        ("SELECT j FROM (SELECT a FROM t) j(z), u", "t: a, u:"),
        ("SELECT (SELECT u.x FROM u WHERE u.a = t.a) FROM t", "t: a, u: a x"),
        ("SELECT (SELECT (SELECT t.b FROM s WHERE s.n = u.id) FROM u) FROM t", "t: b, u: id, s: n"),
        ("SELECT (SELECT (SELECT t.b FROM s WHERE s.m IS NULL) FROM u) FROM t", "t: b, u:, s: m"),
        ("SELECT i FROM plain", "t: id a b c"),
        ("SELECT n FROM s WHERE g = 1", "s: all"),
        ("SELECT id FROM part1", "part: all"),
        ("SELECT a FROM part", "part: a"),
        ("WITH c AS (SELECT a, b FROM t) SELECT a FROM c", "t: a b"),
        ("SELECT 1 FROM t, LATERAL (SELECT t.c) x", "t: c"),
        ("SELECT 1 FROM t, generate_series(1, t.a)", "t: a"),
    ];
    on_servers("columns", SCHEMA, |session| {
        let mut catalogue = Catalogue::default();
        for (sql, expect) in cases {
            let outcome = session.analyse(&mut catalogue, sql, "").unwrap();
            let found = match outcome {
                Outcome::Cacheable(analysis) => {
                    let all = analysis.readings.iter().map(|it| used(it, &catalogue));
                    all.collect::<Vec<_>>().join(", ")
                }
                _ => "? ".to_owned(),
            };
            assert_eq!(found, expect, "{} {sql}", session.version);
        }
    });
}

fn used(reading: &Reading, catalogue: &Catalogue) -> String {
    let (name, columns) = table(reading, catalogue);
    let list = match &reading.used {
        Used::All => vec!["all".to_owned()],
        Used::These(list) => list.iter().map(|at| columns[usize::from(*at)].clone()).collect(),
    };
    [vec![format!("{name}:")], list].concat().join(" ")
}

fn found(session: &mut Session, catalogue: &mut Catalogue, sql: &str, types: &str) -> String {
    match session.analyse(catalogue, sql, types) {
        Err(why) => format!("? {why}"),
        Ok(outcome) => text(&outcome, catalogue),
    }
}

/// What a statement comes to, as text.
pub(super) fn text(outcome: &Outcome, catalogue: &Catalogue) -> String {
    match outcome {
        Outcome::Incomplete(needs) => format!("? {needs:?}"),
        Outcome::Refused(reasons) => format!("? {reasons:?}"),
        Outcome::Cacheable(analysis) => {
            let all = analysis.readings.iter().map(|it| render(it, catalogue));
            all.collect::<Vec<_>>().join(" ")
        }
    }
}

/// The name of a table without its schema, and the names of its columns.
fn table(reading: &Reading, catalogue: &Catalogue) -> (String, Vec<String>) {
    let oid: u32 = reading.occurrence.table.parse().unwrap();
    let Some(Some(relation)) = catalogue.relations.get(&oid) else {
        return ("part".to_owned(), Vec::new());
    };
    let columns = relation.columns.iter().flatten().map(|column| column.name.clone()).collect();
    (relation.name.trim_start_matches("public.").to_owned(), columns)
}

/// An occurrence as text: `t[a=1 b>=$2]`, with a `+` if all columns count.
fn render(reading: &Reading, catalogue: &Catalogue) -> String {
    let (name, columns) = table(reading, catalogue);
    let it = &reading.occurrence;
    let mut parts: Vec<String> = it.conjuncts.iter().map(|it| conjunct(it, &columns)).collect();
    parts.extend(it.top.as_ref().map(|top| {
        let direction = if top.descending { " desc" } else { "" };
        let by = &columns[usize::from(top.column)];
        format!("top {} by {by}{direction} at {}", operand(&top.limit), top.output)
    }));
    parts.extend(it.partner.as_ref().map(|partner| {
        let own = &columns[usize::from(partner.column)];
        let oid: u32 = partner.table.parse().unwrap();
        let other = catalogue.relations[&oid].as_ref().unwrap();
        let other = other.name.trim_start_matches("public.");
        let filters: Vec<&str> = partner.filters.iter().map(|(name, _)| &**name).collect();
        format!("{own} of {other}.{} by {}", partner.value, filters.join(" "))
    }));
    let all = if reading.used == Used::All { "+" } else { "" };
    if parts.is_empty() {
        format!("{name}{all}")
    } else {
        format!("{name}[{}]{all}", parts.join(" "))
    }
}

fn conjunct(conjunct: &Conjunct, columns: &[String]) -> String {
    let name = &columns[usize::from(conjunct.column)];
    let bound = |bound: &Option<Bound>, sign: &str| match bound {
        Some(Bound { operand: value, inclusive }) => {
            format!("{sign}{}{}", if *inclusive { "=" } else { "" }, operand(value))
        }
        None => String::new(),
    };
    match &conjunct.test {
        Test::Null => format!("{name} null"),
        Test::Range { low: None, high: None } => format!("{name} not null"),
        Test::Range { low, high } => format!("{name}{}{}", bound(low, ">"), bound(high, "<")),
        Test::OneOf(operands) => {
            let list: Vec<String> = operands.iter().map(operand).collect();
            match list.as_slice() {
                [only] => format!("{name}={only}"),
                list => format!("{name} in ({})", list.join(" ")),
            }
        }
    }
}

fn operand(operand: &Operand) -> String {
    match operand {
        Operand::Literal(Value::Text(text)) => format!("'{text}'"),
        Operand::Literal(Value::Integer(n)) => n.to_string(),
        Operand::Literal(value) => format!("{value:?}"),
        Operand::Parameter(number) => format!("${number}"),
    }
}
