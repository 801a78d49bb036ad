//! Cursors: entries in order, in bounded memory, and what becomes of the stream under them.

use std::time::{Duration, Instant};

use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::pattern::assert_matches;
use crate::service::Service;

const MANY: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 200000) \
                    SELECT i, 'row ' || i FROM n";
/// The same as a plain SELECT, which a cursor may read a second time.
fn many(rows: usize) -> String {
    format!(
        "SELECT i, 'row ' || i FROM (WITH RECURSIVE n(i) AS \
         (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT {rows}) SELECT i FROM n)"
    )
}

fn batch(sqls: &[&str]) -> Value {
    let steps: Vec<Value> = sqls.iter().map(|sql| json!({ "stmt": { "sql": sql } })).collect();
    json!({ "batch": { "steps": steps } })
}

async fn reader_in_use(service: &Service) -> Value {
    service.get("/health").await.json()["pools"]["reader"]["in_use"].clone()
}

#[tokio::test]
async fn entries_come_in_order() {
    let service = Service::start().await;
    let is_error = json!({ "type": "error", "step": 2 });
    let one = json!({ "type": "integer", "value": "1" });
    let body = json!({ "batch": { "steps": [
        { "stmt": { "sql": "CREATE TABLE t(x INTEGER)" } },
        { "stmt": { "sql": "INSERT INTO t VALUES (1), (2) RETURNING x" } },
        { "stmt": { "sql": "nonsense" } },
        { "stmt": { "sql": "SELECT x FROM t WHERE x > ?", "args": [one] } },
        { "stmt": { "sql": "SELECT 1" }, "condition": { "type": "not", "cond": is_error } },
        { "stmt": { "sql": "SELECT x FROM t", "want_rows": false }, "condition": is_error },
    ] } });
    let reply = service.post("/v3/cursor", &body).await;
    assert_eq!(reply.status, 200);
    let row = |n: &str| json!({ "type": "row", "row": [{ "type": "integer", "value": n }] });
    let end = |count: u64, id: Value| {
        let mut end = json!({ "type": "step_end", "affected_row_count": count });
        end["last_insert_rowid"] = id;
        end
    };
    let pattern = json!([
        { "baton": "*", "base_url": null },
        { "type": "step_begin", "step": 0, "cols": [] },
        end(0, json!("*")),
        { "type": "step_begin", "step": 1, "cols": [{ "name": "x", "decltype": "*" }] },
        row("1"),
        row("2"),
        end(2, json!("2")),
        { "type": "step_error", "step": 2, "error": { "message": "*syntax error*", "code": "*" } },
        { "type": "step_begin", "step": 3, "cols": [{ "name": "x", "decltype": "INTEGER" }] },
        row("2"),
        end(0, json!("*")),
        { "type": "step_begin", "step": 5, "cols": [{ "name": "x" }] },
        end(0, json!("*")),
    ]);
    assert_matches(&Value::Array(reply.lines()), &pattern);
}

#[tokio::test]
async fn a_large_answer_is_streamed_whole() {
    // The bounds of a collected answer do not hold for a cursor.
    let service = Service::with(|options| {
        options.rows_max = 500;
        options.response_bytes_max = 100_000;
    })
    .await;
    let reply = service.post("/v3/cursor", &batch(&[&many(200_000)])).await;
    let lines = reply.lines();
    assert_eq!(lines.len(), 200_000 + 3);
    for (index, line) in lines[2..200_002].iter().enumerate() {
        let value = &line["row"][0]["value"];
        assert_eq!(value.as_str().unwrap(), (index + 1).to_string());
    }
    assert_matches(&lines[200_002], &json!({ "type": "step_end" }));
    // What may be a write is collected, within these bounds.
    let lines = service.post("/v3/cursor", &batch(&[MANY])).await.lines();
    assert_matches(&lines[1], &json!({ "type": "step_error", "step": 0, "error": "*" }));
}

#[tokio::test]
async fn small_reads_come_from_the_cache() {
    let service = Service::start().await;
    service.query("CREATE TABLE t(x)").await;
    service.query("INSERT INTO t VALUES (1)").await;
    let body = batch(&["SELECT x FROM t"]);
    let hits = async |service: &Service| service.db.stats().cache.hits;
    let first = service.post("/v3/cursor", &body).await.lines();
    let before = hits(&service).await;
    let second = service.post("/v3/cursor", &body).await.lines();
    assert_eq!(first[1..], second[1..]);
    assert_eq!(hits(&service).await, before + 1);
}

#[tokio::test]
async fn the_stream_goes_on_after_its_cursor() {
    let service = Service::start().await;
    let mut body = batch(&["BEGIN", "CREATE TABLE t(x)", "SELECT 1"]);
    let mut client = service.client().await;
    let head = client.post("/v3/cursor", &body).await.lines().swap_remove(0);
    body = batch(&["INSERT INTO t VALUES (1)", "SELECT x FROM t", "COMMIT"]);
    body["baton"] = head["baton"].clone();
    let lines = client.post("/v3/cursor", &body).await.lines();
    assert_eq!(lines.len(), 8, "{lines:?}");
    let requests = json!([{ "type": "get_autocommit" }]);
    let body = json!({ "baton": lines[0]["baton"], "requests": requests });
    let reply = client.post("/v3/pipeline", &body).await;
    let response = json!({ "type": "get_autocommit", "is_autocommit": true });
    assert_matches(&reply.json(), &json!({ "results": [{ "type": "ok", "response": response }] }));
    // A batch that is wrong in itself is refused before anything runs.
    let wrong = json!({ "batch": { "steps": [
        { "stmt": { "sql": "SELECT 1" }, "condition": { "type": "ok", "step": 3 } },
    ] } });
    let reply = client.post("/v3/cursor", &wrong).await;
    assert_eq!((reply.status, reply.code().as_str()), (400, "BATCH_COND_INVALID"));
}

/// Starts a cursor over a large answer and reads only its head; what is left, and the baton.
async fn half_read(service: &Service, baton: &Value, sqls: &[&str]) -> (TcpStream, Value) {
    let mut stream = TcpStream::connect(service.address).await.unwrap();
    let mut body = batch(sqls);
    body["baton"] = baton.clone();
    let body = body.to_string();
    let head = format!(
        "POST /v3/cursor HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut text = String::new();
    while !text.contains("step_begin") {
        let mut bytes = [0; 512];
        let count = stream.read(&mut bytes).await.unwrap();
        assert!(count > 0, "{text}");
        text.push_str(std::str::from_utf8(&bytes[..count]).unwrap());
    }
    let start = text.find("{\"baton\"").unwrap();
    let line = text[start..].lines().next().unwrap();
    let head: Value = serde_json::from_str(line).unwrap();
    (stream, head["baton"].clone())
}

#[tokio::test]
async fn a_client_that_moves_on_ends_its_cursor() {
    let service = Service::start().await;
    for is_gone in [false, true] {
        let (stream, baton) =
            half_read(&service, &Value::Null, &["BEGIN", &many(10_000_000)]).await;
        let kept = (!is_gone).then_some(stream);
        let body = json!({ "baton": baton, "requests": [
            { "type": "get_autocommit" },
            { "type": "execute", "stmt": { "sql": "SELECT 7" } },
            { "type": "close" },
        ] });
        let started = Instant::now();
        let reply = service.post("/v3/pipeline", &body).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        assert!(started.elapsed() < Duration::from_secs(5));
        let autocommit = json!({ "type": "get_autocommit", "is_autocommit": false });
        let row = json!([{ "type": "integer", "value": "7" }]);
        let pattern = json!({ "results": [
            { "type": "ok", "response": autocommit },
            { "type": "ok", "response": { "result": { "rows": [row] } } },
            { "type": "ok" },
        ] });
        assert_matches(&reply.json(), &pattern);
        if let Some(mut stream) = kept {
            // The answer breaks off: no end of a step, and no last chunk.
            let mut rest = Vec::new();
            let _ = stream.read_to_end(&mut rest).await;
            assert!(!rest.ends_with(b"0\r\n\r\n"));
            assert!(!String::from_utf8_lossy(&rest).contains("step_end"));
        }
    }
    assert_matches(&service.get("/health").await.json(), &json!({ "streams_open": 0 }));
}

/// A cursor that is over does not touch the next cursor of its stream.
#[tokio::test]
async fn cursors_follow_one_another() {
    let service = Service::start().await;
    let mut baton = Value::Null;
    let mut left = None;
    for _ in 0..5 {
        let (stream, next) = half_read(&service, &baton, &[&many(10_000_000)]).await;
        // The connection of the one before is closed only now.
        drop(left.replace(stream));
        tokio::time::sleep(Duration::from_millis(20)).await;
        baton = next;
    }
    let body = json!({ "baton": baton, "requests": [{ "type": "get_autocommit" }] });
    let reply = service.post("/v3/pipeline", &body).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
}

#[tokio::test]
async fn a_client_that_stops_reading_holds_nothing_for_long() {
    for by_stall in [true, false] {
        let limit = Duration::from_millis(400);
        let service = Service::with(|options| match by_stall {
            true => options.write_stall_timeout = limit,
            false => options.cursor_timeout = limit,
        })
        .await;
        let (_stream, _) = half_read(&service, &Value::Null, &[&many(10_000_000)]).await;
        assert_eq!(reader_in_use(&service).await, 1);
        let started = Instant::now();
        while reader_in_use(&service).await != 0 {
            assert!(started.elapsed() < Duration::from_secs(10), "still held");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(started.elapsed() > limit / 4);
    }
}

#[tokio::test]
async fn a_slow_cursor_is_told_why_it_ends() {
    let service =
        Service::with(|options| options.cursor_timeout = Duration::from_millis(300)).await;
    let never = "SELECT count(*) FROM (WITH RECURSIVE n(i) AS \
                 (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n)";
    let started = Instant::now();
    let lines = service.post("/v3/cursor", &batch(&["SELECT 1", never])).await.lines();
    assert!(started.elapsed() < Duration::from_secs(5));
    let last = lines.last().unwrap();
    assert_matches(last, &json!({ "type": "error", "error": { "code": "CURSOR_TIMEOUT" } }));
    let started = Instant::now();
    while reader_in_use(&service).await != 0 {
        assert!(started.elapsed() < Duration::from_secs(5), "still held");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Other tests take memory in this process, so this one is measured in a process of its own.
#[test]
fn memory_does_not_grow_with_the_answer() {
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "cursor::measured_alone", "--ignored", "--nocapture"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

#[tokio::test]
#[ignore = "run by memory_does_not_grow_with_the_answer"]
async fn measured_alone() {
    let service = Service::start().await;
    // 300,000 rows of a kilobyte each.
    let sql = "SELECT hex(zeroblob(512)) FROM (WITH RECURSIVE n(i) AS \
               (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 300000) SELECT i FROM n)";
    let stream = TcpStream::connect(service.address).await.unwrap();
    let io = hyper_util::rt::TokioIo::new(stream);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
    tokio::spawn(connection);
    let request = hyper::Request::post("/v3/cursor")
        .header("host", "localhost")
        .header("content-type", "application/json")
        .body(batch(&[sql]).to_string())
        .unwrap();
    let mut body = sender.send_request(request).await.unwrap().into_body();
    let before = resident_bytes();
    let (mut bytes, mut peak) = (0, 0);
    while let Some(frame) = body.frame().await {
        bytes += frame.unwrap().into_data().map_or(0, |data| data.len());
        peak = peak.max(resident_bytes());
    }
    assert!(bytes > 300_000 * 1_024);
    let grown = peak.saturating_sub(before);
    assert!(grown < 32 << 20, "{grown} bytes for an answer of {bytes}");
}

/// What this process has in memory; 0 where the system does not tell.
fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = status.split_whitespace().nth(1).and_then(|pages| pages.parse::<usize>().ok());
    pages.unwrap_or(0) * 4_096
}
