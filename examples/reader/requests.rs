//! Links that are to be summarised, and the calls of language models that this took. Nothing here
//! names a cache: reads are answered from memory as long as no write has changed what they rest on.

use axum::Json;
use axum::extract::Path;
use forebay::{Db, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Requests that a worker may claim at once.
const CLAIM_MAX: u32 = 100;

#[derive(Deserialize)]
pub(crate) struct Link {
    correlation_id: String,
    url: String,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Request {
    id: i64,
    correlation_id: String,
    url: String,
    status: String,
    created_at: i64,
}

/// A request and the status that it is given.
#[derive(Serialize, Deserialize)]
pub(crate) struct Change {
    id: i64,
    status: String,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Call {
    request_id: i64,
    model: String,
    tokens: i64,
    cost_micros: i64,
    took_ms: i64,
}

#[derive(Deserialize)]
pub(crate) struct Claim {
    most: u32,
}

/// A link that comes again under the same correlation id is the request that is there.
pub(crate) async fn ask(db: Db, Json(link): Json<Link>) -> Result<Json<Request>> {
    let sql = "INSERT INTO requests (correlation_id, url) VALUES (?, ?) ON CONFLICT DO NOTHING";
    db.execute(sql).bind(&link.correlation_id).bind(&link.url).await?;
    by_correlation_id(db, Path(link.correlation_id)).await
}

/// Where there is none, `one` fails with an error that is answered with 404.
pub(crate) async fn by_id(db: Db, Path(id): Path<i64>) -> Result<Json<Request>> {
    let sql = "SELECT id, correlation_id, url, status, created_at FROM requests WHERE id = ?";
    db.query(sql).named("request_by_id").bind(id).one().await.map(Json)
}

pub(crate) async fn by_correlation_id(db: Db, Path(id): Path<String>) -> Result<Json<Request>> {
    let sql = "SELECT id, correlation_id, url, status, created_at FROM requests \
               WHERE correlation_id = ?";
    db.query(sql).named("request_by_correlation_id").bind(id).one().await.map(Json)
}

/// Takes the oldest requests that wait. It is one statement, so no two workers get the same one.
pub(crate) async fn claim(db: Db, Json(claim): Json<Claim>) -> Result<Json<Vec<Request>>> {
    let sql = "UPDATE requests SET status = 'running' WHERE id IN \
               (SELECT id FROM requests WHERE status = 'waiting' ORDER BY id LIMIT ?) \
               RETURNING id, correlation_id, url, status, created_at";
    db.query(sql).named("claim").bind(claim.most.min(CLAIM_MAX)).all().await.map(Json)
}

/// Each request gets a status of its own; all of them, or none if one is not allowed.
pub(crate) async fn set_statuses(db: Db, Json(changes): Json<Vec<Change>>) -> Result<Json<u64>> {
    Ok(Json(db.bulk("requests").update("id", changes).await?.rows))
}

/// Deletes requests, and says what went with them.
pub(crate) async fn delete(db: Db, Json(ids): Json<Vec<i64>>) -> Result<Json<Value>> {
    let deleted = db.bulk("requests").delete("id", ids).await?;
    Ok(Json(json!({ "requests": deleted.rows, "cascaded": deleted.cascaded })))
}

pub(crate) async fn add_calls(db: Db, Json(calls): Json<Vec<Call>>) -> Result<Json<u64>> {
    Ok(Json(db.bulk("llm_calls").insert(calls).await?.rows))
}
