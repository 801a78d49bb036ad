//! chat: one question to several language models, and their answers beside each other. PostgreSQL,
//! and SQLite for development: the same migrations and statements for both.
//!
//! It shows: users with passwords, tokens and keys; lists with what belongs to them, exact after
//! each write; a list that is kept for a day; timing of requests; an admin API; limits by user.
//!
//! ```sh
//! cargo run -p forebay-examples chat    # SQLite; `DATA=FOLDER` keeps its data
//! DATABASE_URL=postgres://me@localhost/chat cargo run -p forebay-examples chat
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

mod conversations;
mod identity;
mod models;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use forebay::http::{Compression, RateLimit, Requests};
use forebay::{Builder, Bulkhead, Cache, Db, Monitor, Quota};
use forebay_server::{Access, Admin, Token};
use ring::hmac;

/// Bytes of a request's body.
const BODY_BYTES_MAX: usize = 64 << 10;

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[derive(Clone)]
struct App {
    db: Db,
    registry: models::Registry,
    secret: hmac::Key,
    /// Hashing a password takes a processor and 19 MiB for a moment: not for all at once.
    hashing: Bulkhead,
    /// The hash of a password that nobody has.
    nobody: Arc<str>,
}

#[tokio::main]
pub(crate) async fn main() -> Result<(), Failure> {
    tracing_subscriber::fmt().init();
    let setting = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let listen = setting("LISTEN").unwrap_or_else(|| "127.0.0.1:8102".to_owned());
    // Without a folder the data goes with the process.
    let temporary = tempfile::tempdir()?;
    let given = std::env::var_os("DATA").map(PathBuf::from);
    let folder = given.unwrap_or_else(|| temporary.path().to_owned());
    std::fs::create_dir_all(&folder)?;
    let url = setting("DATABASE_URL")
        .unwrap_or_else(|| format!("sqlite:{}", folder.join("chat.db").display()));
    let db = Builder::new(url).statement_timeout(Some(Duration::from_secs(5))).open().await?;
    db.migrate(forebay::migrations!("chat/migrations")).await?;

    let secret = match setting("JWT_SECRET") {
        Some(secret) if secret.len() >= 32 => secret,
        Some(_) => return Err("JWT_SECRET has to have 32 characters or more".into()),
        None => {
            tracing::warn!("JWT_SECRET is not set: tokens end with this process");
            identity::chance()
        }
    };
    let cache = Cache::builder("registry").build()?;
    let app = App {
        db: db.clone(),
        registry: models::Registry { cache, file: setting("MODELS_FILE").map(PathBuf::from) },
        secret: hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()),
        hashing: Bulkhead::new(2, 50),
        nobody: identity::hash(&identity::chance())?.into(),
    };
    let router = router(app, setting("ADMIN_TOKEN"))?;
    let listener = tokio::net::TcpListener::bind(listen).await?;
    tracing::info!("listening on http://{}", listener.local_addr()?);
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    // Ctrl-C: what is under way is answered first.
    let stop = async { tokio::signal::ctrl_c().await.unwrap_or_default() };
    axum::serve(listener, service).with_graceful_shutdown(stop).await?;
    db.close().await;
    Ok(())
}

fn router(app: App, admin_token: Option<String>) -> Result<Router, Failure> {
    let requests = Requests::builder().slow(Duration::from_millis(250)).build();
    let limit = RateLimit::builder(Quota::per_minute(600))
        .route("/users", Quota::per_minute(20))
        .route("/login", Quota::per_minute(20).and(Quota::per_hour(200)))
        .build()?;
    let monitor = Monitor::new()
        .db("chat", &app.db)
        .cache("registry", &app.registry.cache)
        .bulkhead("hashing", &app.hashing)
        .requests("", &requests)
        .rate_limit("all", &limit);
    let mut access = Access::default();
    access.admin_token = admin_token.map(Token::new);
    let admin = Admin::builder().db("chat", &app.db).cache("registry", &app.registry.cache);
    let admin = admin.monitor(&monitor).access(access).build()?;
    Ok(Router::new()
        .route("/users", post(identity::sign_up))
        .route("/login", post(identity::log_in))
        .route("/keys", post(identity::make_key).delete(identity::delete_keys))
        .route("/conversations", get(conversations::list).post(conversations::begin))
        .route(
            "/conversations/{id}",
            get(conversations::one).post(conversations::say).delete(conversations::delete),
        )
        .route("/models", get(models::list))
        .route("/models/compared", get(conversations::compare))
        .route("/health", get(async |State(app): State<App>| app.db.health().await.map(Json)))
        .route("/metrics", get(async move || monitor.prometheus_text()))
        .nest("/admin", admin.router())
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(Compression::new())
        .layer(limit)
        .layer(requests)
        .with_state(app))
}

impl App {
    /// Runs what takes long on a thread of its own, a few at once: requests go on meanwhile.
    async fn slowly<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> axum::response::Result<T> {
        let _place = self.hashing.enter().await?;
        let done = tokio::task::spawn_blocking(work).await;
        Ok(done.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?)
    }
}
