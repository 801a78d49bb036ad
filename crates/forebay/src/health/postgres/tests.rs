use super::facts::Facts;
use super::judge;
use super::server::ServerFacts;
use crate::health::{HealthOptions, Severity};

/// What only a server in a bad way has: each alone, from one side of its limits to the other.
#[test]
fn facts_are_judged_by_their_limits() {
    use Severity::{Critical, Notice, Ok, Unknown, Warning};
    let check = |name: &str, facts: Facts, expect: Severity| {
        let checks = judge(&facts, &HealthOptions::new());
        let check = checks.iter().find(|check| check.name == name).unwrap();
        assert_eq!(check.severity, expect, "{check:?}");
        assert!(!check.message.is_empty(), "{check:?}");
        assert_eq!(check.severity > Unknown, !check.cure.is_empty(), "{check:?}");
    };
    let none = Facts::default;
    for name in ["wraparound", "durability", "connections", "long_transactions", "sequences"] {
        check(name, none(), Unknown);
    }
    let age = |millions: u64| Facts { age: Some(millions * 1_000_000), ..none() };
    check("wraparound", age(220), Ok);
    check("wraparound", age(900), Warning);
    check("wraparound", age(2_000), Critical);
    let set = |all: &[(&str, &str)], connections| Facts {
        settings: all.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect(),
        connections,
        ..none()
    };
    check("durability", set(&[("fsync", "on"), ("full_page_writes", "on")], None), Ok);
    check("durability", set(&[("fsync", "off"), ("full_page_writes", "on")], None), Critical);
    check("durability", set(&[("fsync", "on"), ("full_page_writes", "off")], None), Critical);
    let hundred = [("max_connections", "103"), ("superuser_reserved_connections", "3")];
    check("connections", set(&hundred, Some(79)), Ok);
    check("connections", set(&hundred, Some(80)), Warning);
    check("connections", set(&hundred, Some(95)), Critical);
    let named = |n: u64| Some(vec![("process 7 of shop".to_owned(), n)]);
    check("long_transactions", Facts { long: Some(vec![]), ..none() }, Ok);
    check("long_transactions", Facts { long: named(400), ..none() }, Warning);
    check("long_transactions", Facts { long: named(30_000), ..none() }, Critical);
    check("idle_transactions", Facts { idle: Some(vec![]), ..none() }, Ok);
    check("idle_transactions", Facts { idle: named(61), ..none() }, Warning);
    check("idle_transactions", Facts { idle: named(3_601), ..none() }, Critical);
    let slots = |kept| Facts { slots: Some(vec![("s".into(), false, kept)]), ..none() };
    check("replication_slots", Facts { slots: Some(vec![]), ..none() }, Ok);
    check("replication_slots", slots(1 << 20), Ok);
    check("replication_slots", slots(2 << 30), Warning);
    check("replication_slots", slots(30 << 30), Critical);
    check("standbys", Facts { standbys: named(59_999), ..none() }, Ok);
    check("standbys", Facts { standbys: named(60_000), ..none() }, Warning);
    check("sequences", Facts { sequences: Some(vec![]), ..none() }, Ok);
    check("sequences", Facts { sequences: named(51), ..none() }, Warning);
    check("sequences", Facts { sequences: named(91), ..none() }, Critical);
    check("buffer_hits", Facts { pages: Some((90, 10)), ..none() }, Unknown);
    check("buffer_hits", Facts { pages: Some((900_000, 10_000)), ..none() }, Ok);
    check("buffer_hits", Facts { pages: Some((500_000, 500_000)), ..none() }, Notice);
    let server = |server: ServerFacts| Facts { server, ..none() };
    let lasting = |seconds| Some(vec![("one".to_owned(), seconds)]);
    for (name, critical) in [("prepared_transactions", 3_600), ("blocked_sessions", 300)] {
        let facts = |lasts: Option<Vec<(String, u64)>>| match name {
            "blocked_sessions" => server(ServerFacts { blocked: lasts, ..Default::default() }),
            _ => server(ServerFacts { prepared: lasts, ..Default::default() }),
        };
        check(name, none(), Unknown);
        check(name, facts(Some(vec![])), Ok);
        check(name, facts(lasting(critical - 1)), Warning);
        check(name, facts(lasting(critical)), Critical);
    }
    let archived = |failing: Option<Vec<(String, u64)>>| Facts {
        server: ServerFacts { unarchived: failing, ..Default::default() },
        ..set(&[("archive_mode", "on"), ("archive_command", "cp %p /archive/%f")], None)
    };
    check("archiving", none(), Unknown);
    check("archiving", archived(Some(vec![])), Ok);
    check("archiving", archived(lasting(3_599)), Warning);
    check("archiving", archived(lasting(3_600)), Critical);
    for name in ["configuration", "damaged_pages", "synchronous_standbys", "subscriptions"] {
        check(name, none(), Unknown);
    }
    check(
        "damaged_pages",
        server(ServerFacts { damaged_pages: Some(1), ..Default::default() }),
        Critical,
    );
    check(
        "unused_indexes",
        Facts { unused: Some((13, named(1 << 21).unwrap())), ..none() },
        Unknown,
    );
    check("unused_indexes", Facts { unused: Some((14, vec![])), ..none() }, Ok);
    check(
        "unused_indexes",
        Facts { unused: Some((14, named(1 << 21).unwrap())), ..none() },
        Notice,
    );
}
