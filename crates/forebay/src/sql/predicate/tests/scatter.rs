//! Queries over one table taken apart: what members are asked, what puts it together, and what is
//! refused. That the answers are right is tested with databases, where they are asked.

use super::described;
use crate::sql::predicate::{Taken, Written, take_apart, written};

const SCHEMA: &str = "t: id int pk, day text, name text nocase, cost real, odd text odd
    u: id int
    CREATE VIEW v AS SELECT * FROM t";

#[test]
fn groups_become_parts() {
    let check = |sql: &str, select: &str, group: &str, merge: &str| {
        let single = take_apart(sql, &described(SCHEMA)).unwrap();
        let Taken::Groups(groups) = single.taken else { panic!("{sql}") };
        assert_eq!(groups.select, select, "{sql}");
        assert_eq!(groups.group, group, "{sql}");
        assert_eq!(groups.merge, merge, "{sql}");
        let columns = select.split(", ").count();
        assert_eq!(groups.columns.len(), columns, "{sql}");
    };
    check(
        "SELECT count(*) FROM t",
        "count(*)",
        "",
        "SELECT coalesce(sum(\"p0\"), 0) FROM forebay_parts",
    );
    check(
        "SELECT name AS n, max(x.cost) FROM t x GROUP BY n HAVING max(cost) > 1 ORDER BY 2 DESC",
        "\"x\".\"name\", max(\"x\".\"cost\")",
        " GROUP BY \"x\".\"name\"",
        "SELECT \"k0\", max(\"p0\") FROM forebay_parts GROUP BY \"k0\" \
         HAVING (max(\"p0\") > ( 1 )) ORDER BY 2 DESC",
    );
    check(
        "SELECT count(DISTINCT name), count(*) FROM t",
        "\"t\".\"name\", count(*)",
        " GROUP BY \"t\".\"name\"",
        "SELECT count(DISTINCT \"d0\"), coalesce(sum(\"p0\"), 0) FROM forebay_parts",
    );
    check(
        "SELECT DISTINCT day, 5 FROM t",
        "\"t\".\"day\"",
        " GROUP BY \"t\".\"day\"",
        "SELECT DISTINCT \"k0\", ( 5 ) FROM forebay_parts",
    );
}

#[test]
fn rows_keep_their_text() {
    let check = |sql: &str, expect: &str| {
        let single = take_apart(sql, &described(SCHEMA)).unwrap();
        assert!(matches!(single.taken, Taken::Rows(_)), "{sql}");
        let text = single.cut.under(Some("here"), Some(9));
        assert_eq!(text.split_whitespace().collect::<Vec<_>>().join(" "), expect);
    };
    check("SELECT id FROM t", "SELECT id FROM t WHERE here LIMIT 9");
    check(
        "SELECT id AS \"where\" FROM t WHERE day = ? OR cost > :c -- all\n ORDER BY day LIMIT ?",
        "SELECT id AS \"where\" FROM t WHERE ( day = ?1 OR cost > ?2 ) AND here \
         ORDER BY day LIMIT 9",
    );
    check(
        "SELECT CASE WHEN (1) THEN (2) END FROM t WHERE day IN (1, 2) LIMIT 3 OFFSET 4",
        "SELECT CASE WHEN ( 1 ) THEN ( 2 ) END FROM t WHERE ( day IN ( 1 , 2 ) ) AND here LIMIT 9",
    );
}

#[test]
fn what_is_not_taken_apart() {
    let check = |sql: &str, why: &str| {
        let refused = take_apart(sql, &described(SCHEMA)).unwrap_err();
        assert_eq!(refused.reason(), why, "{sql}");
    };
    check("SELECT 1", "it is not a query of a table");
    check("SELECT t.id FROM t, u", "it is a join");
    check("SELECT * FROM v", "it reads something else than a plain table");
    check("SELECT * FROM t UNION SELECT * FROM t", "it joins several SELECTs by a set operation");
    check("WITH c AS (SELECT 1) SELECT * FROM t", "it has a WITH clause");
    check("SELECT (SELECT 1) FROM t", "it has a subquery");
    check("SELECT id FROM t WHERE id IN (SELECT 1)", "it has a subquery");
    check("SELECT rank() OVER (ORDER BY id) FROM t", "it has a window function");
    check("SELECT sum(id) OVER () FROM t", "it has a window function");
    check("SELECT random() FROM t", "it calls random, which may rest on more than its arguments");
    check("SELECT date('now') FROM t", "date asks for the time");
    check("SELECT strftime(?, day) FROM t", "strftime asks for the time");
    check("SELECT current_date FROM t", "it asks for the time");
    check("SELECT missing FROM t", "it has a name that is not a column of the table");
    check("SELECT group_concat(id) FROM t", "the parts of group_concat cannot be put together");
    check(
        "SELECT day, max(id) FROM t",
        "it has a column that is neither grouped by nor in an aggregate",
    );
    check(
        "SELECT count(*) FROM t GROUP BY CAST(day AS INT)",
        "it groups or compares by an expression whose values say too little",
    );
    check("SELECT max(odd) FROM t", "a column has a collation that is not SQLite's own");
    check("SELECT id FROM t LIMIT 1 + 1", "its LIMIT is neither a number nor a parameter");
    let deep = format!("SELECT {}1 FROM t", "1 + ".repeat(300));
    check(&deep, "an expression is nested too deeply");
}

#[test]
fn what_is_written() {
    let schema = described(SCHEMA);
    let Ok(Written::Insert(insert)) =
        written("INSERT OR IGNORE INTO t (day, id) VALUES (?, 1 + 1), ('x', -2)", &schema)
    else {
        panic!("it is an INSERT");
    };
    assert_eq!(insert.head, "INSERT OR IGNORE INTO \"t\" (\"day\", \"id\")");
    assert_eq!((insert.columns, insert.is_plain), (vec![1, 0], true));
    let rows = insert.rows.unwrap();
    assert_eq!(rows[0].iter().map(Option::is_some).collect::<Vec<_>>(), [true, false]);
    let check = |sql: &str, query: Option<&str>, is_plain: bool| {
        let Ok(Written::Target(target)) = written(sql, &schema) else { panic!("{sql}") };
        assert_eq!((target.query.as_deref(), target.is_plain), (query, is_plain), "{sql}");
    };
    let all = "SELECT 1 FROM \"t\" AS \"t\"";
    check("DELETE FROM t", Some(all), true);
    check("DELETE FROM t RETURNING id", Some(all), false);
    let one = "SELECT 1 FROM \"t\" AS \"x\" WHERE (\"x\".\"id\" = ( ?2 ))";
    check("UPDATE t AS x SET day = ? WHERE id = ?", Some(one), true);
    check("UPDATE t SET day = (SELECT 1)", Some(all), false);
    check("DELETE FROM t WHERE id IN (SELECT 1)", None, false);
    for refused in
        ["INSERT INTO v VALUES (1)", "DELETE FROM none", "SELECT 1", "UPDATE t SET x = 1"]
    {
        assert!(written(refused, &schema).is_err(), "{refused}");
    }
}
