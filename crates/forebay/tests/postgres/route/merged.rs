//! Routed queries answer what one database with all rows answers: random queries over two schemas.
//!
//! `FOREBAY_ROUTE_QUERIES=20000 cargo test -p forebay --release --features postgres --test postgres
//! route::merged` is the long run.

use std::time::Duration;

use fastrand::Rng;
use forebay::{Db, Routed, RoutedAnswer, Value};

use super::generate::{Query, query};
use super::world::World;
use crate::place::{Place, on_each_within};

/// Queries in the suite, and of one set of rows.
const QUERIES: usize = 80;

/// The longest that the queries of one set of rows may take; more of them in a long run, for which
/// a machine is busy for hours.
const LIMIT: Duration = Duration::from_secs(120);

/// What two floats may differ by, relative to the greater: sums are added up in another order.
const TOLERANCE: f64 = 1e-9;

#[test]
fn routed_answers_are_those_of_one_database() {
    let queries = std::env::var("FOREBAY_ROUTE_QUERIES").ok();
    let queries = queries.map_or(QUERIES, |text| text.parse().unwrap());
    let seed = std::env::var("FOREBAY_ROUTE_SEED").map_or(7, |text| text.parse().unwrap());
    for round in 0..queries.div_ceil(QUERIES) as u64 {
        let limit = LIMIT + Duration::from_millis(20) * u32::try_from(queries).unwrap();
        on_each_within("routed_answers_are_those_of_one_database", limit, async |place| {
            walk(place, &mut Rng::with_seed(seed + round)).await;
        });
    }
}

async fn walk(place: &Place, rng: &mut Rng) {
    let mut ways: std::collections::BTreeMap<&'static str, usize> = Default::default();
    let mut refused = 0;
    let rows = rng.usize(0..160) + 40;
    let world = World::new(place, rng, rows).await;
    for _ in 0..QUERIES {
        let query = query(rng);
        let routed = if query.is_flights { &world.flights } else { &world.events };
        let expected = bare(&world.merged, &query.sql, &query.params).await;
        let found = ask(routed, &query).await;
        match (expected, found) {
            (Ok(expected), Ok(found)) => {
                let explained = explain(routed, &query).await;
                *ways.entry(explained.way).or_default() += 1;
                check(&world, &query, expected, &found, &explained.to_string()).await;
            }
            // A number that does not fit, and the like.
            (Err(_), Err(_)) => refused += 1,
            (expected, found) => {
                panic!("{query:#?}\nmerged: {:?}\nrouted: {:?}", expected.err(), found.err())
            }
        }
    }
    println!("{refused} failed in both; {ways:?}");
    assert!(refused * 5 < QUERIES, "{refused} have no answer");
    for way in ["one member", "one after another", "parts of groups", "rows"] {
        let count = ways.get(way).copied().unwrap_or_default();
        assert!(count * 25 >= QUERIES, "{way}: {count}");
    }
}

async fn ask(routed: &Routed, query: &Query) -> forebay::Result<RoutedAnswer> {
    let asked = routed.query(&query.sql);
    query.params.iter().fold(asked, |asked, value| asked.bind(value)).fetch().await
}

async fn explain(routed: &Routed, query: &Query) -> forebay::RoutedExplanation {
    let asked = routed.query(&query.sql);
    query.params.iter().fold(asked, |asked, value| asked.bind(value)).explain().await.unwrap()
}

type Answer = (Vec<String>, Vec<Vec<Value>>);

async fn bare(merged: &Db, sql: &str, params: &[Value]) -> forebay::Result<Answer> {
    let asked = merged.query(sql).no_cache();
    let rows = params.iter().fold(asked, |asked, value| asked.bind(value)).fetch().await?.rows;
    let names = rows.columns().iter().map(|column| format!("{column:?}")).collect();
    Ok((names, (0..rows.len()).map(|row| rows.values(row).to_vec()).collect()))
}

async fn check(
    world: &World,
    query: &Query,
    (names, mut expected): Answer,
    answer: &RoutedAnswer,
    explained: &str,
) {
    let found_names: Vec<String> =
        answer.rows.columns().iter().map(|column| format!("{column:?}")).collect();
    assert_eq!(found_names, names, "{query:#?}\n{explained}");
    let found: Vec<Vec<Value>> =
        answer.rows.iter().map(|row| row.values().iter().map(settled).collect()).collect();
    for row in &mut expected {
        *row = row.iter().map(settled).collect();
    }
    if let Some(unlimited) = &query.unlimited {
        // Any rows will do, as many.
        assert_eq!(found.len(), expected.len(), "{query:#?}\n{explained}");
        // Those of the limit come last.
        let is_named = |n: &usize| unlimited.contains(&format!("${n}"));
        let last = (1..=query.params.len()).rev().find(is_named).unwrap_or(0);
        let params = query.params[..last].to_vec();
        let (_, all) = bare(&world.merged, unlimited, &params).await.unwrap();
        let mut all: Vec<Vec<Value>> =
            all.iter().map(|row| row.iter().map(settled).collect()).collect();
        for row in &found {
            let at = all.iter().position(|known| is_alike(known, row));
            let Some(at) = at else { panic!("{query:#?}\n{row:?} is no row\n{explained}") };
            all.swap_remove(at);
        }
        return;
    }
    if !query.is_ordered {
        let mut left = expected.clone();
        for row in &found {
            match left.iter().position(|known| is_alike(known, row)) {
                Some(at) => drop(left.swap_remove(at)),
                None => panic!("{query:#?}\nfound {found:#?}\nexpected {expected:#?}\n{explained}"),
            }
        }
        assert!(left.is_empty(), "{query:#?}\n{left:?} is missing\n{explained}");
        return;
    }
    assert!(
        found.len() == expected.len() && found.iter().zip(&expected).all(|(a, b)| is_alike(a, b)),
        "{query:#?}\nfound {found:#?}\nexpected {expected:#?}\n{explained}"
    );
}

fn is_alike(a: &[Value], b: &[Value]) -> bool {
    a.len() == b.len()
        && a.iter().zip(b).all(|(a, b)| match (a, b) {
            (Value::Real(a), Value::Real(b)) => {
                a == b || (a - b).abs() <= TOLERANCE * a.abs().max(b.abs()).max(1.0)
            }
            (a, b) => a == b,
        })
}

/// A value but for what is not determined: which of those that are equal stands for a group.
fn settled(value: &Value) -> Value {
    match value {
        Value::Text(text) => Value::from(text.to_ascii_lowercase()),
        other => other.clone(),
    }
}
