//! Rate limits of requests that processes share.

use axum::body::Body;
use axum::extract::Request;
use axum::{Router, routing::get};
use cluster::RedisServer;
use forebay::http::RateLimit;
use forebay::{Quota, Redis};
use tower_service::Service as _;

use crate::place::{patient, server, tier};

/// So slow that nothing comes back during a test.
fn quota() -> Quota {
    Quota::per_hour(6).and(Quota::per(8, std::time::Duration::from_secs(86_400)))
}

fn limit(redis: &Redis) -> RateLimit {
    let user = |asked: &forebay::http::Asked<'_>| asked.header("x-user").map(str::to_owned);
    RateLimit::builder(quota()).by(user).redis(redis).build().unwrap()
}

/// A process of its own: a layer with a connection of its own.
async fn process(server: &RedisServer) -> (RateLimit, Router) {
    let limit = limit(&tier(server).await);
    let router = Router::new().route("/", get(|| async {})).layer(limit.clone());
    (limit, router)
}

async fn ask(router: &Router, user: &str) -> (u16, String) {
    let request = Request::builder().uri("/").header("x-user", user);
    let mut router = router.clone();
    let response = router.call(request.body(Body::empty()).unwrap()).await.unwrap();
    let left = response.headers()["ratelimit"].to_str().unwrap().to_owned();
    assert_eq!(response.status() == 429, response.headers().contains_key("retry-after"));
    (response.status().as_u16(), left)
}

#[tokio::test]
async fn processes_share_a_limit() {
    let Some(server) = server() else { return };
    let ((here, first), (there, second)) = (process(&server).await, process(&server).await);
    let mut admitted = 0;
    for n in 0..20 {
        let router = if n % 2 == 0 { &first } else { &second };
        let (status, left) = ask(router, "ada").await;
        admitted += u32::from(status == 200);
        assert_eq!(status == 200, n < 6, "{n}: {left}");
        if n < 6 {
            assert!(left.contains(&format!("\"default-3600s\";r={};", 5 - n)), "{n}: {left}");
            assert!(left.contains(&format!("\"default-86400s\";r={};", 7 - n)), "{n}: {left}");
        }
    }
    assert_eq!(admitted, 6);
    assert_eq!(ask(&second, "eve").await.0, 200, "another user");
    let (here, there) = (here.stats(), there.stats());
    assert_eq!((here.admitted + there.admitted, here.refused + there.refused), (7, 14));
    assert_eq!((here.alone, there.alone), (0, 0));
}

/// All at once, by one script: never more than the quota.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn none_too_many_pass_at_once() {
    let Some(server) = server() else { return };
    let ((_, first), (_, second)) = (process(&server).await, process(&server).await);
    let asking: Vec<_> = (0..40)
        .map(|n| {
            let router = if n % 2 == 0 { first.clone() } else { second.clone() };
            tokio::spawn(async move { ask(&router, "ada").await.0 })
        })
        .collect();
    let mut admitted = 0;
    for asking in asking {
        admitted += u32::from(asking.await.unwrap() == 200);
    }
    assert_eq!(admitted, 6);
}

/// Without Redis each process limits for itself, and says so.
#[tokio::test]
async fn a_process_without_its_server_limits_alone() {
    let Some(server) = server() else { return };
    let (limit, router) = process(&server).await;
    assert_eq!(ask(&router, "ada").await.0, 200);
    drop(server);
    let mut admitted = 1;
    for _ in 0..20 {
        admitted += u32::from(ask(&router, "ada").await.0 == 200);
    }
    assert_eq!(admitted, 6, "what it had counted before still counts");
    assert_eq!(limit.stats().alone, 5);
    let nowhere = patient("redis://127.0.0.1:1").connect().await.unwrap();
    let alone = self::limit(&nowhere);
    let router = Router::new().route("/", get(|| async {})).layer(alone.clone());
    assert_eq!(ask(&router, "ada").await.0, 200);
    assert_eq!(alone.stats().alone, 1);
}
