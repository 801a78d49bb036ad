//! Small requests that ask for much: an answer stays within its bound whatever fills it, and what
//! decoding a body takes is counted before it is done.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::pattern::assert_matches;
use crate::service::Service;

const JSON: [(&str, &str); 1] = [("content-type", "application/json")];

fn store(sql: &str) -> Value {
    json!({ "type": "store_sql", "sql_id": 1, "sql": sql })
}

fn execute(sql: &str) -> Value {
    json!({ "type": "execute", "stmt": { "sql": sql } })
}

/// The stored text, `count` times.
fn batch(count: usize) -> Value {
    let steps = vec![json!({ "stmt": { "sql_id": 1 } }); count];
    json!({ "type": "batch", "batch": { "steps": steps } })
}

/// A statement that fails with an error as long as this name.
fn missing(bytes: usize) -> String {
    format!("SELECT * FROM \"{}\"", "x".repeat(bytes))
}

fn is_cut(message: &Value) -> bool {
    let message = message.as_str().unwrap();
    message.starts_with("no such table: xxx")
        && message.ends_with(" bytes in all)")
        && message.len() < 5_000
}

#[tokio::test]
async fn the_text_of_an_error_is_cut() {
    let service = Service::start().await;
    let requests = json!([store(&missing(1_000_000)), batch(20), { "type": "close" }]);
    let reply = service.post("/v3/pipeline", &json!({ "requests": requests })).await;
    let json = reply.json();
    let errors = json["results"][1]["response"]["result"]["step_errors"].as_array().unwrap();
    assert_eq!(errors.len(), 20);
    assert!(errors.iter().all(|error| is_cut(&error["message"])), "{}", errors[0]);
    let reply = service.post("/v1/query", &json!({ "sql": missing(900_000) })).await;
    assert_eq!((reply.status, reply.code().as_str()), (400, "SQLITE_ERROR"));
    assert!(is_cut(&reply.json()["error"]["message"]), "{}", reply.text());
    // So is the text of an error that repeats the request.
    let body = json!({ "requests": [{ "type": "x".repeat(100_000) }] });
    let reply = service.post("/v3/pipeline", &body).await;
    assert_eq!(reply.code(), "REQUEST_INVALID");
    assert!(reply.text().len() < 5_000);
}

#[tokio::test]
async fn errors_count_and_end_a_batch_that_is_full() {
    let service = Service::with(|options| options.response_bytes_max = 50_000).await;
    service.query("CREATE TABLE t(x)").await;
    let mut full = batch(300);
    let steps = full["batch"]["steps"].as_array_mut().unwrap();
    steps.push(json!({ "stmt": { "sql": "INSERT INTO t VALUES (1)" } }));
    let requests = json!([
        store(&missing(10_000)),
        full,
        batch(600),
        { "type": "get_autocommit" },
        { "type": "close" },
    ]);
    let reply = service.post("/v3/pipeline", &json!({ "requests": requests })).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert!(reply.text().len() <= 50_000, "{} bytes", reply.text().len());
    let too_large = json!({ "type": "error", "error": { "code": "RESPONSE_TOO_LARGE" } });
    let pattern = json!({ "results": [
        { "type": "ok" },
        { "type": "ok", "response": { "type": "batch" } },
        too_large,
        { "type": "ok", "response": { "is_autocommit": true } },
        { "type": "ok", "response": { "type": "close" } },
    ], "baton": null });
    let json = reply.json();
    assert_matches(&json, &pattern);
    let result = &json["results"][1]["response"]["result"];
    assert_eq!(result["step_results"], json!(vec![Value::Null; 301]));
    let errors = result["step_errors"].as_array().unwrap();
    assert_eq!(errors.len(), 301);
    let first = errors.iter().take_while(|error| error["code"] == "SQLITE_ERROR").count();
    assert!((5..20).contains(&first), "{first}");
    assert_eq!(errors[first]["code"], "RESPONSE_TOO_LARGE");
    assert!(errors[first + 1..].iter().all(Value::is_null));
    assert_matches(&service.query("SELECT count(*) FROM t").await, &json!({ "rows": [[0]] }));
}

#[tokio::test]
async fn errors_count_in_a_pipeline() {
    let service = Service::with(|options| options.response_bytes_max = 50_000).await;
    let stored = json!({ "type": "execute", "stmt": { "sql_id": 1 } });
    let mut requests = vec![stored; 100];
    requests.insert(0, store(&missing(10_000)));
    requests.push(json!({ "type": "close" }));
    let reply = service.post("/v3/pipeline", &json!({ "requests": requests })).await;
    assert!(reply.text().len() <= 50_000, "{} bytes", reply.text().len());
    let json = reply.json();
    let results = json["results"].as_array().unwrap();
    assert_eq!(results.len(), requests.len());
    assert_eq!(results[1]["error"]["code"], "SQLITE_ERROR");
    assert_eq!(results[100]["error"]["code"], "RESPONSE_TOO_LARGE");
    assert_eq!(results[101]["type"], "ok");
    // More results than can be told in any case are not begun.
    let service = Service::with(|options| options.response_bytes_max = 50_000).await;
    service.query("CREATE TABLE t(x)").await;
    let requests = vec![execute("INSERT INTO t VALUES (1)"); 1_000];
    let reply = service.post("/v3/pipeline", &json!({ "requests": requests })).await;
    assert_eq!((reply.status, reply.code().as_str()), (422, "RESPONSE_TOO_LARGE"));
    assert_matches(&service.query("SELECT count(*) FROM t").await, &json!({ "rows": [[0]] }));
}

#[tokio::test]
async fn columns_count() {
    let service = Service::with(|options| options.response_bytes_max = 50_000).await;
    let columns: Vec<String> =
        (0..20).map(|n| format!("{n} AS \"{n}{}\"", "x".repeat(10_000))).collect();
    let sql = format!("SELECT {}", columns.join(", "));
    let steps = json!({ "steps": [{ "stmt": { "sql": sql } }] });
    for (path, body, code) in [
        ("/v1/query", json!({ "sql": sql }), "/error/code"),
        ("/v1/execute", json!({ "stmt": { "sql": sql } }), "/code"),
        ("/v1/batch", json!({ "batch": steps }), "/result/step_errors/0/code"),
        ("/v3/pipeline", json!({ "requests": [execute(&sql)] }), "/results/0/error/code"),
        (
            "/v3/pipeline",
            json!({ "requests": [{ "type": "describe", "sql": sql }] }),
            "/results/0/error/code",
        ),
    ] {
        let reply = service.post(path, &body).await;
        let json = reply.json();
        assert_eq!(json.pointer(code), Some(&json!("RESPONSE_TOO_LARGE")), "{path}: {json}");
        assert!(reply.text().len() < 1_000);
    }
    let lines = service.post("/v3/cursor", &json!({ "batch": steps })).await.lines();
    let error = json!({ "type": "step_error", "error": { "code": "RESPONSE_TOO_LARGE" } });
    assert_matches(&lines[1], &error);
}

#[tokio::test]
async fn decoding_stops_at_the_limits() {
    let service = Service::with(|options| {
        options.pipeline_requests_max = 3;
        options.batch_steps_max = 2;
    })
    .await;
    // What is beyond the limit has not been decoded, or it would have been refused for its form.
    let steps = json!({ "steps": [
        { "stmt": { "sql": "SELECT 1" } }, { "stmt": { "sql": "SELECT 1" } }, 5, {},
    ] });
    let close = json!({ "type": "close" });
    let requests = json!([close, close, close, 5, {}]);
    let reply = service.post("/v3/pipeline", &json!({ "requests": requests })).await;
    assert_eq!((reply.status, reply.code().as_str()), (400, "PIPELINE_TOO_LONG"));
    assert!(reply.text().contains("has 5 requests, and 3 are allowed"), "{}", reply.text());
    for path in ["/v1/batch", "/v3/cursor"] {
        let reply = service.post(path, &json!({ "batch": steps })).await;
        assert_eq!((reply.status, reply.code().as_str()), (400, "BATCH_TOO_LONG"));
        assert!(reply.text().contains("has 4 steps, and 2 are allowed"), "{}", reply.text());
    }
    let deep = format!(
        r#"{{"batch":{{"steps":[{{"stmt":{{}},"condition":{}{{}}{}}}]}}}}"#,
        r#"{"type":"not","cond":"#.repeat(10_000),
        "}".repeat(10_000)
    );
    let reply = service.client().await.send("POST", "/v1/batch", &JSON, deep).await;
    assert_eq!((reply.status, reply.code().as_str()), (400, "REQUEST_INVALID"));
    assert!(reply.text().contains("recursion limit"), "{}", reply.text());
    let requests = json!([{ "type": "batch", "batch": steps }, execute("SELECT 1"), close]);
    let reply = service.post("/v3/pipeline", &json!({ "requests": requests })).await;
    let pattern = json!({ "results": [
        { "type": "error", "error": { "code": "BATCH_TOO_LONG" } },
        { "type": "ok" },
        { "type": "ok" },
    ] });
    assert_matches(&reply.json(), &pattern);
}

#[tokio::test]
async fn what_decoding_takes_is_counted() {
    let service = Service::with(|options| {
        options.body_bytes_max = 1 << 20;
        options.response_bytes_max = 1 << 20;
        options.memory_bytes_max = 4 << 20;
    })
    .await;
    let steps = [r#"{"stmt":{}}"#; 50_000].join(",");
    let args = [r#"{"type":"null"}"#; 40_000].join(",");
    let batch = format!(r#"{{"batch":{{"steps":[{steps}]}}}}"#);
    let pipeline = format!(r#"{{"requests":[{{"type":"close","stmt":{{"args":[{args}]}}}}]}}"#);
    let query = format!(r#"{{"sql":"SELECT 1","params":[{}]}}"#, ["1"; 100_000].join(","));
    for (path, body) in [("/v1/batch", batch), ("/v3/pipeline", pipeline), ("/v1/query", query)] {
        assert!(body.len() < 700_000);
        let reply = service.client().await.send("POST", path, &JSON, body).await;
        assert_eq!((reply.status, reply.code().as_str()), (413, "BODY_TOO_LARGE"), "{path}");
        assert!(reply.text().contains("memory_bytes_max"), "{}", reply.text());
    }
    // It is the values that count so much, not the bytes.
    let body = json!({ "sql": "SELECT length(?)", "params": ["x[{,".repeat(250_000)] });
    assert_eq!(service.post("/v1/query", &body).await.status, 200);
}

#[tokio::test]
async fn a_cursor_holds_what_its_request_takes() {
    let service = Service::with(|options| {
        options.body_bytes_max = 1 << 20;
        options.response_bytes_max = 1 << 20;
        options.memory_bytes_max = 4 << 20;
    })
    .await;
    let text = json!({ "type": "text", "value": "x".repeat(700_000) });
    let rows = "SELECT i, hex(zeroblob(1000)) FROM (WITH RECURSIVE n(i) AS \
                (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 1000000) SELECT i FROM n)";
    let steps = json!([
        { "stmt": { "sql": "SELECT length(?)", "args": [text] } }, { "stmt": { "sql": rows } },
    ]);
    let body = json!({ "batch": { "steps": steps } }).to_string();
    let mut stream = TcpStream::connect(service.address).await.unwrap();
    let head = format!(
        "POST /v3/cursor HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    let query = json!({ "sql": "SELECT length(?)", "params": ["x".repeat(700_000)] });
    let reply = service.post("/v1/query", &query).await;
    assert_eq!((reply.status, reply.code().as_str()), (503, "MEMORY_EXHAUSTED"));
    drop(stream);
    let started = Instant::now();
    while service.post("/v1/query", &query).await.status != 200 {
        assert!(started.elapsed() < Duration::from_secs(5));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
