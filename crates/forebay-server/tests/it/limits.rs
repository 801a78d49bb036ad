//! Every bound: what is within it is served, what is beyond it is refused with its name.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::pattern::assert_matches;
use crate::service::Service;

const FOREVER: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) \
                       SELECT count(*) FROM n";

fn execute(sql: &str) -> Value {
    json!({ "type": "execute", "stmt": { "sql": sql } })
}

#[tokio::test]
async fn a_body_is_bounded() {
    let service = Service::with(|options| options.body_bytes_max = 2_000).await;
    let body = |bytes: usize| json!({ "sql": "SELECT length(?)", "params": ["x".repeat(bytes)] });
    assert_eq!(service.post("/v1/query", &body(1_900)).await.status, 200);
    let reply = service.post("/v1/query", &body(2_000)).await;
    assert_eq!((reply.status, reply.code().as_str()), (413, "BODY_TOO_LARGE"));
    // Without a declared length it is counted while it comes.
    let mut stream = TcpStream::connect(service.address).await.unwrap();
    let head = "POST /v1/query HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
                transfer-encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    for _ in 0..3 {
        let chunk = format!("{:x}\r\n{}\r\n", 1_000, " ".repeat(1_000));
        stream.write_all(chunk.as_bytes()).await.unwrap();
    }
    assert!(answer(&mut stream).await.starts_with("HTTP/1.1 413 "));
}

/// What the service sends until it closes the connection, or falls silent.
async fn answer(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4_096];
    while let Ok(Ok(count)) =
        tokio::time::timeout(Duration::from_secs(2), stream.read(&mut chunk)).await
    {
        if count == 0 {
            break;
        }
        bytes.extend_from_slice(&chunk[..count]);
    }
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn counts_of_the_protocol_are_bounded() {
    let service = Service::with(|options| {
        options.pipeline_requests_max = 3;
        options.batch_steps_max = 2;
        options.stored_sql_max = 1;
    })
    .await;
    let pipeline = |requests: Value| json!({ "requests": requests });
    let four =
        json!([execute("SELECT 1"), execute("SELECT 1"), execute("SELECT 1"), { "type": "close" }]);
    let reply = service.post("/v3/pipeline", &pipeline(four)).await;
    assert_eq!((reply.status, reply.code().as_str()), (400, "PIPELINE_TOO_LONG"));
    let step = json!({ "stmt": { "sql": "SELECT 1" } });
    let batch = json!({ "type": "batch", "batch": { "steps": [step, step, step] } });
    let store = |id: i32| json!({ "type": "store_sql", "sql_id": id, "sql": "SELECT 1" });
    let reply = service.post("/v3/pipeline", &pipeline(json!([batch, store(1), store(2)]))).await;
    let pattern = json!({ "results": [
        { "type": "error", "error": { "code": "BATCH_TOO_LONG" } },
        { "type": "ok" },
        { "type": "error", "error": { "code": "SQL_STORE_TOO_MANY" } },
    ] });
    assert_matches(&reply.json(), &pattern);
}

#[tokio::test]
async fn open_streams_are_bounded_and_passing_ones_are_not_counted() {
    let service = Service::with(|options| options.streams_max = 2).await;
    let open = json!({ "requests": [execute("SELECT 1")] });
    let passing = json!({ "requests": [execute("SELECT 1"), { "type": "close" }] });
    let first = service.post("/v3/pipeline", &open).await.json();
    assert_eq!(service.post("/v3/pipeline", &open).await.status, 200);
    for path in ["/v3/pipeline", "/v3/cursor"] {
        let mut body = open.clone();
        body["batch"] = json!({ "steps": [] });
        let reply = service.post(path, &body).await;
        assert_eq!((reply.status, reply.code().as_str()), (503, "STREAMS_EXHAUSTED"));
        assert_eq!(reply.header("retry-after"), Some("1"));
    }
    assert_eq!(service.post("/v3/pipeline", &passing).await.status, 200);
    let close = json!({ "baton": first["baton"], "requests": [{ "type": "close" }] });
    assert_eq!(service.post("/v3/pipeline", &close).await.status, 200);
    assert_eq!(service.post("/v3/pipeline", &open).await.status, 200);
}

#[tokio::test]
async fn an_answer_is_bounded_and_a_transaction_does_not_commit_unseen() {
    let service = Service::with(|options| options.response_bytes_max = 20_000).await;
    service.query("CREATE TABLE t(x)").await;
    let is_ok = |step: usize| json!({ "type": "ok", "step": step });
    let step =
        |sql: &str, condition: Value| json!({ "stmt": { "sql": sql }, "condition": condition });
    let steps = json!([
        step("BEGIN", Value::Null),
        step("INSERT INTO t VALUES (1) RETURNING hex(zeroblob(15000))", is_ok(0)),
        step("COMMIT", is_ok(1)),
        step("ROLLBACK", json!({ "type": "not", "cond": is_ok(2) })),
    ]);
    let body = json!({ "requests": [
        { "type": "batch", "batch": { "steps": steps } },
        execute("SELECT hex(zeroblob(9000))"),
        execute("SELECT hex(zeroblob(9000))"),
        execute("SELECT count(*) FROM t"),
        { "type": "close" },
    ] });
    let reply = service.post("/v3/pipeline", &body).await;
    let too_large = json!({ "code": "RESPONSE_TOO_LARGE" });
    let pattern = json!({ "results": [
        { "type": "ok", "response": { "result": { "step_errors": [null, "*", null, null] } } },
        { "type": "ok" },
        { "type": "error", "error": too_large },
        "*",
        { "type": "ok" },
    ] });
    assert_matches(&reply.json(), &pattern);
    assert_matches(&service.query("SELECT count(*) FROM t").await, &json!({ "rows": [[0]] }));
    // As JSON it is longer than its values are: the row is written, and the message says so.
    let write = "INSERT INTO t VALUES (2) RETURNING replace(hex(zeroblob(5000)), '0', char(1))";
    let says = "the statement itself has changed 1 rows";
    let reply = service.post("/v1/query", &json!({ "sql": write })).await;
    assert_eq!(reply.json()["error"]["code"], "RESPONSE_TOO_LARGE");
    assert!(reply.text().contains(says), "{}", reply.text());
    let body = json!({ "requests": [execute(write), { "type": "close" }] });
    let reply = service.post("/v3/pipeline", &body).await;
    assert!(reply.text().contains(says), "{}", reply.text());
    assert_matches(&service.query("SELECT count(*) FROM t").await, &json!({ "rows": [[2]] }));
}

#[tokio::test]
async fn a_statement_whose_result_cannot_be_told_is_not_run() {
    let service = Service::with(|options| options.response_bytes_max = 20_000).await;
    service.query("CREATE TABLE t(x)").await;
    let body = json!({ "requests": [
        execute("SELECT hex(zeroblob(9500))"),
        execute("INSERT INTO t VALUES (1)"),
        { "type": "close" },
    ] });
    let reply = service.post("/v3/pipeline", &body).await;
    let failure = json!({ "code": "RESPONSE_TOO_LARGE", "message": "*was not run*" });
    let pattern = json!({ "results": ["*", { "type": "error", "error": failure }, "*"] });
    assert_matches(&reply.json(), &pattern);
    assert_matches(&service.query("SELECT count(*) FROM t").await, &json!({ "rows": [[0]] }));
}

#[tokio::test]
async fn statements_and_scripts_have_their_time() {
    let service = Service::with(|options| {
        options.statement_timeout = Duration::from_millis(200);
        options.script_timeout = Duration::from_millis(200);
    })
    .await;
    service.query("CREATE TABLE t(x)").await;
    let started = Instant::now();
    let body = json!({ "requests": [
        execute(FOREVER),
        { "type": "sequence", "sql": format!("INSERT INTO t VALUES (1); {FOREVER}") },
        execute("SELECT count(*) FROM t"),
        { "type": "close" },
    ] });
    let reply = service.post("/v3/pipeline", &body).await;
    assert!(started.elapsed() < Duration::from_secs(5));
    let row = json!([{ "type": "integer", "value": "1" }]);
    let pattern = json!({ "results": [
        { "type": "error", "error": { "message": "*" } },
        { "type": "error", "error": { "code": "STATEMENT_TIMEOUT" } },
        { "type": "ok", "response": { "result": { "rows": [row] } } },
        { "type": "ok" },
    ] });
    assert_matches(&reply.json(), &pattern);
}

#[tokio::test]
async fn requests_in_work_are_bounded_and_health_still_answers() {
    let service = Service::with(|options| {
        options.requests_max = 1;
        options.statement_timeout = Duration::from_secs(2);
    })
    .await;
    let mut busy = service.client().await;
    let work =
        tokio::spawn(async move { busy.post("/v1/query", &json!({ "sql": FOREVER })).await });
    while service.get("/health").await.json()["requests_in_work"] != 1 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let reply = service.post("/v1/query", &json!({ "sql": "SELECT 1" })).await;
    assert_eq!((reply.status, reply.code().as_str()), (503, "REQUESTS_EXHAUSTED"));
    assert_eq!(reply.header("retry-after"), Some("1"));
    assert_eq!(service.get("/metrics").await.status, 200);
    assert_eq!(work.await.unwrap().status, 504);
    service.query("SELECT 1").await;
}

#[tokio::test]
async fn memory_is_bounded_for_all_together() {
    let service = Service::with(|options| {
        options.body_bytes_max = 1 << 20;
        options.response_bytes_max = 1 << 20;
        options.memory_bytes_max = 4 << 20;
    })
    .await;
    let mut slow = Vec::new();
    let head = "POST /v1/query HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
                content-length: 1000000\r\n\r\n";
    for _ in 0..3 {
        let mut stream = TcpStream::connect(service.address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&vec![b' '; 980_000]).await.unwrap();
        slow.push(stream);
    }
    let body = json!({ "sql": "SELECT ?", "params": ["x".repeat(400_000)] });
    let started = Instant::now();
    loop {
        let reply = service.post("/v1/query", &body).await;
        if reply.status == 503 {
            assert_eq!(reply.code(), "MEMORY_EXHAUSTED");
            break;
        }
        assert!(started.elapsed() < Duration::from_secs(5));
    }
    drop(slow);
    let started = Instant::now();
    while service.post("/v1/query", &body).await.status != 200 {
        assert!(started.elapsed() < Duration::from_secs(5));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn slow_senders_are_cut() {
    let limit = Duration::from_millis(300);
    let service = Service::with(|options| {
        options.header_read_timeout = limit;
        options.body_read_timeout = limit;
    })
    .await;
    let body_head = "POST /v1/query HTTP/1.1\r\nhost: localhost\r\n\
                     content-type: application/json\r\ncontent-length: 100\r\n\r\n{";
    for (sent, expect) in [
        // Nothing, half a head, and half a body.
        ("", ""),
        ("GET /health HTTP/1.1\r\nhost: localhost\r\n", ""),
        (body_head, "HTTP/1.1 408 "),
    ] {
        let mut stream = TcpStream::connect(service.address).await.unwrap();
        stream.write_all(sent.as_bytes()).await.unwrap();
        let started = Instant::now();
        let mut bytes = Vec::new();
        tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut bytes))
            .await
            .expect("the connection is closed")
            .unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.starts_with(expect) && text.is_empty() == expect.is_empty(), "{text}");
        assert!(started.elapsed() >= limit / 2);
    }
}

#[tokio::test]
async fn a_head_is_bounded() {
    let service = Service::start().await;
    let mut stream = TcpStream::connect(service.address).await.unwrap();
    stream.write_all(b"GET /health HTTP/1.1\r\nhost: localhost\r\n").await.unwrap();
    let line = format!("x-filler: {}\r\n", "x".repeat(1_000));
    for _ in 0..200 {
        // It is refused somewhere on the way.
        if stream.write_all(line.as_bytes()).await.is_err() {
            break;
        }
    }
    let text = answer(&mut stream).await;
    assert!(text.is_empty() || text.starts_with("HTTP/1.1 431 "), "{text}");
    service.query("SELECT 1").await;
}

#[tokio::test]
async fn connections_are_bounded_and_wait_their_turn() {
    let service = Service::with(|options| options.connections_max = 1).await;
    let mut first = service.client().await;
    assert_eq!(first.get("/health").await.status, 200);
    let mut second = service.client().await;
    let waiting = tokio::time::timeout(Duration::from_millis(200), second.get("/health")).await;
    assert!(waiting.is_err(), "the second is served while the first is open");
    drop(first);
    drop(second);
    assert_eq!(service.get("/health").await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_clients_at_once() {
    let service = Service::start().await;
    service.query("CREATE TABLE t(x)").await;
    let mut clients = tokio::task::JoinSet::new();
    for n in 0..clients_max(1_000) {
        let address = service.address;
        clients.spawn(async move {
            let mut client = crate::client::Client::connect(address).await;
            let write = json!({ "sql": "INSERT INTO t VALUES (?)", "params": [n] });
            let write = client.post("/v1/query", &write).await.status;
            let read =
                json!({ "requests": [execute("SELECT count(*) FROM t"), { "type": "close" }] });
            (write, client.post("/v2/pipeline", &read).await.status)
        });
    }
    let mut written = 0;
    while let Some(statuses) = clients.join_next().await {
        let (write, read) = statuses.unwrap();
        assert!(matches!(write, 200 | 503) && matches!(read, 200 | 503), "{write} {read}");
        written += u64::from(write == 200);
    }
    assert!(written > 0);
    let count = service.query("SELECT count(*) FROM t").await;
    assert_matches(&count, &json!({ "rows": [[written]] }));
}

/// Both ends of a connection take a descriptor of this process, which may have few.
fn clients_max(wanted: usize) -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let files = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let soft = files.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok());
    soft.map_or(wanted, |soft| wanted.min(soft.saturating_sub(200) / 2))
}

/// `GiB` and `,` are for people; fields are compared by what they come to.
#[test]
fn the_guide_has_every_limit_with_its_default() {
    let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/guide/service.md");
    let guide = std::fs::read_to_string(guide).unwrap();
    let documented: Vec<(String, String)> = guide
        .lines()
        .skip_while(|line| *line != "## Limits")
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` | "))
        .map(|(name, rest)| (name.to_owned(), plain(rest.split(" |").next().unwrap())))
        .collect();
    let options = format!("{:#?}", forebay_server::Options::default());
    let fields: Vec<(String, String)> = options
        .lines()
        .filter_map(|line| line.strip_prefix("    ")?.strip_suffix(',')?.split_once(": "))
        .filter(|(_, value)| value.starts_with(|c: char| c.is_ascii_digit()))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    assert!(fields.len() > 20, "{options}");
    assert_eq!(documented, fields);
}

fn plain(value: &str) -> String {
    let units = [(" GiB", 1_u64 << 30), (" MiB", 1 << 20)];
    let text = value.replace(',', "").replace(" s", "s");
    let found = units.iter().find_map(|(unit, size)| Some((text.strip_suffix(unit)?, size)));
    match found {
        None if text == "0s" => "0ns".to_owned(),
        Some((count, size)) => (count.parse::<u64>().unwrap() * size).to_string(),
        None => text,
    }
}
