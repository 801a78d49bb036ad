//! The language models that are compared. Their list changes rarely and is kept for a day; the
//! models themselves are stand-ins that need no account anywhere.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use forebay::Result;
use serde::{Deserialize, Serialize};

use super::App;

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Model {
    pub(super) name: String,
    latency_ms: u64,
}

impl App {
    /// Read once a day. If that fails, the list before is good for another week.
    pub(super) async fn models(&self) -> Result<Arc<Vec<Model>>> {
        let entry = self.cache.entry("models").ttl(Duration::from_hours(24));
        entry.stale_if_error(Duration::from_hours(7 * 24)).get_or_load(read).await
    }
}

pub(super) async fn list(State(app): State<App>) -> Result<Json<Vec<Model>>> {
    Ok(Json(app.models().await?.to_vec()))
}

async fn read() -> std::io::Result<Vec<Model>> {
    let text = match std::env::var("MODELS_FILE") {
        Ok(file) => tokio::fs::read_to_string(file).await?,
        Err(_) => include_str!("models.json").to_owned(),
    };
    Ok(serde_json::from_str(&text)?)
}

impl Model {
    pub(super) async fn answer(&self, text: &str) -> String {
        tokio::time::sleep(Duration::from_millis(self.latency_ms)).await;
        format!("{}: I have read {} words.", self.name, text.split_whitespace().count())
    }
}
