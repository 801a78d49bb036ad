//! Which rule fits, beside the definition; and what is refused.

use super::*;

fn boxed(names: &[&str]) -> Vec<Box<str>> {
    names.iter().map(|name| (*name).into()).collect()
}

#[test]
fn all_that_a_rule_names_has_to_fit() {
    let check = |rule: Rule, expect: bool| {
        let (reads, writes) = (boxed(&["Orders", "users"]), boxed(&["audit_2024"]));
        let facts = Facts {
            fingerprint: 7,
            text: "insert into audit_2024 select * from orders where id = ?",
            tables: [&reads, &writes],
        };
        assert_eq!(rule.fits(&facts), expect, "{rule:?}");
    };
    let rule = || Rule::new("r");
    check(rule(), true);
    check(rule().fingerprint(7), true);
    check(rule().fingerprint(8), false);
    check(rule().fingerprint(8).fingerprint(7), true);
    check(rule().text("INSERT INTO *"), true);
    check(rule().text("select *"), false);
    check(rule().text("*from orders"), false);
    check(rule().text("insert into audit_2024 select * from orders where id = ?"), true);
    check(rule().table("orders"), true);
    check(rule().table("audit_*"), true);
    check(rule().table("audit"), false);
    check(rule().table("order").table("USERS"), true);
    check(rule().table("orders").text("select *"), false);
    check(rule().table("orders").text("insert *").fingerprint(7), true);
    check(rule().table("orders").text("insert *").fingerprint(8), false);
}

#[test]
fn rules_that_make_no_sense_are_refused() {
    let check = |rule: Rule, expect: Option<&str>| match (rule.validate(), expect) {
        (Ok(()), None) => {}
        (Err(error), Some(part)) => {
            assert!(error.is_usage() && error.to_string().contains(part), "{error}");
        }
        (found, expect) => panic!("{found:?} instead of {expect:?}"),
    };
    let (rule, second) = (|| Rule::new("r"), Duration::from_secs(1));
    check(rule(), Some("says nothing"));
    check(Rule::new("").no_cache(), Some("needs a name"));
    check(Rule::new("a\nb").no_cache(), Some("control"));
    check(rule().ttl(second), None);
    check(rule().stale().ttl_only(second), None);
    check(rule().ttl_only(second), Some("ttl_only lets answers be stale"));
    check(rule().stale_while_revalidate(second), Some("stale_while_revalidate lets"));
    check(rule().stale_if_error(second), Some("stale_if_error lets"));
    check(rule().stale_if_error(Duration::ZERO), None);
    check(rule().no_cache().timeout(second).max_rows(1), None);
    check(rule().no_cache().tag("t"), Some("past the cache"));
    check(rule().deny("no"), None);
    check(rule().deny("no").max_rows(1), Some("needs no other word"));
    check(rule().timeout(Duration::ZERO), Some("timeout is 0"));
    check((0..1_001).fold(rule().no_cache(), Rule::fingerprint), Some("more than 1,000"));
}

/// The definition, without patterns: `*` alone stands for anything.
fn model(rule: &(Vec<u64>, Vec<&str>, Vec<&str>), facts: &Facts<'_>) -> bool {
    let (fingerprints, texts, tables) = rule;
    let is_meant = |text: &str| texts.iter().any(|it| *it == "*" || *it == text);
    let all: Vec<&str> = facts.tables.iter().flat_map(|it| it.iter()).map(|it| &**it).collect();
    (fingerprints.is_empty() || fingerprints.contains(&facts.fingerprint))
        && (texts.is_empty() || is_meant(facts.text))
        && (tables.is_empty()
            || tables.iter().any(|it| (*it == "*" && !all.is_empty()) || all.contains(it)))
}

/// Up to two of these.
fn some<T: Copy>(random: &mut fastrand::Rng, all: &[T]) -> Vec<T> {
    let count = random.usize(..3);
    (0..count).map(|_| all[random.usize(..all.len())]).collect()
}

#[test]
fn it_fits_as_the_definition_says() {
    let mut random = fastrand::Rng::with_seed(3);
    let mut fitting = 0;
    for _ in 0..4_000 {
        let drawn = (
            some(&mut random, &[1, 2, 3]),
            some(&mut random, &["*", "a", "b"]),
            some(&mut random, &["*", "t", "u"]),
        );
        let reads = boxed(&some(&mut random, &["t", "u", "v"]));
        let writes = boxed(&some(&mut random, &["t", "u", "v"]));
        let (fingerprint, text) = (random.u64(1..4), ["a", "b", "c"][random.usize(..3)]);
        let facts = Facts { fingerprint, text, tables: [&reads, &writes] };
        let mut rule = Rule::new("r");
        rule = drawn.0.iter().fold(rule, |rule, it| rule.fingerprint(*it));
        rule = drawn.1.iter().fold(rule, |rule, it| rule.text(it));
        rule = drawn.2.iter().fold(rule, |rule, it| rule.table(it));
        assert_eq!(rule.fits(&facts), model(&drawn, &facts), "{rule:?} {facts:?}");
        fitting += usize::from(rule.fits(&facts));
    }
    assert!((400..3_600).contains(&fitting), "{fitting} of 4,000 fit: too few of one kind");
}
