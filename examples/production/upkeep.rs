//! What somebody does who looks after it: health, indexes, moving old records. Each can be tried
//! without changing anything; what changes something wants the token.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use forebay::{Archive, Result};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::plant::Plant;

#[derive(Deserialize)]
pub(crate) struct Work {
    /// The first day that is not moved.
    #[serde(default)]
    before: String,
    #[serde(default)]
    dry_run: bool,
}

pub(crate) async fn health(State(plant): State<Plant>) -> Result<Json<Value>> {
    let (live, archive) = tokio::try_join!(plant.live.health(), plant.archive.health())?;
    Ok(Json(json!({ "live": live, "archive": archive })))
}

/// Makes the indexes that are not there yet, in both databases; with `dry_run` it says which.
pub(crate) async fn indexes(
    State(plant): State<Plant>,
    headers: HeaderMap,
    Json(work): Json<Work>,
) -> Response {
    if !work.dry_run && !plant.admits(&headers) {
        return StatusCode::FORBIDDEN.into_response();
    }
    plant.make_indexes(work.dry_run).await.map(Json).into_response()
}

/// Moves records of days before `before` to the archive; with `dry_run` it says how many.
pub(crate) async fn archive(
    State(plant): State<Plant>,
    headers: HeaderMap,
    Json(work): Json<Work>,
) -> Response {
    if !work.dry_run && !plant.admits(&headers) {
        return StatusCode::FORBIDDEN.into_response();
    }
    plant.move_records(&work.before, work.dry_run).await.map(Json).into_response()
}

impl Plant {
    /// Digests are compared, so that the time this takes tells nothing of the token.
    fn admits(&self, headers: &HeaderMap) -> bool {
        let Some(token) = &self.admin_token else { return false };
        let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let shown = shown.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
        Sha256::digest(shown) == Sha256::digest(token)
    }

    async fn make_indexes(&self, dry_run: bool) -> Result<Value> {
        let mut reports = serde_json::Map::new();
        for (name, db) in [("live", &self.live), ("archive", &self.archive)] {
            let made = db.indexes().dry_run(dry_run).apply(include_str!("indexes.sql")).await?;
            if let Some(error) = made.failed {
                return Err(error);
            }
            reports.insert(name.to_owned(), json!({ "steps": made.steps, "undo": made.undo }));
        }
        Ok(Value::Object(reports))
    }

    async fn move_records(&self, before: &str, dry_run: bool) -> Result<Value> {
        let archive = Archive::new(&self.live_url, &self.archive_url, "records", "day");
        if dry_run {
            let plan = archive.plan(before).await?;
            return Ok(json!({ "rows": plan.rows }));
        }
        let report = archive.run(before).await?;
        tracing::info!(rows = report.moved, before, "records were moved to the archive");
        Ok(json!({ "moved": report.moved }))
    }
}
