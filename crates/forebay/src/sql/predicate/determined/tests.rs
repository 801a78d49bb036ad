//! What is determined, as lines of text.

use super::*;
use crate::sql::predicate::tests::described;

const SCHEMA: &str = "
    t: id int pk, a int, b text, c text nocase, d
    u: id int pk, t_id int, x text, y real
    f: opaque
    CREATE VIEW plain AS SELECT id, b FROM t WHERE a > 1
    CREATE VIEW tops AS SELECT id FROM t ORDER BY a LIMIT 10
    CREATE VIEW sums(k, s) AS SELECT t_id, sum(y) FROM u GROUP BY t_id
";

/// `nothing`, or the extent and one letter per column of an answer of `width` columns: `=` same,
/// `~` alike, `#` but floats, `?` free.
fn check(sql: &str, width: usize, expect: &str) {
    let schema = described(SCHEMA);
    let found = match determined(sql, &schema, None) {
        None => "nothing".to_owned(),
        Some(found) => {
            let letter = |agreement: Agreement| match agreement {
                Agreement::Same => '=',
                Agreement::Alike => '~',
                Agreement::ButFloats => '#',
                Agreement::Free => '?',
            };
            let columns = found.columns(width).unwrap_or_else(|| panic!("not {width}: {sql}"));
            let columns: String = columns.into_iter().map(letter).collect();
            match found.extent {
                Extent::All => format!("all {columns}"),
                Extent::Page { by, has_offset } => {
                    let by = by.map_or("?".to_owned(), |by| by.to_string());
                    let offset = if has_offset { " offset" } else { "" };
                    format!("page by {by}{offset} {columns}")
                }
            }
        }
    };
    assert_eq!(found, expect, "{sql}");
}

#[test]
fn plain_rows() {
    check("SELECT * FROM t WHERE id = ?", 5, "all =====");
    check("SELECT t.*, u.*, upper(x) || 1 FROM t JOIN u ON t.id = t_id", 10, "all ==========");
    check("SELECT id FROM t ORDER BY a", 1, "all =");
    check("SELECT 1, ?1", 2, "all ==");
    check("VALUES (1, 2), (3, 4)", 2, "all ==");
    check("SELECT max(a, 1) FROM t", 1, "all =");
    check("SELECT * FROM plain", 2, "all ==");
    check("SELECT x FROM (SELECT id AS x FROM t)", 1, "all =");
    check("WITH w AS (SELECT a FROM t) SELECT * FROM w, u NATURAL JOIN t", 9, "all =========");
    check("SELECT a FROM t UNION ALL SELECT t_id FROM u", 1, "all =");
    check("SELECT id FROM t WHERE a IN (SELECT t_id FROM u) OR b IN plain", 1, "all =");
    check("SELECT id FROM t WHERE EXISTS (SELECT 1 FROM u WHERE t_id = t.id LIMIT 1)", 1, "all =");
    check("SELECT id, (SELECT count(*) FROM u WHERE t_id = t.id) FROM t", 2, "all ==");
}

#[test]
fn rows_that_a_collation_takes_for_equal() {
    check("SELECT DISTINCT c FROM t", 1, "all ~");
    check("SELECT a, b FROM t UNION SELECT id, x FROM u", 2, "all ~~");
    check("SELECT a FROM t EXCEPT SELECT id FROM u", 1, "all ~");
    check("SELECT a FROM t UNION SELECT id FROM u UNION ALL SELECT 1", 1, "all ~");
    check("SELECT count(*) FROM (SELECT DISTINCT c FROM t)", 1, "nothing");
    check("SELECT id FROM t WHERE c IN (SELECT DISTINCT x FROM u)", 1, "nothing");
}

#[test]
fn groups() {
    check("SELECT count(*), count(a), count(DISTINCT c), count(*) * 2 + ? FROM t", 4, "all ====");
    check("SELECT min(a), max(b), sum(a), avg(a), total(a) FROM t", 5, "all ~~#??");
    check("SELECT c, count(*), b FROM t GROUP BY c", 3, "all ~=?");
    check("SELECT lower(b) AS n, count(*) FROM t GROUP BY n", 2, "all ~=");
    check("SELECT a + 1, coalesce(sum(d), 0) FROM t GROUP BY 1", 2, "all ~#");
    check("SELECT a FROM t GROUP BY a HAVING count(*) > 1", 1, "all ~");
    check("SELECT a FROM t GROUP BY a HAVING sum(d) > 0.3", 1, "nothing");
    check("SELECT sum(DISTINCT d), round(avg(d), 1), sum(a) + 1 FROM t", 3, "all ???");
    check("SELECT group_concat(b), json_group_array(b), count(*) FROM t", 3, "all ??=");
    check("SELECT * FROM sums", 2, "nothing");
    check("SELECT *, count(*) FROM t", 6, "all ?????=");
    check("SELECT DISTINCT sum(a) FROM t GROUP BY b", 1, "nothing");
    check("SELECT id FROM t ORDER BY count(*)", 1, "all ?");
    check("SELECT count(*) FILTER (WHERE a > 1), sum(a) OVER () FROM t", 2, "all ??");
}

#[test]
fn what_several_answers_are_right_for() {
    check("SELECT id, row_number() OVER (ORDER BY a) FROM t", 2, "all =?");
    check("SELECT *, (SELECT x FROM u WHERE t_id = t.id) FROM t", 6, "all =====?");
    check("SELECT id, (SELECT max(y) FROM u) FROM t", 2, "all =?");
    check("SELECT id FROM t WHERE a > (SELECT avg(y) FROM u)", 1, "nothing");
    check("SELECT (SELECT x FROM u) AS z, id FROM t WHERE z > 1", 2, "nothing");
    check("SELECT (SELECT x FROM u) AS z, id FROM t WHERE id > 1", 2, "all ?=");
    check("SELECT DISTINCT (SELECT x FROM u) FROM t", 1, "nothing");
    check("SELECT id FROM t WHERE EXISTS (SELECT count(t.a) FROM u)", 1, "nothing");
    check("SELECT t.*, u.*, row_number() OVER () FROM t, u", 10, "nothing");
    check("SELECT id FROM t JOIN u ON a = (SELECT y FROM u)", 1, "nothing");
    check("SELECT id FROM t LIMIT (SELECT a FROM t)", 1, "nothing");
    check("SELECT * FROM f", 1, "nothing");
    check("SELECT * FROM unknown", 1, "nothing");
    check("SELECT random() FROM t", 1, "all ?");
    check(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION SELECT i + 1 FROM n LIMIT 5) SELECT i FROM n",
        1,
        "nothing",
    );
    check("not a query", 0, "nothing");
}

#[test]
fn pages() {
    check("SELECT id, a FROM t ORDER BY a DESC, id LIMIT 10", 2, "page by 1 ==");
    check("SELECT id, a AS s FROM t ORDER BY s LIMIT ? OFFSET ?", 2, "page by 1 offset ==");
    check("SELECT id, a FROM t ORDER BY 2 LIMIT 5, 10", 2, "page by 1 offset ==");
    check("SELECT id FROM t LIMIT 1", 1, "page by ? =");
    check("SELECT id FROM t ORDER BY a LIMIT 1", 1, "page by ? =");
    check("SELECT * FROM t ORDER BY a LIMIT 1", 5, "page by ? =====");
    check("SELECT c, count(*) AS n FROM t GROUP BY c ORDER BY n DESC LIMIT 3", 2, "page by 1 ~=");
    check("SELECT * FROM (SELECT id FROM t LIMIT 1)", 1, "nothing");
    check("SELECT * FROM tops", 1, "nothing");
    // The caller may know more.
    let schema = described(SCHEMA);
    let found = determined("SELECT * FROM t ORDER BY a LIMIT 1", &schema, Some(1)).unwrap();
    assert_eq!(found.extent, Extent::Page { by: Some(1), has_offset: false });
}
