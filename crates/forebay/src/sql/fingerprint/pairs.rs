//! Labelled pairs of texts: those that are one statement in two dresses, and those that are two.
//! Labels go by what the databases say: a difference in comments, blanks, case of words, values,
//! the number of values in a list and of rows in VALUES is none; everything else is one.

use super::*;

/// Of the pairs that are the same, so many have to be found so.
const SAME_MIN: f64 = 0.98;

type Pairs = &'static [(&'static str, &'static str)];

/// At both databases.
const SAME: Pairs = &[
    // Values of every kind, and parameters in their place.
    ("SELECT a FROM t WHERE b = 1", "SELECT a FROM t WHERE b = 2"),
    ("SELECT a FROM t WHERE b = 1", "SELECT a FROM t WHERE b = 'x'"),
    ("SELECT a FROM t WHERE b = 1", "SELECT a FROM t WHERE b = 1.5e-3"),
    ("SELECT a FROM t WHERE b = 1", "SELECT a FROM t WHERE b = -1"),
    ("SELECT a FROM t WHERE b = 1", "SELECT a FROM t WHERE b = +1"),
    ("SELECT a FROM t WHERE b = 1", "SELECT a FROM t WHERE b = - 1"),
    ("SELECT a FROM t WHERE b = 1", "SELECT a FROM t WHERE b = .5"),
    ("SELECT a FROM t WHERE b = ''", "SELECT a FROM t WHERE b = 'it''s'"),
    ("SELECT a FROM t WHERE b = 'a -- b'", "SELECT a FROM t WHERE b = 'a /* b */'"),
    ("SELECT a FROM t WHERE b = 'a;b'", "SELECT a FROM t WHERE b = 'select 1 from u'"),
    ("SELECT a FROM t WHERE b = 'one\ntwo'", "SELECT a FROM t WHERE b = 'x'"),
    ("SELECT a FROM t WHERE b = 'Zürich'", "SELECT a FROM t WHERE b = '東京'"),
    ("SELECT a FROM t WHERE b LIKE 'x%'", "SELECT a FROM t WHERE b LIKE '%y'"),
    ("SELECT a FROM t WHERE b BETWEEN 1 AND 2", "SELECT a FROM t WHERE b BETWEEN 30 AND 40"),
    ("SELECT a FROM t WHERE b > 1 AND b < 9", "SELECT a FROM t WHERE b > -5 AND b < 0"),
    // Two words for one operator: this is not seen, and shown as two.
    ("SELECT a FROM t WHERE b <> 1", "SELECT a FROM t WHERE b != 1"),
    ("SELECT a FROM t LIMIT 10", "SELECT a FROM t LIMIT 20"),
    ("SELECT a FROM t LIMIT 10 OFFSET 0", "SELECT a FROM t LIMIT 20 OFFSET 40"),
    ("SELECT a, 'x' AS kind FROM t", "SELECT a, 'y' AS kind FROM t"),
    ("SELECT a + 1 FROM t", "SELECT a + 2 FROM t"),
    ("SELECT a - 1 FROM t", "SELECT a - 2 FROM t"),
    ("SELECT a * -1 FROM t", "SELECT a * 2 FROM t"),
    ("SELECT (a) - 1 FROM t", "SELECT (a) - 2 FROM t"),
    ("SELECT coalesce(a, 0) FROM t", "SELECT coalesce(a, -1) FROM t"),
    ("SELECT round(a, 1) FROM t", "SELECT round(a, 2) FROM t"),
    ("SELECT a FROM t ORDER BY b = 1", "SELECT a FROM t ORDER BY b = 2"),
    ("UPDATE t SET a = 1 WHERE id = 2", "UPDATE t SET a = 30 WHERE id = 40"),
    ("UPDATE t SET a = a + 1 WHERE id = 2", "UPDATE t SET a = a + 5 WHERE id = 7"),
    ("UPDATE t SET a = 'x', b = 2", "UPDATE t SET a = '', b = -2"),
    ("DELETE FROM t WHERE id = 1", "DELETE FROM t WHERE id = 2"),
    (
        "SELECT CASE WHEN a > 1 THEN 'x' ELSE 'y' END",
        "SELECT CASE WHEN a > 2 THEN 'p' ELSE 'q' END",
    ),
    // Comments and blanks.
    ("SELECT a FROM t", "SELECT  a\n  FROM\tt"),
    ("SELECT a FROM t", "  SELECT a FROM t  "),
    ("SELECT a FROM t", "SELECT a FROM t;"),
    ("SELECT a FROM t", "SELECT a FROM t ; ;"),
    ("SELECT a FROM t", "SELECT a FROM t -- the end"),
    ("SELECT a FROM t", "-- the beginning\nSELECT a FROM t"),
    ("SELECT a FROM t", "/* x */ SELECT /* y */ a FROM /* z */ t /* w */"),
    ("SELECT a FROM t", "SELECT a/**/FROM/**/t"),
    ("SELECT a FROM t", "SELECT a -- b, c\nFROM t"),
    ("SELECT a FROM t", "SELECT a FROM t /*route='%2Fa',traceparent='00-ab-cd-01'*/"),
    ("SELECT a FROM t /*id='1'*/", "SELECT a FROM t /*id='2'*/"),
    ("SELECT a,b FROM t", "SELECT a , b FROM t"),
    ("SELECT count(*) FROM t", "SELECT count ( * ) FROM t"),
    ("SELECT a FROM t WHERE b=1", "SELECT a FROM t WHERE b = 1"),
    ("SELECT a FROM t WHERE (b=1)", "SELECT a FROM t WHERE ( b = 1 )"),
    ("SELECT t.a FROM t", "SELECT t . a FROM t"),
    ("SELECT a||b FROM t", "SELECT a || b FROM t"),
    ("SELECT a FROM t WHERE b>=1", "SELECT a FROM t WHERE b >= 1"),
    ("INSERT INTO t(a) VALUES(1)", "INSERT INTO t (a) VALUES (1)"),
    // Case.
    ("SELECT a FROM t", "select a from t"),
    ("SELECT a FROM t", "Select A From T"),
    ("SELECT COUNT(*) FROM t", "SELECT count(*) FROM t"),
    ("SELECT a FROM t WHERE b IS NULL", "select a from t where b is null"),
    ("SELECT a FROM t WHERE b IS NOT NULL", "select a from t where b Is Not Null"),
    ("SELECT TRUE", "SELECT true"),
    ("SELECT a FROM t LEFT JOIN u ON t.b = u.b", "select a from t left join u on t.b = u.b"),
    // Lists.
    ("SELECT a FROM t WHERE b IN (1)", "SELECT a FROM t WHERE b IN (1, 2)"),
    ("SELECT a FROM t WHERE b IN (1, 2)", "SELECT a FROM t WHERE b IN (1,2,3,4,5,6,7,8,9)"),
    ("SELECT a FROM t WHERE b IN ('x')", "SELECT a FROM t WHERE b IN ('x', 'y')"),
    ("SELECT a FROM t WHERE b IN (1)", "SELECT a FROM t WHERE b in ( -1 , +2 )"),
    ("SELECT a FROM t WHERE b NOT IN (1)", "SELECT a FROM t WHERE b NOT IN (1, 2, 3)"),
    ("DELETE FROM t WHERE b IN (1, 2)", "DELETE FROM t WHERE b IN (3)"),
    (
        "SELECT a FROM t WHERE b IN (1) AND c IN (2, 3)",
        "SELECT a FROM t WHERE b IN (1, 4) AND c IN (2)",
    ),
    // Rows.
    ("INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (1), (2)"),
    ("INSERT INTO t (a, b) VALUES (1, 'x')", "INSERT INTO t (a, b) VALUES (1, 'x'), (2, 'y')"),
    (
        "INSERT INTO t (a, b) VALUES (1, 2), (3, 4)",
        "INSERT INTO t (a, b) VALUES (1, 2), (3, 4), (5, 6), (7, 8), (9, 10)",
    ),
    (
        "INSERT INTO t VALUES (1, lower('X'))",
        "INSERT INTO t VALUES (1, lower('X')), (2, lower('Y'))",
    ),
    (
        "INSERT INTO t (a) VALUES (1) ON CONFLICT (a) DO NOTHING",
        "INSERT INTO t (a) VALUES (1), (2) ON CONFLICT (a) DO NOTHING",
    ),
    (
        "INSERT INTO t (a) VALUES (1) RETURNING id",
        "INSERT INTO t (a) VALUES (1), (2), (3) RETURNING id",
    ),
    // Larger ones.
    (
        "WITH x AS (SELECT a FROM t WHERE b = 1) SELECT * FROM x WHERE a > 5",
        "WITH x AS (SELECT a FROM t WHERE b = 2)\nSELECT * FROM x WHERE a > 6 -- y",
    ),
    (
        "SELECT a FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.a = t.a AND u.b = 1)",
        "SELECT a FROM t WHERE EXISTS (SELECT 2 FROM u WHERE u.a = t.a AND u.b = 3)",
    ),
    (
        "SELECT a, count(*) FROM t GROUP BY a HAVING count(*) > 1 ORDER BY a DESC LIMIT 5",
        "SELECT a, count(*) FROM t GROUP BY a HAVING count(*) > 9 ORDER BY a DESC LIMIT 50",
    ),
    ("SELECT 1 UNION SELECT 2", "SELECT 3 UNION SELECT 4"),
    (
        "SELECT sum(a) OVER (PARTITION BY b ORDER BY c) FROM t WHERE d = 1",
        "SELECT sum(a) OVER (PARTITION BY b ORDER BY c) FROM t WHERE d = 2",
    ),
];

/// By SQLite's rules.
const SAME_SQLITE: Pairs = &[
    ("SELECT a FROM t WHERE b = ?", "SELECT a FROM t WHERE b = 1"),
    ("SELECT a FROM t WHERE b = ?", "SELECT a FROM t WHERE b = ?1"),
    ("SELECT a FROM t WHERE b = ?1", "SELECT a FROM t WHERE b = ?123"),
    ("SELECT a FROM t WHERE b = :b", "SELECT a FROM t WHERE b = :other"),
    ("SELECT a FROM t WHERE b = :b", "SELECT a FROM t WHERE b = @b"),
    ("SELECT a FROM t WHERE b = @b", "SELECT a FROM t WHERE b = $b"),
    ("SELECT a FROM t WHERE b = $b", "SELECT a FROM t WHERE b = $b::c(d)"),
    ("SELECT a FROM t WHERE b = ?", "SELECT a FROM t WHERE b = 'x'"),
    ("SELECT a FROM t WHERE b = x'00'", "SELECT a FROM t WHERE b = X'ff01'"),
    ("SELECT a FROM t WHERE b = x'00'", "SELECT a FROM t WHERE b = 'x'"),
    ("SELECT a FROM t WHERE b = 0x1F", "SELECT a FROM t WHERE b = 31"),
    ("SELECT a FROM t WHERE b = 1_000", "SELECT a FROM t WHERE b = 1000"),
    ("SELECT a FROM t WHERE b IN (?)", "SELECT a FROM t WHERE b IN (?, ?)"),
    ("SELECT a FROM t WHERE b IN (?1)", "SELECT a FROM t WHERE b IN (1, 'x', :c)"),
    ("SELECT a FROM t LIMIT ?", "SELECT a FROM t LIMIT 10"),
    ("SELECT a FROM t LIMIT 10, 20", "SELECT a FROM t LIMIT ?, ?"),
    ("INSERT INTO t VALUES (?, ?)", "INSERT INTO t VALUES (?, ?), (?, ?)"),
    ("INSERT INTO t VALUES (?, ?)", "INSERT INTO t VALUES (1, 'x')"),
    ("SELECT j ->> '$.a' FROM t", "SELECT j ->> '$.b' FROM t"),
    ("SELECT j->'a' FROM t", "SELECT j -> 'b' FROM t"),
    ("SELECT json_extract(j, '$.a') FROM t", "SELECT json_extract(j, '$.b.c') FROM t"),
    ("SELECT a FROM t WHERE b GLOB 'x*'", "SELECT a FROM t WHERE b GLOB '*y'"),
    ("SELECT a FROM t WHERE b REGEXP 'x'", "SELECT a FROM t WHERE b regexp 'y'"),
    ("SELECT [a b] FROM t WHERE c = 1", "SELECT [a b] FROM t WHERE c = 2"),
    ("SELECT `a b` FROM t WHERE c = 1", "select `a b` from T where C = ?"),
    ("SELECT \"a b\" FROM t WHERE c = 1", "select \"a b\" from T where C = ?"),
    ("REPLACE INTO t VALUES (1)", "replace into t values (2)"),
    ("INSERT OR IGNORE INTO t VALUES (1)", "insert or ignore into t values (2), (3)"),
    ("SELECT a FROM t WHERE t MATCH 'x'", "SELECT a FROM t WHERE t MATCH 'y OR z'"),
    ("PRAGMA cache_size = 10", "PRAGMA cache_size = -2000"),
    // A plain name may be quoted: this is not seen, and shown as two.
    ("SELECT \"id\" FROM users", "SELECT id FROM users"),
    ("SELECT a FROM t /* no end", "SELECT a FROM t"),
];

/// By PostgreSQL's rules.
#[cfg(feature = "postgres")]
const SAME_POSTGRES: Pairs = &[
    ("SELECT a FROM t WHERE b = $1", "SELECT a FROM t WHERE b = 1"),
    ("SELECT a FROM t WHERE b = $1", "SELECT a FROM t WHERE b = $2"),
    ("SELECT a FROM t WHERE b = $1", "SELECT a FROM t WHERE b = 'x'"),
    ("SELECT a FROM t WHERE b = 'x'", "SELECT a FROM t WHERE b = E'x\\'y'"),
    ("SELECT a FROM t WHERE b = 'x'", "SELECT a FROM t WHERE b = $$it's$$"),
    ("SELECT a FROM t WHERE b = $$x$$", "SELECT a FROM t WHERE b = $tag$a $$ b$tag$"),
    ("SELECT a FROM t WHERE b = 'x'", "SELECT a FROM t WHERE b = U&'d\\0061t'"),
    ("SELECT a FROM t WHERE b = B'101'", "SELECT a FROM t WHERE b = B'0'"),
    ("SELECT a FROM t WHERE b = $1::int", "SELECT a FROM t WHERE b = '7'::int"),
    ("SELECT a FROM t WHERE b = '1'::int", "SELECT a FROM t WHERE b = '2' :: INT"),
    ("SELECT a FROM t WHERE b IN ($1)", "SELECT a FROM t WHERE b IN ($1, $2, $3)"),
    ("SELECT a FROM t WHERE b = ANY($1)", "SELECT a FROM t WHERE b = ANY('{1,2}')"),
    ("SELECT a FROM t WHERE j @> '{\"a\": 1}'", "SELECT a FROM t WHERE j @> '{\"b\": 2}'"),
    ("SELECT j->>'a' FROM t", "SELECT j ->> 'b' FROM t"),
    ("SELECT j#>>'{a,b}' FROM t", "SELECT j #>> '{c}' FROM t"),
    ("SELECT a FROM t WHERE j ? 'a'", "SELECT a FROM t WHERE j ? 'b'"),
    ("SELECT a FROM t WHERE a ILIKE 'x%'", "SELECT a FROM t WHERE a ilike 'y%'"),
    ("SELECT a FROM t WHERE a ~* 'x'", "SELECT a FROM t WHERE a ~* '^y$'"),
    ("SELECT a FROM t /* a /* nested */ b */", "SELECT a FROM t"),
    (
        "SELECT a FROM t WHERE b > now() - interval '1 day'",
        "SELECT a FROM t WHERE b > now() - interval '2 h'",
    ),
    ("SELECT a FROM t WHERE b = 1 FOR UPDATE", "select a from t where b = 2 for update"),
    ("INSERT INTO t VALUES ($1, $2)", "INSERT INTO t VALUES ($1, $2), ($3, $4)"),
    ("SELECT a FROM t LIMIT $1 OFFSET $2", "SELECT a FROM t LIMIT 10 OFFSET 20"),
    (
        "SELECT extract(year FROM a) FROM t WHERE b = 1",
        "SELECT extract(YEAR FROM a) FROM t WHERE b = 2",
    ),
    ("SELECT a FROM t WHERE b = 1e10", "SELECT a FROM t WHERE b = 0.1"),
    ("SELECT a FROM s.t WHERE b = 1", "SELECT a FROM S.T WHERE b = 2"),
    ("CALL p(1, 'x')", "CALL p(2, 'y')"),
    ("SELECT * FROM generate_series(1, 10)", "SELECT * FROM generate_series(5, 50)"),
    ("SELECT a FROM t WHERE b = 'x' COLLATE \"C\"", "SELECT a FROM t WHERE b = 'y' COLLATE \"C\""),
    ("SET statement_timeout = 100", "SET statement_timeout = 200"),
];

/// At both databases.
const DIFFERENT: Pairs = &[
    // Names.
    ("SELECT a FROM t", "SELECT b FROM t"),
    ("SELECT a FROM t", "SELECT a FROM u"),
    ("SELECT a FROM t", "SELECT a FROM main.t"),
    ("SELECT a FROM t", "SELECT t.a FROM t"),
    ("SELECT a FROM t", "SELECT a FROM t, t x"),
    ("SELECT a FROM t", "SELECT a AS b FROM t"),
    ("SELECT a FROM t", "SELECT * FROM t"),
    ("SELECT a FROM t x", "SELECT a FROM t y"),
    ("SELECT a1 FROM t", "SELECT a2 FROM t"),
    ("SELECT t1.a FROM t1", "SELECT t2.a FROM t2"),
    ("SELECT lower(a) FROM t", "SELECT upper(a) FROM t"),
    ("SELECT \"a\" FROM t", "SELECT \"A\" FROM t"),
    ("SELECT \"a b\" FROM t", "SELECT \"a  b\" FROM t"),
    ("SELECT größe FROM t", "SELECT grösse FROM t"),
    // The order of what is written is kept.
    ("SELECT a, b FROM t", "SELECT b, a FROM t"),
    ("SELECT a FROM t WHERE b = 1 AND c = 2", "SELECT a FROM t WHERE c = 2 AND b = 1"),
    ("SELECT a FROM t WHERE b = 1 OR c = 2", "SELECT a FROM t WHERE c = 2 OR b = 1"),
    ("SELECT a FROM t JOIN u ON t.b = u.b", "SELECT a FROM u JOIN t ON t.b = u.b"),
    ("UPDATE t SET a = 1, b = 2", "UPDATE t SET b = 2, a = 1"),
    ("INSERT INTO t (a, b) VALUES (1, 2)", "INSERT INTO t (b, a) VALUES (1, 2)"),
    // Operators.
    ("SELECT a FROM t WHERE b = 1", "SELECT a FROM t WHERE b > 1"),
    ("SELECT a FROM t WHERE b > 1", "SELECT a FROM t WHERE b >= 1"),
    ("SELECT a FROM t WHERE b < 1", "SELECT a FROM t WHERE b <= 1"),
    ("SELECT a FROM t WHERE b = 1", "SELECT a FROM t WHERE b <> 1"),
    ("SELECT a FROM t WHERE b = 1", "SELECT a FROM t WHERE NOT b = 1"),
    ("SELECT a FROM t WHERE b = 1 AND c = 2", "SELECT a FROM t WHERE b = 1 OR c = 2"),
    ("SELECT a FROM t WHERE b LIKE 'x'", "SELECT a FROM t WHERE b NOT LIKE 'x'"),
    ("SELECT a FROM t WHERE b IN (1)", "SELECT a FROM t WHERE b NOT IN (1)"),
    ("SELECT a FROM t WHERE b IN (1)", "SELECT a FROM t WHERE b = 1"),
    ("SELECT a + 1 FROM t", "SELECT a - 1 FROM t"),
    ("SELECT a - 1 FROM t", "SELECT a, -1 FROM t"),
    ("SELECT -a FROM t", "SELECT a FROM t"),
    ("SELECT a || 'x' FROM t", "SELECT a + 'x' FROM t"),
    ("SELECT a FROM t WHERE b BETWEEN 1 AND 2", "SELECT a FROM t WHERE b NOT BETWEEN 1 AND 2"),
    // NULL and the truth are no values.
    ("SELECT a FROM t WHERE b IS NULL", "SELECT a FROM t WHERE b IS NOT NULL"),
    ("SELECT a FROM t WHERE b = NULL", "SELECT a FROM t WHERE b = 1"),
    ("SELECT a FROM t WHERE b IS TRUE", "SELECT a FROM t WHERE b IS FALSE"),
    ("SELECT a FROM t WHERE b IS NULL", "SELECT a FROM t WHERE b IS TRUE"),
    ("INSERT INTO t VALUES (NULL)", "INSERT INTO t VALUES (1)"),
    ("INSERT INTO t VALUES (1), (NULL)", "INSERT INTO t VALUES (1), (2)"),
    // Lists with more than values, and rows that differ.
    ("SELECT a FROM t WHERE b IN (1, 2)", "SELECT a FROM t WHERE b IN (1, c)"),
    ("SELECT a FROM t WHERE b IN (1)", "SELECT a FROM t WHERE b IN (SELECT 1)"),
    ("SELECT a FROM t WHERE b IN (1)", "SELECT a FROM t WHERE (b, c) IN ((1, 2))"),
    ("SELECT a FROM t WHERE b IN (1)", "SELECT a FROM t WHERE c IN (1)"),
    ("SELECT f(1) FROM t", "SELECT f(1, 2) FROM t"),
    ("INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (1, 2)"),
    ("INSERT INTO t VALUES (1), (2)", "INSERT INTO t VALUES (1), (lower('x'))"),
    ("INSERT INTO t VALUES (1)", "INSERT INTO t (a) VALUES (1)"),
    ("INSERT INTO t VALUES (1)", "INSERT INTO t SELECT 1"),
    // Clauses.
    ("SELECT a FROM t", "SELECT DISTINCT a FROM t"),
    ("SELECT a FROM t", "SELECT a FROM t LIMIT 1"),
    ("SELECT a FROM t LIMIT 1", "SELECT a FROM t LIMIT 1 OFFSET 1"),
    ("SELECT a FROM t", "SELECT a FROM t WHERE b = 1"),
    ("SELECT a FROM t WHERE b = 1", "SELECT a FROM t WHERE b = 1 AND c = 1"),
    ("SELECT a FROM t ORDER BY a", "SELECT a FROM t ORDER BY b"),
    ("SELECT a FROM t ORDER BY a", "SELECT a FROM t ORDER BY a DESC"),
    ("SELECT a FROM t ORDER BY a", "SELECT a FROM t GROUP BY a"),
    ("SELECT a FROM t ORDER BY a, b", "SELECT a FROM t ORDER BY b, a"),
    ("SELECT a FROM t JOIN u ON t.b = u.b", "SELECT a FROM t LEFT JOIN u ON t.b = u.b"),
    ("SELECT a FROM t JOIN u ON t.b = u.b", "SELECT a FROM t JOIN u ON t.b = u.c"),
    ("SELECT a FROM t JOIN u USING (b)", "SELECT a FROM t, u"),
    ("SELECT 1 UNION SELECT 2", "SELECT 1 UNION ALL SELECT 2"),
    ("SELECT 1 UNION SELECT 2", "SELECT 1 EXCEPT SELECT 2"),
    ("SELECT 1", "SELECT 1, 2"),
    ("SELECT 1", "SELECT 1; SELECT 2"),
    ("SELECT count(*) FROM t", "SELECT count(a) FROM t"),
    ("SELECT count(a) FROM t", "SELECT count(DISTINCT a) FROM t"),
    ("SELECT a FROM t WHERE EXISTS (SELECT 1)", "SELECT a FROM t WHERE NOT EXISTS (SELECT 1)"),
    ("WITH x AS (SELECT 1) SELECT * FROM x", "WITH RECURSIVE x AS (SELECT 1) SELECT * FROM x"),
    ("SELECT sum(a) OVER (PARTITION BY b) FROM t", "SELECT sum(a) OVER (ORDER BY b) FROM t"),
    // Verbs.
    ("DELETE FROM t WHERE a = 1", "SELECT a FROM t WHERE a = 1"),
    ("UPDATE t SET a = 1", "UPDATE t SET b = 1"),
    ("UPDATE t SET a = 1", "UPDATE t SET a = 1 WHERE b = 2"),
    ("UPDATE t SET a = 1", "UPDATE t SET a = a + 1"),
    ("DELETE FROM t", "DELETE FROM t WHERE a = 1"),
    (
        "INSERT INTO t VALUES (1) ON CONFLICT (a) DO NOTHING",
        "INSERT INTO t VALUES (1) ON CONFLICT (a) DO UPDATE SET a = 2",
    ),
    ("INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (1) RETURNING a"),
    // What only looks like a comment or a value.
    ("SELECT a FROM t -- WHERE b = 1", "SELECT a FROM t\nWHERE b = 1"),
    ("SELECT \"1\" FROM t", "SELECT 1 FROM t"),
    ("SELECT '--', a FROM t", "SELECT 'x' --, a FROM t"),
    ("SELECT (a - 1) FROM t", "SELECT a - (1) FROM t"),
    ("SELECT 'half", "SELECT 'whole'"),
];

/// By SQLite's rules.
const DIFFERENT_SQLITE: Pairs = &[
    ("SELECT a FROM t WHERE b GLOB 'x'", "SELECT a FROM t WHERE b LIKE 'x'"),
    ("INSERT INTO t VALUES (1)", "REPLACE INTO t VALUES (1)"),
    ("INSERT OR IGNORE INTO t VALUES (1)", "INSERT OR REPLACE INTO t VALUES (1)"),
    ("SELECT [a] FROM t", "SELECT [b] FROM t"),
    ("SELECT `a` FROM t", "SELECT `A` FROM t"),
    ("SELECT a FROM t INDEXED BY x", "SELECT a FROM t NOT INDEXED"),
    ("SELECT j -> 'a' FROM t", "SELECT j ->> 'a' FROM t"),
    ("SELECT a FROM t LIMIT 1, 2", "SELECT a FROM t LIMIT 1 OFFSET 2"),
    ("PRAGMA cache_size", "PRAGMA page_size"),
    ("SELECT a IS b FROM t", "SELECT a IS NOT b FROM t"),
    ("SELECT a FROM t WHERE b = c COLLATE nocase", "SELECT a FROM t WHERE b = c"),
    ("SELECT 12ab", "SELECT 12"),
];

/// By PostgreSQL's rules.
#[cfg(feature = "postgres")]
const DIFFERENT_POSTGRES: Pairs = &[
    ("SELECT \"Users\".a FROM \"Users\"", "SELECT users.a FROM users"),
    ("SELECT a::int FROM t", "SELECT a::bigint FROM t"),
    ("SELECT a FROM t WHERE j @> '{}'", "SELECT a FROM t WHERE j <@ '{}'"),
    ("SELECT a FROM t WHERE j ? 'a'", "SELECT a FROM t WHERE j ?| 'a'"),
    ("SELECT a FROM t WHERE a LIKE 'x'", "SELECT a FROM t WHERE a ILIKE 'x'"),
    ("SELECT a FROM t WHERE a ~ 'x'", "SELECT a FROM t WHERE a ~* 'x'"),
    ("SELECT a FROM t FOR UPDATE", "SELECT a FROM t FOR SHARE"),
    ("SELECT a FROM t WHERE b = ANY($1)", "SELECT a FROM t WHERE b = ALL($1)"),
    ("SELECT a FROM ONLY t", "SELECT a FROM t"),
    ("SELECT j #> '{a}' FROM t", "SELECT j #>> '{a}' FROM t"),
    ("SELECT a FROM t TABLESAMPLE system (1)", "SELECT a FROM t"),
    ("SET work_mem = 1", "SET statement_timeout = 1"),
    ("SELECT DISTINCT ON (a) a FROM t", "SELECT DISTINCT a FROM t"),
    ("SELECT a FROM t, LATERAL (SELECT 1) x", "SELECT a FROM t, (SELECT 1) x"),
];

#[derive(Default)]
struct Found {
    pairs: usize,
    same: usize,
    missed: Vec<(&'static str, &'static str)>,
    merged: Vec<(&'static str, &'static str)>,
}

impl Found {
    fn look(&mut self, dialect: Dialect, pairs: Pairs, is_same: bool) {
        let of = |sql| Fingerprint::new(sql, dialect).id();
        for (a, b) in pairs {
            self.pairs += 1;
            self.same += usize::from(is_same);
            match (is_same, of(a) == of(b)) {
                (true, false) => self.missed.push((a, b)),
                (false, true) => self.merged.push((a, b)),
                _ => {}
            }
        }
    }
}

#[test]
fn pairs_are_told_apart_and_put_together() {
    let mut found = Found::default();
    found.look(Dialect::Sqlite, SAME, true);
    found.look(Dialect::Sqlite, SAME_SQLITE, true);
    found.look(Dialect::Sqlite, DIFFERENT, false);
    found.look(Dialect::Sqlite, DIFFERENT_SQLITE, false);
    #[cfg(feature = "postgres")]
    {
        found.look(Dialect::Postgres, SAME, true);
        found.look(Dialect::Postgres, SAME_POSTGRES, true);
        found.look(Dialect::Postgres, DIFFERENT, false);
        found.look(Dialect::Postgres, DIFFERENT_POSTGRES, false);
    }
    assert_eq!(found.merged, [], "two statements, taken for one");
    let merges = 1.0 - found.missed.len() as f64 / found.same as f64;
    println!("{} pairs, {merges:.4} of the same found; not: {:?}", found.pairs, found.missed);
    assert!(merges >= SAME_MIN, "{merges}: {:?}", found.missed);
    // Whichever features there are.
    let distinct = [SAME, SAME_SQLITE, DIFFERENT, DIFFERENT_SQLITE].iter().map(|it| it.len());
    assert!(distinct.sum::<usize>() >= 200);
}
