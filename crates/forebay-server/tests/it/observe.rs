//! Health and metrics: what they say, and that the names in the guide are the names there are.

use std::collections::BTreeSet;
use std::time::Duration;

use forebay::{Breaker, Cache, CacheMode, Monitor};
use serde_json::json;

use crate::pattern::assert_matches;
use crate::service::Service;

#[tokio::test]
async fn health_tells_what_is_there() {
    let service = Service::start().await;
    let reply = service.get("/health").await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_matches(
        &reply.json(),
        &json!({
            "status": "ok",
            "version": env!("CARGO_PKG_VERSION"),
            "time": "*Z*",
            "uptime_seconds": "*",
            "database": { "reachable": true, "error": null, "ping_ms": "*" },
            "cache": { "on": true, "off_because": null },
            "pools": {
                "reader": { "size": "*", "in_use": 0, "waiting": 0 },
                "writer": { "in_use": 0 },
                "session": { "in_use": 0 },
            },
            "parts": [],
            "streams_open": 0,
            "requests_in_work": 0,
        }),
    );
    let off = Service::built(|builder| builder.cache(false), |_| {}).await;
    let cache = json!({ "on": false, "off_because": "*" });
    assert_matches(&off.get("/health").await.json(), &json!({ "cache": cache }));
}

#[tokio::test]
async fn a_database_out_of_reach_is_unhealthy() {
    let service =
        Service::with(|options| options.health_timeout = Duration::from_millis(500)).await;
    service.db.close().await;
    let reply = service.get("/health").await;
    assert_eq!(reply.status, 503);
    let database = json!({ "reachable": false, "error": "*" });
    assert_matches(&reply.json(), &json!({ "status": "unavailable", "database": database }));
}

/// A part that is not well makes the service slower, not unable: it stays in service.
#[tokio::test]
async fn parts_that_are_not_well_degrade_the_service() {
    let breaker = Breaker::builder().build();
    let monitor = Monitor::new().breaker("prices", &breaker);
    let service = Service::with(|options| {
        options.monitor = monitor;
        options.token = Some(forebay_server::Token::new("open sesame"));
    })
    .await;
    let status = async |word: &str, state: &str| {
        // Without the token: the word alone.
        let reply = service.get("/health").await;
        assert_eq!((reply.status, reply.json()), (200, json!({ "status": word })));
        let mut client = service.client().await;
        let token = [("authorization", "Bearer open sesame")];
        let reply = client.send("GET", "/health", &token, "").await;
        let part = json!({ "part": "breaker", "name": "prices", "state": state });
        assert_matches(&reply.json(), &json!({ "status": word, "parts": [part] }));
    };
    status("ok", "closed").await;
    breaker.force_open();
    status("degraded", "forced_open").await;
    breaker.reset();
    status("ok", "closed").await;
}

/// The caches and guards of an application that carries the service, beside its database.
#[tokio::test]
async fn metrics_show_what_the_application_registers() {
    let (here, there) =
        (Cache::builder("a").build().unwrap(), Cache::builder("b").build().unwrap());
    let breaker = Breaker::builder().build();
    let monitor =
        Monitor::new().cache("here", &here).cache("th\"ere", &there).breaker("prices", &breaker);
    let service = Service::with(|options| options.monitor = monitor).await;
    for _ in 0..3 {
        here.get_or_load("a", || async { Ok::<_, std::io::Error>(1) }).await.unwrap();
    }
    let reply = service.get("/metrics").await;
    let text = reply.text();
    for (series, expect) in [
        ("forebay_keyed_hits_total{cache=\"here\"}", 2.0),
        ("forebay_keyed_hits_total{cache=\"th\\\"ere\"}", 0.0),
        ("forebay_keyed_loads_total{cache=\"here\"}", 1.0),
        ("forebay_keyed_load_seconds_count{cache=\"here\"}", 1.0),
        ("forebay_keyed_load_seconds_bucket{le=\"+Inf\",cache=\"here\"}", 1.0),
        ("forebay_keyed_load_seconds_bucket{le=\"+Inf\",cache=\"th\\\"ere\"}", 0.0),
        ("forebay_breaker_state{breaker=\"prices\",state=\"closed\"}", 1.0),
        ("forebay_cache_on", 1.0),
    ] {
        assert_eq!(value(text, series), Some(expect), "{series} in\n{text}");
    }
    for name in ["forebay_keyed_hits", "forebay_keyed_load_seconds", "forebay_cache_hits"] {
        let described = text.lines().filter(|line| line.starts_with(&format!("# TYPE {name} ")));
        assert_eq!(described.count(), 1, "{name} in\n{text}");
    }
}

fn value(text: &str, series: &str) -> Option<f64> {
    let line = text
        .lines()
        .find(|line| line.strip_prefix(series).is_some_and(|rest| rest.starts_with(' ')))?;
    line.rsplit_once(' ')?.1.parse().ok()
}

#[tokio::test]
async fn metrics_count_what_happens() {
    let service = Service::start().await;
    service.query("CREATE TABLE t(x)").await;
    service.query("INSERT INTO t VALUES (1)").await;
    for _ in 0..5 {
        service.query("SELECT x FROM t WHERE x = 1").await;
    }
    service.query("SELECT random()").await;
    service.post("/v1/query", &json!({ "sql": "nonsense" })).await;
    service.post("/v3/pipeline", &json!({ "requests": [{ "type": "get_autocommit" }] })).await;
    service.get("/nowhere/at/all").await;
    let reply = service.get("/metrics").await;
    assert_eq!(reply.status, 200);
    assert!(reply.header("content-type").unwrap().starts_with("application/openmetrics-text"));
    let text = reply.text();
    assert!(text.ends_with("# EOF\n"));
    for (series, expect) in [
        ("forebay_cache_hits_total", 4.0),
        ("forebay_cache_misses_total", 1.0),
        ("forebay_cache_fills_total", 1.0),
        ("forebay_cache_on", 1.0),
        ("forebay_cache_mode{mode=\"on\"}", 1.0),
        ("forebay_cache_mode{mode=\"shadow\"}", 0.0),
        ("forebay_shadow_hits_total", 0.0),
        ("forebay_cache_entries", 1.0),
        ("forebay_streams_open", 1.0),
        ("forebay_pool_in_use{pool=\"session\"}", 0.0),
        ("forebay_http_requests_total{route=\"/v1/query\",status=\"200\"}", 8.0),
        ("forebay_http_requests_total{route=\"/v1/query\",status=\"400\"}", 1.0),
        ("forebay_http_requests_total{route=\"other\",status=\"404\"}", 1.0),
    ] {
        assert_eq!(value(text, series), Some(expect), "{series} in\n{text}");
    }
    assert!(text.contains("forebay_cache_bypasses_total{reason=\""), "{text}");
    let hits =
        text.lines().find(|l| l.starts_with("forebay_statement_hits_total{") && l.ends_with(" 4"));
    assert!(hits.is_some(), "{text}");
    assert!(!text.contains("SELECT"), "no SQL in metrics");
}

#[tokio::test]
async fn metrics_tell_what_caching_would_bring() {
    let service = Service::built(|builder| builder.cache(CacheMode::Shadow), |_| {}).await;
    service.query("CREATE TABLE t(x)").await;
    for _ in 0..5 {
        service.query("SELECT x FROM t WHERE x = 1").await;
    }
    service.query("INSERT INTO t VALUES (1)").await;
    service.query("SELECT x FROM t WHERE x = 1").await;
    let reply = service.get("/metrics").await;
    let text = reply.text();
    for (series, expect) in [
        ("forebay_cache_hits_total", 0.0),
        ("forebay_cache_mode{mode=\"shadow\"}", 1.0),
        ("forebay_cache_on", 0.0),
        ("forebay_cache_bypasses_total{reason=\"shadow\"}", 6.0),
        ("forebay_shadow_hits_total", 4.0),
        ("forebay_shadow_misses_total", 2.0),
        ("forebay_shadow_compared_total", 4.0),
        ("forebay_shadow_differences_total", 0.0),
    ] {
        assert_eq!(value(text, series), Some(expect), "{series} in\n{text}");
    }
    assert!(value(text, "forebay_shadow_saved_seconds_total").unwrap() > 0.0);
    let drop = text.lines().find(|line| line.starts_with("forebay_cache_drops_total{read="));
    assert!(drop.is_some_and(|line| line.ends_with(" 1") && !line.contains("other")), "{text}");
}

#[tokio::test]
async fn statements_shown_are_bounded() {
    let service = Service::with(|options| options.fingerprints_shown = 3).await;
    for n in 0..10 {
        service.query(&format!("SELECT 1 AS c{n}")).await;
    }
    let reply = service.get("/metrics").await;
    let shown = reply.text().lines().filter(|l| l.starts_with("forebay_statement_calls_total{"));
    assert_eq!(shown.count(), 3);
    assert!(value(reply.text(), "forebay_statements_known").unwrap() >= 10.0);
}

/// What is exported where an application has it: looked for in the tests of the library, and of
/// the command for a PostgreSQL server.
const ELSEWHERE: [&str; 12] = [
    "forebay_request",
    "forebay_rate_limit_",
    "forebay_responses_",
    "forebay_replication_",
    "forebay_keyed_",
    "forebay_disk_",
    "forebay_redis_",
    "forebay_breaker_",
    "forebay_limiter_",
    "forebay_bulkhead_",
    "forebay_retry_",
    "forebay_time_limit_",
];

#[tokio::test]
async fn the_guide_names_every_metric() {
    let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/guide/metrics.md");
    let guide = std::fs::read_to_string(guide).unwrap();
    let documented: BTreeSet<&str> = guide
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split(['`', '{']).next())
        .filter(|name| name.starts_with("forebay_"))
        .filter(|name| !ELSEWHERE.iter().any(|prefix| name.starts_with(prefix)))
        .collect();
    let service = Service::start().await;
    service.query("SELECT random()").await;
    service.query("CREATE TABLE t(x)").await;
    service.query("SELECT x FROM t").await;
    service.query("INSERT INTO t VALUES (1)").await;
    service.query("SELECT x FROM t").await;
    let reply = service.get("/metrics").await;
    let exported: BTreeSet<&str> = reply
        .text()
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split(['{', ' ']).next())
        .map(|name| family(name, &documented))
        .collect();
    assert_eq!(documented, exported);
}

/// The name of a histogram, of which a line has a part, or the name itself.
fn family<'a>(name: &'a str, documented: &BTreeSet<&str>) -> &'a str {
    let parts = ["_bucket", "_count", "_sum"];
    let whole = parts.iter().find_map(|part| name.strip_suffix(part));
    whole.filter(|it| documented.contains(it)).unwrap_or(name)
}

const PARENT: &str = "00-5bd66ef5095369c7b0d1f8f4bd33716a-c532cb4098ac3dd2-01";

/// What the slow log says of the trace of one request, sent with these headers.
async fn trace_of(
    service: &Service,
    path: &str,
    headers: &[(&str, &str)],
    sql: &str,
) -> Vec<String> {
    let body = match path {
        "/v1/query" => json!({ "sql": sql }),
        "/v3/cursor" => json!({ "batch": { "steps": [{ "stmt": { "sql": sql } }] } }),
        _ => json!({ "requests": [{ "type": "execute", "stmt": { "sql": sql } }] }),
    };
    let mut all = vec![("content-type", "application/json")];
    all.extend(headers);
    let reply = service.client().await.send("POST", path, &all, body.to_string()).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let is_it = |slow: &forebay::SlowStatement| sql.to_lowercase().starts_with(&slow.statement);
    loop {
        let slow = service.db.slow().statements;
        if let Some(slow) = slow.iter().rev().find(|slow| is_it(slow)) {
            let line: serde_json::Value = serde_json::from_str(&slow.to_json()).unwrap();
            let shown = line["trace"].as_str().unwrap_or("none").to_owned();
            return vec![slow.trace.clone().unwrap_or("none".to_owned()), shown];
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The trace of a request is the trace of its statements; what is no trace is overlooked.
#[tokio::test]
async fn the_slow_log_names_the_trace_of_a_request() {
    let slow = |builder: forebay::Builder| builder.slow_after(Duration::from_nanos(1));
    let service = Service::built(slow, |_| {}).await;
    service.query("CREATE TABLE t (a INT, b INT, c INT, d INT, e INT, f INT, g INT)").await;
    let id = &PARENT[3..35];
    let traced = [("traceparent", PARENT)];
    let other = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let commented = format!("select d from t /*traceparent='{other}'*/");
    let none = "none";
    for (path, headers, sql, expect) in [
        ("/v1/query", &traced[..], "select a from t", id),
        ("/v2/pipeline", &traced[..], "select b from t", id),
        ("/v3/cursor", &traced[..], "select c from t", id),
        // The comment is closer to the statement.
        ("/v1/query", &traced[..], commented.as_str(), &other[3..35]),
        ("/v1/query", &[][..], "select e from t", none),
        ("/v1/query", &[("traceparent", "00-xyz-1-01")][..], "select f from t", none),
        ("/v1/query", &[traced[0], traced[0]][..], "select g from t", none),
    ] {
        let found = trace_of(&service, path, headers, sql).await;
        assert_eq!(found, [expect, expect], "{path} {sql}");
    }
}
