//! production: records of a plant, the new ones in a live database and the old ones in an archive,
//! both SQLite, asked as one table.
//!
//! It shows: days and prefixes of lots over both databases, totals put together from parts,
//! reports that are given at once while the next one is made, indexes and moves that can be tried
//! before, and what Prometheus reads.
//!
//! ```sh
//! ADMIN_TOKEN=change-me cargo run -p forebay-examples production
//!
//! at=127.0.0.1:8103; json='content-type: application/json'; who='authorization: Bearer change-me'
//! curl "$at/records?from=2025-06-01&to=2025-07-01&lot=P25"
//! curl "$at/reports/months?year=2024"; curl "$at/reports/items?from=2024-07&to=2025-07"
//! curl $at/records -H "$json" -d '{"day": "2025-12-24", "lot": "X1", "item": "weir",
//!     "produced": 10, "rejected": 1}'
//! curl $at/indexes -H "$json" -d '{"dry_run": true}'
//! curl $at/archive -H "$json" -H "$who" -d '{"before": "2025-01-01"}'
//! curl $at/health; curl $at/metrics
//! ```

mod plant;
mod records;
mod reports;
mod upkeep;

use std::net::SocketAddr;
use std::path::PathBuf;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use forebay::http::{RateLimit, Requests};
use forebay::{Monitor, Quota};

use self::plant::Plant;

/// Bytes of a request's body: a record has some hundred.
const BODY_BYTES_MAX: usize = 16 << 10;

#[tokio::main]
pub(crate) async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().init();
    let listen = std::env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:8103".to_owned());
    let token = std::env::var("ADMIN_TOKEN").ok().filter(|token| !token.is_empty());
    if token.is_none() {
        tracing::warn!("ADMIN_TOKEN is not set: indexes are not made and records not moved");
    }
    // Without a folder the data goes with the process.
    let temporary = tempfile::tempdir()?;
    let given = std::env::var_os("DATA").map(PathBuf::from);
    let folder = given.unwrap_or_else(|| temporary.path().to_owned());
    std::fs::create_dir_all(&folder)?;
    let plant = Plant::open(&folder, token).await?;

    let listener = tokio::net::TcpListener::bind(listen).await?;
    tracing::info!("listening on http://{}", listener.local_addr()?);
    let app = router(plant.clone())?.into_make_service_with_connect_info::<SocketAddr>();
    // Ctrl-C: what is under way is answered first.
    let stop = async { tokio::signal::ctrl_c().await.unwrap_or_default() };
    axum::serve(listener, app).with_graceful_shutdown(stop).await?;
    tokio::join!(plant.live.close(), plant.archive.close());
    Ok(())
}

fn router(plant: Plant) -> forebay::Result<Router> {
    let requests = Requests::new();
    let limit = RateLimit::builder(Quota::per_minute(600)).exempt("/health").build()?;
    let monitor = Monitor::new()
        .db("live", &plant.live)
        .db("archive", &plant.archive)
        .cache("reports", &plant.reports)
        .requests("", &requests)
        .rate_limit("all", &limit);
    Ok(Router::new()
        .route("/records", get(records::find).post(records::add))
        .route("/reports/months", get(reports::months))
        .route("/reports/items", get(reports::items))
        .route("/indexes", post(upkeep::indexes))
        .route("/archive", post(upkeep::archive))
        .route("/health", get(upkeep::health))
        .route("/metrics", get(async move || monitor.prometheus_text()))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(limit)
        .layer(requests)
        .with_state(plant))
}
