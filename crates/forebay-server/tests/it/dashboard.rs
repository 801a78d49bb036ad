//! The dashboard and what it reads: the page, figures as they come, what was slow or repeated, one
//! statement opened, and an index that is advised and made.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use forebay_server::{LogLevel, Options, Token};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use crate::client::Reply;
use crate::pattern::assert_matches;
use crate::service::Service;

const JSON: (&str, &str) = ("content-type", "application/json");
const HTML: (&str, &str) = ("accept", "text/html,application/xhtml+xml,*/*;q=0.8");
const ADMIN: &str = "Bearer change";
const READER: &str = "Bearer look";

/// Long enough for anything here; a test that waits for so long has failed.
const LIMIT: Duration = Duration::from_secs(60);

fn with_tokens(options: &mut Options) {
    options.admin.reader_token = Some(Token::new("look"));
    options.admin.admin_token = Some(Token::new("change"));
}

async fn get(service: &Service, path: &str) -> Reply {
    let path = format!("/api/v1/admin{path}");
    service.client().await.send("GET", &path, &[("authorization", READER)], "").await
}

async fn post(service: &Service, auth: &str, path: &str, body: Value) -> Reply {
    let path = format!("/api/v1/admin{path}");
    let headers = [JSON, ("authorization", auth)];
    service.client().await.send("POST", &path, &headers, body.to_string()).await
}

/// A listener to live figures, line by line.
struct Listener(BufReader<TcpStream>);

impl Listener {
    async fn new(service: &Service) -> Listener {
        let stream = TcpStream::connect(service.address).await.unwrap();
        let mut listener = Listener(BufReader::new(stream));
        let head = format!(
            "GET /api/v1/admin/live HTTP/1.1\r\nhost: {}\r\nauthorization: {READER}\r\n\r\n",
            service.address
        );
        listener.0.get_mut().write_all(head.as_bytes()).await.unwrap();
        listener
    }

    /// The next line that begins so; none at the end.
    async fn line(&mut self, begin: &str) -> Option<String> {
        let read = async {
            loop {
                let mut line = String::new();
                if self.0.read_line(&mut line).await.unwrap() == 0 {
                    return None;
                }
                if line.starts_with(begin) {
                    return Some(line.trim_end().to_owned());
                }
            }
        };
        tokio::time::timeout(LIMIT, read).await.unwrap()
    }
}

#[tokio::test]
async fn the_page_needs_no_token_and_its_figures_do() {
    let service = Service::with(|options| {
        with_tokens(options);
        options.token = Some(Token::new("service"));
    })
    .await;
    let mut client = service.client().await;
    let page = client.send("GET", "/", &[HTML], "").await;
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    let mut files = 0;
    for part in page.text().split("\"api/v1/admin/dashboard/").skip(1) {
        let path = format!("/api/v1/admin/dashboard/{}", part.split('"').next().unwrap());
        let file = client.get(&path).await;
        assert_eq!(file.status, 200, "{path}");
        assert_eq!(file.header("x-content-type-options"), Some("nosniff"));
        assert!(file.header("content-security-policy").is_some(), "{path}");
        files += 1;
    }
    assert!(files > 4, "{}", page.text());
    let nested = client.get("/api/v1/admin/dashboard").await;
    assert!(nested.text().contains("\"dashboard/app.js\""), "{}", nested.text());
    // A program is told what it was told before, and a host of another name nothing.
    assert_eq!(client.get("/").await.status, 401);
    let evil = client.send("GET", "/", &[HTML, ("host", "evil.example.com")], "").await;
    assert_eq!((evil.status, evil.code().as_str()), (403, "HOST_DENIED"));
    for path in
        ["/dashboard/nothing.js", "/dashboard/..%2f..%2fCargo.toml", "/dashboard/index.html"]
    {
        assert_eq!(client.get(&format!("/api/v1/admin{path}")).await.status, 404, "{path}");
    }
    for path in ["/live", "/slow", "/repeats", "/advice", "/fingerprints/0000000000000001"] {
        let reply = client.get(&format!("/api/v1/admin{path}")).await;
        assert_eq!((reply.status, reply.code().as_str()), (401, "TOKEN_MISSING"), "{path}");
    }
    assert_eq!(get(&service, "/log").await.code(), "ROUTE_UNKNOWN");
}

/// A browser says the origin of its own page with everything that changes something.
#[tokio::test]
async fn the_page_may_change_things_and_pages_of_others_may_not() {
    let service = Service::with(with_tokens).await;
    let own = format!("http://{}", service.address);
    let mut client = service.client().await;
    for (origin, site, expect) in [
        (own.as_str(), "same-origin", 200),
        ("http://localhost:1", "same-site", 403),
        ("https://evil.example.com", "cross-site", 403),
        ("null", "cross-site", 403),
    ] {
        let auth = ("authorization", ADMIN);
        let headers = [JSON, auth, ("origin", origin), ("sec-fetch-site", site)];
        let path = "/api/v1/admin/cache/clear";
        let reply = client.send("POST", path, &headers, r#"{"all":true}"#).await;
        assert_eq!(reply.status, expect, "{origin}: {}", reply.text());
        assert_eq!(reply.header("access-control-allow-origin"), None);
        // Elsewhere, pages have to be allowed by name, as before.
        let reply = client.send("POST", "/v1/query", &headers, r#"{"sql":"SELECT 1"}"#).await;
        assert_eq!((reply.status, reply.code().as_str()), (403, "ORIGIN_DENIED"), "{origin}");
    }
}

#[tokio::test]
async fn figures_come_once_a_second() {
    let service = Service::with(with_tokens).await;
    service.query("CREATE TABLE t(x)").await;
    let mut listener = Listener::new(&service).await;
    assert_eq!(listener.line("HTTP/1.1").await.unwrap(), "HTTP/1.1 200 OK");
    assert!(listener.line("content-type").await.unwrap().ends_with("text/event-stream"));
    let past: Value = serde_json::from_str(&listener.line("data: ").await.unwrap()[6..]).unwrap();
    assert_eq!(past, json!([]));
    // Until what is asked shows, since a second may end at any time.
    let mut sums = (0.0, 0.0);
    while sums.0 == 0.0 || sums.1 == 0.0 {
        for _ in 0..5 {
            service.query("SELECT x FROM t").await;
        }
        let beat = listener.line("data: ").await.unwrap();
        let beat: Value = serde_json::from_str(&beat[6..]).unwrap();
        let main = &beat["databases"]["main"];
        let number = |name: &str| main[name].as_f64().unwrap();
        sums = (sums.0 + number("calls"), sums.1 + number("hits"));
        assert!(main["pools"]["reader"]["max"].as_u64().unwrap() > 0, "{beat}");
        assert!(main["replication"].is_null() && main["errors"] == 0.0, "{beat}");
        // Without anything at the database there is no time at it, rather than none.
        assert_eq!(main["p99_ms"].is_null(), main["p50_ms"].is_null(), "{beat}");
    }
    // The sums are those of the statistics.
    let (pulse, stats) = (service.db.pulse(), service.db.stats());
    let sum = |of: fn(&forebay::FingerprintStats) -> u64| stats.fingerprints.iter().map(of).sum();
    let sums: [u64; 4] =
        [sum(|it| it.calls), sum(|it| it.hits), sum(|it| it.misses), sum(|it| it.errors)];
    assert_eq!([pulse.calls, pulse.hits, pulse.misses, pulse.errors], sums);
    assert_eq!((pulse.entries, pulse.bytes), (stats.cache.entries, stats.cache.bytes));
    let begin = forebay::open("sqlite::memory:").await.unwrap().pulse();
    let median = pulse.quantile_since(&begin, 0.5).unwrap();
    let slowest = stats.fingerprints.iter().map(|it| it.time.max).max().unwrap();
    assert!(!median.is_zero() && median <= slowest * 2, "{median:?} {slowest:?}");
    // Who comes later is told what was before, and may say how much he wants.
    let reply = get(&service, "/live?events=1").await;
    assert_eq!(reply.text().matches("event: past").count(), 1);
    assert_eq!(reply.text().matches("event: beat").count(), 1);
    assert!(!reply.text().contains("data: []"), "{}", reply.text());
    assert_eq!(get(&service, "/live?events=0").await.code(), "QUERY_INVALID");
}

#[tokio::test]
async fn listeners_are_bounded_and_hold_up_no_end() {
    let mut service = Service::with(with_tokens).await;
    let mut all = Vec::new();
    for _ in 0..64 {
        let mut listener = Listener::new(&service).await;
        assert_eq!(listener.line("HTTP/1.1").await.unwrap(), "HTTP/1.1 200 OK");
        all.push(listener);
    }
    let refused = get(&service, "/live").await;
    assert_eq!((refused.status, refused.code().as_str()), (503, "LISTENERS_EXHAUSTED"));
    // One that goes away makes room.
    all.pop();
    let started = Instant::now();
    while get(&service, "/live?events=1").await.status != 200 {
        assert!(started.elapsed() < LIMIT);
    }
    service.stop();
    // Far less than the time that answers in work are given.
    let ended = tokio::time::timeout(Duration::from_secs(10), service.ended());
    let _folder = ended.await.expect("listeners hold up the end");
    for mut listener in all {
        assert_eq!(listener.line("no such line").await, None);
    }
}

#[tokio::test]
async fn what_was_slow_or_repeated_is_told_and_a_statement_opened() {
    let build = |builder: forebay::Builder| builder.slow_after(Duration::from_nanos(1));
    let service = Service::built(build, with_tokens).await;
    service.query("CREATE TABLE author(id INTEGER PRIMARY KEY, name TEXT)").await;
    service.query("CREATE TABLE post(id INTEGER PRIMARY KEY, author REFERENCES author)").await;
    service.query("INSERT INTO author(name) VALUES (1),(2),(3),(4),(5),(6),(7),(8)").await;
    let trace = "/*traceparent='00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'*/";
    for id in 1..=8 {
        let write = json!({ "sql": "INSERT INTO post(author) VALUES (?)", "params": [id] });
        assert_eq!(service.post("/v1/query", &write).await.status, 200);
        let sql = format!("SELECT id FROM post WHERE author = ? {trace}");
        let body = json!({ "sql": sql, "params": [id] });
        assert_eq!(service.post("/v1/query", &body).await.status, 200);
    }
    let started = Instant::now();
    let slow = loop {
        let log = get(&service, "/slow?limit=1").await.json();
        let is_post = |it: &Value| it["statement"].as_str().is_some_and(|it| it.contains("post"));
        if log["statements"].as_array().unwrap().iter().any(is_post) {
            break log;
        }
        assert!(started.elapsed() < LIMIT, "{log}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    assert_eq!(slow["statements"].as_array().unwrap().len(), 1);
    assert_matches(&slow["statements"][0], &json!({ "why": "absolute", "failed": false }));
    let repeats = get(&service, "/repeats").await.json();
    let found = repeats["findings"].as_array().unwrap();
    let found = found.iter().find(|it| it["statement"].as_str().unwrap().contains("author = ?"));
    let found = found.unwrap_or_else(|| panic!("{repeats}"));
    assert!(found["executions"].as_u64().unwrap() >= 5 && found["cure"].is_string(), "{found}");
    let id = found["fingerprint"].as_str().unwrap();
    let opened = get(&service, &format!("/fingerprints/{id}")).await.json();
    assert_matches(
        &opened,
        &json!({ "id": id, "explanation": { "cacheable": true, "effect": "read" } }),
    );
    assert!(opened["explanation"]["plan"][0].as_str().unwrap().contains("post"), "{opened}");
    assert!(opened["explanation"]["rests_on"].to_string().contains("post"), "{opened}");
    let buckets = opened["database"]["buckets"].as_array().unwrap();
    let counted: u64 = buckets.iter().map(|it| it["count"].as_u64().unwrap()).sum();
    assert_eq!(json!(counted), opened["database"]["count"]);
    assert_eq!(opened["minute"]["calls"], 8);
}

#[tokio::test]
async fn an_index_is_advised_and_made() {
    let service = Service::with(with_tokens).await;
    let rows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 4000) ";
    service.query("CREATE TABLE t(id INTEGER PRIMARY KEY, a INTEGER, b TEXT)").await;
    service.query(&format!("INSERT INTO t(a, b) {rows}SELECT i % 1000, hex(i) FROM n")).await;
    let ask = json!({ "sql": "SELECT b FROM t WHERE a = ?", "params": [7] });
    assert_eq!(service.post("/v1/query", &ask).await.status, 200);
    assert_eq!(get(&service, "/advice").await.json(), json!({ "running": null, "last": null }));
    assert_eq!(post(&service, READER, "/advice", json!({})).await.code(), "ROLE_DENIED");
    assert_eq!(post(&service, ADMIN, "/advice", json!({ "db": "x" })).await.status, 404);
    assert_eq!(post(&service, ADMIN, "/advice", json!({})).await.status, 200);
    let again = post(&service, ADMIN, "/advice", json!({})).await;
    assert!(again.status == 200 || again.code() == "ADVICE_RUNNING", "{}", again.text());
    let started = Instant::now();
    let advice = loop {
        let advice = get(&service, "/advice").await.json();
        if advice["running"].is_null() && !advice["last"].is_null() {
            break advice["last"].clone();
        }
        assert!(started.elapsed() < LIMIT, "{advice}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let finding = &advice["findings"][0];
    assert_matches(finding, &json!({ "number": 0, "table": "t", "can_apply": true }));
    assert_matches(finding, &json!({ "is_applied": false, "is_proven": true }));
    let names = async || {
        let sql = "SELECT count(*) FROM sqlite_schema WHERE type = 'index'";
        service.query(sql).await["rows"][0][0].as_u64().unwrap()
    };
    let which = |extra: Value| {
        let mut body = json!({ "advice": advice["id"], "finding": 0 });
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        body
    };
    for (auth, body, code) in [
        (READER, which(json!({})), "ROLE_DENIED"),
        (ADMIN, which(json!({ "advice": "0000000000000000" })), "ADVICE_CHANGED"),
        (ADMIN, which(json!({ "finding": 99 })), "FINDING_UNKNOWN"),
        (ADMIN, which(json!({ "sql": "DROP TABLE t" })), "REQUEST_INVALID"),
        (ADMIN, json!({ "script": "CREATE INDEX i ON t(b)" }), "REQUEST_INVALID"),
    ] {
        let reply = post(&service, auth, "/advice/apply", body).await;
        assert_eq!(reply.code(), code, "{}", reply.text());
    }
    let dry = post(&service, ADMIN, "/advice/apply", which(json!({}))).await.json();
    assert_eq!((dry["dry_run"].clone(), names().await), (json!(true), 0));
    let wet = which(json!({ "dry_run": false }));
    let done = post(&service, ADMIN, "/advice/apply", wet).await.json();
    assert_eq!((done["steps"].clone(), names().await), (dry["steps"].clone(), 1));
    let after = get(&service, "/advice").await.json();
    assert_eq!(after["last"]["findings"][0]["is_applied"], true);
}

#[tokio::test]
async fn the_level_of_the_log_changes_where_that_is_possible() {
    let level = Arc::new(Mutex::new("info".to_owned()));
    let (read, write) = (level.clone(), level.clone());
    let handle = LogLevel::new(
        move || read.lock().unwrap().clone(),
        move |text| match text {
            "nonsense" => Err("nonsense is no level".to_owned()),
            _ => {
                text.clone_into(&mut write.lock().unwrap());
                Ok(())
            }
        },
    );
    let service = Service::with(|options| {
        with_tokens(options);
        options.log_level = Some(handle);
    })
    .await;
    assert_eq!(get(&service, "/log").await.json(), json!({ "level": "info" }));
    for (auth, body, status) in [
        (READER, json!({ "level": "debug" }), 403),
        (ADMIN, json!({ "level": "nonsense" }), 400),
        (ADMIN, json!({ "level": " " }), 400),
        (ADMIN, json!({ "level": "x".repeat(1_001) }), 400),
        (ADMIN, json!({}), 400),
        (ADMIN, json!({ "level": "warn,forebay=debug" }), 200),
    ] {
        let reply = post(&service, auth, "/log", body).await;
        assert_eq!(reply.status, status, "{}", reply.text());
    }
    assert_eq!(*level.lock().unwrap(), "warn,forebay=debug");
}
