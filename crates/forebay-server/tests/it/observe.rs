//! Health and metrics: what they say, and that the names in the guide are the names there are.

use std::collections::BTreeSet;
use std::time::Duration;

use forebay::CacheMode;
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

/// What is exported of a PostgreSQL server only.
const REPLICATION: &str = "forebay_replication_";

#[tokio::test]
async fn the_guide_names_every_metric() {
    let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/guide/metrics.md");
    let guide = std::fs::read_to_string(guide).unwrap();
    let documented: BTreeSet<&str> = guide
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split(['`', '{']).next())
        // Those of PostgreSQL are looked for where one is served: in the tests of the command.
        .filter(|name| name.starts_with("forebay_") && !name.starts_with(REPLICATION))
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
        .collect();
    assert_eq!(documented, exported);
}
