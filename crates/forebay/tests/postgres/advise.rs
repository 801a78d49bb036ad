//! Advice on indexes: what is planted is found and proven, what is harmful is not advised, and
//! nothing is left behind.

use std::time::Duration;

use forebay::{Advice, AdviseOptions, Advisor, FindingKind, Value, Workload, WorkloadQuery};

use crate::place::{Place, on_each};

const SHOP: &str = "
    CREATE TABLE customer (id int PRIMARY KEY, email text NOT NULL, tier varchar(9) NOT NULL);
    CREATE TABLE purchase (id int PRIMARY KEY, customer int NOT NULL REFERENCES customer,
        state text NOT NULL, at timestamptz NOT NULL, labels text[] NOT NULL, note text NOT NULL);
    CREATE TABLE tiny (id int PRIMARY KEY, name text);
    INSERT INTO customer SELECT n, 'Name' || n || '@example.com', 'plain'
        FROM generate_series(1, 3000) n;
    INSERT INTO purchase SELECT n, n * 7 % 3000 + 1,
        CASE WHEN n % 400 = 0 THEN 'open' ELSE 'done' END,
        '2020-01-01'::timestamptz + n * interval '1 minute', ARRAY['l' || n % 900], repeat('x', 60)
        FROM generate_series(1, 30000) n;
    INSERT INTO tiny SELECT n, 'n' || n FROM generate_series(1, 50) n;
    CREATE INDEX purchase_at ON purchase (at);
    CREATE INDEX purchase_at_again ON purchase (at);
    VACUUM ANALYZE";

/// What is left of the database: its indexes, and whether somebody holds a lock.
const TRACES: &str = "SELECT count(*), (SELECT count(*) FROM pg_locks JOIN pg_database AS d
        ON d.oid = database WHERE NOT granted AND datname = current_database())
    FROM pg_indexes WHERE schemaname = 'public'";

fn prepare(place: &Place) {
    for statement in SHOP.split(';') {
        place.psql(statement);
    }
}

fn query(text: &str, params: &[Value]) -> WorkloadQuery {
    let query = WorkloadQuery::new(text).calls(1_000);
    if params.is_empty() { query } else { query.params(params.to_vec()) }
}

async fn advise(url: &str, queries: &[WorkloadQuery], is_built: bool) -> Advice {
    let options = AdviseOptions { build: is_built, ..AdviseOptions::default() };
    let workload = queries.iter().cloned().fold(Workload::new(), Workload::with);
    Advisor::postgres(url).unwrap().options(options).advise(&workload).await.unwrap()
}

/// What is to be added, without names.
fn added(advice: &Advice) -> Vec<String> {
    let is_new = |it: &&forebay::Finding| it.kind == FindingKind::AddIndex;
    let body = |it: &forebay::Finding| {
        let (_, body) = it.apply[0].split_once(" ON ").unwrap();
        body.to_owned()
    };
    let mut all: Vec<String> = advice.findings.iter().filter(is_new).map(body).collect();
    all.sort();
    all
}

#[test]
fn what_is_missing_is_advised_and_proven() {
    on_each("what_is_missing_is_advised_and_proven", async |place| {
        prepare(place);
        let traces = place.psql(TRACES);
        for (text, params, expect) in [
            (
                "SELECT * FROM purchase WHERE customer = $1",
                vec![Value::from(77)],
                vec!["public.purchase (customer)"],
            ),
            (
                "SELECT * FROM purchase WHERE customer = $1 ORDER BY at DESC LIMIT 5",
                vec![Value::from(78)],
                vec!["public.purchase (customer, at)"],
            ),
            (
                "SELECT id FROM customer WHERE lower(email) = $1",
                vec![Value::from("name5@example.com")],
                vec!["public.customer ((lower(email)))"],
            ),
            (
                "SELECT id, note FROM purchase WHERE state = 'open' ORDER BY at LIMIT 3",
                vec![],
                vec!["public.purchase (state, at)"],
            ),
            (
                "SELECT note FROM purchase WHERE labels @> ARRAY[$1]",
                vec![Value::from("l5")],
                vec!["public.purchase USING gin (labels)"],
            ),
            ("SELECT note FROM purchase WHERE state = 'done'", vec![], vec![]),
            ("SELECT * FROM tiny WHERE name = 'n7'", vec![], vec![]),
            ("SELECT * FROM purchase WHERE id = 5", vec![], vec![]),
            ("SELECT * FROM customer WHERE tier <> 'plain'", vec![], vec![]),
        ] {
            let advice = advise(&place.url(), &[query(text, &params)], true).await;
            assert_eq!(added(&advice), expect, "{text}: {:#?}", advice.refused);
            for finding in advice.findings.iter().filter(|it| it.kind == FindingKind::AddIndex) {
                assert!(finding.is_proven && finding.bytes > 0 && !finding.effects.is_empty());
                let name = finding.apply[0].split(' ').nth(6).unwrap();
                for effect in &finding.effects {
                    assert!(effect.after.time < effect.before.time, "{effect:?}");
                    assert!(effect.plan_before.iter().any(|it| it.contains("Scan")), "{effect:?}");
                    assert!(effect.plan_after.iter().any(|it| it.contains(name)), "{effect:?}");
                }
                let cost = finding.write_cost.expect("what it costs to write a row");
                // Exactly 6 microseconds is what is supposed where nothing could be measured.
                assert!(cost.per_row >= Duration::from_micros(1), "{cost:?}");
                assert!(cost.per_row != Duration::from_micros(6), "{cost:?}");
                // It is good SQL, and so is what undoes it.
                for sql in finding.apply.iter().chain(&finding.undo) {
                    place.psql(sql);
                }
            }
        }
        assert_eq!(place.psql(TRACES), traces, "nothing is left");
    });
}

/// A literal may be a state, or a value that one call happens to ask for.
#[test]
fn a_value_that_is_as_frequent_as_others_gets_no_index_of_its_own() {
    let name = "a_value_that_is_as_frequent_as_others_gets_no_index_of_its_own";
    on_each(name, async |place| {
        for statement in [
            "CREATE TABLE account (id int PRIMARY KEY, branch int, kind text, paid int)",
            "INSERT INTO account SELECT n, n % 10, CASE WHEN n % 90 = 0 THEN 'lost' ELSE 'kept' END,
                n * 7919 / 11 % 1000 FROM generate_series(1, 40000) n",
            "VACUUM ANALYZE account",
        ] {
            place.psql(statement);
        }
        let branch = query("SELECT count(*) FROM account WHERE branch = 3 AND paid < 9", &[]);
        let added_for_branch = added(&advise(&place.url(), &[branch], true).await);
        assert_eq!(added_for_branch.len(), 1);
        assert!(!added_for_branch[0].contains("WHERE"), "{added_for_branch:?}");
        // Of what is grouped by a count no index is tried.
        let grouped = "SELECT counted, count(*) FROM (SELECT branch, count(paid) AS counted
            FROM account WHERE kind = 'lost' GROUP BY branch) AS x GROUP BY counted";
        let advice = advise(&place.url(), &[query(grouped, &[])], true).await;
        assert_eq!(added(&advice).len(), 1, "{:?}", advice.refused);
        assert!(!advice.refused.iter().any(|it| it.candidate.contains("count")), "{advice:?}");
    });
}

#[test]
fn what_is_refused_says_why() {
    on_each("what_is_refused_says_why", async |place| {
        prepare(place);
        let reads = [query("SELECT * FROM purchase WHERE customer = 7", &[])];
        let reason = |advice: &Advice| advice.refused.iter().map(|it| it.reason.clone()).collect();
        let said = async |url: &str, queries: &[WorkloadQuery], is_built| -> Vec<String> {
            reason(&advise(url, queries, is_built).await)
        };
        // Without HypoPG and without leave to build.
        let refused = said(&place.url(), &reads, false).await;
        assert!(refused[0].contains("hypopg") && refused[0].contains("--prove"), "{refused:?}");
        // What is not to be run, and what is no statement.
        let update = [query("UPDATE purchase SET note = '' WHERE customer = 7", &[])];
        assert!(said(&place.url(), &update, true).await[0].contains("it writes"));
        let wrong = [query("SELECT * FROM nowhere", &[]), query("DROP TABLE purchase", &[])];
        assert_eq!(said(&place.url(), &wrong, true).await.len(), 2);
        assert_eq!(place.psql("SELECT count(*) FROM purchase"), "30000");
        // A role with few rights.
        let role = format!("adviser_{}", place.name());
        place.psql(&format!("CREATE ROLE {role} LOGIN"));
        let refused = said(&place.url_for(&role), &reads, true).await;
        assert!(refused[0].contains("permission denied"), "{refused:?}");
        place.psql(&format!("GRANT SELECT ON purchase TO {role}"));
        let refused = said(&place.url_for(&role), &reads, true).await;
        assert!(refused.iter().any(|it| it.contains("must be owner")), "{refused:?}");
        place.psql(&format!("REVOKE ALL ON purchase FROM {role}; DROP ROLE {role}"));
        // A table that somebody writes.
        let mut writer = place.cluster().session(place.name()).unwrap();
        writer.query("BEGIN; UPDATE purchase SET note = 'y' WHERE id = 1").unwrap();
        let refused = said(&place.url(), &reads, true).await;
        assert!(refused.iter().any(|it| it.contains("lock")), "{refused:?}");
        writer.query("ROLLBACK").unwrap();
    });
}

#[test]
fn what_no_ordinary_index_helps_is_named() {
    on_each("what_no_ordinary_index_helps_is_named", async |place| {
        prepare(place);
        for (text, params, keys) in [
            ("SELECT note FROM purchase ORDER BY id LIMIT 9 OFFSET 20000", vec![], "(id) > (?)"),
            (
                "SELECT note FROM purchase ORDER BY at DESC, id DESC LIMIT 9 OFFSET $1",
                vec![Value::from(20_000)],
                "(at, id) < (?, ?)",
            ),
        ] {
            let advice = advise(&place.url(), &[query(text, &params)], true).await;
            let found = advice.findings.iter().find(|it| it.kind == FindingKind::DeepOffset);
            let found = found.unwrap_or_else(|| panic!("{text}: {advice:#?}"));
            assert!(found.message.contains("20000") && found.advice[0].contains(keys), "{found:?}");
            assert!(found.effects[0].after.work < found.effects[0].before.work, "{found:?}");
            // Without leave to run it, it is only named.
            let advice = advise(&place.url(), &[query(text, &params)], false).await;
            let is_named = advice.refused.iter().any(|it| it.reason.contains("20000 rows"));
            assert!(is_named, "{:#?}", advice.refused);
        }
        let first = [query("SELECT note FROM purchase ORDER BY id LIMIT 9 OFFSET 10", &[])];
        let advice = advise(&place.url(), &first, true).await;
        assert!(!advice.findings.iter().any(|it| it.kind == FindingKind::DeepOffset));
        let part = [query("SELECT id FROM purchase WHERE note LIKE '%needle%'", &[])];
        let advice = advise(&place.url(), &part, true).await;
        assert!(advice.refused.iter().any(|it| it.reason.contains("pg_trgm")), "{advice:#?}");
    });
}

#[test]
fn needless_indexes_and_statements_without_values() {
    on_each("needless_indexes_and_statements_without_values", async |place| {
        prepare(place);
        let text =
            "SELECT note FROM purchase WHERE customer = $1 AND at >= $2 AND at < $3 LIMIT $4";
        let advice = advise(&place.url(), &[query(text, &[])], true).await;
        assert_eq!(added(&advice), ["public.purchase (customer, at)"], "{:#?}", advice.refused);
        let drop = advice.findings.iter().find(|it| it.kind == FindingKind::DropDuplicate);
        let drop = drop.expect("the index that is there twice");
        assert_eq!(drop.apply, ["DROP INDEX CONCURRENTLY IF EXISTS public.purchase_at_again"]);
        for sql in drop.apply.iter().chain(&drop.undo) {
            place.psql(sql);
        }
    });
}
