//! flashcards: words become cards in two stages, through a dictionary that is slow, fails, and
//! takes only so many calls. SQLite, and a cache with a disk below.
//!
//! It shows: a queue with a partial index, bulk writes, a cache with tiers, tags, warming and
//! refresh before expiry, a breaker with old answers to fall back to, and an N+1 that is found.
//!
//! ```sh
//! cargo run -p forebay-examples flashcards    # `DATA=FOLDER` keeps its data
//!
//! at=127.0.0.1:8104; json='content-type: application/json'
//! curl $at/decks/animals -H "$json" -d '["badger", "heron", "otter"]'; sleep 1; curl $at/decks
//! curl $at/lookup/heron; curl -X POST $at/api/down; curl $at/lookup/heron; curl $at/lookup/newt
//! curl -X POST $at/api/up; curl -X DELETE $at/lookup/heron; curl $at/lookup/heron
//! curl $at/decks/slowly; curl $at/repeats; curl $at/stats; curl $at/metrics
//! ```
//!
//! `ANSWER_SECONDS` says how long an answer of the dictionary is fresh (86400).

mod api;
mod decks;
mod dictionary;
mod pipeline;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::extract::{FromRef, Path, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use forebay::http::Requests;
use forebay::{Builder, Db, Monitor, Result};
use serde_json::{Value, json};

use self::dictionary::Dictionary;

#[derive(Clone, FromRef)]
struct App {
    db: Db,
    dictionary: Dictionary,
}

#[tokio::main]
pub(crate) async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().init();
    let listen = std::env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:8104".to_owned());
    let fresh = std::env::var("ANSWER_SECONDS").unwrap_or_else(|_| "86400".to_owned()).parse()?;
    // Without a folder the data goes with the process.
    let temporary = tempfile::tempdir()?;
    let given = std::env::var_os("DATA").map(PathBuf::from);
    let folder = given.unwrap_or_else(|| temporary.path().to_owned());
    std::fs::create_dir_all(&folder)?;

    let url = format!("sqlite:{}", folder.join("cards.db").display());
    let db = Builder::new(url).statement_timeout(Some(Duration::from_secs(5))).open().await?;
    db.migrate(forebay::migrations!("flashcards/migrations")).await?;
    let dictionary = Dictionary::open(&folder, Duration::from_secs(fresh)).await?;
    let hot = folder.join("answers.hot");
    dictionary.warm(&hot).await;
    let worker = tokio::spawn(pipeline::run(db.clone(), dictionary.clone()));

    let listener = tokio::net::TcpListener::bind(listen).await?;
    tracing::info!("listening on http://{}", listener.local_addr()?);
    let app = router(App { db: db.clone(), dictionary: dictionary.clone() });
    // Ctrl-C: what is under way is answered first.
    let stop = async { tokio::signal::ctrl_c().await.unwrap_or_default() };
    axum::serve(listener, app).with_graceful_shutdown(stop).await?;
    // A batch that is cut off is done again: its answers are in the cache.
    worker.abort();
    if let Err(error) = dictionary.cache.save_hot(&hot, 1_000).await {
        tracing::warn!(%error, "the next start begins cold");
    }
    dictionary.disk.close().await;
    db.close().await;
    Ok(())
}

fn router(app: App) -> Router {
    let requests = Requests::new();
    let monitor = Monitor::new()
        .db("cards", &app.db)
        .cache("answers", &app.dictionary.cache)
        .disk("answers", &app.dictionary.disk)
        .breaker("dictionary", &app.dictionary.breaker)
        .limiter("dictionary", &app.dictionary.limiter)
        .retry("dictionary", &app.dictionary.retry)
        .requests("", &requests);
    Router::new()
        .route("/decks", get(decks::list))
        .route("/decks/slowly", get(decks::list_slowly))
        .route("/decks/{name}", post(decks::add))
        .route("/repeats", get(decks::repeats))
        .route("/lookup/{word}", get(look_up).delete(forget))
        .route("/api/{state}", post(switch))
        .route("/stats", get(stats))
        .route("/metrics", get(async move || monitor.prometheus_text()))
        .layer(requests)
        .with_state(app)
}

/// From the cache, however old, when the dictionary does not answer; 503 if there is nothing.
async fn look_up(State(own): State<Dictionary>, Path(word): Path<String>) -> Result<Json<Value>> {
    let (translation, example) =
        tokio::try_join!(own.ask("translate", &word), own.ask("example", &word))?;
    Ok(Json(json!({ "translation": *translation, "example": *example })))
}

/// In memory and on disk, both of its answers.
async fn forget(State(own): State<Dictionary>, Path(word): Path<String>) -> Result<()> {
    own.cache.delete_by_tag(format!("word:{word}")).await
}

async fn switch(State(own): State<Dictionary>, Path(state): Path<String>) {
    own.api.is_down.store(state == "down", Ordering::Relaxed);
}

async fn stats(db: Db, State(own): State<Dictionary>) -> Result<Json<Value>> {
    let sql = "SELECT stage, count(*) FROM words GROUP BY stage ORDER BY stage";
    let stages: Vec<(String, i64)> = db.query(sql).all().await?;
    let answers = own.cache.stats();
    Ok(Json(json!({
        "stages": stages.into_iter().collect::<BTreeMap<_, _>>(),
        "answers": { "hits": answers.hits, "loads": answers.loads, "old": answers.fallbacks,
                     "from_disk": answers.disk.map(|disk| disk.hits) },
        "api_calls": own.api.calls.load(Ordering::Relaxed),
    })))
}
