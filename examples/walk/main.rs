//! An application with a pool, a cache, metrics, health and limits, as README.md shows it.
//!
//! `cargo run -p forebay-examples --bin walk`, then
//! `curl -i 127.0.0.1:3000/users -H 'content-type: application/json' -d '"Ada"'`.
// --- README.md shows what follows.
use std::net::SocketAddr;

use axum::{Json, Router, routing::get};
use forebay::http::{RateLimit, Requests};
use forebay::{Db, Monitor, Quota, Result};

async fn users(db: Db) -> Result<Json<Vec<(i64, String)>>> {
    // From memory, until somebody writes to `users`.
    Ok(Json(db.query("SELECT id, name FROM users ORDER BY id").all().await?))
}

async fn add(db: Db, Json(name): Json<String>) -> Result<()> {
    db.execute("INSERT INTO users (name) VALUES (?)").bind(name).await.map(|_| ())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let db = forebay::open("sqlite:app.db").await?; // a pool of connections, and the cache
    let users_table = "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL)";
    db.migrate([("001_users.sql", users_table)]).await?;
    let (requests, limit) = (Requests::new(), RateLimit::builder(Quota::per_minute(100)).build()?);
    let monitor = Monitor::new().db("app", &db).requests("", &requests).rate_limit("all", &limit);
    let app = Router::new()
        .route("/users", get(users).post(add))
        .route("/health", get(async |db: Db| db.health().await.map(Json)))
        .route("/metrics", get(async move || monitor.prometheus_text()))
        .layer(limit) // 429 beyond 100 requests a minute from one address
        .layer(requests) // times by route, the header Server-Timing, a log of what is slow
        .with_state(db);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    Ok(axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await?)
}
