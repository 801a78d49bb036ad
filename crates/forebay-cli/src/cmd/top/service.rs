//! What a running service says of itself: its admin API and its figures, read into plain data.

use anyhow::Result;
use serde_json::Value;

use super::clean::clean;
use super::client::Client;
use super::column::brief_ms;
use super::reading::{Counts, Figure, Gauge, Kind, Reading, Statement, Unit};
use crate::quantity::{brief_size, grouped};

/// Statements that are asked for: those that take the most time.
const FINGERPRINTS: &str = "/api/v1/admin/fingerprints?limit=500&sort=time";

/// Looks at the service.
pub(super) async fn look(client: &mut Client) -> Result<Reading> {
    let performance = client.get("/metrics/performance").await?;
    let cache = client.get("/metrics/cache").await?;
    let fingerprints = client.get(FINGERPRINTS).await?;
    Ok(read(&performance, &cache, &fingerprints))
}

pub(super) fn read(performance: &Value, cache: &Value, fingerprints: &Value) -> Reading {
    let mut reading = Reading::new(Kind::Service);
    let statements = fingerprints["fingerprints"].as_array();
    reading.statements = statements.into_iter().flatten().map(statement).collect();
    reading.known = whole(&fingerprints["known"]) as usize;
    let mean = number(&performance["database_mean_ms"]).map_or(String::new(), |ms| {
        format!("{} each at the database, since it started", brief_ms(ms))
    });
    let calls = whole(&performance["statements"]);
    reading.gauges = vec![
        Gauge::new("statements", Figure::Sum(calls), mean),
        cached(performance, cache),
        pools(&performance["pools"]),
        Gauge::new("errors", Figure::Sum(whole(&performance["errors"])), ""),
    ];
    let requests = &performance["http"];
    if requests.is_object() {
        let note = format!("{} in work", whole(&requests["in_work"]));
        let figure = Figure::Sum(whole(&requests["requests"]));
        reading.gauges.insert(1, Gauge::new("requests", figure, note));
    }
    let replication = &performance["replication"];
    if replication.is_object() {
        let is_live = replication["live"] == true;
        let lag = number(&replication["lag_ms"]);
        let note =
            if is_live { "the server is followed" } else { "not followed: nothing is cached" };
        let figure = Figure::Level(lag.unwrap_or(0.0), Unit::Millis);
        reading.gauges.push(Gauge::new("lag", figure, note));
    }
    reading
}

fn cached(performance: &Value, cache: &Value) -> Gauge {
    let mut note = format!(
        "{} answers, {} of {}",
        grouped(whole(&cache["entries"])),
        brief_size(whole(&cache["bytes"])),
        brief_size(whole(&cache["bytes_max"]))
    );
    match (cache["off_because"].as_str(), cache["mode"].as_str()) {
        (Some(why), _) => note.push_str(&format!("; off: {why}")),
        (None, Some("on") | None) => {}
        (None, Some(mode)) => note.push_str(&format!("; {mode}")),
    }
    let share = Figure::Share(whole(&performance["hits"]), whole(&performance["statements"]));
    Gauge::new("hits", share, note)
}

fn pools(pools: &Value) -> Gauge {
    let all = ["reader", "writer", "session"].map(|name| &pools[name]);
    let sum = |of: &str| all.iter().map(|pool| whole(&pool[of])).sum::<u64>();
    let each = ["readers", "writer", "sessions"].iter().zip(all).map(|(name, pool)| {
        format!("{name} {} of {}", whole(&pool["in_use"]), whole(&pool["max"]))
    });
    let mut note = each.collect::<Vec<_>>().join(", ");
    note.push_str(&format!("; {} wait", sum("waiting")));
    let timeouts = sum("timeouts");
    if timeouts > 0 {
        note.push_str(&format!(", {} in vain so far", grouped(timeouts)));
    }
    Gauge::new("in use", Figure::Level(sum("in_use") as f64, Unit::Count), note)
}

fn statement(it: &Value) -> Statement {
    let text = |of: &str| clean(it[of].as_str().unwrap_or_default());
    let mut bypasses: Vec<(String, u64)> = it["bypasses"]
        .as_object()
        .map(|all| all.iter().map(|(why, n)| (clean(why), whole(n))).collect())
        .unwrap_or_default();
    bypasses.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    let (hits, misses) = (whole(&it["hits"]), whole(&it["misses"]));
    let verdict = clean(it["worth"]["verdict"].as_str().unwrap_or_default());
    let reason = match bypasses.first() {
        _ if it["is_condemned"] == true => "an answer differed".to_owned(),
        Some((why, n)) if *n > hits + misses => why.clone(),
        _ if verdict == "not_worth" => "not worth it".to_owned(),
        _ => String::new(),
    };
    let mut details = vec![
        ("misses".to_owned(), grouped(misses)),
        ("answers kept".to_owned(), grouped(whole(&it["entries"]))),
        ("their size".to_owned(), brief_size(whole(&it["bytes"]))),
        ("dropped by writes".to_owned(), grouped(whole(&it["invalidations"]))),
        ("caching".to_owned(), format!("{}, {verdict}", text("mode"))),
    ];
    if it["name"].is_string() {
        details.insert(0, ("name".to_owned(), text("name")));
    }
    details.extend(bypasses.into_iter().map(|(why, n)| (format!("past: {why}"), grouped(n))));
    let calls = whole(&it["calls"]);
    Statement {
        id: text("id"),
        text: text("statement"),
        counts: Counts {
            calls,
            errors: whole(&it["errors"]),
            hits,
            asked: calls,
            rows: whole(&it["rows"]),
            time_ms: number(&it["database_ms"]).unwrap_or(0.0),
        },
        p50_ms: number(&it["p50_ms"]),
        p99_ms: number(&it["p99_ms"]),
        max_ms: None,
        reason,
        details,
    }
}

fn whole(value: &Value) -> u64 {
    value.as_u64().unwrap_or(0)
}

fn number(value: &Value) -> Option<f64> {
    value.as_f64()
}
