//! One statement in plain JSON: values, parameters, and a status for every kind of failure.

use std::time::Duration;

use serde_json::{Value, json};

use crate::pattern::assert_matches;
use crate::service::Service;

async fn check(service: &Service, body: Value, status: u16, pattern: Value) {
    let reply = service.post("/v1/query", &body).await;
    assert_eq!(reply.status, status, "{body}: {}", reply.text());
    assert_matches(&reply.json(), &pattern);
}

#[tokio::test]
async fn answers() {
    let service = Service::start().await;
    let create = "CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT)";
    let nothing = json!({ "columns": [], "rows": [], "rows_affected": 0, "cached": false });
    check(&service, json!({ "sql": create }), 200, nothing).await;
    let insert = json!({ "sql": "INSERT INTO t(name) VALUES (?), (?)", "params": ["a", null] });
    let pattern = json!({ "rows_affected": 2, "last_insert_rowid": 2, "rows": [] });
    check(&service, insert, 200, pattern).await;
    let read = json!({ "sql": "SELECT id, name FROM t WHERE id = :id", "params": { "id": 1 } });
    let row =
        |cached: bool| json!({ "columns": ["id", "name"], "rows": [[1, "a"]], "cached": cached });
    check(&service, read.clone(), 200, row(false)).await;
    check(&service, read.clone(), 200, row(true)).await;
    // A write elsewhere is seen at once.
    service.beside().await.execute("UPDATE t SET name = 'z' WHERE id = 1").await.unwrap();
    let changed = json!({ "rows": [[1, "z"]], "cached": false });
    check(&service, read, 200, changed).await;
    let returning = json!({ "sql": "DELETE FROM t WHERE id = 1 RETURNING id, name" });
    let gone = json!({ "rows": [[1, "z"]], "rows_affected": 1, "cached": false });
    check(&service, returning, 200, gone).await;
}

#[tokio::test]
async fn values_lose_nothing() {
    let service = Service::start().await;
    for (param, kind, text) in [
        ("null", "null", "null"),
        ("true", "integer", "1"),
        ("9007199254740993", "integer", "9007199254740993"),
        ("-9223372036854775808", "integer", "-9223372036854775808"),
        ("1.5", "real", "1.5"),
        ("2.0", "real", "2.0"),
        ("1e999", "real", "1e999"),
        (r#""a\u0000😀""#, "text", r#""a\u0000😀""#),
        (r#"{"base64":"AAH+/w=="}"#, "blob", r#"{"base64":"AAH+/w"}"#),
    ] {
        let body = format!(r#"{{"sql":"SELECT ?1 AS v, typeof(?1)","params":[{param}]}}"#);
        let headers = [("content-type", "application/json")];
        let reply = service.client().await.send("POST", "/v1/query", &headers, body).await;
        let expect = format!(r#""rows":[[{text},"{kind}"]]"#);
        assert!(reply.text().contains(&expect), "{param}: {}", reply.text());
    }
}

#[tokio::test]
async fn failures_have_their_status() {
    let service = Service::with(|options| {
        options.rows_max = 10;
        options.response_bytes_max = 10_000;
        options.statement_timeout = Duration::from_millis(200);
    })
    .await;
    service.query("CREATE TABLE t(x INTEGER PRIMARY KEY CHECK (x > 0))").await;
    service.query("INSERT INTO t VALUES (1)").await;
    let forever = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)";
    let code = |code: &str| json!({ "error": { "code": code, "message": "*" } });
    for (body, status, pattern) in [
        (json!({ "sql": "SELEC" }), 400, code("*")),
        (json!({ "sql": "" }), 400, code("*")),
        (json!({ "sql": "SELECT 1\u{0}" }), 400, code("*")),
        (json!({ "sql": "SELECT 1; SELECT 2" }), 400, code("*")),
        (json!({ "sql": "SELECT ?" }), 400, code("*")),
        (json!({ "sql": "SELECT ?", "params": [1, 2] }), 400, code("*")),
        (json!({ "sql": "SELECT :a", "params": { "b": 1 } }), 400, code("*")),
        (json!({ "sql": "SELECT ?", "params": [[]] }), 400, code("PARAMS_INVALID")),
        (json!({ "sql": "SELECT ?", "params": 5 }), 400, code("PARAMS_INVALID")),
        (json!({ "sql": "SELECT 1", "param": [] }), 400, code("REQUEST_INVALID")),
        (json!({ "sql": "SELECT 1", "params": null }), 200, json!({})),
        (json!({ "params": [] }), 400, code("REQUEST_INVALID")),
        (json!({ "sql": "SELECT abs(-9223372036854775808)" }), 400, code("SQLITE_ERROR")),
        (json!({ "sql": "INSERT INTO t VALUES ('x')" }), 400, code("SQLITE_MISMATCH")),
        (json!({ "sql": "BEGIN" }), 400, code("*")),
        (json!({ "sql": "ATTACH 'other.db' AS o" }), 403, code("*")),
        (json!({ "sql": "INSERT INTO t VALUES (1)" }), 409, code("SQLITE_CONSTRAINT_PRIMARYKEY")),
        (json!({ "sql": "INSERT INTO t VALUES (-1)" }), 409, code("SQLITE_CONSTRAINT_CHECK")),
        (json!({ "sql": format!("{forever} SELECT i FROM n LIMIT 10") }), 200, json!({})),
        (json!({ "sql": format!("{forever} SELECT i FROM n LIMIT 11") }), 422, code("*")),
        (json!({ "sql": "SELECT hex(zeroblob(20000))" }), 422, code("*")),
        // Within the bound as bytes, beyond it as JSON.
        (json!({ "sql": "SELECT replace(hex(zeroblob(2000)), '0', char(1))" }), 422, code("*")),
        (json!({ "sql": format!("{forever} SELECT count(*) FROM n") }), 504, code("*")),
    ] {
        check(&service, body, status, pattern).await;
    }
}

#[tokio::test]
async fn a_locked_database_is_busy_not_broken() {
    let service =
        Service::built(|builder| builder.busy_timeout(Duration::from_millis(50)), |_| {}).await;
    service.query("CREATE TABLE t(x)").await;
    let beside = service.beside().await;
    let holder = beside.session();
    holder.execute("BEGIN IMMEDIATE").await.unwrap();
    let reply = service.post("/v1/query", &json!({ "sql": "INSERT INTO t VALUES (1)" })).await;
    assert_eq!(reply.status, 503, "{}", reply.text());
    assert_eq!(reply.header("retry-after"), Some("1"));
    assert_eq!(reply.code(), "SQLITE_BUSY");
    holder.execute("ROLLBACK").await.unwrap();
    service.query("INSERT INTO t VALUES (1)").await;
}
