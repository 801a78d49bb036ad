//! observatory: searches over pages, what they speak of, and a graph of names. PostgreSQL, Redis.
//!
//! ```sh
//! docker run -d -p 5432:5432 -e POSTGRES_PASSWORD=secret postgres -c wal_level=logical
//! docker run -d -p 6379:6379 redis
//! export DATABASE_URL=postgres://postgres:secret@localhost/postgres REDIS_URL=redis://localhost
//! API_KEYS=ada:change-me cargo run -p forebay-examples observatory
//! # Once, so that answers of the database are kept, too: forebay setup "$DATABASE_URL"
//!
//! at=127.0.0.1:8105; json='content-type: application/json'; me='x-api-key: change-me'
//! curl $at/pages -H "$json" -d '[{"url": "https://example.com/weirs", "title": "Weirs",
//!     "body": "Ada and Grace measure the weirs of the river."}]'
//! curl -X POST $at/sessions -H "$me"; curl "$at/sessions/1/search?q=weirs" -H "$me"
//! curl "$at/sessions/1/queries?per_page=10"; curl "$at/pages?page=1"
//! curl --compressed -i "$at/graph?nodes=100"; curl $at/health; curl $at/metrics
//! ```

mod graph;
mod pages;
mod search;
mod users;

use std::net::SocketAddr;
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, FromRef};
use axum::routing::{get, post};
use axum::{Json, Router};
use forebay::http::{Compression, RateLimit, Requests, ResponseCache};
use forebay::{Builder, Cache, Db, Monitor, Quota, Redis, Result};

use self::users::Users;

#[derive(Clone, FromRef)]
struct Observatory {
    db: Db,
    redis: Redis,
    /// What was found, in a namespace of its own, so that all of it is deleted by one pattern.
    searches: Cache,
    users: Users,
}

#[tokio::main]
pub(crate) async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().init();
    let setting = |name: &str| std::env::var(name).ok();
    let needed = |name: &str| setting(name).ok_or_else(|| format!("set {name}: see main.rs"));
    let listen = setting("LISTEN").unwrap_or_else(|| "127.0.0.1:8105".to_owned());
    let db = Builder::new(needed("DATABASE_URL")?)
        .statement_timeout(Some(Duration::from_secs(10)))
        .open()
        .await?;
    db.migrate(forebay::migrations!("observatory/migrations")).await?;
    // A Redis that is away makes it slower, and stops nothing but the deletion of what it has.
    let redis = Redis::builder(needed("REDIS_URL")?).namespace("observatory").connect().await?;
    let cache = Cache::builder("observatory").redis(redis.clone()).build()?;
    let users = setting("API_KEYS").map(|text| Users::parse(&text)).unwrap_or_default();
    let own = Observatory { db: db.clone(), redis, searches: cache.namespace("searches"), users };

    let app = router(own)?.into_make_service_with_connect_info::<SocketAddr>();
    let listener = tokio::net::TcpListener::bind(listen).await?;
    tracing::info!("listening on http://{}", listener.local_addr()?);
    // Ctrl-C: what is under way is answered first.
    let stop = async { tokio::signal::ctrl_c().await.unwrap_or_default() };
    axum::serve(listener, app).with_graceful_shutdown(stop).await?;
    db.close().await;
    Ok(())
}

fn router(own: Observatory) -> Result<Router> {
    let requests = Requests::new();
    let users = own.users.clone();
    // For users by name, for others by address; counted in Redis, for all processes together.
    let limit = RateLimit::builder(Quota::per_minute(600))
        .route("/graph", Quota::per_hour(600).burst(60))
        .by(move |asked| users.name(asked.header("x-api-key")))
        .redis(&own.redis)
        .exempt("/health")
        .build()?;
    // A graph of the largest size has some 2 MB.
    let responses = ResponseCache::builder().body_bytes_max(4 << 20).build()?;
    let monitor = Monitor::new()
        .db("observatory", &own.db)
        .cache("observatory", &own.searches)
        .redis("observatory", &own.redis)
        .requests("", &requests)
        .rate_limit("all", &limit)
        .responses("graph", &responses);
    Ok(Router::new()
        .route("/graph", get(graph::export))
        // Of the routes above, and no others.
        .route_layer(responses)
        .route("/pages", get(pages::list).post(pages::store).delete(pages::delete))
        .route("/pages/titles", post(pages::rename))
        .route("/sessions", post(search::begin))
        .route("/sessions/{id}/search", get(search::search))
        .route("/sessions/{id}/queries", get(search::queries))
        .route("/health", get(async |db: Db| db.health().await.map(Json)))
        .route("/metrics", get(async move || monitor.prometheus_text()))
        .layer(DefaultBodyLimit::max(8 << 20)) // a thousand pages or so
        .layer(Compression::new())
        .layer(limit)
        .layer(requests)
        .with_state(own))
}
