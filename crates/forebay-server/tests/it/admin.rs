//! The admin API: who is let in, what is looked at and changed, and what is refused.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, SystemTime};

use axum::Router;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use forebay::{Cache, CacheMode, Db};
use forebay_server::{Access, Admin, Jwt, LogLevel, Options, Token};
use ring::hmac;
use serde_json::{Value, json};

use crate::client::{Client, Reply};
use crate::pattern::assert_matches;
use crate::service::Service;

const JSON: (&str, &str) = ("content-type", "application/json");
const ADMIN: &str = "Bearer change";
const READER: &str = "Bearer look";
const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

fn with_tokens(options: &mut Options) {
    options.admin.reader_token = Some(Token::new("look"));
    options.admin.admin_token = Some(Token::new("change"));
    options.admin.jwt = Some(Jwt::hs256(SECRET, "us", "forebay").unwrap());
}

async fn ask(service: &Service, auth: &str, path: &str, body: Option<Value>) -> Reply {
    let path = format!("/api/v1/admin{path}");
    let auth = ("authorization", auth);
    let mut client = service.client().await;
    match body {
        Some(body) => client.send("POST", &path, &[JSON, auth], body.to_string()).await,
        None => client.send("GET", &path, &[auth], "").await,
    }
}

/// A token that is good for `seconds` from now.
fn signed(role: &str, seconds: i64) -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let exp = i64::try_from(now).unwrap() + seconds;
    let claims = json!({ "exp": exp, "iss": "us", "aud": "forebay", "sub": "ada", "role": role });
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(json!({ "alg": "HS256" })), part(claims));
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET);
    let signature = URL_SAFE_NO_PAD.encode(hmac::sign(&key, text.as_bytes()));
    format!("Bearer {text}.{signature}")
}

#[tokio::test]
async fn without_a_secret_this_machine_may_look_and_nobody_may_change() {
    let service = Service::start().await;
    let mut client = service.client().await;
    for path in ["/cache/stats", "/pools", "/fingerprints", "/health/detailed", "/config"] {
        let reply = client.get(&format!("/api/v1/admin{path}")).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.text());
    }
    assert_eq!(client.get("/health/detailed").await.status, 200);
    let clear = json!({ "all": true }).to_string();
    let reply = client.send("POST", "/api/v1/admin/cache/clear", &[JSON], clear.clone()).await;
    assert_eq!((reply.status, reply.code().as_str()), (403, "CHANGES_OFF"));
    for (headers, status, code) in [
        (&[("x-forwarded-for", "127.0.0.1")][..], 401, "TOKEN_MISSING"),
        (&[("host", "evil.example.com")], 403, "HOST_DENIED"),
        (&[("origin", "https://evil.example.com")], 403, "ORIGIN_DENIED"),
        (&[("sec-fetch-site", "cross-site")], 403, "ORIGIN_DENIED"),
        (&[("authorization", "Bearer x")], 401, "TOKEN_INVALID"),
    ] {
        for path in ["/api/v1/admin/pools", "/health/detailed"] {
            let reply = client.send("GET", path, headers, "").await;
            assert_eq!((reply.status, reply.code().as_str()), (status, code), "{headers:?}");
        }
    }
}

#[tokio::test]
async fn tokens_open_what_their_role_allows() {
    let service = Service::with(|options| {
        with_tokens(options);
        options.token = Some(Token::new("service"));
    })
    .await;
    let none = format!("Bearer {}.", signed("admin", 60).replace("Bearer ", ""));
    let alg_none = {
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
        let rest = signed("admin", 60);
        format!("Bearer {header}.{}", rest.split_once('.').unwrap().1)
    };
    let signed_reader = signed("reader", 60);
    let (good, expired, root) = (signed("admin", 60), signed("admin", -3_600), signed("root", 60));
    for (auth, read, change) in [
        (READER, (200, ""), (403, "ROLE_DENIED")),
        (ADMIN, (200, ""), (200, "")),
        (&signed_reader, (200, ""), (403, "ROLE_DENIED")),
        (&good, (200, ""), (200, "")),
        (&expired, (401, "TOKEN_INVALID"), (401, "TOKEN_INVALID")),
        (&root, (401, "TOKEN_INVALID"), (401, "TOKEN_INVALID")),
        (&alg_none, (401, "TOKEN_INVALID"), (401, "TOKEN_INVALID")),
        (&none, (401, "TOKEN_INVALID"), (401, "TOKEN_INVALID")),
        // The service's own token is another one, where the reader has one.
        ("Bearer service", (401, "TOKEN_INVALID"), (401, "TOKEN_INVALID")),
        ("Basic look", (401, "TOKEN_INVALID"), (401, "TOKEN_INVALID")),
    ] {
        let mode = json!({ "mode": "on" });
        for (expect, body) in [(read, None), (change, Some(mode))] {
            let reply = ask(&service, auth, "/cache/mode", body).await;
            let code = if reply.status == 200 { String::new() } else { reply.code() };
            assert_eq!((reply.status, code.as_str()), expect, "{auth}: {}", reply.text());
        }
    }
    let reply = service.get("/api/v1/admin/pools").await;
    assert_eq!((reply.status, reply.code().as_str()), (401, "TOKEN_MISSING"));
    assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
    let who = ask(&service, &good, "/whoami", None).await;
    assert_matches(&who.json(), &json!({ "name": "ada", "role": "admin" }));
    // An admin's token opens nothing else.
    let mut client = service.client().await;
    let reply = client.send("GET", "/metrics", &[("authorization", ADMIN)], "").await;
    assert_eq!(reply.status, 401);
    let reply = client.send("GET", "/metrics", &[("authorization", "Bearer service")], "").await;
    assert_eq!(reply.status, 200);
}

#[tokio::test]
async fn figures_are_those_of_the_parts() {
    let cache = Cache::builder("app").build().unwrap();
    let own = cache.clone();
    let service = Service::with(|options| {
        with_tokens(options);
        options.caches.push(("app".into(), own));
        options.environment = "staging".into();
    })
    .await;
    service.query("CREATE TABLE t(x)").await;
    for _ in 0..3 {
        service.query("SELECT x FROM t WHERE x = 'a secret'").await;
    }
    cache.set("k", 7_i32).await;
    cache.get::<i32>("k").await.unwrap();
    let get = async |path: &str| ask(&service, READER, path, None).await.json();
    assert_matches(
        &get("/cache/stats").await,
        &json!({
            "databases": { "main": { "mode": "on", "hits": 2, "misses": 1, "entries": 1 } },
            "caches": { "app": { "hits": 1, "entries": 1 } },
        }),
    );
    let pools = json!({ "databases": { "main": { "reader": { "in_use": 0, "waiting": 0 } } } });
    assert_matches(&get("/pools").await, &pools);
    let all = get("/fingerprints?limit=1&sort=misses").await;
    let first = &all["fingerprints"][0];
    assert_eq!(all["fingerprints"].as_array().unwrap().len(), 1);
    assert_matches(first, &json!({ "calls": 3, "hits": 2, "misses": 1 }));
    let id = first["id"].as_str().unwrap();
    assert_eq!(get(&format!("/fingerprints/{id}")).await["id"], json!(id));
    assert!(!all.to_string().contains("a secret"));
    let config = get("/config").await;
    assert_eq!(config["settings"]["rows_max"], "100000");
    assert_eq!(config["settings"]["admin_auth"], "set");
    assert!(!config.to_string().contains("change") && !config.to_string().contains("look"));
    let health = get("/health/detailed").await;
    assert!(health["databases"]["main"]["checks"].as_array().unwrap().len() > 3, "{health}");
    for (path, expect) in [
        ("/fingerprints/0000000000000000", "FINGERPRINT_UNKNOWN"),
        ("/fingerprints/..%2f..%2fetc%2fpasswd", "FINGERPRINT_INVALID"),
        ("/../../etc/passwd", "ROUTE_UNKNOWN"),
        ("/fingerprints?limit=0", "QUERY_INVALID"),
        ("/fingerprints?db=other", "DATABASE_UNKNOWN"),
        ("/nowhere", "ROUTE_UNKNOWN"),
        ("/cache/clear", "METHOD_WRONG"),
    ] {
        assert_eq!(ask(&service, READER, path, None).await.code(), expect, "{path}");
    }
    let mut client = service.client().await;
    let performance = client.get("/metrics/performance").await.json();
    assert_matches(&performance, &json!({ "hits": 2, "http": { "in_work": 0 } }));
    let cache = client.get("/metrics/cache").await.json();
    assert_matches(&cache, &json!({ "hits": 2, "misses": 1, "mode": "on" }));
    assert_matches(&client.get("/health").await.json(), &json!({ "environment": "staging" }));
    for path in ["/health/live", "/health/ready"] {
        assert_eq!(client.get(path).await.json(), json!({ "status": "ok" }));
    }
    service.db.close().await;
    assert_eq!(client.get("/health/live").await.status, 200);
    assert_eq!(client.get("/health/ready").await.status, 503);
    let gone = json!({ "databases": { "main": { "status": "unavailable" } } });
    assert_matches(&get("/health/detailed").await, &gone);
}

#[tokio::test]
async fn what_is_kept_is_cleared_and_switched() {
    let cache = Cache::builder("app").build().unwrap();
    let own = cache.clone();
    let service = Service::with(|options| {
        with_tokens(options);
        options.caches.push(("app".into(), own));
    })
    .await;
    service.query("CREATE TABLE t(x)").await;
    service.query("CREATE TABLE u(x)").await;
    let fill = async || {
        cache.set("a:1", 1_i32).await;
        cache.entry("a:2").tag("red").set(2_i32).await;
        cache.set("b:1", 3_i32).await;
        for table in ["t", "u"] {
            service.query(&format!("SELECT x FROM {table}")).await;
        }
    };
    // What is there of databases, and of the caches.
    let left = async || {
        let mut keys = 0;
        for key in ["a:1", "a:2", "b:1"] {
            keys += u64::from(cache.contains(key).await);
        }
        (service.db.stats().cache.entries, keys)
    };
    fill().await;
    assert_eq!(left().await, (2, 3));
    let stats = service.db.stats();
    let is_read = |text: &str| text.to_lowercase().contains("from t");
    let id = stats.fingerprints.iter().find(|one| is_read(&one.statement)).unwrap().id;
    let id = format!("{id:016x}");
    for (body, expect) in [
        (json!({ "table": "t" }), (1, 3)),
        (json!({ "table": "t", "db": "main" }), (1, 3)),
        (json!({ "fingerprint": id }), (1, 3)),
        (json!({ "pattern": "a:*" }), (2, 1)),
        (json!({ "tag": "red" }), (2, 2)),
        (json!({ "all": true, "cache": "app" }), (2, 0)),
        (json!({ "all": true, "db": "main" }), (0, 3)),
        (json!({ "all": true }), (0, 0)),
    ] {
        let reply = ask(&service, ADMIN, "/cache/clear", Some(body.clone())).await;
        assert_eq!(reply.status, 200, "{body}: {}", reply.text());
        assert_eq!(left().await, expect, "{body}");
        fill().await;
        assert_eq!(left().await, (2, 3), "{body}");
    }
    for (body, code) in [
        (json!({}), "REQUEST_INVALID"),
        (json!({ "all": false }), "REQUEST_INVALID"),
        (json!({ "all": true, "tag": "red" }), "REQUEST_INVALID"),
        (json!({ "everything": true }), "REQUEST_INVALID"),
        (json!({ "table": "t", "cache": "app" }), "REQUEST_INVALID"),
        (json!({ "pattern": "*", "db": "main" }), "REQUEST_INVALID"),
        (json!({ "fingerprint": "x" }), "FINGERPRINT_INVALID"),
        (json!({ "all": true, "db": "other" }), "DATABASE_UNKNOWN"),
        (json!({ "all": true, "cache": "other" }), "CACHE_UNKNOWN"),
        (json!([1]), "REQUEST_INVALID"),
    ] {
        let reply = ask(&service, ADMIN, "/cache/clear", Some(body.clone())).await;
        assert_eq!(reply.code(), code, "{body}");
    }
    let mut client = service.client().await;
    let auth = ("authorization", ADMIN);
    let large = "x".repeat(20_000);
    let path = "/api/v1/admin/cache/clear";
    for (headers, body, code) in [
        (&[JSON, auth][..], large.as_str(), "BODY_TOO_LARGE"),
        (&[JSON, auth], "{", "REQUEST_INVALID"),
        (&[JSON, auth], "", "REQUEST_INVALID"),
        (&[("content-type", "text/plain"), auth], "{\"all\":true}", "CONTENT_TYPE_DENIED"),
        (&[JSON], "{\"all\":true}", "TOKEN_MISSING"),
        (&[JSON, auth, ("sec-fetch-site", "cross-site")], "{\"all\":true}", "ORIGIN_DENIED"),
    ] {
        let reply = client.send("POST", path, headers, body.to_owned()).await;
        assert_eq!(reply.code(), code, "{headers:?}");
        client = service.client().await;
    }
    let mode = async |body: Value| ask(&service, ADMIN, "/cache/mode", Some(body)).await;
    assert_eq!(mode(json!({ "mode": "off" })).await.json(), json!({ "mode": "off", "of": "all" }));
    assert_eq!(service.db.cache().mode(), CacheMode::Off);
    assert_eq!(mode(json!({ "mode": "shadow", "table": "t" })).await.status, 200);
    assert_eq!(mode(json!({ "mode": null, "table": "t" })).await.status, 200);
    assert_eq!(mode(json!({ "mode": "off", "fingerprint": id })).await.status, 200);
    assert_eq!(mode(json!({ "mode": "on" })).await.status, 200);
    for body in [json!({}), json!({ "mode": "ON!" }), json!({ "mode": "on", "table": "t", "x": 1 })]
    {
        assert_eq!(mode(body).await.status, 400);
    }
    assert_eq!(service.db.cache().mode(), CacheMode::On);
}

/// An application's own router, with the admin API in it.
#[tokio::test]
async fn an_application_nests_it() {
    let db: Db = forebay::open("sqlite::memory:").await.unwrap();
    let serve = async |access: Access, knows_peers: bool| {
        let admin = Admin::builder().db("main", &db).access(access).build().unwrap();
        let app: Router = Router::new().nest("/ops", admin.router());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = async move {
            match knows_peers {
                true => {
                    let app = app.into_make_service_with_connect_info::<SocketAddr>();
                    axum::serve(listener, app).await
                }
                false => axum::serve(listener, app).await,
            }
        };
        tokio::spawn(serving);
        address
    };
    let open = serve(Access::default(), true).await;
    let reply = Client::connect(open).await.get("/ops/pools").await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    // Who does not know from where a request comes lets in nobody.
    let blind = serve(Access::default(), false).await;
    assert_eq!(Client::connect(blind).await.get("/ops/pools").await.status, 401);
    let mut access = Access::default();
    access.admin_token = Some(Token::new("change"));
    let closed = serve(access, true).await;
    let mut client = Client::connect(closed).await;
    assert_eq!(client.get("/ops/pools").await.status, 401);
    let auth = ("authorization", ADMIN);
    let body = json!({ "mode": "shadow" }).to_string();
    assert_eq!(client.send("POST", "/ops/cache/mode", &[JSON, auth], body).await.status, 200);
    assert_eq!(db.cache().mode(), CacheMode::Shadow);
    let twice = Admin::builder().db("main", &db).db("main", &db).build();
    assert!(twice.unwrap_err().is_options());
    let mut empty = Access::default();
    empty.reader_token = Some(Token::new(" "));
    assert!(Admin::builder().access(empty).build().unwrap_err().is_options());
}

/// What the document says is served, and nothing else.
#[tokio::test]
async fn the_document_is_true() {
    let service = Service::with(|options| {
        with_tokens(options);
        options.log_level = Some(LogLevel::new(|| "info".to_owned(), |_| Ok(())));
    })
    .await;
    let document: Value = service.get("/openapi.json").await.json();
    let paths = document["paths"].as_object().unwrap();
    for (path, item) in paths {
        let path = path.replace("{id}", "0000000000000000").replace("{file}", "app.js");
        let path = path.replace("/admin/live", "/admin/live?events=1");
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH"] {
            let mut client = service.client().await;
            let headers = [JSON, ("authorization", ADMIN)];
            let reply = client.send(method, &path, &headers, "{}").await;
            let is_documented = item.get(method.to_ascii_lowercase()).is_some();
            assert_eq!(reply.status != 405, is_documented, "{method} {path}: {}", reply.text());
            assert!(!reply.text().contains("ROUTE_UNKNOWN"), "{method} {path}");
            if is_documented {
                let responses = &item[method.to_ascii_lowercase()]["responses"];
                let is_told = responses.get(reply.status.to_string()).is_some();
                let is_told = is_told || responses.get("default").is_some();
                assert!(is_told, "{method} {path}: {}", reply.status);
            }
        }
    }
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guide/service.md");
    let guide = std::fs::read_to_string(guide).unwrap();
    for path in paths.keys().filter(|path| path.len() > 1) {
        let name = path.strip_prefix("/api/v1/admin").unwrap_or(path);
        assert!(guide.contains(&format!("{name}`")), "the guide does not name {path}");
    }
}

/// A body that never ends, of a length that is said to be small.
#[tokio::test]
async fn a_slow_body_holds_up_nobody() {
    let service = Service::with(with_tokens).await;
    let mut stream = tokio::net::TcpStream::connect(service.address).await.unwrap();
    let head = format!(
        "POST /api/v1/admin/cache/clear HTTP/1.1\r\nhost: {}\r\nauthorization: {ADMIN}\r\n\
         content-type: application/json\r\ncontent-length: 20\r\n\r\n{{",
        service.address
    );
    tokio::io::AsyncWriteExt::write_all(&mut stream, head.as_bytes()).await.unwrap();
    let other = tokio::time::timeout(Duration::from_secs(5), ask(&service, ADMIN, "/pools", None));
    assert_eq!(other.await.unwrap().status, 200);
    // A line break in a value of a header is not let through to anybody.
    let mut client = service.client().await;
    let injected = "/api/v1/admin/fingerprints?db=x%0d%0aset-cookie:%20a=b";
    let reply = client.send("GET", injected, &[("authorization", ADMIN)], "").await;
    assert_eq!((reply.status, reply.header("set-cookie")), (404, None));
}
