//! Who asks: passwords, kept by Argon2id, which is slow on purpose; the tokens that one gets for
//! them; and keys for programs, of which a plain digest is kept, since nobody can guess them.

use std::time::{SystemTime, UNIX_EPOCH};

use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response, Result};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use forebay::Db;
use ring::hmac;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::task::spawn_blocking;

use super::App;

/// `{"alg":"HS256","typ":"JWT"}`: no token can ask for another algorithm.
const HEADER: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.";

/// For names that nobody has: to refuse them at once would tell which names there are.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5aXM$AAAAAAAAAAAAAAAAAAAAAA";

#[derive(Deserialize)]
pub(super) struct Login {
    name: String,
    password: String,
}

/// The user of a request, by `Authorization: Bearer TOKEN` or `X-Api-Key: KEY`.
pub(super) struct User(pub(super) String);

impl FromRequestParts<App> for User {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<User, Response> {
        let text = |name| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let token = text("authorization").and_then(|value| value.strip_prefix("Bearer "));
        // Either is answered from memory nearly always, and whoever is deleted is out at once.
        let (sql, shown) = match (token, text("x-api-key")) {
            (Some(token), _) => ("SELECT id FROM users WHERE id = $1", user_of(&app.secret, token)),
            (None, key) => ("SELECT user_id FROM api_keys WHERE digest = $1", key.map(digest)),
        };
        let shown = shown.ok_or_else(|| StatusCode::UNAUTHORIZED.into_response())?;
        let found = app.db.query(sql).bind(shown).optional::<(String,)>().await;
        let found = found.map_err(IntoResponse::into_response)?;
        found.map(|(id,)| User(id)).ok_or_else(|| StatusCode::UNAUTHORIZED.into_response())
    }
}

pub(super) async fn sign_up(State(app): State<App>, Json(new): Json<Login>) -> Result<StatusCode> {
    if !(12..=1_000).contains(&new.password.len()) {
        return Err(StatusCode::UNPROCESSABLE_ENTITY.into());
    }
    let _place = app.hashing.enter().await?;
    let hash = spawn_blocking(move || Argon2::default().hash_password(new.password.as_bytes()));
    let hash = hash.await.ok().and_then(Result::ok).ok_or(StatusCode::INTERNAL_SERVER_ERROR)?;
    let sql = "INSERT INTO users (id, name, password) VALUES ($1, $2, $3)";
    app.db.execute(sql).bind(chance()).bind(new.name).bind(hash.to_string()).await?;
    Ok(StatusCode::CREATED)
}

pub(super) async fn log_in(State(app): State<App>, Json(login): Json<Login>) -> Result<String> {
    let sql = "SELECT id, password FROM users WHERE name = $1";
    let found: Option<(String, String)> = app.db.query(sql).bind(login.name).optional().await?;
    let hash = found.as_ref().map_or(NOBODY, |(_, hash)| hash).to_owned();
    let _place = app.hashing.enter().await?;
    let check = move || Argon2::default().verify_password(login.password.as_bytes(), &*hash);
    let is_right = spawn_blocking(check).await.is_ok_and(|checked| checked.is_ok());
    let (id, _) = found.filter(|_| is_right).ok_or(StatusCode::UNAUTHORIZED)?;
    // It is good for eight hours.
    let claims = json!({ "sub": id, "exp": now_ms() / 1_000 + 8 * 3_600 });
    let signed = format!("{HEADER}{}", BASE64.encode(claims.to_string()));
    let signature = BASE64.encode(hmac::sign(&app.secret, signed.as_bytes()));
    Ok(format!("{signed}.{signature}"))
}

pub(super) async fn make_key(user: User, db: Db) -> Result<String> {
    let key = chance();
    let sql = "INSERT INTO api_keys (digest, user_id) VALUES ($1, $2)";
    db.execute(sql).bind(digest(&key)).bind(user.0).await?;
    Ok(key)
}

pub(super) async fn delete_keys(user: User, db: Db) -> Result<()> {
    db.execute("DELETE FROM api_keys WHERE user_id = $1").bind(user.0).await?;
    Ok(())
}

/// The user of a token that we have signed and that is not over. The signature is looked at first.
fn user_of(secret: &hmac::Key, token: &str) -> Option<String> {
    let (signed, signature) = token.rsplit_once('.')?;
    hmac::verify(secret, signed.as_bytes(), &BASE64.decode(signature).ok()?).ok()?;
    let claims = BASE64.decode(signed.strip_prefix(HEADER)?).ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    let is_over = claims["exp"].as_u64()? <= now_ms() / 1_000;
    claims["sub"].as_str().filter(|_| !is_over).map(str::to_owned)
}

fn digest(key: &str) -> String {
    BASE64.encode(Sha256::digest(key))
}

/// 256 bits that nobody can guess. Better no answer than a secret that is none.
pub(super) fn chance() -> String {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).expect("a system that is up has random numbers");
    BASE64.encode(bytes)
}

pub(super) fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_millis() as u64)
}
