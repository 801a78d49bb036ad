//! What limits refuse, by whom and where, and what they say of it.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::routing::get as on_get;
use axum_core::extract::Request;
use axum_core::response::Response;

use super::{ask, header, request, text};
use crate::clock::Clock;
use crate::guard::Quota;
use crate::http::{RateLimit, RateLimitBuilder};

fn from(peer: &str, uri: &str, headers: &[(&str, &str)]) -> Request {
    let mut request = request("GET", uri, headers);
    let peer: SocketAddr = peer.parse().unwrap();
    request.extensions_mut().insert(ConnectInfo(peer));
    request
}

fn router(limit: &RateLimit) -> Router {
    let mut router = Router::new();
    for path in ["/", "/login", "/posts/{id}", "/health"] {
        router = router.route(path, on_get(|| async { "hi" }));
    }
    router.layer(limit.clone())
}

fn built(builder: RateLimitBuilder) -> (RateLimit, Router, Clock) {
    let clock = Clock::manual();
    let limit = builder.clock(clock.clone()).build().unwrap();
    let router = router(&limit);
    (limit, router, clock)
}

/// How many of `n` requests pass.
async fn passed(router: &Router, n: u32, request: impl Fn() -> Request) -> u32 {
    let mut passed = 0;
    for _ in 0..n {
        let response = ask(router, request()).await;
        assert!([200, 429].contains(&response.status().as_u16()));
        passed += u32::from(response.status() == 200);
    }
    passed
}

fn wait(response: &Response) -> Duration {
    Duration::from_secs(header(response, "retry-after").unwrap().parse().unwrap())
}

#[tokio::test]
async fn a_refusal_says_what_is_allowed_and_when_to_come_again() {
    let quota = Quota::per_minute(3).and(Quota::per_hour(5));
    let (limit, router, clock) = built(RateLimit::builder(quota));
    let come = || from("192.0.2.1:5", "/", &[]);
    let response = ask(&router, come()).await;
    let policy = "\"default-60s\";q=3;w=60, \"default-3600s\";q=5;w=3600";
    assert_eq!(header(&response, "ratelimit-policy"), Some(policy));
    let left = "\"default-60s\";r=2;t=20, \"default-3600s\";r=4;t=720";
    assert_eq!(header(&response, "ratelimit"), Some(left));
    assert_eq!(passed(&router, 9, come).await, 2);
    let refused = ask(&router, come()).await;
    assert_eq!(header(&refused, "content-type"), Some("application/problem+json"));
    assert_eq!(header(&refused, "cache-control"), Some("no-store"));
    assert_eq!(wait(&refused), Duration::from_secs(20));
    clock.advance(wait(&refused) - Duration::from_millis(1));
    assert_eq!(ask(&router, come()).await.status(), 429);
    clock.advance(Duration::from_millis(1));
    assert_eq!(ask(&router, come()).await.status(), 200);
    // The hour's is used up now, and the minute's comes back.
    clock.advance(Duration::from_secs(60));
    assert_eq!(passed(&router, 3, come).await, 1);
    let refused = ask(&router, come()).await;
    assert!(wait(&refused) > Duration::from_secs(60));
    let body = text(refused).await;
    assert!(body.contains("\"status\":429") && body.contains("#quota-exceeded\""), "{body}");
    assert!(body.ends_with("\"violated-policies\":[\"default-3600s\"]}"), "{body}");
    let stats = limit.stats();
    assert_eq!((stats.admitted, stats.refused, stats.keys), (5, 12, 1));
}

#[tokio::test]
async fn routes_have_limits_of_their_own_or_none() {
    let builder = RateLimit::builder(Quota::per_minute(4))
        .route("/login", Quota::per_minute(1))
        .route("/posts/{id}", Quota::per_minute(2))
        .exempt("/health");
    let (_, router, _) = built(builder);
    let come = |uri: &'static str| move || from("192.0.2.1:5", uri, &[]);
    assert_eq!(passed(&router, 9, come("/login")).await, 1);
    assert_eq!(passed(&router, 5, come("/posts/1")).await, 2);
    assert_eq!(passed(&router, 5, come("/posts/2")).await, 0, "one route, whatever the path");
    assert_eq!(passed(&router, 9, come("/health")).await, 9);
    assert_eq!(passed(&router, 9, come("/")).await, 4);
    let free = ask(&router, come("/health")()).await;
    assert_eq!(header(&free, "ratelimit"), None);
    let twice = RateLimit::builder(Quota::per_minute(4)).exempt("/a").exempt("/a").build();
    assert!(twice.unwrap_err().is_usage());
}

#[tokio::test]
async fn clients_are_told_apart_by_user_and_by_address() {
    let builder = RateLimit::builder(Quota::per_minute(1))
        .trusted_proxies(["10.0.0.0/8"])
        .by(|asked| asked.header("x-user").map(str::to_owned));
    let (_, router, _) = built(builder);
    let check = async |peer: &str, headers: &[(&str, &str)], expect: u16| {
        let response = ask(&router, from(peer, "/", headers)).await;
        assert_eq!(response.status().as_u16(), expect, "{peer} {headers:?}");
    };
    check("192.0.2.1:5", &[], 200).await;
    check("192.0.2.1:6", &[], 429).await;
    check("192.0.2.2:5", &[], 200).await;
    // What a client says of itself counts only if a proxy says so that is trusted.
    check("192.0.2.1:5", &[("x-forwarded-for", "198.51.100.1")], 429).await;
    check("10.0.0.1:5", &[("x-forwarded-for", "198.51.100.1")], 200).await;
    check("10.0.0.2:5", &[("x-forwarded-for", "6.6.6.6, 198.51.100.1")], 429).await;
    check("10.0.0.1:5", &[("x-forwarded-for", "198.51.100.2")], 200).await;
    // Whoever has one address of a /64 has them all.
    check("[2001:db8:0:1::1]:5", &[], 200).await;
    check("[2001:db8:0:1:ffff::2]:5", &[], 429).await;
    check("[2001:db8:0:2::1]:5", &[], 200).await;
    check("192.0.2.1:5", &[("x-user", "ada")], 200).await;
    check("192.0.2.9:5", &[("x-user", "ada")], 429).await;
    check("192.0.2.9:5", &[("x-user", "192.0.2.1")], 200).await;
    let long = "x".repeat(5_000);
    check("192.0.2.9:5", &[("x-user", &long)], 200).await;
    check("192.0.2.9:5", &[("x-user", &long)], 429).await;
    check("192.0.2.9:5", &[("x-user", &format!("{long}y"))], 200).await;
    // Without an address all are one.
    assert_eq!(ask(&router, request("GET", "/", &[])).await.status(), 200);
    assert_eq!(ask(&router, request("GET", "/", &[])).await.status(), 429);
}

/// A client that makes up keys gains nothing by it, and takes nothing from who was there before.
#[tokio::test]
async fn a_flood_of_keys_resets_no_limit() {
    let builder = RateLimit::builder(Quota::per_hour(2))
        .keys_max(10)
        .by(|asked| asked.header("x-user").map(str::to_owned));
    let (limit, router, clock) = built(builder);
    let come = |user: String| {
        let router = &router;
        async move { ask(router, from("192.0.2.1:5", "/", &[("x-user", &user)])).await.status() }
    };
    assert_eq!(come("ada".into()).await, 200);
    assert_eq!(come("ada".into()).await, 200);
    assert_eq!(come("ada".into()).await, 429);
    let mut admitted = 0;
    for n in 0..4_000 {
        admitted += u32::from(come(format!("made up {n}")).await == 200);
    }
    assert_eq!(come("ada".into()).await, 429, "the limit is still there");
    assert!(limit.stats().keys <= 10);
    // Of 4,000 new names most share a quota with others: 2 for each of 1,024, and 9 that had room.
    assert!((1_500..=2_057).contains(&admitted), "{admitted}");
    assert!(limit.stats().crowded > 3_000);
    // When there is room again, keys have their own.
    clock.advance(Duration::from_secs(7_200));
    assert_eq!(come("new".into()).await, 200);
    assert_eq!(come("new".into()).await, 200);
    assert_eq!(come("new".into()).await, 429);
}

#[tokio::test]
async fn nothing_passes_a_quota_of_nothing() {
    let (_, router, _) = built(RateLimit::builder(Quota::per_minute(0)));
    let refused = ask(&router, from("192.0.2.1:5", "/", &[])).await;
    assert_eq!(refused.status(), 429);
    assert_eq!(header(&refused, "retry-after"), None);
    assert_eq!(header(&refused, "ratelimit-policy"), Some("\"default-1s\";q=0;w=1"));
}
