//! reader: the database service of a bot that summarises links, on SQLite.
//!
//! The bot takes links that wait, asks language models about them, and brings back its calls and
//! summaries, many at a time. It shows: lookups that are answered from memory and are never stale,
//! bulk inserts, updates and deletes with what they cascade to, pages by key, health on a schedule.
//!
//! ```sh
//! cargo run -p forebay-examples reader    # `DATA=FOLDER` keeps its data
//!
//! json='content-type: application/json'; at=127.0.0.1:8101
//! curl $at/requests -H "$json" -d '{"correlation_id": "a-1", "url": "https://example.com"}'
//! curl $at/requests/by-correlation-id/a-1
//! curl $at/requests/claim -H "$json" -d '{"most": 10}'
//! curl $at/calls -H "$json" -d '[{"request_id": 1, "model": "small", "tokens": 900,
//!     "cost_micros": 1200, "took_ms": 850}]'
//! curl $at/summaries -H "$json" -d '{"request_id": 1, "title": "Weirs", "summary": "Low dams."}'
//! curl $at/summaries/read -H "$json" -d '[1]'
//! curl $at/stats; curl $at/health; curl $at/metrics
//! curl -X DELETE $at/requests -H "$json" -d '[1]'
//! ```
//!
//! `LISTEN` is the address, `HEALTH_SECONDS` how often health is looked at (60).

mod checkup;
mod requests;
mod routes;
mod summaries;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use forebay::Builder;

#[tokio::main]
pub(crate) async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().init();
    let listen = std::env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:8101".to_owned());
    let period = std::env::var("HEALTH_SECONDS").unwrap_or_else(|_| "60".to_owned()).parse()?;

    // Without a folder the data goes with the process.
    let temporary = tempfile::tempdir()?;
    let given = std::env::var_os("DATA").map(PathBuf::from);
    let folder = given.unwrap_or_else(|| temporary.path().to_owned());
    std::fs::create_dir_all(&folder)?;
    let db = Builder::new(format!("sqlite:{}", folder.join("reader.db").display()))
        .statement_timeout(Some(Duration::from_secs(5)))
        .open()
        .await?;
    db.migrate(forebay::migrations!("reader/migrations")).await?;
    let health = checkup::begin(db.clone(), Duration::from_secs(period)).await?;

    let app = routes::router(db.clone(), health)?;
    let listener = tokio::net::TcpListener::bind(listen).await?;
    tracing::info!("listening on http://{}", listener.local_addr()?);
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    // Ctrl-C: what is under way is answered first.
    let stop = async { tokio::signal::ctrl_c().await.unwrap_or_default() };
    axum::serve(listener, app).with_graceful_shutdown(stop).await?;
    db.close().await;
    Ok(())
}
