//! Conditions and plans as servers print them.

use super::need::needs;
use super::plan::Plan;
use super::term::{Sift, arms, functions_in, parts, term};

fn check(condition: &str, table: &str, expect: &[(&str, Sift, Option<&str>)]) {
    let found: Vec<_> = parts(condition).iter().filter_map(|part| term(part, table)).collect();
    let found: Vec<_> =
        found.iter().map(|it| (&*it.key, it.sift.clone(), it.value.as_deref())).collect();
    assert_eq!(found, expect, "{condition}");
}

#[test]
fn conditions() {
    use Sift::{Contains, Equal, NotNull, Null, OneOf, Prefix, Range, Within};
    let upper = |is_upper| Range { is_upper };
    check("(o.a = 5)", "o", &[("a", Equal, Some("5"))]);
    check("(5 = o.a)", "o", &[("a", Equal, Some("5"))]);
    check(
        "((o.a = 5) AND (o.b >= '2020-01-01'::date) AND (o.b < $1))",
        "o",
        &[
            ("a", Equal, Some("5")),
            ("b", upper(false), Some("'2020-01-01'::date")),
            ("b", upper(true), Some("$1")),
        ],
    );
    check("(10 > o.a)", "o", &[("a", upper(true), Some("10"))]);
    check("(c.parent = p.id)", "c", &[("parent", Equal, None)]);
    check("(c.parent = p.id)", "p", &[("id", Equal, None)]);
    check("(c.a = c.b)", "c", &[]);
    check(
        "(lower((u.email)::text) = 'a b'::text)",
        "u",
        &[("lower((email)::text)", Equal, Some("'a b'::text"))],
    );
    check("(o.a = ANY ('{1,2}'::bigint[]))", "o", &[("a", OneOf, Some("ANY ('{1,2}'::bigint[])"))]);
    check(
        "((o.at IS NULL) AND (o.b IS NOT NULL))",
        "o",
        &[("at", Null, None), ("b", NotNull, None)],
    );
    check("o.live", "o", &[("live", Equal, Some("true"))]);
    check(
        "(o.live AND (NOT o.gone))",
        "o",
        &[("live", Equal, Some("true")), ("gone", Equal, Some("false"))],
    );
    check("(o.t ~~ 'ab%'::text)", "o", &[("t", Prefix, Some("'ab%'::text"))]);
    check("(o.t ~~ '%abc%'::text)", "o", &[("t", Within, Some("'%abc%'::text"))]);
    check("(o.t ~~* 'abc%'::text)", "o", &[("t", Within, Some("'abc%'::text"))]);
    check("(o.t ~~ '%ab%'::text)", "o", &[]);
    check(
        "(o.doc @> '{\"k\": \"a) AND (b\"}'::jsonb)",
        "o",
        &[("doc", Contains("@>".into()), Some("'{\"k\": \"a) AND (b\"}'::jsonb"))],
    );
    check(
        "(\"Or\".\"a b\" = 'it''s'::text)",
        "\"Or\"",
        &[("\"a b\"", Equal, Some("'it''s'::text"))],
    );
    check("(o.a <> 5)", "o", &[]);
    check("(o.a = (SubPlan 1))", "p", &[]);
    check("((o.a + 0) = 5)", "o", &[("o.a + 0".trim_start_matches("o."), Equal, Some("5"))]);
    assert_eq!(arms("((o.a = 1) OR (o.b = ' OR '::text))"), ["(o.a = 1)", "(o.b = ' OR '::text)"]);
}

#[test]
fn functions() {
    assert_eq!(functions_in("count(o.key)"), ["count"]);
    assert_eq!(functions_in("((s.\"My F\"(o.a) + lower('f('::text)))"), ["\"My F\"", "lower"]);
    assert_eq!(functions_in("o.a IN (1)"), Vec::<&str>::new());
    assert_eq!(functions_in("f('"), ["f"]);
}

/// Whatever a server or a proxy answers: no panic.
#[test]
fn hostile_conditions() {
    for text in [
        "",
        "(",
        ")",
        "((",
        "'",
        "\"",
        "(a.b = ",
        "a.b = '",
        "(a.b = ')",
        "a.\"",
        "é.ü = 1",
        "(a.b = [)",
        "a.b.c = d.",
        ".a = b",
        "NOT",
        "NOT NOT",
        " IS NULL",
        "() IS NULL",
        "a.*",
    ] {
        for part in parts(text) {
            for table in ["a", "é", "\"", ""] {
                drop(term(part, table));
            }
            arms(part);
        }
        assert!(Plan::read(text).is_err());
    }
}

#[test]
fn what_a_plan_is_after() {
    let plan = Plan::read(
        r#"[{"Plan": {"Node Type": "Limit", "Output": ["o.id", "o.at"], "Plans": [
            {"Node Type": "Sort", "Sort Key": ["o.at DESC"], "Total Cost": 9.5, "Plans": [
                {"Node Type": "Seq Scan", "Relation Name": "orders", "Schema": "public",
                 "Alias": "o", "Filter": "((o.a = 5) AND ((o.b = 1) OR (o.c = 2)))",
                 "Output": ["o.id", "o.a", "o.b", "o.c", "o.at", "o.note"]}]}]},
            "Execution Time": 1.25}]"#,
    )
    .unwrap();
    assert_eq!(plan.time_ms, Some(1.25));
    let needs = needs(&plan.root);
    let [need] = &needs[..] else { panic!("{needs:?}") };
    assert_eq!(need.table, ("public".to_owned(), "orders".to_owned()));
    assert_eq!(need.terms.len(), 1);
    assert_eq!(need.choices.len(), 1);
    assert_eq!((&*need.orders[0][0].key, need.orders[0][0].is_descending), ("at", true));
    let columns: Vec<&str> = need.columns.iter().map(String::as_str).collect();
    assert_eq!(columns, ["a", "at", "b", "c", "id"]);
}

#[test]
fn logs_with_durations() {
    use crate::advise::workload::Workload;
    use crate::value::Value;
    let plain = "2026-01-01 10:00:00 UTC [7] LOG:  connection received: host=[local]\n\
        2026-01-01 10:00:00 UTC [7] LOG:  duration: 2.500 ms  execute s1: SELECT *\n\
        \tFROM t WHERE a = $1 AND b = $2\n\
        2026-01-01 10:00:00 UTC [7] DETAIL:  parameters: $1 = '5', $2 = 'it''s'\n\
        2026-01-01 10:00:01 UTC [7] LOG:  duration: 1.500 ms  execute s1: SELECT *\n\
        \tFROM t WHERE a = $1 AND b = $2\n\
        2026-01-01 10:00:01 UTC [7] DETAIL:  Parameters: $1 = NULL, $2 = '007'\n\
        2026-01-01 10:00:02 UTC [7] LOG:  duration: 0.010 ms  bind s1: SELECT 1\n\
        2026-01-01 10:00:02 UTC [7] LOG:  duration: 9 ms  statement: VACUUM\n";
    let json = "{\"timestamp\":\"x\",\"message\":\"duration: 2.500 ms  execute s1: SELECT *\\n\
        FROM t WHERE a = $1 AND b = $2\",\"detail\":\"parameters: $1 = '5', $2 = 'it''s'\"}\n\
        {\"message\":\"duration: 1.5 ms  execute s1: SELECT *\\nFROM t WHERE a = $1 AND b = $2\",\
        \"detail\":\"Parameters: $1 = NULL, $2 = '007'\"}\nno json\n";
    let head =
        "2026-01-01 10:00:00 UTC,\"u\",\"d\",7,\"[local]\",x.1,1,\"SELECT\",s,1/1,0,LOG,00000";
    let csv = format!(
        "{head},\"duration: 2.5 ms  execute s1: SELECT *\nFROM t WHERE a = $1 AND b = $2\",\
         \"parameters: $1 = '5', $2 = 'it''s'\",,,,,,,,\"psql\"\n\
         {head},\"duration: 1.5 ms  execute s1: SELECT *\nFROM t WHERE a = $1 AND b = $2\",\
         \"Parameters: $1 = NULL, $2 = '007'\",,,,,,,,\"psql\"\n"
    );
    for log in [plain, json, &csv] {
        let workload = Workload::from_postgres_log(log).unwrap();
        let [query] = &workload.queries[..] else { panic!("{workload:?}") };
        assert_eq!(query.text, "SELECT *\nFROM t WHERE a = $1 AND b = $2");
        assert_eq!((query.calls, query.mean), (2, Some(std::time::Duration::from_millis(2))));
        let sets =
            [vec![Value::Integer(5), Value::from("it's")], vec![Value::Null, Value::from("007")]];
        assert_eq!(query.params, sets);
    }
    for log in ["", "LOG:  duration: x", "{", "a,b,c,1,,,,,,,,,,,,", "\t", "\""] {
        assert!(Workload::from_postgres_log(log).unwrap_err().is_usage(), "{log}");
    }
}
