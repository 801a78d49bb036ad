//! What is looked at.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::access::{Caller, Role};
use super::builder::Inner;
use super::shown;
use super::wish::{Sort, Wish};
use crate::failure::Failure;
use crate::http::{Dialect, failure, small};

/// What everybody is answered.
pub(super) fn answer(result: Result<Value, Failure>) -> Response {
    match result {
        Ok(value) => small(StatusCode::OK, &value),
        Err(refusal) => failure(&refusal, Dialect::Plain),
    }
}

pub(super) async fn cache_stats(State(admin): State<Arc<Inner>>) -> Response {
    let dbs = admin.dbs.iter().map(|(name, db)| (name.clone(), shown::cache(&db.stats().cache)));
    let caches = admin.caches.iter();
    let caches = caches.map(|(name, cache)| (name.clone(), shown::keyed(&cache.stats())));
    answer(Ok(json!({ "databases": object(dbs), "caches": object(caches) })))
}

pub(super) async fn modes(State(admin): State<Arc<Inner>>) -> Response {
    let modes = admin.dbs.iter().map(|(name, db)| (name.clone(), json!(db.cache().mode().name())));
    answer(Ok(json!({ "databases": object(modes) })))
}

pub(super) async fn pools(State(admin): State<Arc<Inner>>) -> Response {
    let pools = admin.dbs.iter().map(|(name, db)| (name.clone(), shown::pools(&db.stats())));
    answer(Ok(json!({ "databases": object(pools) })))
}

pub(super) async fn config(State(admin): State<Arc<Inner>>) -> Response {
    let settings = admin.settings.iter().map(|(name, value)| (name.clone(), json!(value)));
    answer(Ok(json!({
        "settings": object(settings),
        "configuration": admin.configuration.shown(),
    })))
}

pub(super) async fn whoami(
    State(admin): State<Arc<Inner>>,
    Extension(caller): Extension<Caller>,
) -> Response {
    let role = match caller.role {
        Role::Reader => "reader",
        Role::Admin => "admin",
    };
    let is_open = admin.access.allows_changes();
    let databases: Vec<&str> = admin.dbs.iter().map(|(name, _)| name.as_str()).collect();
    answer(Ok(json!({
        "name": caller.name,
        "role": role,
        "changes_allowed": is_open,
        "databases": databases,
        "version": env!("CARGO_PKG_VERSION"),
    })))
}

/// The statements of a database, in the order that the request asks for.
pub(super) async fn fingerprints(
    State(admin): State<Arc<Inner>>,
    RawQuery(query): RawQuery,
) -> Response {
    answer(Wish::parse(query.as_deref(), &["db", "limit", "sort"]).and_then(|wish| {
        let db = admin.db(wish.db.as_deref())?;
        let mut all = db.stats().fingerprints;
        let known = all.len();
        // The library gives the busiest first.
        match wish.sort {
            Sort::Calls => {}
            Sort::Time => all.sort_by_key(|one| std::cmp::Reverse(one.origin_time)),
            Sort::Errors => all.sort_by_key(|one| std::cmp::Reverse(one.errors)),
            Sort::Misses => all.sort_by_key(|one| std::cmp::Reverse(one.misses)),
        }
        all.truncate(wish.limit);
        let shown: Vec<Value> = all.iter().map(shown::fingerprint).collect();
        Ok(json!({ "known": known, "fingerprints": shown }))
    }))
}

/// What was slow lately, the latest first, and the query plans that have changed.
pub(super) async fn slow(State(admin): State<Arc<Inner>>, RawQuery(query): RawQuery) -> Response {
    answer(Wish::parse(query.as_deref(), &["db", "limit"]).and_then(|wish| {
        let log = admin.db(wish.db.as_deref())?.slow();
        let latest = |count: usize| count.saturating_sub(wish.limit);
        let statements = &log.statements[latest(log.statements.len())..];
        let changes = &log.plan_changes[latest(log.plan_changes.len())..];
        Ok(json!({
            "known": log.statements.len(),
            "statements": statements.iter().rev().map(shown::slow).collect::<Vec<_>>(),
            "plan_changes": changes.iter().rev().map(shown::plan_change).collect::<Vec<_>>(),
        }))
    }))
}

/// Statements that are run once for each of many keys, the dearest first. It may read the schema.
pub(super) async fn repeats(
    State(admin): State<Arc<Inner>>,
    RawQuery(query): RawQuery,
) -> Response {
    let asked = async {
        let wish = Wish::parse(query.as_deref(), &["db", "limit"])?;
        let db = admin.db(wish.db.as_deref())?;
        let limit = admin.health_timeout;
        let found = tokio::time::timeout(limit, db.repeats()).await.map_err(|_| {
            let text = format!("the schema was not read within {limit:?}; try again later");
            Failure::new(503, "REPEATS_TIMEOUT", text)
        })?;
        let shown: Vec<Value> = found.iter().take(wish.limit).map(shown::repeat).collect();
        Ok(json!({ "known": found.len(), "findings": shown }))
    };
    answer(asked.await)
}

/// What is wrong with the databases and the parts beside them. It reads each database.
pub(super) async fn health(State(admin): State<Arc<Inner>>) -> Response {
    let looking = async {
        let _turn = admin.looking.acquire().await;
        let mut dbs = Map::new();
        for (name, db) in &admin.dbs {
            let found = match db.health().await {
                Ok(health) => shown::health(&health),
                Err(error) => json!({ "status": "unavailable", "error": error.message() }),
            };
            dbs.insert(name.clone(), found);
        }
        dbs
    };
    let limit = admin.health_timeout;
    answer(match tokio::time::timeout(limit, looking).await {
        Ok(dbs) => {
            let parts = admin.monitor.health().into_iter().map(|part| {
                json!({ "part": part.part, "name": part.name, "is_well": part.is_well,
                    "state": part.word, "because": part.why })
            });
            Ok(json!({ "databases": dbs, "parts": parts.collect::<Vec<_>>() }))
        }
        Err(_) => Err(Failure::new(
            503,
            "HEALTH_TIMEOUT",
            format!("the databases were not looked through within {limit:?}; try again later"),
        )),
    })
}

/// The id of a statement, in 16 digits of base 16.
pub(super) fn fingerprint_id(text: &str) -> Result<u64, Failure> {
    let is_id = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let id = is_id.then(|| u64::from_str_radix(text, 16).ok()).flatten();
    id.ok_or_else(|| Failure::bad("FINGERPRINT_INVALID", "a fingerprint is 16 digits of base 16"))
}

fn object(pairs: impl Iterator<Item = (String, Value)>) -> Value {
    Value::Object(pairs.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_or_refused() {
        for (id, expect) in [
            ("00000000000000ff", Some(255)),
            ("00000000000000FF", Some(255)),
            ("ff", None),
            ("+0000000000000ff", None),
            ("000000000000000g", None),
            ("../../etc/passwd", None),
            ("", None),
        ] {
            assert_eq!(fingerprint_id(id).ok(), expect, "{id}");
        }
    }
}
