//! What is refused, and to whom: pages, other names, wrong tokens, dangerous statements.

use forebay_server::Token;
use serde_json::{Value, json};

use crate::service::Service;

const JSON: (&str, &str) = ("content-type", "application/json");

async fn check(service: &Service, headers: &[(&str, &str)], status: u16, code: &str) {
    let body = json!({ "sql": "SELECT 1" }).to_string();
    let reply = service.client().await.send("POST", "/v1/query", headers, body).await;
    assert_eq!(reply.status, status, "{headers:?}: {}", reply.text());
    if status != 200 {
        assert_eq!(reply.code(), code, "{headers:?}");
    }
}

#[tokio::test]
async fn pages_and_other_names_are_refused() {
    let service = Service::with(|options| {
        options.allowed_hosts = vec!["db.example.com".into()];
        options.allow_origins = vec!["https://app.example.com".into()];
    })
    .await;
    let origin = |origin| ("origin", origin);
    let host = |host| ("host", host);
    for (headers, status, code) in [
        (&[JSON][..], 200, ""),
        (&[JSON, host("localhost:1")], 200, ""),
        (&[JSON, host("db.example.com")], 200, ""),
        (&[JSON, host("rebound.example.com")], 403, "HOST_DENIED"),
        (&[JSON, origin("https://evil.example.com")], 403, "ORIGIN_DENIED"),
        (&[JSON, origin("null")], 403, "ORIGIN_DENIED"),
        (&[JSON, origin("https://app.example.com")], 200, ""),
        (&[("content-type", "text/plain")], 415, "CONTENT_TYPE_DENIED"),
        (&[("content-type", "application/x-www-form-urlencoded")], 415, "CONTENT_TYPE_DENIED"),
        (&[("content-type", "multipart/form-data")], 415, "CONTENT_TYPE_DENIED"),
        (&[], 415, "CONTENT_TYPE_DENIED"),
        // libSQL's client in Rust, which sends no content type.
        (&[("authorization", "Bearer "), ("x-libsql-client-version", "libsql-remote-0")], 200, ""),
    ] {
        check(&service, headers, status, code).await;
    }
    for path in ["/health", "/metrics", "/v2", "/nowhere"] {
        let reply = service.client().await.send("GET", path, &[host("evil.example.com")], "").await;
        assert_eq!((reply.status, reply.code().as_str()), (403, "HOST_DENIED"), "{path}");
    }
}

#[tokio::test]
async fn listed_pages_may_ask_first() {
    let service = Service::with(|options| {
        options.allow_origins = vec!["https://app.example.com".into()];
        options.token = Some(Token::new("secret"));
    })
    .await;
    let ask = |origin| [("origin", origin), ("access-control-request-method", "POST")];
    let mut client = service.client().await;
    let reply = client.send("OPTIONS", "/v3/pipeline", &ask("https://app.example.com"), "").await;
    assert_eq!(reply.status, 204);
    assert_eq!(reply.header("access-control-allow-origin"), Some("https://app.example.com"));
    assert!(reply.header("access-control-allow-headers").unwrap().contains("authorization"));
    let reply = client.send("OPTIONS", "/v3/pipeline", &ask("https://evil.example.com"), "").await;
    assert_eq!(reply.status, 403);
    assert_eq!(reply.header("access-control-allow-origin"), None);
    let headers = [JSON, ("origin", "https://app.example.com"), ("authorization", "Bearer secret")];
    let body = json!({ "sql": "SELECT 1" }).to_string();
    let reply = client.send("POST", "/v1/query", &headers, body).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("access-control-allow-origin"), Some("https://app.example.com"));
}

#[tokio::test]
async fn a_token_is_required_everywhere_but_for_health() {
    let service = Service::with(|options| options.token = Some(Token::new("secret"))).await;
    for (headers, status, code) in [
        (&[JSON][..], 401, "TOKEN_MISSING"),
        (&[JSON, ("authorization", "Bearer None")], 401, "TOKEN_INVALID"),
        (&[JSON, ("authorization", "Bearer secre")], 401, "TOKEN_INVALID"),
        (&[JSON, ("authorization", "Basic secret")], 401, "TOKEN_MISSING"),
        (&[JSON, ("authorization", "Bearer secret")], 200, ""),
        (&[JSON, ("authorization", "bearer secret")], 200, ""),
    ] {
        check(&service, headers, status, code).await;
    }
    let mut client = service.client().await;
    for path in ["/", "/v2", "/v3", "/metrics", "/nowhere"] {
        let reply = client.get(path).await;
        assert_eq!(reply.status, 401, "{path}");
        assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
    }
    for path in ["/v1/execute", "/v1/batch", "/v2/pipeline", "/v3/pipeline", "/v3/cursor"] {
        // The body is not looked at, so that it cannot be used to test what is there.
        let reply = client.send("POST", path, &[JSON], "nonsense").await;
        assert_eq!((reply.status, reply.code().as_str()), (401, "TOKEN_MISSING"), "{path}");
        assert!(reply.json()["message"].is_string(), "{path}");
    }
    let reply = client.get("/health").await;
    assert_eq!((reply.status, reply.json()), (200, json!({ "status": "ok" })));
    let reply = client.send("GET", "/health", &[("authorization", "Bearer secret")], "").await;
    assert!(reply.json()["pools"].is_object());
}

#[tokio::test]
async fn dangerous_statements_are_denied_at_every_door() {
    let service = Service::start().await;
    service.query("CREATE TABLE t(x)").await;
    let target = service.path().with_file_name("stolen.db");
    let target = target.display();
    for sql in [
        format!("ATTACH '{target}' AS other"),
        format!("VACUUM INTO '{target}'"),
        "SELECT load_extension('x')".into(),
        "PRAGMA journal_mode = DELETE".into(),
        "PRAGMA writable_schema = 1".into(),
        "PRAGMA temp_store_directory = '/tmp'".into(),
        "PRAGMA synchronous = OFF".into(),
        "PRAGMA query_only = 1".into(),
        "PRAGMA wal_checkpoint".into(),
        "UPDATE sqlite_schema SET sql = ''".into(),
        "DELETE FROM sqlite_master".into(),
        "SELECT writefile('x', 'y')".into(),
        "SELECT readfile('/etc/passwd')".into(),
    ] {
        let stmt = json!({ "sql": sql });
        let steps = json!([{ "stmt": stmt }]);
        let begun = json!([{ "stmt": { "sql": "BEGIN" } }, steps[0]]);
        let doors = [
            ("/v1/query", stmt.clone()),
            ("/v1/execute", json!({ "stmt": stmt })),
            ("/v1/batch", json!({ "batch": { "steps": steps } })),
            (
                "/v3/pipeline",
                json!({ "requests": [
                { "type": "execute", "stmt": stmt },
                { "type": "sequence", "sql": sql },
                { "type": "batch", "batch": { "steps": begun } },
                { "type": "close" },
            ] }),
            ),
            ("/v3/cursor", json!({ "batch": { "steps": steps } })),
        ];
        for (path, body) in doors {
            let reply = service.post(path, &body).await;
            assert_denied(path, &sql, reply.status, reply.text());
        }
    }
    assert!(!service.path().with_file_name("stolen.db").exists());
    service.query("INSERT INTO t VALUES (1)").await;
}

/// Every part of the answer that tells of the statement tells of a failure.
fn assert_denied(path: &str, sql: &str, status: u16, text: &str) {
    match path {
        "/v1/query" | "/v1/execute" => assert!((400..500).contains(&status), "{sql}: {text}"),
        "/v1/batch" => {
            let json: Value = serde_json::from_str(text).unwrap();
            assert!(json["result"]["step_errors"][0].is_object(), "{sql}: {text}");
        }
        "/v3/pipeline" => {
            let json: Value = serde_json::from_str(text).unwrap();
            let results = &json["results"];
            assert_eq!(results[0]["type"], "error", "{sql}: {text}");
            assert_eq!(results[1]["type"], "error", "{sql}: {text}");
            let errors = &results[2]["response"]["result"]["step_errors"];
            assert!(errors[1].is_object(), "{sql}: {text}");
        }
        _ => assert!(text.contains("step_error") && !text.contains("step_end"), "{sql}: {text}"),
    }
}
