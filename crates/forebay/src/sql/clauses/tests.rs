//! Texts and what becomes of them. That they mean the same is shown with servers, in
//! `tests/postgres/route/`.

use super::{Binder, Clauses, InsertText, Regrouped, TargetText, Text, with_table};

fn types() -> Vec<Box<str>> {
    ["text", "int"].map(Box::from).to_vec()
}

fn written(text: &Text) -> String {
    let (types, parts) = (types(), ["T0", "T1", "T2", "T3"].map(Box::from));
    let sql = text.written(&mut Binder::of_parts(&types, &parts));
    sql.replace('\n', " ")
}

#[test]
fn a_condition_and_a_limit_are_put_in() {
    let check = |sql: &str, names: &[&str], expect: Result<&str, &str>| {
        let cut = Clauses::of(sql, names, 3);
        let found = cut.map(|cut| written(&cut.under(&Text::sql("F"), false, Some(7))));
        assert_eq!(found.as_deref(), expect.as_ref().copied(), "{sql}");
    };
    let limited = |text: &str| format!("{text} LIMIT 7");
    check("SELECT a FROM t", &["a"], Ok(&limited("SELECT a FROM t WHERE F")));
    check(
        "select a, b AS \"C\" from s.t x where a = $2 or b = $1 and a > $2 order by 1 desc limit 5",
        &["a", "C"],
        Ok(&limited(
            "SELECT a, b AS \"C\" FROM s.t x WHERE (a = ($1::int) or b = ($2::text) and a > \
             ($1::int) ) AND F ORDER BY 1 desc",
        )),
    );
    check(
        "SELECT *, t.limit AS where FROM t WHERE a IS DISTINCT FROM 'x' -- end",
        &["a", "b", "c", "where"],
        Ok(&limited("SELECT *, t.limit AS where FROM t WHERE (a IS DISTINCT FROM 'x' ) AND F")),
    );
    let paged = "SELECT (SELECT 1 FROM u WHERE x LIMIT 1) FROM t OFFSET $1 LIMIT 3";
    let cut = "SELECT (SELECT 1 FROM u WHERE x LIMIT 1) FROM t WHERE F";
    check(paged, &["?column?"], Ok(&limited(cut)));
    let other = Err("reads something else than a plain table");
    check("SELECT a FROM t, u", &["a"], other);
    check("SELECT a FROM t JOIN u ON true", &["a"], other);
    check("SELECT a FROM ONLY t", &["a"], other);
    check("SELECT a FROM t AS x (p, q)", &["a"], other);
    check("SELECT a FROM (SELECT 1) x", &["a"], other);
    check("SELECT DISTINCT ON (a) a FROM t", &["a"], Err("has DISTINCT ON"));
    let united = Err("joins several SELECTs by a set operation");
    check("SELECT a FROM t UNION SELECT b FROM u", &["a"], united);
    check("SELECT a FROM t FOR UPDATE", &["a"], Err("locks rows"));
    check("SELECT a FROM t FETCH FIRST ROW ONLY", &["a"], Err("has FETCH in place of LIMIT"));
    check("WITH c AS (SELECT 1) SELECT a FROM t", &["a"], Err("does not begin with SELECT"));
    let several = Err("has another number of result columns than its text shows");
    check("SELECT a FROM t", &["a", "b"], several);
    check("SELECT 'a FROM t", &["a"], Err("has a text that is not understood"));
}

#[test]
fn an_order_without_its_result_columns() {
    let check = |sql: &str, names: &[&str], expect: Option<&str>| {
        let cut = Clauses::of(sql, names, 3).unwrap();
        let order = cut.order(&|name| ["a", "b", "c"].contains(&name));
        assert_eq!(order.as_ref().map(written).as_deref(), expect, "{sql}");
    };
    check("SELECT a + 1 AS n FROM t ORDER BY n DESC, b", &["n"], Some("(a + 1) DESC, b "));
    check("SELECT a, b FROM t ORDER BY 2 NULLS FIRST", &["a", "b"], Some("(b) NULLS FIRST"));
    check("SELECT a n FROM t ORDER BY n + 1", &["n"], Some("n + 1 "));
    check("SELECT * FROM t ORDER BY b, a + 1 asc", &["a", "b", "c"], Some("b , a + 1 asc"));
    check("SELECT * FROM t ORDER BY 2", &["a", "b", "c"], None);
    check("SELECT *, 1 AS b FROM t ORDER BY b", &["a", "b", "c", "b"], None);
    check("SELECT a FROM t ORDER BY a USING <", &["a"], None);
}

fn regrouped(sql: &str, names: &[&str], aggregates: &[&str]) -> Result<[String; 2], &'static str> {
    let cut = Clauses::of(sql, names, 4).unwrap();
    let aggregates: Vec<Box<str>> = aggregates.iter().map(|it| (*it).into()).collect();
    let made = Regrouped::of(&cut, &["a", "b", "day", "select"], &aggregates)?;
    let parts = written(&made.parts(&cut, &Text::sql("F")));
    Ok([parts, written(&made.merged(&Text::sql("P")))].map(|it| it.replace("forebay_part", "p")))
}

#[test]
fn groups_are_made_of_parts() {
    let check = |sql: &str, names: &[&str], aggregates: &[&str], parts: &str, merged: &str| {
        let found = regrouped(sql, names, aggregates);
        assert_eq!(found, Ok([parts.to_owned(), merged.to_owned()]), "{sql}");
    };
    check(
        "SELECT a, count(*) AS n, avg(b) FROM t x WHERE b > 1 GROUP BY 1 HAVING sum(b) > $2 \
         ORDER BY n DESC, x.a LIMIT 3",
        &["a", "n", "avg"],
        &["avg", "count", "sum"],
        "SELECT (a) AS p0, count(*) AS p1, sum(b) AS p2, count(b) AS p3 FROM t x \
         WHERE (b > 1 ) AND F GROUP BY 1",
        "SELECT p0 AS \"a\", (coalesce(sum(p1), 0)::pg_catalog.int8) AS \"n\", \
         (sum(p2) / sum(p3)) AS \"avg\" FROM P GROUP BY p0 HAVING (sum(p2)::T2) > ($1::int) \
         ORDER BY n DESC, p0  LIMIT 3",
    );
    check(
        "SELECT max(b) - min(b) FILTER (WHERE a = 'x') FROM t",
        &["?column?"],
        &["max", "min"],
        "SELECT max(b) AS p0, min(b) FILTER (WHERE a = 'x') AS p1 FROM t WHERE F",
        "SELECT (max(p0)) - (min(p1)) AS \"?column?\" FROM P",
    );
    check(
        "SELECT lower(a) || day::text AS k, count(DISTINCT b) FROM t GROUP BY lower(a), day",
        &["k", "count"],
        &["count"],
        "SELECT (lower(a)) AS p0, (day) AS p1, (b) AS p2 FROM t WHERE F GROUP BY 1, 2, 3",
        "SELECT p0 || p1::text AS \"k\", count(DISTINCT p2) AS \"count\" FROM P GROUP BY p0, p1",
    );
    check(
        "SELECT DISTINCT a, b + 1 FROM t ORDER BY b + 1",
        &["a", "?column?"],
        &[],
        "SELECT (a) AS p0, (b + 1) AS p1 FROM t WHERE F GROUP BY 1, 2",
        "SELECT DISTINCT p0 AS \"a\", p1 AS \"?column?\" FROM P ORDER BY p1 ",
    );
    // Words that are no columns here.
    check(
        "SELECT extract(day FROM day) + 1, day + interval '1' day FROM t GROUP BY t.day",
        &["?column?", "?column?"],
        &[],
        "SELECT (t.day) AS p0 FROM t WHERE F GROUP BY 1",
        "SELECT extract(day FROM p0) + 1 AS \"?column?\", p0 + interval '1' day AS \"?column?\" \
         FROM P GROUP BY p0",
    );
}

#[test]
fn groups_that_are_not_made_of_parts() {
    let check = |sql: &str, aggregates: &[&str], expect: &str| {
        assert_eq!(regrouped(sql, &["x"], aggregates), Err(expect), "{sql}");
    };
    let loose = "has a column that is neither grouped by nor in an aggregate";
    check("SELECT b AS x FROM t GROUP BY a", &[], loose);
    // Only a part of it is what is grouped by.
    check("SELECT a + b * 2 AS x FROM t GROUP BY a + b", &[], loose);
    check("SELECT sum(a) + b AS x FROM t", &["sum"], loose);
    let other = "has an aggregate whose parts cannot be put together";
    check("SELECT stddev(a) AS x FROM t", &["stddev"], other);
    let form = "has an aggregate in a form that cannot be taken apart";
    check("SELECT sum(a) OVER () AS x FROM t", &["sum"], form);
    check("SELECT count(ALL a) AS x FROM t", &["count"], form);
    check("SELECT pg_catalog.sum(a) AS x FROM t", &["sum"], form);
    let both = "has DISTINCT and FILTER in one aggregate";
    check("SELECT sum(DISTINCT a) FILTER (WHERE b > 1) AS x FROM t", &["sum"], both);
    let sets = "groups by sets or lists of columns";
    check("SELECT a AS x FROM t GROUP BY ROLLUP (a)", &[], sets);
    check("SELECT a AS x FROM t GROUP BY (a, b)", &[], sets);
    check("SELECT 1 AS x FROM t HAVING true", &[], "answers constants only");
    check(
        "SELECT sum(a) AS x FROM t ORDER BY forebay_part1",
        &["sum"],
        "uses a name that Forebay uses",
    );
}

#[test]
fn writes_of_a_part() {
    let insert = "INSERT INTO t (a, \"values\") VALUES (1, $2), ('(,', $1), (3, 4);";
    let cut = InsertText::of(insert, 3).unwrap();
    let expect = "INSERT INTO t (a, \"values\") VALUES (1, ($1::int)), (3, 4)";
    assert_eq!(written(&cut.of_rows(&[0, 2])), expect);
    assert!(InsertText::of(insert, 2).is_err());
    assert!(InsertText::of("INSERT INTO t SELECT 1", 1).is_err());
    let check = |sql: &str, expect: Result<&str, &str>| {
        let found = TargetText::of(sql).map(|it| (it.alias.clone(), it.under(&Text::sql("F"))));
        let found = found.map(|(alias, text)| format!("{alias}: {}", written(&text)));
        assert_eq!(found.as_deref(), expect.as_ref().copied(), "{sql}");
    };
    check("DELETE FROM s.t", Ok("t: DELETE FROM s.t WHERE F"));
    check("DELETE FROM t x WHERE a OR b", Ok("x: DELETE FROM t x WHERE (a OR b ) AND F"));
    let sql = "UPDATE t AS \"X\" SET a = $2 WHERE b IS DISTINCT FROM 1";
    let expect = "\"X\": UPDATE t AS \"X\" SET a = ($1::int) WHERE (b IS DISTINCT FROM 1 ) AND F";
    check(sql, Ok(expect));
    let odd = Err("names its table in a form that is not understood");
    check("UPDATE t SET a = 1 FROM u", odd);
    check("DELETE FROM t USING u", odd);
    check("DELETE FROM ONLY t", odd);
    check("DELETE FROM t RETURNING a", odd);
    check("DELETE FROM t WHERE CURRENT OF c", Err("writes the row of a cursor"));
}

#[test]
fn tables_stand_before_a_text() {
    let check = |sql: &str, expect: &str| {
        let found = with_table(sql, &Text::sql("t AS (R)")).map(|text| written(&text));
        assert_eq!(found.as_deref(), Ok(expect), "{sql}");
    };
    check("SELECT $2 FROM t;", "WITH t AS (R) SELECT ($1::int) FROM t");
    check("with c AS (SELECT 1) SELECT 2", "WITH t AS (R), c AS (SELECT 1) SELECT 2");
    check(
        "WITH RECURSIVE c AS (SELECT 1) TABLE c",
        "WITH RECURSIVE t AS (R), c AS (SELECT 1) TABLE c",
    );
    check("(SELECT 1) UNION TABLE t", "WITH t AS (R) (SELECT 1) UNION TABLE t");
}
