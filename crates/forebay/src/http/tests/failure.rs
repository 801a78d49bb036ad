//! What clients are told of errors.

use axum::routing::get;
use serde_json::Value;

use super::{ask, header, request, text};
use crate::db::Db;
use crate::error::{Constraint, Error, Kind};
use crate::guard::{Breaker, Limiter, Quota};

async fn answer(error: Error) -> (u16, Option<String>, Value) {
    let router: axum::Router =
        axum::Router::new().route("/", get(move || async move { Err::<(), Error>(error.share()) }));
    let response = ask(&router, request("GET", "/", &[])).await;
    assert_eq!(header(&response, "content-type"), Some("application/problem+json"));
    assert_eq!(header(&response, "cache-control"), Some("no-store"));
    let wait = header(&response, "retry-after").map(str::to_owned);
    let status = response.status().as_u16();
    (status, wait, serde_json::from_str(&text(response).await).unwrap())
}

#[tokio::test]
async fn each_kind_has_a_status_and_no_text_of_ours() {
    let secret = "SELECT secret FROM hidden";
    let all = [
        (Kind::Cursor, 400),
        (Kind::NotFound, 404),
        (Kind::Constraint(Constraint::Unique), 409),
        (Kind::Constraint(Constraint::ForeignKey), 409),
        (Kind::Constraint(Constraint::NotNull), 422),
        (Kind::Constraint(Constraint::Check), 422),
        (Kind::Constraint(Constraint::Other), 422),
        (Kind::RateLimited, 429),
        (Kind::Load, 502),
        (Kind::Busy, 503),
        (Kind::PoolExhausted, 503),
        (Kind::CircuitOpen, 503),
        (Kind::Overloaded, 503),
        (Kind::Disconnected, 503),
        (Kind::Lost, 503),
        (Kind::Closed, 503),
        (Kind::Open, 503),
        (Kind::Timeout, 504),
        (Kind::Usage, 500),
        (Kind::Denied, 500),
        (Kind::Decode, 500),
        (Kind::ReadOnly, 500),
        (Kind::Full, 500),
        (Kind::Corrupt, 500),
        (Kind::TooLarge, 500),
        (Kind::Cancelled, 500),
        (Kind::Database, 500),
    ];
    for (kind, expect) in all {
        let error = Error::new(kind, secret).with_statement(secret.into());
        let (status, wait, body) = answer(error).await;
        assert_eq!(status, expect, "{kind:?}");
        assert_eq!(body["status"], expect);
        assert_eq!(wait, None);
        assert!(!body.to_string().contains("hidden"), "{body}");
    }
}

#[tokio::test]
async fn whoever_has_to_wait_is_told_how_long() {
    let limiter = Limiter::new(Quota::per_minute(1));
    limiter.try_acquire("ada").unwrap();
    let (status, wait, _) = answer(limiter.try_acquire("ada").unwrap_err()).await;
    assert_eq!((status, wait.as_deref()), (429, Some("60")));
    let breaker = Breaker::builder().build();
    breaker.force_open();
    assert_eq!(answer(breaker.check().unwrap_err()).await.0, 503);
}

#[tokio::test]
async fn handlers_return_what_the_database_says() {
    let db = crate::open("sqlite::memory:").await.unwrap();
    db.execute_batch("CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1)")
        .await
        .unwrap();
    async fn insert(db: Db) -> crate::Result<&'static str> {
        db.execute("INSERT INTO t VALUES (1)").await?;
        Ok("made")
    }
    async fn find(db: Db) -> crate::Result<String> {
        let id: i64 = db.query("SELECT id FROM t WHERE id = 2").scalar().await?;
        Ok(id.to_string())
    }
    let router = axum::Router::new().route("/", get(find).post(insert)).with_state(db);
    assert_eq!(ask(&router, request("POST", "/", &[])).await.status(), 409);
    assert_eq!(ask(&router, request("GET", "/", &[])).await.status(), 404);
}
