//! What is changed. Each change is logged with who has asked for it: with the target
//! `forebay::admin`, and without keys, tags and patterns, which may be about people.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::Response;
use forebay::{Cache, CacheMode, Db, StatementRef};
use http_body_util::BodyExt as _;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::access::Caller;
use super::builder::Inner;
use super::read::fingerprint_id;
use crate::failure::Failure;
use crate::http::{Dialect, check_content_type, failure, small};

/// Bytes of a request.
const BODY_BYTES_MAX: usize = 16 << 10;

/// How long a request may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// What to clear; exactly one of `all`, `tag`, `pattern`, `table`, `fingerprint`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Clear {
    db: Option<String>,
    cache: Option<String>,
    all: Option<bool>,
    tag: Option<String>,
    pattern: Option<String>,
    table: Option<String>,
    fingerprint: Option<String>,
}

/// Which switch to set; without a table or a statement, the one for all. `null` takes the switch of
/// a table or a statement away.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SetMode {
    db: Option<String>,
    mode: Option<String>,
    table: Option<String>,
    fingerprint: Option<String>,
}

/// Where something is to be cleared.
struct Places<'a> {
    dbs: Vec<&'a Db>,
    caches: Vec<&'a Cache>,
}

impl Inner {
    /// The database of this name; the first one without a name.
    pub(super) fn db(&self, name: Option<&str>) -> Result<&Db, Failure> {
        self.named_db(name).map(|(_, db)| db)
    }

    /// The same with its name.
    pub(super) fn named_db(&self, name: Option<&str>) -> Result<(&str, &Db), Failure> {
        let found = match name {
            Some(name) => self.dbs.iter().find(|(own, _)| own == name),
            None => self.dbs.first(),
        };
        found.map(|(name, db)| (name.as_str(), db)).ok_or_else(|| {
            Failure::new(404, "DATABASE_UNKNOWN", "there is no database of this name")
        })
    }

    fn cache(&self, name: &str) -> Result<&Cache, Failure> {
        let found = self.caches.iter().find(|(own, _)| own == name);
        found
            .map(|(_, cache)| cache)
            .ok_or_else(|| Failure::new(404, "CACHE_UNKNOWN", "there is no cache of this name"))
    }

    /// What is named; all there is if nothing is.
    fn places(&self, clear: &Clear) -> Result<Places<'_>, Failure> {
        let (db, cache) = (clear.db.as_deref(), clear.cache.as_deref());
        let is_whole = db.is_none() && cache.is_none();
        let dbs = match db {
            Some(name) => vec![self.db(Some(name))?],
            None if is_whole => self.dbs.iter().map(|(_, db)| db).collect(),
            None => Vec::new(),
        };
        let caches = match cache {
            Some(name) => vec![self.cache(name)?],
            None if is_whole => self.caches.iter().map(|(_, cache)| cache).collect(),
            None => Vec::new(),
        };
        Ok(Places { dbs, caches })
    }
}

pub(super) async fn clear(
    State(admin): State<Arc<Inner>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Response {
    told(&caller, "clear", cleared(&admin, request).await)
}

async fn cleared(admin: &Inner, request: Request) -> Result<Value, Failure> {
    let wish: Clear = body(request).await?;
    let places = admin.places(&wish)?;
    wish.run(&places).await
}

impl Clear {
    /// Clears it. A tier that has not acknowledged it makes an error: something may be left.
    async fn run(&self, places: &Places<'_>) -> Result<Value, Failure> {
        let wishes = [
            self.all.is_some(),
            self.tag.is_some(),
            self.pattern.is_some(),
            self.table.is_some(),
            self.fingerprint.is_some(),
        ];
        if wishes.iter().filter(|is_there| **is_there).count() != 1 || self.all == Some(false) {
            let text = "give one of all (true), tag, pattern, table and fingerprint";
            return Err(Failure::bad("REQUEST_INVALID", text));
        }
        if let Some(tag) = &self.tag {
            places.dbs.iter().for_each(|db| db.delete_by_tag(tag));
            for cache in &places.caches {
                cache.delete_by_tag(tag).await?;
            }
            return Ok(json!({ "cleared": "tag" }));
        }
        if let Some(pattern) = &self.pattern {
            if places.caches.is_empty() {
                let text = "patterns are over keys of caches: name a cache";
                return Err(Failure::bad("REQUEST_INVALID", text));
            }
            let mut count = 0;
            for cache in &places.caches {
                count += cache.delete_pattern(pattern).await?;
            }
            return Ok(json!({ "cleared": "pattern", "count": count }));
        }
        let of_databases = self.table.is_some() || self.fingerprint.is_some();
        if of_databases && places.dbs.is_empty() {
            let text = "tables and fingerprints are of databases: name a database";
            return Err(Failure::bad("REQUEST_INVALID", text));
        }
        if let Some(table) = &self.table {
            places.dbs.iter().for_each(|db| db.cache().clear_table(table));
            return Ok(json!({ "cleared": "table" }));
        }
        if let Some(id) = &self.fingerprint {
            let id = fingerprint_id(id)?;
            places.dbs.iter().for_each(|db| db.cache().clear_query(id));
            return Ok(json!({ "cleared": "fingerprint" }));
        }
        places.dbs.iter().for_each(|db| db.cache().clear());
        for cache in &places.caches {
            cache.clear().await?;
        }
        Ok(json!({ "cleared": "all" }))
    }
}

pub(super) async fn set_mode(
    State(admin): State<Arc<Inner>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Response {
    told(&caller, "set_mode", mode_set(&admin, request).await)
}

async fn mode_set(admin: &Inner, request: Request) -> Result<Value, Failure> {
    let wish: SetMode = body(request).await?;
    let mode = wish.mode.as_deref().map(str::parse::<CacheMode>).transpose()?;
    let cache = admin.db(wish.db.as_deref())?.cache();
    let of = match (&wish.table, &wish.fingerprint, mode) {
        (None, None, Some(mode)) => {
            cache.set_mode(mode);
            "all"
        }
        (Some(table), None, mode) => {
            cache.set_table_mode(table, mode)?;
            "table"
        }
        (None, Some(id), mode) => {
            cache.set_query_mode(StatementRef::from(fingerprint_id(id)?), mode)?;
            "fingerprint"
        }
        _ => {
            let text = "give a mode, and a table or a fingerprint or neither";
            return Err(Failure::bad("REQUEST_INVALID", text));
        }
    };
    Ok(json!({ "mode": mode.map(CacheMode::name), "of": of }))
}

/// Logs what was done, and answers it.
pub(super) fn told(caller: &Caller, action: &str, done: Result<Value, Failure>) -> Response {
    let who = caller.name.as_str();
    match done {
        Ok(value) => {
            tracing::info!(target: "forebay::admin", who, action, what = %value, "changed");
            small(StatusCode::OK, &value)
        }
        Err(refusal) => {
            let code = refusal.code;
            tracing::warn!(target: "forebay::admin", who, action, code, "not changed");
            failure(&refusal, Dialect::Plain)
        }
    }
}

/// The body of a request, within its bounds.
pub(super) async fn body<T: DeserializeOwned>(request: Request) -> Result<T, Failure> {
    check_content_type(request.headers())?;
    let too_large = || {
        let text = format!("a request to the admin API has {BODY_BYTES_MAX} bytes at most");
        Failure::new(413, "BODY_TOO_LARGE", text)
    };
    let declared = request.headers().get(header::CONTENT_LENGTH);
    let declared = declared.and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if declared.is_some_and(|bytes| bytes > BODY_BYTES_MAX) {
        return Err(too_large());
    }
    let body = http_body_util::Limited::new(request.into_body(), BODY_BYTES_MAX);
    let read = tokio::time::timeout(BODY_TIMEOUT, body.collect()).await;
    let read = read.map_err(|_| {
        Failure::new(408, "BODY_TIMEOUT", "the body of the request did not arrive in time")
    })?;
    let bytes = read.map_err(|_| too_large())?.to_bytes();
    serde_json::from_slice(&bytes)
        .map_err(|error| Failure::bad("REQUEST_INVALID", format!("the body is not right: {error}")))
}
