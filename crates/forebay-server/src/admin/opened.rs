//! One statement, looked at closely: its times, its query plan, why its answers are kept or not,
//! and what they rest on. It is explained, not run.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use forebay::{Db, Explanation, FingerprintStats, Stats, TimeStats, WindowStats};
use serde_json::{Value, json};

use super::builder::Inner;
use super::read::{answer, fingerprint_id};
use super::shown::{self, millis, seconds};
use super::wish::Wish;
use crate::failure::Failure;

/// The longest that the database may take to explain a statement.
const EXPLAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// Writes that are named as those which drop its answers: the most frequent.
const WRITES_MAX: usize = 20;

pub(super) async fn fingerprint(
    State(admin): State<Arc<Inner>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    answer(opened(&admin, &id, query.as_deref()).await)
}

async fn opened(admin: &Inner, id: &str, query: Option<&str>) -> Result<Value, Failure> {
    let wish = Wish::parse(query, &["db"])?;
    let id = fingerprint_id(id)?;
    let db = admin.db(wish.db.as_deref())?;
    let stats = db.stats();
    let found = stats.fingerprints.iter().find(|one| one.id == id);
    let found = found.ok_or_else(|| {
        Failure::new(404, "FINGERPRINT_UNKNOWN", "no statement with this id has run")
    })?;
    let mut value = shown::fingerprint(found);
    value["database"] = times(&found.time);
    value["memory"] = times(&found.hit_time);
    value["minute"] = window(&found.minute);
    value["hour"] = window(&found.hour);
    value["pool_wait_ms"] = json!(millis(found.pool_wait));
    value["first_seen"] = json!(found.first_seen.map(seconds));
    value["caller"] = json!(found.caller);
    value["sample"] = json!(found.sample);
    value["dropped_by"] = writes(&stats, id);
    let explained = explained(db, found).await;
    value["unexplained"] = json!(explained.as_ref().err());
    value["explanation"] = json!(explained.ok());
    Ok(value)
}

/// What the database says of it, or why that cannot be told.
async fn explained(db: &Db, found: &FingerprintStats) -> Result<Value, String> {
    if found.id == 0 {
        return Err("these are many statements".to_owned());
    }
    // Of one whose text was not kept, the shape is as good: values do not matter to a plan here.
    let text = found.sample.clone().unwrap_or_else(|| found.statement.replace("(?..)", "(?, ?)"));
    match tokio::time::timeout(EXPLAIN_TIMEOUT, db.explain(&text)).await {
        Ok(Ok(explained)) => Ok(explanation(&explained)),
        Ok(Err(error)) => Err(error.message().to_owned()),
        Err(_) => Err(format!("the database did not explain it within {EXPLAIN_TIMEOUT:?}")),
    }
}

fn explanation(it: &Explanation) -> Value {
    json!({
        "effect": it.effect,
        "cacheable": it.cacheable,
        "reasons": it.reasons,
        "reads": it.reads,
        "rests_on": it.rests_on,
        "writes": it.writes,
        "drops": it.drops,
        "key": it.key,
        "freshness": it.freshness,
        "switch": it.switch,
        "policy": it.policy,
        "coalesces": it.coalesces,
        "worth": it.worth,
        "plan": it.plan,
    })
}

fn times(times: &TimeStats) -> Value {
    let bounds = TimeStats::BOUNDS.iter().map(|bound| Some(millis(*bound))).chain([None]);
    let buckets = bounds.zip(times.buckets);
    let buckets = buckets.map(|(up_to, count)| json!({ "up_to_ms": up_to, "count": count }));
    json!({
        "count": times.count,
        "mean_ms": times.mean().map(millis),
        "p50_ms": millis(times.p50),
        "p95_ms": millis(times.p95),
        "p99_ms": millis(times.p99),
        "max_ms": millis(times.max),
        "buckets": buckets.collect::<Vec<_>>(),
    })
}

fn window(window: &WindowStats) -> Value {
    json!({
        "seconds": window.span.as_secs_f64(),
        "calls": window.calls,
        "hits": window.hits,
        "errors": window.errors,
        "rows": window.rows,
        "database_ms": millis(window.time),
        "p50_ms": millis(window.p50),
        "p95_ms": millis(window.p95),
        "p99_ms": millis(window.p99),
        "max_ms": millis(window.max),
    })
}

/// The writes that have dropped its answers.
fn writes(stats: &Stats, id: u64) -> Value {
    let own = stats.cache.drops.iter().filter(|drop| drop.read == id);
    let own = own.take(WRITES_MAX).map(|drop| {
        let write = drop.write.map(|id| format!("{id:016x}"));
        json!({ "write": write, "cause": drop.cause, "count": drop.count })
    });
    Value::Array(own.collect())
}
