//! Answers that are kept: what is, for whom and how long, and that each is what the database says.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use axum::routing::{get as on_get, post as on_post};
use axum_core::body::Body;
use axum_core::response::Response;
use proptest::prelude::*;
use tokio::sync::Semaphore;

use super::{ask, get, header, request, text};
use crate::clock::Clock;
use crate::db::Db;
use crate::http::{ResponseCache, ResponseCacheBuilder};

/// A site: posts with a number of likes each.
#[derive(Clone)]
struct Site {
    db: Db,
    runs: Arc<AtomicU64>,
    /// Handlers of `/slow` wait here.
    gate: Arc<Semaphore>,
}

impl axum_core::extract::FromRef<Site> for Db {
    fn from_ref(site: &Site) -> Db {
        site.db.clone()
    }
}

impl Site {
    async fn new() -> Site {
        let db = crate::open("sqlite::memory:").await.unwrap();
        let schema = "CREATE TABLE post (id INTEGER PRIMARY KEY, likes INTEGER NOT NULL);
            INSERT INTO post VALUES (1, 0), (2, 0), (3, 0)";
        db.execute_batch(schema).await.unwrap();
        Site { db, runs: Arc::default(), gate: Arc::new(Semaphore::new(0)) }
    }

    fn runs(&self) -> u64 {
        self.runs.load(Ordering::Relaxed)
    }

    async fn like(&self, id: i64) {
        let sql = "UPDATE post SET likes = likes + 1 WHERE id = ?";
        self.db.execute(sql).bind(id).await.unwrap();
    }

    async fn likes(&self, id: i64) -> i64 {
        let sql = "SELECT likes FROM post WHERE id = ?";
        self.db.query(sql).bind(id).scalar().await.unwrap()
    }
}

/// Answers with the likes of a post, and with whatever headers the request asks for as `say-…`.
async fn post(
    State(site): State<Site>,
    Path(id): Path<i64>,
    asked: HeaderMap,
) -> impl IntoResponse {
    site.runs.fetch_add(1, Ordering::Relaxed);
    let mut said = HeaderMap::new();
    for (name, value) in &asked {
        if let Some(name) = name.as_str().strip_prefix("say-") {
            said.append(http::HeaderName::try_from(name).unwrap(), value.clone());
        }
    }
    (said, site.likes(id).await.to_string())
}

fn built(builder: ResponseCacheBuilder, site: &Site) -> (ResponseCache, Router, Clock) {
    let clock = Clock::manual();
    let cache = builder.clock(clock.clone()).build().unwrap();
    let slow = |State(site): State<Site>| async move {
        site.runs.fetch_add(1, Ordering::Relaxed);
        site.gate.acquire().await.unwrap().forget();
        ([("cache-control", "max-age=60")], site.likes(1).await.to_string())
    };
    let in_transaction = |State(site): State<Site>| async move {
        site.runs.fetch_add(1, Ordering::Relaxed);
        let sql = "SELECT likes FROM post WHERE id = 1";
        let work = |tx: crate::Transaction| async move { tx.query(sql).scalar::<i64>().await };
        let likes = site.db.transaction(work).await.unwrap();
        ([("cache-control", "max-age=60")], likes.to_string())
    };
    let without = |State(site): State<Site>| async move {
        let runs = site.runs.fetch_add(1, Ordering::Relaxed);
        ([("cache-control", "max-age=60")], runs.to_string())
    };
    let stream = |State(site): State<Site>| async move {
        site.runs.fetch_add(1, Ordering::Relaxed);
        let likes = site.likes(1).await.to_string();
        let parts = futures_util::stream::iter([Ok::<_, std::io::Error>(likes)]);
        ([("cache-control", "max-age=60")], Body::from_stream(parts))
    };
    let panics = || async {
        if true {
            panic!("on purpose")
        }
    };
    let router = Router::new()
        .route("/post/{id}", on_get(post))
        .route("/slow", on_get(slow))
        .route("/transaction", on_get(in_transaction))
        .route("/without", on_get(without).merge(on_post(|| async {})))
        .route("/stream", on_get(stream))
        .route("/panics", on_get(panics))
        .route_layer(cache.clone())
        .with_state(site.clone());
    (cache, router, clock)
}

const FRESH: (&str, &str) = ("say-cache-control", "max-age=60");

async fn asked(router: &Router, uri: &str, headers: &[(&str, &str)]) -> Response {
    ask(router, request("GET", uri, headers)).await
}

#[tokio::test]
async fn an_answer_is_given_again_until_a_write_or_its_time_ends_it() {
    let site = Site::new().await;
    let (cache, router, clock) = built(ResponseCache::builder(), &site);
    let check = async |expect: &str, runs: u64, age: Option<&str>, status: &str| {
        let response = asked(&router, "/post/1", &[FRESH]).await;
        assert_eq!(header(&response, "age"), age);
        assert_eq!(header(&response, "cache-control"), Some("max-age=60"));
        assert_eq!(header(&response, "cache-status"), Some(status));
        assert_eq!((text(response).await.as_str(), site.runs()), (expect, runs));
    };
    check("0", 1, Some("0"), "forebay; fwd=miss; stored").await;
    clock.advance(Duration::from_secs(20));
    check("0", 1, Some("20"), "forebay; hit; ttl=40").await;
    site.like(2).await;
    check("0", 1, Some("20"), "forebay; hit; ttl=40").await;
    site.like(1).await;
    check("1", 2, Some("0"), "forebay; fwd=miss; stored").await;
    clock.advance(Duration::from_secs(59));
    check("1", 2, Some("59"), "forebay; hit; ttl=1").await;
    clock.advance(Duration::from_secs(1));
    check("1", 3, Some("0"), "forebay; fwd=miss; stored").await;
    cache.clear().await;
    check("1", 4, Some("0"), "forebay; fwd=miss; stored").await;
    let stats = cache.stats();
    assert_eq!((stats.hits, stats.made, stats.joined), (3, 4, 0));
}

#[tokio::test]
async fn who_has_the_answer_already_is_told_so() {
    let site = Site::new().await;
    let (_, router, _) = built(ResponseCache::builder(), &site);
    let first = asked(&router, "/post/1", &[FRESH]).await;
    let tag = header(&first, "etag").unwrap().to_owned();
    assert!(tag.starts_with('"'), "{tag} is strong");
    let weak = format!("W/{tag}");
    for sent in [tag.as_str(), weak.as_str(), "*"] {
        let response = asked(&router, "/post/1", &[FRESH, ("if-none-match", sent)]).await;
        assert_eq!(response.status(), 304, "{sent}");
        let expect = if sent == "*" { &tag } else { sent };
        assert_eq!(header(&response, "etag"), Some(expect));
        assert_eq!(header(&response, "cache-control"), Some("max-age=60"));
        assert_eq!(text(response).await, "");
    }
    let head = ask(&router, request("HEAD", "/post/1", &[FRESH])).await;
    assert_eq!((header(&head, "content-length"), header(&head, "etag")), (Some("1"), Some(&*tag)));
    assert_eq!(text(head).await, "");
    assert_eq!(site.runs(), 1);
    site.like(1).await;
    let changed = asked(&router, "/post/1", &[FRESH, ("if-none-match", &tag)]).await;
    assert_eq!(changed.status(), 200);
    assert_ne!(header(&changed, "etag"), Some(&*tag));
    assert_eq!(text(changed).await, "1");
    // The tag of a handler is its own, kept or not.
    for (uri, fresh) in [("/post/2", FRESH), ("/post/3", ("say-x", "1"))] {
        let own = [fresh, ("say-etag", "\"mine\""), ("if-none-match", "\"mine\"")];
        let response = asked(&router, uri, &own).await;
        assert_eq!(response.status(), 304, "{uri}");
    }
}

#[tokio::test]
async fn what_is_in_doubt_is_not_kept() {
    let site = Site::new().await;
    let (cache, router, _) = built(ResponseCache::builder().body_bytes_max(10), &site);
    let large = "x".repeat(17_000);
    let age = FRESH;
    /// A path, the heads of a request, and why its answer is not kept.
    type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str);
    let cases: [Case<'_>; 13] = [
        ("/post/1", &[], "not_fresh"),
        ("/post/1", &[("say-cache-control", "no-store, max-age=60")], "no_store"),
        ("/post/1", &[("say-cache-control", "private, max-age=60")], "private"),
        ("/post/1", &[age, ("say-set-cookie", "session=1")], "set_cookie"),
        ("/post/1", &[age, ("cookie", "session=1")], "credentials"),
        ("/post/1", &[age, ("authorization", "Bearer x")], "credentials"),
        ("/post/1", &[age, ("say-vary", "*")], "vary"),
        ("/post/1", &[age, ("say-x", &large)], "too_large"),
        ("/transaction", &[], "doubt"),
        ("/without", &[], "no_queries"),
        ("/stream", &[], "streamed"),
        ("/post/1", &[age, ("cache-control", "no-cache")], "asked_anew"),
        ("/post/1", &[age, ("range", "bytes=0-1")], "range"),
    ];
    for (n, (uri, headers, why)) in cases.into_iter().enumerate() {
        for round in 0..2 {
            let uri = format!("{uri}?{n}");
            let before = site.runs();
            let response = asked(&router, &uri, headers).await;
            assert_eq!(site.runs(), before + 1, "{why}");
            let status = header(&response, "cache-status").unwrap();
            let expect =
                if round == 1 && status.contains("bypass") && n < 11 { "known" } else { why };
            assert!(status.ends_with(&format!("detail={expect}")), "{status} for {why}");
            assert_eq!(header(&response, "age"), None, "{why}");
        }
    }
    assert_eq!((cache.stats().hits, cache.stats().made), (0, 0));
    let response = asked(&router, "/post/1", &[("cache-control", "only-if-cached")]).await;
    assert_eq!(response.status(), 504);
    // What panics is an answer of 500 for whoever has asked, and nothing is kept of it.
    for _ in 0..2 {
        assert_eq!(get(&router, "/panics").await.status(), 500);
    }
}

#[tokio::test]
async fn answers_that_differ_by_a_header_are_kept_apart() {
    let site = Site::new().await;
    let (_, router, _) = built(ResponseCache::builder(), &site);
    let check = async |language: &str, runs: u64| {
        let headers = [FRESH, ("say-vary", "Accept-Language"), ("accept-language", language)];
        let response = asked(&router, "/post/1", &headers).await;
        assert_eq!(header(&response, "vary"), Some("Accept-Language"));
        assert_eq!(site.runs(), runs, "{language}");
    };
    // The first teaches the names; the answers after it have their keys.
    check("en", 1).await;
    check("en", 2).await;
    check("en", 2).await;
    check("de", 3).await;
    check("de", 3).await;
    check("en", 3).await;
}

#[tokio::test]
async fn answers_for_a_user_are_given_to_nobody_else() {
    let site = Site::new().await;
    let by = |asked: &crate::http::Asked<'_>| asked.header("x-user").map(str::to_owned);
    let (_, router, _) = built(ResponseCache::builder().by(by), &site);
    let private = ("say-cache-control", "private, max-age=60");
    let check = async |headers: &[(&str, &str)], runs: u64| {
        let headers = [headers, &[private]].concat();
        asked(&router, "/post/1", &headers).await;
        assert_eq!(site.runs(), runs, "{headers:?}");
    };
    check(&[("x-user", "ada"), ("cookie", "a=1")], 1).await;
    check(&[("x-user", "ada"), ("cookie", "a=2")], 1).await;
    check(&[("x-user", "eve")], 2).await;
    check(&[("x-user", "eve")], 2).await;
    check(&[], 3).await;
    check(&[], 4).await;
    check(&[("cookie", "a=1")], 5).await;
    check(&[("cookie", "a=1")], 6).await;
    let cookie = [("x-user", "ada"), ("say-set-cookie", "a=3"), private];
    asked(&router, "/post/2", &cookie).await;
    asked(&router, "/post/2", &cookie).await;
    assert_eq!(site.runs(), 8, "never with a cookie to set");
}

#[tokio::test]
async fn one_makes_what_many_want() {
    let site = Site::new().await;
    let (cache, router, _) = built(ResponseCache::builder(), &site);
    let asking: Vec<_> = (0..10)
        .map(|_| {
            let router = router.clone();
            tokio::spawn(async move { text(get(&router, "/slow").await).await })
        })
        .collect();
    // All of them have come as far as they can.
    while site.runs() == 0 {
        tokio::task::yield_now().await;
    }
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    site.gate.add_permits(1);
    for asking in asking {
        assert_eq!(asking.await.unwrap(), "0");
    }
    assert_eq!((site.runs(), cache.stats().made, cache.stats().joined), (1, 1, 9));
}

/// In shadow nothing is given from memory, and nobody waits for what another is given.
#[tokio::test]
async fn in_shadow_each_asks_for_itself() {
    let site = Site::new().await;
    let (cache, router, clock) = built(ResponseCache::builder(), &site);
    site.db.cache().set_mode(crate::mode::CacheMode::Shadow);
    for runs in 1..4 {
        assert_eq!(text(asked(&router, "/post/1", &[FRESH]).await).await, "0");
        assert_eq!(site.runs(), runs);
    }
    assert_eq!(cache.stats().past, [("known", 2)]);
    site.db.cache().set_mode(crate::mode::CacheMode::On);
    clock.advance(Duration::from_secs(1));
    for _ in 0..3 {
        asked(&router, "/post/1", &[FRESH]).await;
    }
    assert!(site.runs() <= 5 && cache.stats().hits >= 1, "{:?}", cache.stats());
}

#[tokio::test]
async fn what_rests_on_its_time_ends_with_a_write_to_its_address() {
    let site = Site::new().await;
    let (_, router, clock) = built(ResponseCache::builder().keep_without_queries(), &site);
    let check = async |expect: &str| {
        assert_eq!(text(get(&router, "/without?a").await).await, expect);
    };
    check("0").await;
    check("0").await;
    ask(&router, request("POST", "/without?b", &[])).await;
    check("0").await;
    ask(&router, request("POST", "/without?a", &[])).await;
    check("1").await;
    clock.advance(Duration::from_secs(60));
    check("2").await;
}

#[tokio::test]
async fn a_field_for_this_cache_is_taken_out() {
    let site = Site::new().await;
    let (_, router, _) = built(ResponseCache::builder(), &site);
    let said = [
        ("say-cache-control", "no-cache"),
        ("say-forebay-cache-control", "max-age=60"),
        ("say-connection", "x-hop"),
        ("say-x-hop", "1"),
        ("say-x-end", "1"),
    ];
    for runs in [1, 1] {
        let response = asked(&router, "/post/1", &said).await;
        assert_eq!(header(&response, "forebay-cache-control"), None);
        assert_eq!(header(&response, "cache-control"), Some("no-cache"));
        assert_eq!((header(&response, "x-hop"), header(&response, "x-end")), (None, Some("1")));
        assert_eq!(site.runs(), runs);
    }
    let other = [("say-forebay-cache-control", "no-store"), FRESH];
    let response = asked(&router, "/post/2", &other).await;
    assert_eq!(header(&response, "forebay-cache-control"), None);
}

/// How many steps the random test takes; more where somebody asks for them.
fn steps() -> usize {
    std::env::var("STEPS").ok().and_then(|steps| steps.parse().ok()).unwrap_or(150)
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Like(i64),
    Get(i64),
    Pass,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => (1..4_i64).prop_map(Step::Like),
        6 => (1..4_i64).prop_map(Step::Get),
        1 => Just(Step::Pass),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// One after another: each answer is what the database says.
    #[test]
    fn answers_are_those_of_the_database(steps in proptest::collection::vec(step(), steps())) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let site = Site::new().await;
            let (_, router, clock) = built(ResponseCache::builder(), &site);
            for step in steps {
                match step {
                    Step::Like(id) => site.like(id).await,
                    Step::Pass => clock.advance(Duration::from_secs(25)),
                    Step::Get(id) => {
                        let found = asked(&router, &format!("/post/{id}"), &[FRESH]).await;
                        assert_eq!(text(found).await, site.likes(id).await.to_string());
                    }
                }
            }
        });
    }
}

/// Many at once: each answer is what the database said at some instant between the call and its
/// return, and none goes back in time.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn answers_under_writes_are_of_an_instant_within_the_call() {
    let folder = tempfile::tempdir().unwrap();
    let db = crate::open(format!("sqlite:{}", folder.path().join("a.db").display())).await.unwrap();
    let schema = "CREATE TABLE post (id INTEGER PRIMARY KEY, likes INTEGER NOT NULL);
        INSERT INTO post VALUES (1, 0), (2, 0), (3, 0)";
    db.execute_batch(schema).await.unwrap();
    let site = Site { db, ..Site::new().await };
    let (cache, router, clock) = built(ResponseCache::builder(), &site);
    // Of each post: writes that were begun, and that were acknowledged.
    let begun: Arc<[AtomicU64; 3]> = Arc::default();
    let done: Arc<[AtomicU64; 3]> = Arc::default();
    let is_over = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let readers: Vec<_> = (0..6)
        .map(|n| {
            let (router, begun, done) = (router.clone(), begun.clone(), done.clone());
            let is_over = is_over.clone();
            tokio::spawn(async move {
                let (mut last, mut reads) = ([0; 3], n);
                while !is_over.load(Ordering::SeqCst) {
                    let at = reads % 3;
                    let least = done[at].load(Ordering::SeqCst);
                    let response = asked(&router, &format!("/post/{}", at + 1), &[FRESH]).await;
                    let found: u64 = text(response).await.parse().unwrap();
                    let most = begun[at].load(Ordering::SeqCst);
                    assert!((least..=most).contains(&found), "{found} not in {least}..={most}");
                    assert!(found >= last[at], "{found} after {}", last[at]);
                    last[at] = found;
                    reads += 1;
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for n in 0..steps() {
        let at = n % 3;
        begun[at].fetch_add(1, Ordering::SeqCst);
        site.like(i64::try_from(at).unwrap() + 1).await;
        done[at].fetch_add(1, Ordering::SeqCst);
        tokio::task::yield_now().await;
    }
    is_over.store(true, Ordering::SeqCst);
    for reader in readers {
        reader.await.unwrap();
    }
    // What was in doubt because of the writes is asked of the handler for some seconds.
    clock.advance(Duration::from_secs(20));
    for _ in 0..2 {
        asked(&router, "/post/1", &[FRESH]).await;
    }
    let stats = cache.stats();
    assert!(stats.made > 0 && stats.hits > 0, "{stats:?}");
}
