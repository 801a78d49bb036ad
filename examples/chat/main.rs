//! chat: one question to several language models, and their answers beside each other. PostgreSQL,
//! and SQLite for development: the same migrations and statements for both.
//!
//! ```sh
//! cargo run -p forebay-examples chat    # or DATABASE_URL=postgres://me@localhost/chat
//! # Once, so that answers are kept there too: forebay setup postgres://me@localhost/chat
//!
//! at=127.0.0.1:8102; json='content-type: application/json'
//! me='{"name": "ada", "password": "correct horse battery"}'
//! curl $at/users -H "$json" -d "$me"; token=$(curl -s $at/login -H "$json" -d "$me")
//! id=$(curl -s $at/conversations -H "authorization: Bearer $token" -H "$json" -d '"Weirs"')
//! curl $at/conversations/$id -H "authorization: Bearer $token" -H "$json" -d '"Hello."'
//! curl $at/conversations -H "authorization: Bearer $token"; curl $at/admin/pools
//! ```
//!
//! `JWT_SECRET` signs tokens, `ADMIN_TOKEN` opens the admin API, `MODELS_FILE` lists the models.

mod identity;
mod models;
mod talks;

use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use axum::extract::FromRef;
use axum::routing::{get, post};
use axum::{Json, Router};
use forebay::http::{RateLimit, Requests};
use forebay::{Builder, Bulkhead, Cache, Db, Monitor, Quota};
use forebay_server::{Access, Admin, Token};
use ring::hmac;

#[derive(Clone, FromRef)]
struct App {
    db: Db,
    cache: Cache,
    secret: hmac::Key,
    /// Hashing a password takes a processor and 19 MiB for a moment: not for all at once.
    hashing: Bulkhead,
}

#[tokio::main]
pub(crate) async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().init();
    let setting = |name: &str| std::env::var(name).ok();
    // Without a database of its own the data goes with the process, and so do tokens.
    let url = setting("DATABASE_URL").unwrap_or_else(|| "sqlite::memory:".to_owned());
    let secret = setting("JWT_SECRET").unwrap_or_else(identity::chance);
    if secret.len() < 32 {
        return Err("JWT_SECRET has to have 32 characters or more".into());
    }
    let db = Builder::new(url).statement_timeout(Some(Duration::from_secs(5))).open().await?;
    db.migrate(forebay::migrations!("chat/migrations")).await?;
    let app = App {
        db: db.clone(),
        cache: Cache::builder("registry").build()?,
        secret: hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()),
        hashing: Bulkhead::new(2, 50),
    };
    let service = router(app, setting("ADMIN_TOKEN"))?;
    let service = service.into_make_service_with_connect_info::<SocketAddr>();
    let listen = setting("LISTEN").unwrap_or_else(|| "127.0.0.1:8102".to_owned());
    let listener = tokio::net::TcpListener::bind(listen).await?;
    tracing::info!("listening on http://{}", listener.local_addr()?);
    // Ctrl-C: what is under way is answered first.
    let stop = async { tokio::signal::ctrl_c().await.unwrap_or_default() };
    axum::serve(listener, service).with_graceful_shutdown(stop).await?;
    db.close().await;
    Ok(())
}

fn router(app: App, admin_token: Option<String>) -> Result<Router, Box<dyn Error>> {
    let requests = Requests::builder().slow(Duration::from_millis(250)).build();
    let limit = RateLimit::builder(Quota::per_minute(600))
        .route("/login", Quota::per_minute(20).and(Quota::per_hour(200)))
        .route("/users", Quota::per_minute(20).and(Quota::per_hour(100)))
        .build()?;
    let monitor = Monitor::new()
        .db("chat", &app.db)
        .cache("registry", &app.cache)
        .bulkhead("hashing", &app.hashing)
        .requests("", &requests)
        .rate_limit("all", &limit);
    let mut access = Access::default();
    access.admin_token = admin_token.map(Token::new);
    let admin = Admin::builder().db("chat", &app.db).cache("registry", &app.cache);
    let admin = admin.monitor(&monitor).access(access).build()?;
    Ok(Router::new()
        .route("/users", post(identity::sign_up))
        .route("/login", post(identity::log_in))
        .route("/keys", post(identity::make_key).delete(identity::delete_keys))
        .route("/conversations", get(talks::list).post(talks::begin))
        .route("/conversations/{id}", get(talks::one).post(talks::say).delete(talks::delete))
        .route("/models", get(models::list))
        .route("/models/compared", get(talks::compare))
        .route("/health", get(async |db: Db| db.health().await.map(Json)))
        .route("/metrics", get(async move || monitor.prometheus_text()))
        .nest("/admin", admin.router())
        .layer(limit)
        .layer(requests)
        .with_state(app))
}
