//! The addresses of the service. Errors of the database answer for themselves: `forebay::Error`.

use std::collections::BTreeMap;

use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use forebay::http::{Compression, RateLimit, Requests};
use forebay::{Db, Health, HealthStatus, Monitor, Quota, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::{requests, summaries};

/// Bytes of a request's body. It bounds how many rows one request can bring.
const BODY_BYTES_MAX: usize = 1 << 20;

/// What calls of one model came to.
#[derive(Serialize, Deserialize)]
struct Model {
    model: String,
    calls: i64,
    tokens: i64,
    cost_micros: i64,
    mean_ms: f64,
}

pub(crate) fn router(db: Db, health: watch::Receiver<Health>) -> Result<Router> {
    let measured = Requests::new();
    // A worker asks often, and is one address.
    let quota = Quota::per_minute(6_000).burst(1_000);
    let limit = RateLimit::builder(quota).exempt("/health").build()?;
    let monitor =
        Monitor::new().db("reader", &db).requests("", &measured).rate_limit("all", &limit);
    Ok(Router::new()
        .route("/requests", post(requests::ask).delete(requests::delete))
        .route("/requests/{id}", get(requests::by_id))
        .route("/requests/by-correlation-id/{id}", get(requests::by_correlation_id))
        .route("/requests/claim", post(requests::claim))
        .route("/requests/status", post(requests::set_statuses))
        .route("/calls", post(requests::add_calls))
        .route("/summaries", get(summaries::unread).post(summaries::finish))
        .route("/summaries/fetch", post(summaries::fetch))
        .route("/summaries/read", post(summaries::mark_read))
        .route("/stats", get(stats))
        .route("/health", get(async move || shown(&health)))
        .route("/metrics", get(async move || monitor.prometheus_text()))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(Compression::new())
        .layer(limit)
        .layer(measured)
        .with_state(db))
}

async fn stats(db: Db) -> Result<Json<Value>> {
    let by_status = "SELECT status, count(*) FROM requests GROUP BY status";
    let by_status: Vec<(String, i64)> = db.query(by_status).named("by_status").all().await?;
    let by_model = "SELECT model, count(*) AS calls, sum(tokens) AS tokens, \
                    sum(cost_micros) AS cost_micros, avg(took_ms) AS mean_ms \
                    FROM llm_calls GROUP BY model ORDER BY model";
    let models: Vec<Model> = db.query(by_model).named("by_model").all().await?;
    let cache = db.stats().cache;
    Ok(Json(json!({
        "requests": by_status.into_iter().collect::<BTreeMap<_, _>>(),
        "models": models,
        "cache": { "hits": cache.hits, "misses": cache.misses },
    })))
}

/// The latest report. What is critical is told by the status, too, which balancers look at.
fn shown(health: &watch::Receiver<Health>) -> (StatusCode, Json<Health>) {
    let health = health.borrow().clone();
    let status = match health.status {
        HealthStatus::Critical => StatusCode::SERVICE_UNAVAILABLE,
        HealthStatus::Healthy | HealthStatus::Degraded => StatusCode::OK,
    };
    (status, Json(health))
}
