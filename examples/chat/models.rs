//! The language models that are compared. Their list changes rarely and is kept for a day; the
//! models themselves are stand-ins that need no account anywhere.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use forebay::{Cache, Result};
use serde::{Deserialize, Serialize};

use super::{App, Failure};

const DAY: Duration = Duration::from_secs(24 * 3_600);

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Model {
    pub(crate) name: String,
    latency_ms: u64,
}

#[derive(Clone)]
pub(crate) struct Registry {
    pub(crate) cache: Cache,
    /// Where the list is; the one that the program was built with if it is not said.
    pub(crate) file: Option<PathBuf>,
}

impl Registry {
    /// Read once a day. If that fails, the list before is good for another week.
    pub(crate) async fn models(&self) -> Result<Arc<Vec<Model>>> {
        let file = self.file.clone();
        let entry = self.cache.entry("models").ttl(DAY).stale_if_error(7 * DAY);
        entry.get_or_load(move || read(file)).await
    }
}

pub(crate) async fn list(State(app): State<App>) -> Result<Response> {
    Ok(Json(&*app.registry.models().await?).into_response())
}

async fn read(file: Option<PathBuf>) -> Result<Vec<Model>, Failure> {
    Ok(match file {
        Some(file) => serde_json::from_str(&tokio::fs::read_to_string(file).await?)?,
        None => serde_json::from_str(include_str!("models.json"))?,
    })
}

impl Model {
    /// What a model of this kind might say.
    pub(crate) async fn answer(&self, text: &str) -> String {
        tokio::time::sleep(Duration::from_millis(self.latency_ms)).await;
        format!("{}: I have read {} words.", self.name, text.split_whitespace().count())
    }
}
