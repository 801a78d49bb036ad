//! Routed queries answer what one database with all rows answers: random queries over two schemas.
//!
//! `FOREBAY_ROUTE_QUERIES=100000 cargo test -p forebay --release --test it route::merged` is the
//! long run.

use fastrand::Rng;
use forebay::{Routed, RoutedAnswer, Value};
use rusqlite::Connection;

use super::generate::{Query, query};
use super::world::World;

/// Queries in the suite.
const QUERIES: usize = 600;

/// Queries asked of one set of rows.
const PER_WORLD: usize = 300;

/// What two floats may differ by, relative to the greater: sums are added up in another order.
const TOLERANCE: f64 = 1e-9;

#[tokio::test]
async fn routed_answers_are_those_of_one_database() {
    let queries = std::env::var("FOREBAY_ROUTE_QUERIES").ok();
    let queries = queries.map_or(QUERIES, |text| text.parse().unwrap());
    let seed = std::env::var("FOREBAY_ROUTE_SEED").map_or(7, |text| text.parse().unwrap());
    let mut rng = Rng::with_seed(seed);
    let mut ways: std::collections::BTreeMap<&'static str, usize> = Default::default();
    let (mut done, mut refused) = (0, 0);
    while done < queries {
        let rows = rng.usize(0..240) + 1;
        let world = World::new(&mut rng, rows).await;
        for _ in 0..PER_WORLD.min(queries - done) {
            done += 1;
            let query = query(&mut rng);
            let routed = if query.is_flights { &world.flights } else { &world.events };
            let expected = bare(&world.merged, &query.sql, &query.params);
            let found = ask(routed, &query).await;
            let explained = explain(routed, &query).await;
            match (expected, found) {
                (Ok(expected), Ok(found)) => {
                    *ways.entry(explained.way).or_default() += 1;
                    check(&world, &query, expected, &found, &explained.to_string());
                }
                // A sum that does not fit, and the like.
                (Err(_), Err(_)) => refused += 1,
                (expected, found) => panic!(
                    "{query:#?}\nmerged: {:?}\nrouted: {:?}\n{explained}",
                    expected.err(),
                    found.err()
                ),
            }
        }
    }
    println!("{done} queries, {refused} failed in both; {ways:?}");
    for (way, least) in [
        ("one member", 60),
        ("one member, its range", 500),
        ("one after another", 60),
        ("parts of groups", 60),
        ("rows", 60),
    ] {
        let count = ways.get(way).copied().unwrap_or_default();
        assert!(count * least >= done, "{way}: {count} of {done}");
    }
}

async fn ask(routed: &Routed, query: &Query) -> forebay::Result<RoutedAnswer> {
    let mut asked = routed.query(&query.sql);
    for value in &query.params {
        asked = asked.bind(value);
    }
    asked.fetch().await
}

async fn explain(routed: &Routed, query: &Query) -> forebay::RoutedExplanation {
    let mut asked = routed.query(&query.sql);
    for value in &query.params {
        asked = asked.bind(value);
    }
    asked.explain().await.unwrap()
}

type Answer = (Vec<String>, Vec<Vec<Value>>);

fn bare(merged: &Connection, sql: &str, params: &[Value]) -> rusqlite::Result<Answer> {
    let mut statement = merged.prepare(sql)?;
    let width = statement.column_count();
    let name = |at| statement.column_name(at).map(str::to_owned);
    let names = (0..width).map(name).collect::<rusqlite::Result<Vec<String>>>()?;
    let count = statement.parameter_count();
    let mut rows = statement.query(rusqlite::params_from_iter(&params[..count]))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let value = |index| {
            use rusqlite::types::Value as Stored;
            Ok(match row.get::<_, Stored>(index)? {
                Stored::Null => Value::Null,
                Stored::Integer(n) => Value::from(n),
                Stored::Real(x) => Value::from(x),
                Stored::Text(text) => Value::from(text),
                Stored::Blob(bytes) => Value::from(bytes),
            })
        };
        found.push((0..width).map(value).collect::<rusqlite::Result<Vec<Value>>>()?);
    }
    Ok((names, found))
}

fn check(
    world: &World,
    query: &Query,
    (names, mut expected): Answer,
    answer: &RoutedAnswer,
    explained: &str,
) {
    let found_names: Vec<&str> = answer.rows.columns().iter().map(|it| &*it.name).collect();
    assert_eq!(found_names, names, "{query:#?}");
    let mut found: Vec<Vec<Value>> =
        answer.rows.iter().map(|row| row.values().iter().map(settled).collect()).collect();
    for row in &mut expected {
        *row = row.iter().map(settled).collect();
    }
    if let Some(unlimited) = &query.unlimited {
        // Any rows will do, as many.
        assert_eq!(found.len(), expected.len(), "{query:#?}\n{explained}");
        let (_, all) = bare(&world.merged, unlimited, &query.params).unwrap();
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
        found.sort_by_key(|row| format!("{row:?}"));
        expected.sort_by_key(|row| format!("{row:?}"));
        // Floats may sort differently in the last digits.
        if found.len() == expected.len() && !all_alike(&found, &expected) {
            let mut left = expected.clone();
            for row in &found {
                match left.iter().position(|known| is_alike(known, row)) {
                    Some(at) => drop(left.swap_remove(at)),
                    None => break,
                }
            }
            if left.is_empty() {
                return;
            }
        }
    }
    assert!(
        all_alike(&found, &expected),
        "{query:#?}\nfound {found:#?}\nexpected {expected:#?}\n{explained}"
    );
}

fn all_alike(a: &[Vec<Value>], b: &[Vec<Value>]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_alike(a, b))
}

fn is_alike(a: &[Value], b: &[Value]) -> bool {
    a.len() == b.len()
        && a.iter().zip(b).all(|(a, b)| match (a, b) {
            (Value::Real(a), Value::Real(b)) => is_near(*a, *b),
            (Value::Real(a), Value::Integer(b)) => is_near(*a, *b as f64),
            (Value::Integer(a), Value::Real(b)) => is_near(*a as f64, *b),
            (a, b) => a == b,
        })
}

fn is_near(a: f64, b: f64) -> bool {
    a == b || (a - b).abs() <= TOLERANCE * a.abs().max(b.abs()).max(1.0)
}

/// A value but for what is not determined: which of those that are equal stands for a group. That 1
/// is 1.0 is seen when two are compared.
fn settled(value: &Value) -> Value {
    match value {
        Value::Text(text) => Value::from(text.trim_end_matches(' ').to_ascii_lowercase()),
        other => other.clone(),
    }
}
