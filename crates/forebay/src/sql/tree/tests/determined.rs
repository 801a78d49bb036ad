//! Of which statements two right answers must be the same; and that the aggregates on the list have
//! the same numbers everywhere.

use super::super::{Catalogue, Outcome};
use super::server::{Session, on_servers};
use crate::sql::Extent;

const SCHEMA: &str = "
    CREATE COLLATION blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
    CREATE TABLE t(id int PRIMARY KEY, a int, b text, x float8, n numeric, c text COLLATE blind,
        d date);
    CREATE VIEW first AS SELECT a FROM t LIMIT 1;
    CREATE VIEW plain AS SELECT a, x FROM t
";

/// `all`, `page` with the column that it is ordered by, or `open`.
fn check(session: &mut Session, catalogue: &mut Catalogue, sql: &str, expect: &str) {
    let analysis = match session.analyse(catalogue, sql, "") {
        Ok(Outcome::Cacheable(analysis)) => analysis,
        other => panic!("{sql}: {other:?}"),
    };
    let found = match analysis.determined.map(|determined| determined.extent) {
        None => "open".to_owned(),
        Some(Extent::All) => "all".to_owned(),
        Some(Extent::Page { by, has_offset }) => format!("page {by:?} {has_offset}"),
    };
    assert_eq!(found, expect, "{sql}");
}

#[test]
fn answers_that_must_be_the_same() {
    on_servers("answers_that_must_be_the_same", SCHEMA, |session| {
        let mut catalogue = Catalogue::default();
        let mut check = |sql: &str, expect: &str| check(session, &mut catalogue, sql, expect);
        check("SELECT * FROM t", "all");
        check("SELECT x, n FROM t WHERE a = 1 ORDER BY b", "all");
        check("SELECT a, x FROM plain", "all");
        check("SELECT count(*), sum(a), max(b), min(d), avg(a) FROM t", "all");
        check("SELECT sum(n) FROM t", "all");
        check("SELECT sum(x) FROM t", "open");
        check("SELECT sum(DISTINCT n) FROM t", "open");
        check("SELECT max(x) FROM t", "open");
        check("SELECT string_agg(b, ',') FROM t", "open");
        check("SELECT array_agg(a ORDER BY a) FROM t", "open");
        check("SELECT a, count(*) FROM t GROUP BY a", "all");
        check("SELECT b, count(*) FROM t GROUP BY b", "all");
        check("SELECT n, count(*) FROM t GROUP BY n", "open");
        check("SELECT c, count(*) FROM t GROUP BY c", "open");
        check("SELECT max(c) FROM t", "open");
        check("SELECT DISTINCT a FROM t", "all");
        check("SELECT DISTINCT x FROM t", "open");
        check("SELECT DISTINCT ON (a) a, b FROM t", "open");
        check("SELECT a FROM t UNION SELECT id FROM t", "all");
        check("SELECT x FROM t UNION SELECT x FROM t", "open");
        check("SELECT row_number() OVER (ORDER BY a) FROM t", "open");
        check("SELECT a FROM t ORDER BY id LIMIT 3", "open");
        check("SELECT a, id FROM t ORDER BY id LIMIT 3", "page Some(1) false");
        check("SELECT id FROM t ORDER BY id DESC LIMIT 3 OFFSET 1", "page Some(0) true");
        check("SELECT a FROM t LIMIT 3", "open");
        check("SELECT a FROM t OFFSET 3", "open");
        check("SELECT a FROM first", "open");
        check("SELECT a FROM t WHERE a IN (SELECT id FROM t LIMIT 2)", "open");
    });
}

#[test]
fn aggregates_have_the_same_numbers_everywhere() {
    on_servers("aggregates_have_the_same_numbers", "", |session| {
        let list: Vec<String> =
            super::super::determined::AGGREGATES.iter().map(i64::to_string).collect();
        let rows = session.rows(&format!(
            "SELECT string_agg(p.proname || '(' || oidvectortypes(p.proargtypes) || ')', \
             ' ' ORDER BY p.oid) FROM pg_catalog.pg_proc p WHERE p.oid IN ({}) AND p.prokind = 'a'",
            list.join(",")
        ));
        let expect = "avg(bigint) avg(integer) avg(smallint) avg(numeric) sum(bigint) sum(integer) \
             sum(smallint) sum(numeric) max(bigint) max(integer) max(smallint) max(oid) max(date) \
             max(timestamp without time zone) max(timestamp with time zone) max(text) min(bigint) \
             min(integer) min(smallint) min(oid) min(date) min(timestamp without time zone) \
             min(timestamp with time zone) min(text) count(\"any\") bit_and(smallint) \
             bit_or(smallint) bit_and(integer) bit_or(integer) bit_and(bigint) bit_or(bigint) \
             bool_and(boolean) bool_or(boolean) every(boolean) count()";
        assert_eq!(rows[0][0].as_deref(), Some(expect));
    });
}
