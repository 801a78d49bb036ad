//! Who asks: passwords, the tokens that one gets for them, and keys for programs. Secrets are kept
//! as hashes: passwords by Argon2id, which is slow on purpose; keys, which nobody can guess, by
//! SHA-256.

use std::time::{SystemTime, UNIX_EPOCH};

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response, Result};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use ring::hmac;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::App;

/// How long a token is good for.
const TOKEN_SECONDS: u64 = 8 * 3_600;

/// One algorithm, and its header as a constant: no token can ask for another one.
const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

#[derive(Deserialize)]
pub(crate) struct Login {
    name: String,
    password: String,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    sub: String,
    exp: u64,
}

/// The user of a request, by `Authorization: Bearer TOKEN` or `X-Api-Key: KEY`.
pub(crate) struct User(pub(crate) String);

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

pub(crate) async fn sign_up(
    State(app): State<App>,
    Json(Login { name, password }): Json<Login>,
) -> Result<StatusCode> {
    if password.len() < 12 || password.len() > 1_000 {
        return Err(StatusCode::UNPROCESSABLE_ENTITY.into());
    }
    let password = app.slowly(move || hash(&password)).await?;
    let password = password.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    let sql = "INSERT INTO users (id, name, password) VALUES ($1, $2, $3)";
    app.db.execute(sql).bind(chance()).bind(name).bind(password).await?;
    Ok(StatusCode::CREATED)
}

pub(crate) async fn log_in(State(app): State<App>, Json(login): Json<Login>) -> Result<String> {
    let sql = "SELECT id, password FROM users WHERE name = $1";
    let found: Option<(String, String)> = app.db.query(sql).bind(login.name).optional().await?;
    // For who is not there a password is checked as well, so that the time does not tell.
    let (id, hash) = found.unwrap_or_else(|| (String::new(), app.nobody.to_string()));
    let check = move || {
        let hash = PasswordHash::new(&hash).ok()?;
        Argon2::default().verify_password(login.password.as_bytes(), &hash).ok()
    };
    let is_right = app.slowly(check).await?.is_some() && !id.is_empty();
    if !is_right {
        return Err(StatusCode::UNAUTHORIZED.into());
    }
    let claims = Claims { sub: id, exp: now_ms() / 1_000 + TOKEN_SECONDS };
    let claims = serde_json::to_vec(&claims).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    let signed = format!("{}.{}", BASE64.encode(HEADER), BASE64.encode(claims));
    let signature = BASE64.encode(hmac::sign(&app.secret, signed.as_bytes()));
    Ok(format!("{signed}.{signature}"))
}

/// Shown this once: only its digest is kept.
pub(crate) async fn make_key(user: User, State(app): State<App>) -> Result<String> {
    let key = chance();
    let sql = "INSERT INTO api_keys (digest, user_id) VALUES ($1, $2)";
    app.db.execute(sql).bind(digest(&key)).bind(user.0).await?;
    Ok(key)
}

pub(crate) async fn delete_keys(user: User, State(app): State<App>) -> Result<()> {
    app.db.execute("DELETE FROM api_keys WHERE user_id = $1").bind(user.0).await?;
    Ok(())
}

/// The user of a token that we have signed and that is not over. The signature is looked at first.
fn user_of(secret: &hmac::Key, token: &str) -> Option<String> {
    let (signed, signature) = token.rsplit_once('.')?;
    hmac::verify(secret, signed.as_bytes(), &BASE64.decode(signature).ok()?).ok()?;
    let (header, claims) = signed.split_once('.')?;
    let claims: Claims = serde_json::from_slice(&BASE64.decode(claims).ok()?).ok()?;
    (header == BASE64.encode(HEADER) && claims.exp > now_ms() / 1_000).then_some(claims.sub)
}

pub(crate) fn hash(password: &str) -> argon2::password_hash::Result<String> {
    Ok(Argon2::default().hash_password(password.as_bytes())?.to_string())
}

fn digest(key: &str) -> String {
    BASE64.encode(Sha256::digest(key))
}

/// 256 bits that nobody can guess. Better no answer than a secret that is none.
pub(crate) fn chance() -> String {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).expect("a system that is up has random numbers");
    BASE64.encode(bytes)
}

pub(crate) fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}
